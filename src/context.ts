import { fileURLToPath } from 'node:url';
import { webhookTermsOf } from './access/webhook-terms.js';
import { type Application, type Overrides, openApplication } from './application.js';
import type { Reviews } from './audit/reviews/reviews.js';
import type { Sequencer } from './audit/sequencer.js';
import { openDaySeals } from './callbacks/day-sealer.js';
import { DeliveryWorker } from './callbacks/delivery-worker.js';
import type { Config } from './config/config.js';
import type { HttpDeps } from './http/deps.js';
import { createValidator } from './http/validate.js';
import { openLog } from './log-context.js';
import { resumeErasures } from './operations/complete-erasure.js';
import type { OperationDeps } from './operations/deps.js';
import { startHousekeeping } from './operations/housekeeping.js';
import { reapplyErasures } from './operations/reapply-erasures.js';
import { webhookBody } from './operations/receipt.js';
import { createAddressPolicy } from './outbound/address-policy.js';
import { createWebhookSender } from './outbound/webhook-sender.js';
import type { TreeReport } from './vault/tree/tree-inspector.js';
import type { FencedError } from './vault/tree/tree-store.js';
import type { Vault } from './vault/vault.js';
import { openVault } from './vault-context.js';

const ROOT_DIR = new URL('../', import.meta.url);

/** The joined objects of one server. */
export interface Context extends Application {
  readonly reviews: Reviews;
  readonly vault: Vault;
  /** Opens everything in the key tree and counts; undefined when the keys are in key services. */
  readonly inspectVault?: () => Promise<TreeReport>;
  readonly sequencer: Sequencer;
  readonly http: HttpDeps;
  /** Resolves when another process has taken over the root: this one must stop. */
  readonly whenFenced: Promise<FencedError>;
  /** Finishes what a crash left behind, then starts sequencer, delivery worker and housekeeping. */
  startWorkers(): Promise<void>;
  /** Stops the workers, gives up the root and closes the store. */
  close(): Promise<void>;
}

/** Opens store and vault and joins everything. Nothing runs yet and no port is open. */
export async function openContext(config: Config, overrides: Overrides = {}): Promise<Context> {
  const application = await openApplication(config, overrides);
  try {
    return await join(application);
  } catch (error) {
    await application.close();
    throw error;
  }
}

async function join(application: Application): Promise<Context> {
  const { config, store, clock, watch, sealer, signingKey } = application;
  let onFenced: (error: FencedError) => void = () => undefined;
  const whenFenced = new Promise<FencedError>((resolve) => {
    onFenced = resolve;
  });
  const opened = await openVault({ config, store, watch, onFenced });

  const giveUp = async (error: unknown): Promise<never> => {
    await opened.close();
    throw error;
  };
  const { sequencer, ...audit } = await openLog(application, opened.vault).catch(giveUp);
  const daySeals = await openDaySeals({ store, vault: opened.vault, clock }).catch(giveUp);
  const addressPolicy = createAddressPolicy(config.egress);
  const sender = createWebhookSender(addressPolicy);
  const worker = new DeliveryWorker({
    deliveries: store.deliveries,
    destinations: store.destinations,
    sender,
    daySealer: daySeals,
    signingKey,
    bodyOf: async (delivery) => await webhookBody(operations, delivery),
    termsOf: async (tenantId) =>
      await webhookTermsOf({ access: store.access, sealer, clock }, tenantId),
    schedule: { delaysMs: config.deliveryScheduleMs, random: Math.random },
    clock,
    onAttempt: (report) => {
      watch.deliveryAttempted(report);
    },
    onDisabled: (destination, because) => {
      watch.destinationDisabled({ tenantId: destination.tenantId, because });
    },
    onError: (error) => {
      watch.workerFailed({ worker: 'deliveries', error });
    },
  });
  const operations: OperationDeps = {
    ...application,
    log: audit.log,
    reviews: audit.reviews,
    daySeals,
    receipts: audit.receipts,
    vault: opened.vault,
    addressPolicy,
    models: config.models,
    publicUrl: config.http.publicUrl,
    sequencer,
    deliveries: worker,
  };
  let stopHousekeeping = async (): Promise<void> => undefined;
  return {
    ...application,
    reviews: audit.reviews,
    vault: opened.vault,
    ...(opened.inspect && { inspectVault: opened.inspect }),
    sequencer,
    whenFenced,
    http: {
      operations,
      authentication: { ...application, access: store.access, publicUrl: config.http.publicUrl },
      validator: createValidator(new URL('schemas/', ROOT_DIR)),
      settings: config.http,
      signingKey,
      webDir: fileURLToPath(new URL('dist/web/', ROOT_DIR)),
      checkReady: async () => {
        await store.ping();
        await opened.vault.check();
      },
    },
    startWorkers: async () => {
      audit.start();
      // A data directory has one server: what is leased was leased by one that died.
      if (config.mongodbUri === undefined) await store.deliveries.releaseLeases();
      // What cannot be resumed now, because a dead process still holds it in the database, will be.
      await resumeErasures(operations, 'start').catch((error: unknown) => {
        watch.workerFailed({ worker: 'housekeeping', error });
      });
      await reapplyErasures(operations);
      worker.start();
      stopHousekeeping = startHousekeeping(operations, {
        sessionsMs: config.retentionMs,
        reviewMonths: config.log.reviewRetentionMonths,
      });
    },
    close: async () => {
      await stopHousekeeping();
      await worker.stop();
      await sender.close();
      await audit.stop();
      daySeals.close();
      await opened.close();
      await store.close();
    },
  };
}
