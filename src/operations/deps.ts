import type { AddressPolicy } from '../callbacks/address-policy.js';
import type { ModelConfig } from '../config/config.js';
import type { Commitments } from '../crypto/commitment.js';
import type { PayloadKey } from '../crypto/payload-key.js';
import type { Sealer } from '../crypto/sealer.js';
import type { Clock } from '../lib/clock.js';
import type { Vault } from '../vault/vault.js';
import type { Watch } from '../watch/events.js';
import type { UnitOfWork } from './unit-of-work.js';

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
  /** The audit log's sequencer: resolves when everything appended so far has its place in the chain. */
  readonly sequencer: { settle(): Promise<void> };
  /** The delivery worker. */
  readonly deliveries: { wake(): void; expedite(deliveryId: string): void };
}
