import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import { type Policy, parsePolicy } from '../../src/audit/offline/policy.js';
import type { VerifierKey } from '../../src/audit/offline/verifier-key.js';
import { type Cosigner, createCosigner } from '../../src/audit/witness/cosigner.js';
import { openStateFiles, type StateFiles } from '../../src/audit/witness/state-file.js';
import { createWitness, type Witness } from '../../src/audit/witness/witness.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { signingKeyFromSeed } from '../../src/crypto/signing-key.js';
import { serveWitness } from '../../src/http/witness-server.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import { noLock } from './share-server.js';

/** A witness with its state in a directory of its own. */
export interface TestWitness {
  readonly key: VerifierKey;
  readonly directory: string;
  readonly state: StateFiles;
  readonly witness: Witness;
}

interface Options {
  readonly logs: readonly VerifierKey[];
  /** 1 for the first; it is a part of the name. */
  readonly number?: number;
  readonly directory?: string;
  readonly clock?: Clock;
}

/** The same name and key for the same number. */
export async function testCosigner(number = 1): Promise<Cosigner> {
  const key = signingKeyFromSeed(SecretBytes.take(new Uint8Array(32).fill(100 + number)));
  return await createCosigner({ name: `witness.example/w${number.toString()}`, key });
}

export async function openWitness(options: Options): Promise<TestWitness> {
  const { logs, number = 1, clock = systemClock } = options;
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'lethe-witness-'));
  const cosigner = await testCosigner(number);
  const state = openStateFiles({ directory, witness: cosigner.key, lock: noLock });
  const witness = createWitness({ cosigner, logs, state, clock });
  return { key: cosigner.key, directory, state, witness };
}

/** A witness behind its HTTP server on loopback. */
export interface ServedWitness extends TestWitness {
  readonly url: string;
  /** What failed on its side. */
  readonly reports: unknown[];
  /** How many requests it decided about. */
  asked(): number;
  stop(): Promise<void>;
  /** Stops it and removes its files. */
  close(): Promise<void>;
}

/** Requests wait for `before`, which may fail them. */
export async function serveTestWitness(
  options: Options & { before?: () => Promise<void> },
): Promise<ServedWitness> {
  const opened = await openWitness(options);
  const reports: unknown[] = [];
  let asked = 0;
  const listener = await serveWitness({
    witness: {
      addCheckpoint: async (body) => {
        asked += 1;
        await options.before?.();
        return await opened.witness.addCheckpoint(body);
      },
    },
    host: '127.0.0.1',
    port: 0,
    report: (error) => reports.push(error),
  });
  const stop = async (): Promise<void> => {
    await listener.close(100);
    opened.state.close();
  };
  return {
    ...opened,
    url: `http://127.0.0.1:${listener.port.toString()}`,
    reports,
    asked: () => asked,
    stop,
    close: async () => {
      await stop();
      rmSync(opened.directory, { recursive: true, force: true });
    },
  };
}

/** A policy with these witnesses; of them so many must cosign, which are all unless it is said. */
export async function policyOf(
  witnesses: readonly { readonly key: VerifierKey; readonly url?: string }[],
  threshold: number | 'none' = witnesses.length,
): Promise<Policy> {
  const names = witnesses.map((_, index) => `w${index.toString()}`);
  const lines = [
    ...witnesses.map(({ key, url = '' }, index) => `witness ${names[index]!} ${key.vkey} ${url}`),
    ...(threshold === 'none'
      ? ['quorum none']
      : [`group all-of-them ${threshold.toString()} ${names.join(' ')}`, 'quorum all-of-them']),
  ];
  return await parsePolicy(nodePrimitives, `${lines.join('\n')}\n`);
}
