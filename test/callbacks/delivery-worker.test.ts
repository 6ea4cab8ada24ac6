import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { Delivery } from '../../src/callbacks/delivery-store.js';
import { DeliveryWorker } from '../../src/callbacks/delivery-worker.js';
import { newDelivery, openBody } from '../../src/callbacks/outbox.js';
import type { WebhookSender } from '../../src/callbacks/webhook-sender.js';
import type { AttemptReport } from '../../src/callbacks/work-off.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { randomId } from '../../src/lib/ids.js';
import type { Store } from '../../src/operations/unit-of-work.js';
import { createAddressPolicy } from '../../src/outbound/address-policy.js';
import { type ClosableSender, createWebhookSender } from '../../src/outbound/webhook-sender.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { TestClock } from '../support/clock.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import {
  endedSession,
  testSealer,
  testSigningKey,
  testTerms,
  verifiedOutcome,
} from './fixtures.js';
import { unreliable } from './unreliable-deliveries.js';

const secret = Buffer.alloc(32, 9);
const signingKey = testSigningKey();
const policy = createAddressPolicy({
  allowHttp: true,
  ports: [443],
  privateCidrs: ['127.0.0.1/32'],
});

describe('the delivery worker', () => {
  const sealer = testSealer();
  const clock = new TestClock();
  let dataDir: string;
  let store: Store;
  let failing: Set<'claim' | 'finishAttempt'>;
  let receiver: Receiver;
  let sender: ClosableSender;
  let reports: AttemptReport[];
  let errors: unknown[];
  let disabled: [string, string][];
  let workers: DeliveryWorker[];

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lethe-worker-'));
    store = await openSqliteStore({ dataDir });
    failing = new Set();
    receiver = await startReceiver();
    sender = createWebhookSender(policy, { deadlineMs: 2_000 });
    reports = [];
    errors = [];
    disabled = [];
    workers = [];
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop(0)));
    await sender.close();
    await receiver.close();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });

  function startWorker(
    changes: { delaysMs?: number[]; sender?: WebhookSender; isSilent?: boolean } = {},
  ): DeliveryWorker {
    const worker = new DeliveryWorker({
      deliveries: unreliable(store.deliveries, failing),
      destinations: store.destinations,
      sender: changes.sender ?? sender,
      daySealer: sealer,
      signingKey,
      bodyOf: (delivery) => openBody(sealer, delivery),
      termsOf: async () => testTerms({ secrets: [SecretBytes.take(Buffer.from(secret))] }),
      schedule: { delaysMs: changes.delaysMs ?? [0, 50, 50], random: () => 0.5 },
      clock,
      onAttempt: (report) => reports.push(report),
      onDisabled: ({ origin }, because) => disabled.push([origin, because]),
      onError: (error) => errors.push(error),
    });
    workers.push(worker);
    worker.start();
    return worker;
  }

  async function enqueue(
    options: {
      url?: string;
      headers?: Record<string, string>;
      dueInMs?: number;
      changes?: Partial<Delivery>;
    } = {},
  ): Promise<Delivery> {
    const session = endedSession({
      sealer,
      sessionId: randomId(),
      url: options.url ?? receiver.url,
      headers: options.headers ?? {},
    });
    const nowMs = clock.nowMs();
    const delivery = newDelivery(sealer, {
      outcome: verifiedOutcome(session),
      nowMs,
      dueAtMs: nowMs + (options.dueInMs ?? 0),
    });
    await store.deliveries.insert({ ...delivery, ...options.changes });
    return { ...delivery, ...options.changes };
  }

  async function enqueueMany(
    count: number,
    options: Parameters<typeof enqueue>[0] = {},
  ): Promise<Delivery[]> {
    return await Promise.all(Array.from({ length: count }, async () => enqueue(options)));
  }

  async function until(
    isTrue: () => boolean | Promise<boolean>,
    timeoutMs = 10_000,
  ): Promise<void> {
    const endsAt = Date.now() + timeoutMs;
    while (!(await isTrue())) {
      if (Date.now() > endsAt) throw new Error('it did not happen in time');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function untilState(delivery: Delivery, state: Delivery['state']): Promise<Delivery> {
    await until(async () => (await current(delivery)).state === state);
    return await current(delivery);
  }

  async function current({ sessionId }: Delivery): Promise<Delivery> {
    const found = await store.deliveries.findBySession(sessionId);
    if (found === undefined) throw new Error('the delivery is gone');
    return found;
  }

  function lastOutcome({ attemptLog }: Delivery): string | undefined {
    return attemptLog.at(-1)?.outcome;
  }

  function deliveredCount(): number {
    return reports.filter(({ state }) => state === 'delivered').length;
  }

  test('when it is tried again, then the headers say which attempt it is, and a receiver may end it', async () => {
    receiver.behave({ status: 500 });
    const delivery = await enqueue();
    startWorker({ delaysMs: [0, 20, 20, 20] });
    await until(() => receiver.received.length >= 2);
    receiver.behave({ status: 500, headers: { 'webhook-delivery': 'abort-message' } });
    const failed = await untilState(delivery, 'failed');
    expect(failed.attempts).toBe(receiver.received.length);
    const firstAt = new Date(failed.attemptLog[0]?.atMs ?? 0).toISOString();
    for (const [index, { headers }] of receiver.received.entries())
      expect(headers).toMatchObject({
        'webhook-attempt': (index + 1).toString(),
        'webhook-attempts-left': (3 - index).toString(),
        'webhook-first-attempted-at': firstAt,
      });
  });

  test('when a row is due, then it is sent once, signed, with the headers of the caller', async () => {
    const delivery = await enqueue({
      headers: { authorization: 'Bearer t', 'user-agent': 'mine' },
    });
    startWorker();
    const delivered = await untilState(delivery, 'delivered');
    expect(delivered).toMatchObject({ attempts: 1 });
    expect(lastOutcome(delivered)).toBe('200');
    expect(receiver.received).toHaveLength(1);
    const [request] = receiver.received;
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer t',
      'user-agent': 'mine',
      'content-type': 'application/json',
      'webhook-id': delivery.deliveryId,
    });
    const text = request?.body.toString('utf8') ?? '';
    const verified = new Webhook(secret.toString('base64')).verify(
      text,
      request?.headers as Record<string, string>,
    );
    expect(verified).toMatchObject({ sessionId: delivery.sessionId, status: 'SUCCESS' });
    expect(reports).toEqual([
      {
        tenantId: 'acme',
        deliveryId: delivery.deliveryId,
        attempt: 1,
        outcome: '200',
        state: 'delivered',
        durationMs: expect.any(Number),
      },
    ]);
    expect(errors).toEqual([]);
  });

  test('when a commit wakes it, then the row is sent without waiting for a poll', async () => {
    const worker = startWorker();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const delivery = await enqueue();
    worker.wake();
    await untilState(delivery, 'delivered');
  });

  test('when the receiver fails at first, then it is sent again under the same id', async () => {
    let answers = 0;
    receiver.behave(() => {
      answers += 1;
      return { status: answers < 3 ? 500 : 204 };
    });
    const delivery = await enqueue();
    startWorker();
    const delivered = await untilState(delivery, 'delivered');
    expect(delivered).toMatchObject({ attempts: 3 });
    expect(lastOutcome(delivered)).toBe('204');
    expect(reports.map(({ attempt, outcome, state }) => [attempt, outcome, state])).toEqual([
      [1, '500', 'pending'],
      [2, '500', 'pending'],
      [3, '204', 'delivered'],
    ]);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids)).toEqual(new Set([delivery.deliveryId]));
    const bodies = receiver.received.map(({ body }) => body.toString('utf8'));
    expect(new Set(bodies).size).toBe(1);
  });

  test('when the schedule is exhausted, then the delivery has failed and rests', async () => {
    receiver.behave({ status: 302, headers: { location: receiver.url } });
    const delivery = await enqueue();
    startWorker();
    const failed = await untilState(delivery, 'failed');
    expect(failed).toMatchObject({ attempts: 3 });
    expect(lastOutcome(failed)).toBe('302');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(receiver.received).toHaveLength(3);
  });

  test('when 410 is answered, then the delivery has failed at once', async () => {
    receiver.behave({ status: 410 });
    const delivery = await enqueue();
    startWorker();
    expect(await untilState(delivery, 'failed')).toMatchObject({ attempts: 1 });
  });

  test('when Retry-After asks for a pause, then the row is due no earlier', async () => {
    receiver.behave({ status: 429, headers: { 'retry-after': '3600' } });
    const delivery = await enqueue();
    startWorker();
    await until(() => reports.length === 1);
    const dueInMs = (await current(delivery)).dueAtMs - clock.nowMs();
    expect(dueInMs).toBeGreaterThan(3_500_000);
    receiver.behave({ status: 200 });
    clock.advance(3_600_000);
    workers[0]?.wake();
    await untilState(delivery, 'delivered');
  });

  test('when the address is forbidden, then the attempt fails with its code', async () => {
    const delivery = await enqueue({ url: 'http://127.0.0.2:9/' });
    startWorker();
    const failed = await untilState(delivery, 'failed');
    expect(failed).toMatchObject({ attempts: 3 });
    expect(lastOutcome(failed)).toBe('BLOCKED_ADDRESS');
  });

  test('when the sealed bytes do not open, then the attempt fails and the others go on', async () => {
    const broken = await enqueue({ changes: { sealedBody: new Uint8Array(40) } });
    const other = await enqueue();
    startWorker();
    expect(lastOutcome(await untilState(broken, 'failed'))).toBe('UNREADABLE');
    await untilState(other, 'delivered');
    expect(receiver.received).toHaveLength(1);
  });

  test('when a row is not due, then it waits, and expediting sends it now', async () => {
    const delivery = await enqueue({ dueInMs: 60_000 });
    const worker = startWorker();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(receiver.received).toHaveLength(0);
    worker.expedite(delivery);
    await untilState(delivery, 'delivered');
    expect(receiver.received).toHaveLength(1);
  });

  test('when a row becomes due, then it is sent without being woken', async () => {
    const delivery = await enqueue({ dueInMs: 300 });
    startWorker();
    await untilState(delivery, 'delivered');
  });

  test('when a destination hangs, then another is served meanwhile', async () => {
    const slow = await startReceiver();
    slow.behave('hang');
    await enqueueMany(1_200, { url: slow.url });
    const healthy = await enqueueMany(20);
    startWorker();
    await receiver.waitFor(20);
    for (const delivery of healthy) await untilState(delivery, 'delivered');
    expect(reports.every(({ outcome }) => outcome === '200')).toBe(true);
    expect(slow.connections()).toBeLessThanOrEqual(16);
    await Promise.all(workers.map((worker) => worker.stop(0)));
    await slow.close();
  });

  test('when many destinations hang at once, then another is served meanwhile', async () => {
    const slow = await startReceiver();
    slow.behave('hang');
    for (let number = 0; number < 40; number += 1)
      await enqueueMany(20, {
        url: slow.url,
        changes: { tenantId: `tenant-${number.toString()}` },
      });
    startWorker();
    await slow.waitFor(100);
    const healthy = await enqueueMany(20);
    workers[0]?.wake();
    for (const delivery of healthy) await untilState(delivery, 'delivered');
    await Promise.all(workers.map((worker) => worker.stop(0)));
    await slow.close();
  });

  test('when 410 is answered, then the destination is disabled, what waits is held, and enabling sends it', async () => {
    receiver.behave({ status: 410 });
    const gone = await enqueue();
    startWorker();
    await untilState(gone, 'failed');
    await until(() => disabled.length > 0);
    expect(disabled).toEqual([[gone.origin, 'GONE']]);
    receiver.behave({ status: 200 });
    const held = await enqueue();
    const bystander = await enqueue({ changes: { tenantId: 'another' } });
    workers[0]?.enqueued(held);
    workers[0]?.enqueued(bystander);
    await untilState(bystander, 'delivered');
    expect(await current(held)).toMatchObject({ state: 'pending', attempts: 0 });
    await store.destinations.enable(held);
    workers[0]?.wake();
    await untilState(held, 'delivered');
    expect((await current(gone)).state).toBe('failed');
  });

  test('when a destination is overloaded, then its other deliveries wait as well, those of others do not', async () => {
    receiver.behave({ status: 503, headers: { 'retry-after': '30' } });
    const first = await enqueue();
    startWorker({ delaysMs: [0, 10, 10] });
    await until(() => reports.length === 1);
    receiver.behave({ status: 200 });
    const second = await enqueue();
    const bystander = await enqueue({ changes: { tenantId: 'another' } });
    workers[0]?.wake();
    await untilState(bystander, 'delivered');
    expect(await current(second)).toMatchObject({ state: 'pending', attempts: 0 });
    clock.advance(30_000);
    workers[0]?.wake();
    await untilState(second, 'delivered');
    await untilState(first, 'delivered');
    expect(await store.destinations.list()).toEqual([]);
  });

  test('when nothing arrives for five days, then the destination is disabled, once', async () => {
    receiver.behave({ status: 500 });
    const delaysMs = [0, ...Array.from({ length: 40 }, () => 10)];
    await enqueue();
    startWorker({ delaysMs });
    await until(() => reports.length >= 2);
    for (let day = 0; day < 4; day += 1) {
      clock.advance(DAY_MS);
      const seen = reports.length;
      workers[0]?.wake();
      await until(() => reports.length >= seen + 2);
    }
    expect(disabled).toEqual([]);
    clock.advance(DAY_MS);
    workers[0]?.wake();
    await until(() => disabled.length > 0);
    const sent = receiver.received.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(disabled.map(([, because]) => because)).toEqual(['FAILING']);
    expect(receiver.received).toHaveLength(sent);
    expect(await store.destinations.list()).toMatchObject([{ disabledBecause: 'FAILING' }]);
  });

  test('when a destination fails, then few of its deliveries are tried at once until one arrives', async () => {
    receiver.behave({ status: 500 });
    const first = await enqueue();
    startWorker({ delaysMs: [0, 60_000] });
    await until(() => reports.length === 1);
    let most = 0;
    receiver.behave(() => {
      most = Math.max(most, receiver.received.length - reports.length);
      return { status: 500, delayMs: 10 };
    });
    await enqueueMany(10);
    workers[0]?.wake();
    await until(() => reports.length === 11);
    expect(most).toBeLessThanOrEqual(2);
    expect(first.attempts).toBe(0);
  });

  test('when many rows are due, then every one is delivered once', async () => {
    await enqueueMany(600);
    startWorker();
    await until(() => deliveredCount() === 600, 25_000);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(600);
    expect(new Set(ids).size).toBe(600);
  });

  test('when two workers share the store, then nothing is sent twice', async () => {
    await enqueueMany(100);
    startWorker();
    startWorker();
    await until(() => deliveredCount() === 100);
    expect(receiver.received).toHaveLength(100);
  });

  test('when a worker dies before it records, then the row is sent again under its id', async () => {
    const delivery = await enqueue();
    failing.add('finishAttempt');
    const first = startWorker();
    await receiver.waitFor(1);
    await first.stop(0);
    failing.clear();
    expect(await current(delivery)).toMatchObject({ state: 'pending', attempts: 0 });

    const second = startWorker();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(receiver.received).toHaveLength(1);
    clock.advance(31_000);
    second.wake();
    await untilState(delivery, 'delivered');
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([
      delivery.deliveryId,
      delivery.deliveryId,
    ]);
    const sentAt = receiver.received.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect((sentAt[1] ?? 0) - (sentAt[0] ?? 0)).toBeGreaterThanOrEqual(30);
  });

  test('when the store fails for a while, then the worker goes on and records late', async () => {
    failing.add('claim');
    const delivery = await enqueue();
    startWorker();
    await until(() => errors.length > 0);
    failing.clear();
    failing.add('finishAttempt');
    await receiver.waitFor(1);
    await until(() => errors.length > 1);
    failing.clear();
    const delivered = await untilState(delivery, 'delivered');
    expect(delivered.attempts).toBe(1);
    expect(receiver.received).toHaveLength(1);
  });

  test('when it is stopped, then attempts in flight are recorded and nothing new begins', async () => {
    let release: (() => void) | undefined;
    const slowSender: WebhookSender = {
      send: async () => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return { kind: 'answered', status: 200 };
      },
    };
    const delivery = await enqueue();
    const worker = startWorker({ sender: slowSender });
    await until(() => release !== undefined);
    const later = await enqueue();
    const stopped = worker.stop();
    worker.wake();
    worker.expedite(later);
    setTimeout(() => release?.(), 50);
    await stopped;
    expect((await current(delivery)).state).toBe('delivered');
    expect(await current(later)).toMatchObject({ state: 'pending', attempts: 0 });
  });

  test('when attempts do not end in the time to stop, then it stops and records nothing', async () => {
    let release: (() => void) | undefined;
    const stuckSender: WebhookSender = {
      send: async () => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return { kind: 'failed', code: 'CLOSED' };
      },
    };
    const delivery = await enqueue();
    const worker = startWorker({ sender: stuckSender });
    await until(() => release !== undefined);
    await worker.stop(20);
    release?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await current(delivery)).toMatchObject({ state: 'pending', attempts: 0 });
    expect(reports).toEqual([]);
  });

  test('when the row was removed meanwhile, then the worker goes on', async () => {
    receiver.behave('hang');
    const delivery = await enqueue();
    startWorker();
    await receiver.waitFor(1);
    await store.deliveries.removeOfSessions([delivery.sessionId]);
    receiver.behave({ status: 200 });
    const other = await enqueue();
    workers[0]?.wake();
    await untilState(other, 'delivered');
    expect(errors).toEqual([]);
  });
});
