import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { createValidator } from '../../src/http/validate.js';
import { eventually, TestLethe, type TestTenant } from '../support/lethe.js';
import type { Received } from '../support/receiver.js';

const validator = createValidator(new URL('../../schemas/', import.meta.url));

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});
beforeEach(() => {
  lethe.receiver.behave({ status: 200 });
});

async function open(body: object = {}): Promise<string> {
  const created = await lethe.create(tenant, { type: 'ENROLL', transactionID: 'tx-1', ...body });
  return String(created.body['sessionId']);
}

async function begin(sessionId: string): Promise<void> {
  const path = `/v2/verification-session/${sessionId}/feedback`;
  expect((await lethe.call('POST', path, { body: { feedback: 'fine' } })).status).toBe(200);
}

async function cancel(sessionId: string): Promise<void> {
  const path = `/v2/verification-session/${sessionId}/cancel`;
  const headers = tenant.credentials;
  expect((await lethe.call('POST', path, { headers, body: {} })).status).toBe(200);
}

function arrived(sessionId: string): readonly Received[] {
  return lethe.receiver.received.filter(({ body }) => body.includes(sessionId));
}

function statuses(sessionId: string): readonly unknown[] {
  return arrived(sessionId).map(({ body }) => JSON.parse(body.toString('utf8')).status);
}

async function untilArrived(sessionId: string, count: number): Promise<void> {
  await eventually(() => (arrived(sessionId).length >= count ? true : undefined));
}

async function untilEnded(sessionId: string): Promise<void> {
  await eventually(async () => {
    const last = await lethe.context.store.deliveries.findBySession(sessionId);
    return last?.state === 'delivered' ? true : undefined;
  });
}

describe('the events of a session', () => {
  test('when a session asks for events, then the person’s beginning is one, once, signed, before the last', async () => {
    const sessionId = await open({ sendEventWebhooks: true });
    await begin(sessionId);
    await begin(sessionId);
    await untilArrived(sessionId, 1);
    await cancel(sessionId);
    await untilEnded(sessionId);
    expect(statuses(sessionId)).toEqual(['IN_PROGRESS', 'FAILED']);
    const [started, ended] = arrived(sessionId);
    const event: unknown = JSON.parse(started?.body.toString('utf8') ?? '');
    expect(event).toEqual({
      sessionId,
      event: 'session.started',
      status: 'IN_PROGRESS',
      type: 'ENROLL',
      transactionID: 'tx-1',
    });
    expect(() => validator.checkResponse('webhook.started', event as never)).not.toThrow();
    const headers = started?.headers as Record<string, string>;
    new Webhook(tenant.webhookSecret).verify(started?.body.toString('utf8') ?? '', headers);
    expect(started?.headers.authorization).toBe('Bearer receiver');
    expect(started?.headers['webhook-id']).not.toBe(ended?.headers['webhook-id']);
  });

  test('when a session does not ask for events, or nobody begins, then there is the last one alone', async () => {
    const silent = await open();
    await begin(silent);
    const untouched = await open({ sendEventWebhooks: true });
    for (const sessionId of [silent, untouched]) {
      await cancel(sessionId);
      await untilEnded(sessionId);
      expect(statuses(sessionId)).toEqual(['FAILED']);
    }
  });

  test('when the event is not answered while its session ends, then the last one comes after it', async () => {
    lethe.receiver.behave(({ body }) =>
      body.includes('session.started') ? { status: 500, delayMs: 400 } : { status: 200 },
    );
    const sessionId = await open({ sendEventWebhooks: true });
    await begin(sessionId);
    await untilArrived(sessionId, 1);
    await cancel(sessionId);
    await untilEnded(sessionId);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(statuses(sessionId)).toEqual(['IN_PROGRESS', 'FAILED']);
    const last = await lethe.context.store.deliveries.findBySession(sessionId);
    const filter = { tenantId: tenant.tenantId, sessionId };
    const all = await lethe.context.store.deliveries.list({ filter, limit: 10 });
    const started = all.find(({ eventType }) => eventType === 'session.started');
    expect(started).toMatchObject({ state: 'superseded', attempts: 1 });
    expect(last?.attemptLog[0]?.atMs).toBeGreaterThanOrEqual(
      (started?.attemptLog[0]?.atMs ?? 0) + (started?.attemptLog[0]?.durationMs ?? 0),
    );
  });

  test('when the event waits for its next attempt while its session ends, then it is not sent any more', async () => {
    lethe.receiver.behave({ status: 500 });
    const sessionId = await open({ sendEventWebhooks: true });
    await begin(sessionId);
    await untilArrived(sessionId, 1);
    lethe.receiver.behave({ status: 200 });
    await cancel(sessionId);
    await untilEnded(sessionId);
    const events = statuses(sessionId);
    expect(events.at(-1)).toBe('FAILED');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(statuses(sessionId)).toEqual(events);
  });
});
