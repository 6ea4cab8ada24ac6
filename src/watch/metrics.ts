import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Seconds; from a cached answer to the limit of a delivery attempt. */
const DURATION_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * What the service counts. Labels are words of the service: no id, no address. The registry is its
 * own, so that several contexts can live in one process.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  function counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]) {
    return new Counter({ name: `lethe_${name}_total`, help, labelNames, registers });
  }
  function histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ) {
    const fullName = `lethe_${name}_duration_seconds`;
    const buckets = DURATION_BUCKETS;
    return new Histogram({ name: fullName, help, labelNames, registers, buckets });
  }

  collectDefaultMetrics({ register: registry });
  return {
    registry,
    httpRequests: counter('http_requests', 'Answered requests.', ['route', 'method', 'status']),
    httpDuration: histogram('http_request', 'Time until an answer was sent.', ['route', 'method']),
    requestFailures: counter('request_failures', 'Requests that the service failed.', ['code']),
    refusals: counter('authentication_refused', 'Refused credentials.', ['code']),
    operations: counter('operations', 'Sessions opened and ended.', ['type', 'outcome']),
    erasures: counter('erasures_completed', 'Subjects whose key was destroyed.', []),
    deliveries: counter('deliveries', 'Webhooks that need no further attempt.', ['outcome']),
    deliveryAttempts: counter('delivery_attempts', 'Attempts to send a webhook.', ['outcome']),
    deliveryDuration: histogram('delivery_attempt', 'Time that an attempt took.', []),
    disabledDestinations: counter(
      'destinations_disabled',
      'Destinations that get no webhooks until they are enabled.',
      ['reason'],
    ),
    auditEntries: counter('audit_entries', 'Entries moved into the audit log.', []),
    cosignatures: counter('witness_cosignatures', 'Checkpoints that a witness cosigned.', []),
    witnessConflicts: counter('witness_conflicts', 'Witnesses that had seen another log.', []),
    witnessFailures: counter('witness_failures', 'Witnesses that did not answer as they should.', [
      'outcome',
    ]),
    workerFailures: counter('worker_failures', 'Rounds in which a worker failed.', ['worker']),
  };
}
