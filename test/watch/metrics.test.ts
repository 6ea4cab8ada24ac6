import { beforeEach, describe, expect, test } from '@jest/globals';
import { createWatch, type Watch } from '../../src/watch/events.js';
import { Captured } from './captured.js';

let stream: Captured;
let watch: Watch;

beforeEach(() => {
  stream = new Captured();
  watch = createWatch({ level: 'debug', stream });
});

const session = { type: 'DELETE', tenantId: 'demo', sessionId: 's-1' } as const;

/** The samples of a metric, without its histogram parts. */
async function samples(name: string): Promise<string[]> {
  const text = await watch.metricsText();
  return text.split('\n').filter((line) => line.startsWith(name) && /^\w+(\{| )/.test(line));
}

function answered(route: string, status = 200): void {
  watch.requestAnswered({ requestId: 'r', method: 'GET', route, status, durationMs: 20 });
}

describe('the metrics', () => {
  test('when each thing happens once, then each is counted and logged under one name', async () => {
    answered('/health/live', 503);
    watch.requestFailed({ requestId: 'r', code: 'INTERNAL', error: new Error('x') });
    watch.authenticationRefused({ code: 'UNAUTHENTICATED' });
    watch.sessionCreated(session);
    watch.sessionEnded({ ...session, state: 'SUCCESS' });
    watch.erasureCompleted({ tenantId: 'demo' });
    const attempt = { tenantId: 'demo', deliveryId: 'd-1', durationMs: 5 };
    watch.deliveryAttempted({ ...attempt, attempt: 1, outcome: 'ECONNREFUSED', state: 'pending' });
    watch.deliveryAttempted({ ...attempt, attempt: 2, outcome: '204', state: 'delivered' });
    watch.entriesSequenced({ count: 3 });
    watch.workerFailed({ worker: 'sequencer', error: new Error('x') });
    watch.witnessCosigned({ size: 3 });
    watch.witnessConflicted({ witness: 'witness.example/w1' });
    watch.witnessFailed({ witness: 'witness.example/w1', outcome: '503' });
    watch.witnessFailed({ witness: 'witness.example/w1', outcome: 'TIMEOUT' });

    for (const sample of [
      'lethe_http_requests_total{route="/health/live",method="GET",status="503"} 1',
      'lethe_http_request_duration_seconds_sum{route="/health/live",method="GET"} 0.02',
      'lethe_request_failures_total{code="INTERNAL"} 1',
      'lethe_authentication_refused_total{code="UNAUTHENTICATED"} 1',
      'lethe_operations_total{type="DELETE",outcome="CREATED"} 1',
      'lethe_operations_total{type="DELETE",outcome="SUCCESS"} 1',
      'lethe_erasures_completed_total 1',
      'lethe_delivery_attempts_total{outcome="error"} 1',
      'lethe_delivery_attempts_total{outcome="2xx"} 1',
      'lethe_delivery_attempt_duration_seconds_count 2',
      'lethe_audit_entries_total 3',
      'lethe_worker_failures_total{worker="sequencer"} 1',
      'lethe_witness_cosignatures_total 1',
      'lethe_witness_conflicts_total 1',
      'lethe_witness_failures_total{outcome="5xx"} 1',
      'lethe_witness_failures_total{outcome="error"} 1',
    ]) {
      expect((await watch.metricsText()).split('\n')).toContain(sample);
    }
    expect(await samples('lethe_deliveries_total')).toEqual([
      'lethe_deliveries_total{outcome="delivered"} 1',
    ]);
    await watch.flush();
    expect(stream.lines.map(({ event, level }) => `${String(event)} ${String(level)}`)).toEqual([
      'requestAnswered error',
      'requestFailed error',
      'authenticationRefused warn',
      'sessionCreated info',
      'sessionEnded info',
      'erasureCompleted info',
      'deliveryAttempted warn',
      'deliveryAttempted info',
      'entriesSequenced debug',
      'workerFailed error',
      'witnessCosigned debug',
      'witnessConflicted error',
      'witnessFailed warn',
      'witnessFailed warn',
    ]);
  });

  test('when the metrics are read, then no id is among the labels, and the process is described', async () => {
    const canary = { tenantId: 'tenant-canary', sessionId: 'session-canary' };
    watch.sessionEnded({ ...session, ...canary, state: 'SUCCESS' });
    const text = await watch.metricsText();
    expect(text).not.toContain('canary');
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  test('when a route has several spellings, then it counts as the first', async () => {
    answered('/v2/verification-session/:sessionId/webhook,/v2/verification-session/:sessionId/x');
    expect(await samples('lethe_http_requests_total')).toEqual([
      'lethe_http_requests_total{route="/v2/verification-session/:sessionId/webhook",method="GET",status="200"} 1',
    ]);
  });

  test('when addresses are passed for routes by mistake, then the metrics stay small', async () => {
    for (let index = 0; index < 1_000; index += 1) answered(`/v2/x${String(index)}`);
    expect((await samples('lethe_http_requests_total')).length).toBeLessThanOrEqual(101);
    expect(await samples('lethe_http_requests_total{route="other"')).toHaveLength(1);
  });

  test('when two contexts live in one process, then each counts its own', async () => {
    const other = createWatch({ level: 'error', stream });
    watch.erasureCompleted({ tenantId: 'demo' });
    expect(await other.metricsText()).toContain('lethe_erasures_completed_total 0\n');
  });
});
