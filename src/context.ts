import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { derivePepper } from './access/secrets.js';
import { webhookSecretsOf } from './access/webhook-secret.js';
import { Sequencer } from './audit/sequencer.js';
import { DeliveryWorker } from './callbacks/delivery-worker.js';
import type { Config } from './config/config.js';
import { loadSecrets, type Secrets } from './config/secrets.js';
import { type Commitments, createCommitments } from './crypto/commitment.js';
import { deriveKey } from './crypto/hash.js';
import { createSealer, type Sealer } from './crypto/sealer.js';
import type { SecretBytes } from './crypto/secret-bytes.js';
import { type SigningKey, signingKeyFromSeed } from './crypto/signing-key.js';
import type { HttpDeps } from './http/deps.js';
import { createValidator } from './http/validate.js';
import { type Clock, systemClock } from './lib/clock.js';
import { resumeErasures } from './operations/complete-erasure.js';
import type { OperationDeps } from './operations/deps.js';
import { startHousekeeping } from './operations/housekeeping.js';
import type { Store } from './operations/unit-of-work.js';
import { createAddressPolicy } from './outbound/address-policy.js';
import { createWebhookSender } from './outbound/webhook-sender.js';
import { openMongoStore } from './store/mongo/open.js';
import { openSqliteStore } from './store/sqlite/open.js';
import { openInstallation } from './vault/installation.js';
import { createWrappedKeyVault } from './vault/wrapped-key-vault.js';
import { createWatch, type Watch } from './watch/events.js';

const ROOT_DIR = new URL('../', import.meta.url);

/** What tests put in the place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly watch?: Watch;
}

/** The joined objects of one process. */
export interface Context {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly watch: Watch;
  readonly sealer: Sealer;
  readonly commitments: Commitments;
  /** 32 bytes; keys the digests of API keys and client secrets. */
  readonly pepper: SecretBytes;
  readonly signingKey: SigningKey;
  readonly sequencer: Sequencer;
  readonly http: HttpDeps;
  /** Finishes what a crash left behind, then starts sequencer, delivery worker and housekeeping. */
  startWorkers(): Promise<void>;
  /** Stops the workers and closes the store. */
  close(): Promise<void>;
}

/** Opens the store, loads the keys and joins everything. Nothing runs yet and no port is open. */
export async function openContext(config: Config, overrides: Overrides = {}): Promise<Context> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const clock = overrides.clock ?? systemClock;
  const watch = overrides.watch ?? createWatch({ level: config.logLevel });
  const store = await openStore(config);
  try {
    const isStoreEmpty = (await store.installation.find()) === undefined;
    const secrets = loadSecrets({ ...config, isStoreEmpty });
    const keys = deriveKeys(secrets);
    const { payloadKey } = await openInstallation({
      installation: store.installation,
      ...secrets,
      ...keys,
      clock,
    });

    const sequencer = new Sequencer({ log: store.log, key: keys.signingKey, clock, watch });
    const addressPolicy = createAddressPolicy(config.egress);
    const sender = createWebhookSender(addressPolicy);
    const worker = new DeliveryWorker({
      deliveries: store.deliveries,
      sender,
      sealer: keys.sealer,
      signingKey: keys.signingKey,
      secretsOf: async (tenantId) =>
        await webhookSecretsOf({ access: store.access, sealer: keys.sealer, clock }, tenantId),
      schedule: { delaysMs: config.deliveryScheduleMs, random: Math.random },
      clock,
      onAttempt: (report) => {
        watch.deliveryAttempted(report);
      },
      onError: (error) => {
        watch.workerFailed({ worker: 'deliveries', error });
      },
    });
    const operations: OperationDeps = {
      store,
      vault: createWrappedKeyVault({ rootKey: secrets.rootKey, keys: store.keys }),
      sealer: keys.sealer,
      commitments: keys.commitments,
      payloadKey,
      addressPolicy,
      models: config.models,
      publicUrl: config.http.publicUrl,
      clock,
      watch,
      sequencer,
      deliveries: worker,
    };
    let stopHousekeeping = async (): Promise<void> => undefined;
    return {
      config,
      store,
      clock,
      watch,
      ...keys,
      sequencer,
      http: {
        operations,
        authentication: {
          access: store.access,
          sealer: keys.sealer,
          pepper: keys.pepper,
          clock,
          publicUrl: config.http.publicUrl,
        },
        validator: createValidator(new URL('schemas/', ROOT_DIR)),
        settings: config.http,
        signingKey: keys.signingKey,
        webDir: fileURLToPath(new URL('dist/web/', ROOT_DIR)),
        checkReady: async () => {
          await store.ping();
        },
      },
      startWorkers: async () => {
        sequencer.start();
        // A data directory has one server: what is leased was leased by one that died.
        if (config.mongodbUri === undefined) await store.deliveries.releaseLeases();
        // What cannot be resumed now, because a dead process still holds it in the database, will be.
        await resumeErasures(operations, 'start').catch((error: unknown) => {
          watch.workerFailed({ worker: 'housekeeping', error });
        });
        worker.start();
        stopHousekeeping = startHousekeeping(operations, config.retentionMs);
      },
      close: async () => {
        await stopHousekeeping();
        await worker.stop();
        await sender.close();
        await sequencer.stop();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openStore(config: Config): Promise<Store> {
  return config.mongodbUri === undefined
    ? await openSqliteStore({ dataDir: config.dataDir })
    : await openMongoStore({ uri: config.mongodbUri });
}

interface Keys {
  readonly sealer: Sealer;
  readonly commitments: Commitments;
  readonly pepper: SecretBytes;
  readonly signingKey: SigningKey;
}

function deriveKeys({ serviceKey }: Secrets): Keys {
  return {
    sealer: createSealer(deriveKey(serviceKey, 'lethe/at-rest/v1')),
    commitments: createCommitments(deriveKey(serviceKey, 'lethe/commitment/v1')),
    pepper: derivePepper(serviceKey),
    signingKey: signingKeyFromSeed(deriveKey(serviceKey, 'lethe/signing/v1')),
  };
}
