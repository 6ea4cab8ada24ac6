import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Application } from './application.js';
import { openKeptHead } from './audit/kept-head.js';
import { openLogKeys } from './audit/log-keys.js';
import { nodePrimitives } from './audit/offline/node-primitives.js';
import { type Policy, parsePolicy } from './audit/offline/policy.js';
import { createReceipts, type Receipts } from './audit/receipts.js';
import { openReviews, type Reviews } from './audit/reviews/reviews.js';
import { Sequencer } from './audit/sequencer.js';
import { createTreeReader } from './audit/tree-reader.js';
import { createBoundedWait } from './audit/witness/bounded-wait.js';
import { newestCheckpoint } from './audit/witness/published-checkpoint.js';
import { createWitnessing } from './audit/witness/witnessing.js';
import { ConfigError } from './config/config.js';
import type { OperationLog } from './operations/deps.js';
import { createWitnessChannel } from './outbound/witness-channel.js';
import type { Vault } from './vault/vault.js';

/** The log of a server: what appends to it, reads it and vouches for it. */
export interface OpenLog {
  readonly sequencer: Sequencer;
  readonly log: OperationLog;
  readonly reviews: Reviews;
  readonly receipts: Receipts;
  /** Begins to append what is pending and to ask the witnesses. */
  start(): void;
  stop(): Promise<void>;
}

/**
 * Opens the log of the store with its keys, the first of which are made at the first start. Throws
 * one sentence when the log is not the one that this host has seen before.
 */
export async function openLog(application: Application, vault: Vault): Promise<OpenLog> {
  const { config, store, clock, watch, sealer, logKeyring: keyring } = application;
  const policy = await readPolicy(config.log.witnessPolicyPath);
  const [firstKey] = await openLogKeys({ store, keyring, clock, origin: config.log.origin });
  if (firstKey === undefined) throw new Error('the log has no key');
  // The log keeps the name that it was made with.
  const origin = keyring.signerOf(firstKey).name;
  const reviews = await openReviews({ store, vault, sealer, clock });
  const reader = createTreeReader(store.log);
  const keptHead = await openKeptHead({
    path: join(config.dataDir, 'log-head'),
    log: store.log,
    origin,
    reader,
  });
  const channel = policy && createWitnessChannel();
  const witnessing =
    policy &&
    channel &&
    createWitnessing({ log: store.log, reader, policy, channel, clock, watch });
  const sequencer = new Sequencer({
    log: store.log,
    keyring,
    clock,
    watch,
    onExtended: (size) => {
      witnessing?.wake(size);
      keptHead.note();
    },
  });
  const newestSigner = async () => {
    const [newest] = (await store.logKeys.list()).slice(-1);
    if (newest === undefined) throw new Error('the log has no key');
    return keyring.signerOf(newest);
  };
  return {
    sequencer,
    reviews,
    receipts: createReceipts({
      ...{ log: store.log, logKeys: store.logKeys, keyring, reader, reviews, policy, clock },
      issuer: config.http.publicUrl,
    }),
    log: {
      origin,
      reader,
      findIndex: (entryId) => store.log.findIndex(entryId),
      keys: () => store.logKeys.list(),
      publicJwks: async () =>
        (await store.logKeys.list()).map((key) => keyring.signerOf(key).publicJwk).reverse(),
      newestSigner,
      newestCheckpoint: () => newestCheckpoint({ log: store.log, policy }),
      untilWitnessed:
        witnessing === undefined
          ? async () => undefined
          : createBoundedWait({ log: store.log, witnessing, clock }),
    },
    start: () => {
      sequencer.start();
      witnessing?.start();
    },
    stop: async () => {
      await sequencer.stop();
      await witnessing?.stop();
      await channel?.close();
      await keptHead.close();
      reviews.close();
    },
  };
}

async function readPolicy(path: string | undefined): Promise<Policy | undefined> {
  if (path === undefined) return undefined;
  try {
    return await parsePolicy(nodePrimitives, readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError('WITNESS_POLICY_PATH', `names ${path}: ${(cause as Error).message}`);
  }
}
