import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/callbacks/delivery-store.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { removeOutdated } from '../../src/operations/housekeeping.js';
import { eventually, TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeEach(async () => {
  lethe = await TestLethe.start({
    env: { RETENTION_DAYS: '10', DELIVERY_SCHEDULE_SECONDS: '0,0.2,86400,86400,86400' },
  });
  tenant = await lethe.tenant();
});
afterEach(async () => {
  await lethe.close();
});

const stores = () => lethe.context.store;

async function canceled(): Promise<string> {
  const { body } = await lethe.create(tenant, { type: 'ENROLL', uuid: 'ada' });
  const sessionId = String(body['sessionId']);
  const headers = tenant.credentials;
  const answer = await lethe.call('POST', `/v2/verification-session/${sessionId}/cancel`, {
    ...{ headers, body: {} },
  });
  expect(answer.status).toBe(200);
  return sessionId;
}

async function webhookOf(sessionId: string) {
  const headers = tenant.credentials;
  return await lethe.call('GET', `/v2/verification-session/${sessionId}/webhook`, { headers });
}

const arrived = (sessionId: string) =>
  lethe.receiver.received.filter(({ body }) => body.includes(sessionId)).length;

async function until(sessionId: string, isSo: (delivery: Delivery) => boolean): Promise<Delivery> {
  return await eventually(async () => {
    const delivery = await stores().deliveries.findBySession(sessionId);
    return delivery !== undefined && isSo(delivery) ? delivery : undefined;
  });
}

/** Lets time pass, and the hour come in which housekeeping removes what is outdated. */
async function daysPass(days: number): Promise<void> {
  lethe.clock.advance(days * DAY_MS);
  const { operations } = lethe.context.http;
  await operations.daySeals.prepare();
  await removeOutdated(operations, { sessionsMs: 10 * DAY_MS, reviewMonths: 12 });
}

async function dayKeys(): Promise<string[]> {
  const keys = await stores().bucketKeys.list();
  return keys.map(({ bucket }) => bucket).filter((bucket) => bucket.startsWith('callback/'));
}

const dayOf = (atMs: number) => `callback/${new Date(atMs).toISOString().slice(0, 10)}`;

async function restart(): Promise<void> {
  await lethe.stop();
  await lethe.open();
}

describe('a webhook that could not be delivered', () => {
  test('when the process starts again on a later day, then it is sent with the headers of its caller', async () => {
    lethe.receiver.behave({ status: 500 });
    const sessionId = await canceled();
    await until(sessionId, ({ attempts }) => attempts >= 2);
    lethe.clock.advance(3 * DAY_MS);
    lethe.receiver.behave({ status: 200 });
    await restart();
    await until(sessionId, ({ state }) => state === 'delivered');
    const last = lethe.receiver.received.at(-1);
    expect(last?.headers.authorization).toBe('Bearer receiver');
    expect(last?.body.toString()).toContain(sessionId);
  });

  test('when its retention has passed and it is still pending, then it is removed and not sent any more', async () => {
    lethe.receiver.behave({ status: 500 });
    const sessionId = await canceled();
    await until(sessionId, ({ attempts }) => attempts >= 2);
    await daysPass(9);
    expect(await stores().deliveries.findBySession(sessionId)).toBeDefined();
    await daysPass(2);
    expect(await stores().deliveries.findBySession(sessionId)).toBeUndefined();
    const attempts = arrived(sessionId);
    await restart();
    const other = await canceled();
    await eventually(() => (arrived(other) > 0 ? true : undefined));
    expect(arrived(sessionId)).toBe(attempts);
  });
});

describe('the day of a session', () => {
  /** What a backup holds of a session. */
  async function backup(sessionId: string) {
    const { sessions, bucketKeys } = stores();
    const session = (await sessions.find(sessionId))!;
    const delivery = await until(sessionId, ({ state }) => state === 'delivered');
    return { session, delivery, keys: await bucketKeys.list() };
  }

  test('when its retention has not passed, then what comes back from a backup opens; when it has, then nothing does', async () => {
    const sessionId = await canceled();
    const rows = await backup(sessionId);
    const day = dayOf(rows.session.createdAtMs);
    const restore = async () => {
      const { sessions, deliveries, bucketKeys } = stores();
      await sessions.insert(rows.session);
      const { deliveryId, endedAtMs: _, ...delivery } = rows.delivery;
      await deliveries.insert({ ...delivery, deliveryId, state: 'pending', attempts: 0 });
      for (const key of rows.keys) await bucketKeys.insert(key);
    };

    await daysPass(12);
    const bystander = await canceled();
    expect((await webhookOf(sessionId)).status).toBe(404);
    await restore();
    await restart();
    expect((await webhookOf(sessionId)).body).toHaveProperty('identityInformation');
    await eventually(() => (arrived(sessionId) === 2 ? true : undefined));

    await daysPass(6);
    expect(await dayKeys()).not.toContain(day);
    await restore();
    await restart();
    // Only that it failed, which the row of the session says in clear.
    expect((await webhookOf(sessionId)).body).toEqual({ sessionId, status: 'FAILED' });
    const unread = await until(sessionId, ({ attempts }) => attempts > 0);
    expect(unread.attemptLog.at(-1)?.outcome).toBe('UNREADABLE');
    expect(arrived(sessionId)).toBe(2);

    await daysPass(0);
    expect((await webhookOf(sessionId)).status).toBe(404);
    expect(await dayKeys()).not.toContain(day);
    expect((await webhookOf(bystander)).body).toHaveProperty('identityInformation');
  });

  test('when days pass, then each has a key from the day before on, and as many as are needed are kept', async () => {
    const sessionId = await canceled();
    const { createdAtMs } = (await stores().sessions.find(sessionId))!;
    for (let day = 0; day < 20; day += 1) await daysPass(1);
    const today = createdAtMs + 20 * DAY_MS;
    // Today and tomorrow, and those of which 16 days have not passed: 10, and 6 to live and to be sent.
    const expected = Array.from({ length: 18 }, (_, at) => dayOf(today + (at - 16) * DAY_MS));
    expect(await dayKeys()).toEqual(expected);
  });
});
