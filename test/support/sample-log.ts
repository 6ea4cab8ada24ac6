import { createPrivateKey, sign } from 'node:crypto';
import { extendLog } from '../../src/audit/extend-log.js';
import { type LogLeaf, leafText } from '../../src/audit/leaf.js';
import {
  createLogKeyring,
  type LogKeyring,
  openLogKeys,
  rotateLogKey,
} from '../../src/audit/log-keys.js';
import { cosignedMessage, timestampedSignatureBytes } from '../../src/audit/offline/cosignature.js';
import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import { parseNote, signatureLine } from '../../src/audit/offline/note.js';
import {
  formatVerifierKey,
  parseVerifierKey,
  type VerifierKey,
} from '../../src/audit/offline/verifier-key.js';
import { printKeyList } from '../../src/audit/reading/key-list.js';
import type { LogSource } from '../../src/audit/reading/log-source.js';
import { printTilePath, tilePathsOf } from '../../src/audit/reading/tile-path.js';
import { createTreeReader } from '../../src/audit/tree-reader.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { timeOrderedId } from '../../src/lib/ids.js';
import { MemoryLog } from './memory-log.js';

export const ORIGIN = 'log.example/log';
const START_MS = Date.UTC(2026, 2, 1, 10);

/** The n-th leaf of every sample; some members may be others. */
export function sampleLeaf(index: number, more: Partial<LogLeaf> = {}): string {
  const t = START_MS / 1_000 + index;
  return leafText({ v: 2, t, op: 'VERIFY', outcome: 'created', ...more });
}

/** A real log in memory: it begins with the leaf of its first key. */
export class SampleLog {
  readonly store = new MemoryLog();
  readonly keyring: LogKeyring;
  nowMs = START_MS;
  readonly clock = { nowMs: () => this.nowMs };

  private constructor(seed: number) {
    this.keyring = createLogKeyring(SecretBytes.take(new Uint8Array(32).fill(seed)));
  }

  /** The same seed and leaves give the same log, byte for byte. Each list is a segment. */
  static async of(
    segments: readonly (readonly string[])[],
    { seed = 1, origin = ORIGIN }: { seed?: number; origin?: string } = {},
  ): Promise<SampleLog> {
    const log = new SampleLog(seed);
    await openLogKeys({ store: log.store, keyring: log.keyring, clock: log.clock, origin });
    for (const leaves of segments) await log.append(...leaves);
    return log;
  }

  /** Appends leaves, behind those that wait already, as one segment. */
  async append(...leaves: readonly string[]): Promise<void> {
    for (const leaf of leaves) {
      this.nowMs += 1;
      await this.store.append({ entryId: timeOrderedId(this.nowMs), leaf });
    }
    await this.store.sequence(1_000_000, (state, pending) =>
      extendLog(state, pending, { keyring: this.keyring, nowMs: this.nowMs }),
    );
  }

  /** The next key, with its leaf as a segment. */
  async rotate(overlapMs: number): Promise<void> {
    const { store, keyring, clock } = this;
    await rotateLogKey({ store, keyring, clock }, { overlapMs });
    await this.append();
  }

  get checkpoint(): string {
    return this.store.segments.at(-1)?.checkpoint ?? '';
  }

  get size(): number {
    return this.store.segments.at(-1)?.size ?? 0;
  }

  /** Oldest first. */
  async keys(): Promise<readonly VerifierKey[]> {
    return await Promise.all(this.store.keys.map(({ vkey }) => verifierKey(vkey)));
  }

  /** Every file that the log publishes, under its path. */
  async files(): Promise<Map<string, Uint8Array>> {
    const reader = createTreeReader(this.store);
    const files = new Map<string, Uint8Array>();
    for (const place of tilePathsOf(this.size)) {
      const { level, ...rest } = place;
      const bytes = level === 'entries' ? reader.bundle(rest) : reader.tile({ level, ...rest });
      files.set(printTilePath(place), await bytes);
    }
    files.set('keys', Buffer.from(printKeyList(this.store.keys)));
    files.set('checkpoint', Buffer.from(this.checkpoint));
    return files;
  }
}

/** A log out of files, and which of them were asked for. */
export function sourceOf(files: ReadonlyMap<string, Uint8Array>): LogSource & {
  readonly asked: readonly string[];
} {
  const asked: string[] = [];
  return {
    asked,
    checkpoint: async () => Buffer.from(files.get('checkpoint') ?? []).toString(),
    resource: async (path) => {
      asked.push(path);
      return files.get(path);
    },
  };
}

/** A witness that cosigns whatever it is given. */
export async function sampleWitness(name: string, seed: number) {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const der = Buffer.concat([prefix, Buffer.alloc(32, seed)]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x = '' } = privateKey.export({ format: 'jwk' });
  const publicKey = new Uint8Array(Buffer.from(x, 'base64url'));
  const key = await verifierKey(
    await formatVerifierKey(nodePrimitives, { name, type: 'witness', publicKey }),
  );
  return {
    key,
    /** The signature line over the checkpoint of a note. */
    cosign(note: string, timeSeconds = START_MS / 1_000): string {
      const message = cosignedMessage(timeSeconds, parseNote(note)?.text ?? '');
      const signature = timestampedSignatureBytes({
        timeSeconds,
        signature: sign(null, message, privateKey),
      });
      return signatureLine({ name, keyId: key.keyId, signature });
    },
  };
}

async function verifierKey(vkey: string): Promise<VerifierKey> {
  const key = await parseVerifierKey(nodePrimitives, vkey);
  if (key === undefined) throw new Error(`${vkey} is no verifier key`);
  return key;
}

/** `place CODE` of every problem. */
export function found(report: {
  readonly problems: readonly { readonly place: string; readonly code: string }[];
}): string[] {
  return report.problems.map(({ place, code }) => `${place} ${code}`);
}

/** The bytes with one bit flipped. */
export function flipped(bytes: Uint8Array, index: number, bit = index % 8): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[index] = (changed[index] ?? 0) ^ (1 << bit);
  return changed;
}
