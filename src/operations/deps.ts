import type { LogSigner } from '../audit/log-keys.js';
import type { LogKey } from '../audit/log-store.js';
import type { Receipts } from '../audit/receipts.js';
import type { Reviews } from '../audit/reviews/reviews.js';
import type { TreeReader } from '../audit/tree-reader.js';
import type { AddressPolicy } from '../callbacks/address-policy.js';
import type { DaySeals } from '../callbacks/day-sealer.js';
import type { Delivery } from '../callbacks/delivery-store.js';
import type { Destination } from '../callbacks/destination-store.js';
import type { ModelConfig } from '../config/config.js';
import type { Commitments } from '../crypto/commitment.js';
import type { PayloadKey } from '../crypto/payload-key.js';
import type { Sealer } from '../crypto/sealer.js';
import type { PublicJwk } from '../crypto/signing-key.js';
import type { Clock } from '../lib/clock.js';
import type { Vault } from '../vault/vault.js';
import type { Watch } from '../watch/events.js';
import type { UnitOfWork } from './unit-of-work.js';

/** The published log, as far as operations read it. */
export interface OperationLog {
  /** The name of the log: first line of its checkpoints. */
  readonly origin: string;
  readonly reader: TreeReader;
  /** The index of an entry's leaf; undefined while it has no place, or when that was forgotten. */
  findIndex(entryId: string): Promise<number | undefined>;
  /** Oldest first. */
  keys(): Promise<readonly LogKey[]>;
  /** Of every key, newest first: those that sign no more still vouch for what they signed. */
  publicJwks(): Promise<readonly PublicJwk[]>;
  newestSigner(): Promise<LogSigner>;
  /** Size and signed note; undefined while the log is empty. */
  newestCheckpoint(): Promise<{ readonly size: number; readonly note: string } | undefined>;
  /** Resolves when the witnesses have cosigned what is in the log now, or after a bounded time. */
  untilWitnessed(): Promise<void>;
}

/** The delivery worker, as those see it who write deliveries. */
export interface DeliveryQueue {
  /** Something in the store has changed. */
  wake(): void;
  /** A committed delivery is to be sent when it is due. */
  enqueued(delivery: Destination & Pick<Delivery, 'dueAtMs'>): void;
  /** A committed delivery is to be sent now, although it is not due. */
  expedite(delivery: Destination & Pick<Delivery, 'deliveryId'>): void;
}

/** What the operations work with; made once, in `context.ts`. */
export interface OperationDeps {
  readonly store: UnitOfWork;
  readonly vault: Vault;
  readonly sealer: Sealer;
  readonly commitments: Commitments;
  readonly payloadKey: PayloadKey;
  readonly addressPolicy: AddressPolicy;
  readonly models: Readonly<Record<string, ModelConfig>>;
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly watch: Watch;
  readonly log: OperationLog;
  readonly reviews: Reviews;
  readonly daySeals: DaySeals;
  readonly receipts: Receipts;
  /** The log's sequencer: resolves when everything appended so far has its place in the log. */
  readonly sequencer: { settle(): Promise<void> };
  readonly deliveries: DeliveryQueue;
}
