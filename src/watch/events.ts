import type { ErrorCode } from '../errors/codes.js';
import { type Clock, systemClock } from '../lib/clock.js';
import type { EndState, OperationType } from '../sessions/session.js';
import { describeError } from './describe-error.js';
import { createLog, type LogLevel } from './log.js';
import { createMetrics } from './metrics.js';
import { createRouteNames } from './route-names.js';

interface OfSession {
  readonly type: OperationType;
  readonly tenantId: string;
  readonly sessionId: string;
}

interface RequestAnswered {
  readonly requestId: string;
  readonly method: string;
  /** Pattern of the route, never the address. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

interface DeliveryAttempted {
  readonly tenantId: string;
  readonly deliveryId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** HTTP status or error code. */
  readonly outcome: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly durationMs: number;
}

/**
 * One function for each thing that happens: it writes the log line and counts, under one name. No
 * function takes a name of a person, a body, a header or an address.
 */
export interface Watch {
  requestAnswered(happened: RequestAnswered): void;
  /** An error that the service did not expect, or a store that did not answer. */
  requestFailed(happened: { requestId: string; code: ErrorCode; error: unknown }): void;
  authenticationRefused(happened: { requestId?: string | undefined; code: ErrorCode }): void;
  /** Without its id: whoever knows the id of an open session may act in it. */
  sessionCreated(happened: Omit<OfSession, 'sessionId'>): void;
  sessionEnded(happened: OfSession & { state: EndState }): void;
  erasureCompleted(happened: { tenantId: string }): void;
  deliveryAttempted(happened: DeliveryAttempted): void;
  /** Webhooks of the tenant to one origin are held back until somebody enables it; see GET /v2/destinations. */
  destinationDisabled(happened: { tenantId: string; because: 'GONE' | 'FAILING' }): void;
  entriesSequenced(happened: { count: number }): void;
  /** A witness has cosigned the checkpoint of this size. */
  witnessCosigned(happened: { size: number }): void;
  /** A witness has seen another log, or more of it than there is: a fork, a rollback, or its own fault. */
  witnessConflicted(happened: { witness: string }): void;
  /** A witness did not cosign; the outcome is an HTTP status or an error code. */
  witnessFailed(happened: { witness: string; outcome: string }): void;
  /** Something may keep old roots or keys; the reason names a path at most. */
  erasureDoubted(happened: { reason: string }): void;
  /** A round of background work failed; it will be tried again. */
  workerFailed(happened: { worker: WorkerName; error: unknown }): void;
  /** Prometheus text exposition format 0.0.4. */
  metricsText(): Promise<string>;
  /** Resolves when every line so far has left the process; needed only before process.exit. */
  flush(): Promise<void>;
}

type WorkerName = 'sequencer' | 'deliveries' | 'housekeeping' | 'witnessing';

/** Log lines go to stdout unless another stream is given. */
export function createWatch(deps: {
  level: LogLevel;
  stream?: NodeJS.WritableStream;
  clock?: Clock;
}): Watch {
  const { level, stream = process.stdout, clock = systemClock } = deps;
  const log = createLog({ level, stream, clock });
  const metrics = createMetrics();
  const routeName = createRouteNames();
  return {
    requestAnswered: ({ requestId, method, status, durationMs, ...happened }) => {
      const route = routeName(happened.route);
      const fields = { requestId, method, route, status, durationMs };
      log.write(status >= 500 ? 'error' : 'info', { event: 'requestAnswered', ...fields });
      metrics.httpRequests.inc({ route, method, status });
      metrics.httpDuration.observe({ route, method }, durationMs / 1_000);
    },
    requestFailed: ({ requestId, code, error }) => {
      log.write('error', { event: 'requestFailed', requestId, code, ...describeError(error) });
      metrics.requestFailures.inc({ code });
    },
    authenticationRefused: ({ requestId, code }) => {
      log.write('warn', { event: 'authenticationRefused', requestId, code });
      metrics.refusals.inc({ code });
    },
    sessionCreated: ({ type, tenantId }) => {
      log.write('info', { event: 'sessionCreated', type, tenantId });
      metrics.operations.inc({ type, outcome: 'CREATED' });
    },
    sessionEnded: ({ type, state, tenantId, sessionId }) => {
      log.write('info', { event: 'sessionEnded', type, state, tenantId, sessionId });
      metrics.operations.inc({ type, outcome: state });
    },
    erasureCompleted: ({ tenantId }) => {
      log.write('info', { event: 'erasureCompleted', tenantId });
      metrics.erasures.inc();
    },
    deliveryAttempted: ({ tenantId, deliveryId, attempt, outcome, state, durationMs }) => {
      const fields = { tenantId, deliveryId, attempt, outcome, state, durationMs };
      log.write(ATTEMPT_LEVELS[state], { event: 'deliveryAttempted', ...fields });
      metrics.deliveryAttempts.inc({ outcome: outcomeClass(outcome) });
      metrics.deliveryDuration.observe(durationMs / 1_000);
      if (state !== 'pending') metrics.deliveries.inc({ outcome: state });
    },
    destinationDisabled: ({ tenantId, because }) => {
      log.write('error', { event: 'destinationDisabled', tenantId, code: because });
      metrics.disabledDestinations.inc({ reason: because });
    },
    entriesSequenced: ({ count }) => {
      log.write('debug', { event: 'entriesSequenced', count });
      metrics.auditEntries.inc(count);
    },
    witnessCosigned: ({ size }) => {
      log.write('debug', { event: 'witnessCosigned', size });
      metrics.cosignatures.inc();
    },
    witnessConflicted: ({ witness }) => {
      log.write('error', { event: 'witnessConflicted', witness });
      metrics.witnessConflicts.inc();
    },
    witnessFailed: ({ witness, outcome }) => {
      log.write('warn', { event: 'witnessFailed', witness, outcome });
      metrics.witnessFailures.inc({ outcome: outcomeClass(outcome) });
    },
    erasureDoubted: ({ reason }) => {
      log.write('warn', { event: 'erasureDoubted', detail: reason });
    },
    workerFailed: ({ worker, error }) => {
      log.write('error', { event: 'workerFailed', worker, ...describeError(error) });
      metrics.workerFailures.inc({ worker });
    },
    metricsText: () => metrics.registry.metrics(),
    flush: () => log.flush(),
  };
}

const ATTEMPT_LEVELS = { delivered: 'info', pending: 'warn', failed: 'error' } as const;

/** `2xx` to `5xx`, or `error` for an attempt without an answer: receivers choose the rest. */
function outcomeClass(outcome: string): string {
  return /^[1-5]\d\d$/.test(outcome) ? `${outcome.slice(0, 1)}xx` : 'error';
}
