import { mkdirSync } from 'node:fs';
import { derivePepper } from './access/secrets.js';
import { createLogKeyring, type LogKeyring } from './audit/log-keys.js';
import type { ReviewSealer } from './audit/reviews/record.js';
import { serviceReviews } from './audit/reviews/reviews.js';
import type { Config } from './config/config.js';
import { loadSecrets } from './config/secrets.js';
import { type Commitments, createCommitments } from './crypto/commitment.js';
import { deriveKey } from './crypto/hash.js';
import type { PayloadKey } from './crypto/payload-key.js';
import { createSealer, type Sealer } from './crypto/sealer.js';
import type { SecretBytes } from './crypto/secret-bytes.js';
import { type SigningKey, signingKeyFromSeed } from './crypto/signing-key.js';
import { type Clock, systemClock } from './lib/clock.js';
import type { Store } from './operations/unit-of-work.js';
import { openMongoStore } from './store/mongo/open.js';
import { openSqliteStore } from './store/sqlite/open.js';
import { openInstallation } from './vault/installation.js';
import { createWatch, type Watch } from './watch/events.js';

/** What tests put in the place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly watch?: Watch;
}

/** The store and the keys beside the root: all that a command needs while a server may be running. */
export interface Application {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly watch: Watch;
  readonly sealer: Sealer;
  readonly commitments: Commitments;
  /** 32 bytes; keys the digests of API keys and client secrets. */
  readonly pepper: SecretBytes;
  /** Signs webhooks and results. */
  readonly signingKey: SigningKey;
  /** The keys that sign the log and receipts. */
  readonly logKeyring: LogKeyring;
  /** Seals review records that hold no personal data; a server has months for the others. */
  readonly reviews: ReviewSealer;
  readonly payloadKey: PayloadKey;
  close(): Promise<void>;
}

/** Opens the store and loads the keys. Touches no root. */
export async function openApplication(
  config: Config,
  overrides: Overrides = {},
): Promise<Application> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const clock = overrides.clock ?? systemClock;
  const watch = overrides.watch ?? createWatch({ level: config.logLevel });
  const store = await openStore(config);
  try {
    const isStoreEmpty = (await store.installation.find()) === undefined;
    const { serviceKey } = loadSecrets({ ...config, isStoreEmpty });
    const keys = deriveKeys(serviceKey);
    const { installation } = store;
    const { payloadKey } = await openInstallation({ installation, serviceKey, ...keys, clock });
    return { config, store, clock, watch, ...keys, payloadKey, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The database alone. */
export async function openStore(config: Config): Promise<Store> {
  return config.mongodbUri === undefined
    ? await openSqliteStore({ dataDir: config.dataDir })
    : await openMongoStore({ uri: config.mongodbUri });
}

function deriveKeys(
  serviceKey: SecretBytes,
): Pick<
  Application,
  'sealer' | 'commitments' | 'pepper' | 'signingKey' | 'logKeyring' | 'reviews'
> {
  const sealer = createSealer(deriveKey(serviceKey, 'lethe/at-rest/v1'));
  return {
    sealer,
    reviews: serviceReviews(sealer),
    logKeyring: createLogKeyring(deriveKey(serviceKey, 'lethe/log/v1')),
    commitments: createCommitments(deriveKey(serviceKey, 'lethe/commitment/v1')),
    pepper: derivePepper(serviceKey),
    signingKey: signingKeyFromSeed(deriveKey(serviceKey, 'lethe/signing/v1')),
  };
}
