import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { face } from '../support/embeddings.js';
import { eventually, type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';
import type { Behaviour } from '../support/receiver.js';

/** Longer than any test takes, and half the lease of an attempt: only an advanced clock gets there. */
const WAIT_SECONDS = 15;

let lethe: TestLethe;
let tenant: TestTenant;
/** How often the service looked whether a session's webhook had its first attempt. */
let looksFor: (sessionId: string) => number;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { REDIRECT_WAIT_SECONDS: String(WAIT_SECONDS) } });
  const looks = jest.spyOn(lethe.context.store.deliveries, 'findBySession');
  looksFor = (sessionId) => looks.mock.calls.filter(([id]) => id === sessionId).length;
  tenant = await lethe.tenant();
  for (const name of ['ada', 'erased'])
    await delivered(await lethe.enroll(tenant, name, face(name)));
});
afterAll(async () => {
  await lethe.close();
});

const pathOf = (sessionId: string, tail = '') => `/v2/verification-session/${sessionId}${tail}`;
const read = async (sessionId: string, tail = '') =>
  (await lethe.call('GET', pathOf(sessionId, tail), { headers: tenant.credentials })).body;

async function open(body: object = {}): Promise<string> {
  const created = await lethe.create(tenant, { type: 'VERIFY', uuid: 'ada', ...body });
  return String(created.body['sessionId']);
}

async function verified(): Promise<string> {
  const sessionId = await open();
  expect((await lethe.submit(sessionId, 'verify', face('ada'))).status).toBe(200);
  return sessionId;
}

/** The browser asks for its way back; `events` hears when it is told. */
async function comeBack(sessionId: string, events: string[]): Promise<TestAnswer> {
  const back = await lethe.call('GET', `/launch/${sessionId}/return`);
  events.push('redirected');
  return back;
}

/** Resolves when the browser's request has looked for the first attempt, waited, and looked again. */
async function browserWaits(sessionId: string): Promise<void> {
  const before = looksFor(sessionId);
  await eventually(() => (looksFor(sessionId) >= before + 2 ? true : undefined));
}

/** The number of attempts that it took. */
async function delivered(sessionId: string): Promise<number> {
  return await eventually(async () => {
    const delivery = await lethe.context.store.deliveries.findBySession(sessionId);
    return delivery?.state === 'delivered' ? delivery.attempts : undefined;
  });
}

function signal(): { readonly given: Promise<void>; give: () => void } {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

describe('a receiver that answers', () => {
  const endings: Readonly<Record<string, () => Promise<string>>> = {
    SUCCESS: verified,
    FAILED: async () => {
      const sessionId = await open();
      await lethe.submit(sessionId, 'verify', face('a stranger'));
      return sessionId;
    },
    CANCELED: async () => {
      const sessionId = await open();
      const { credentials: headers } = tenant;
      await lethe.call('POST', pathOf(sessionId, '/cancel'), { headers });
      return sessionId;
    },
    EXPIRED: async () => {
      const sessionId = await open({ sessionExpiry: 30 });
      lethe.clock.advance(31_000);
      return sessionId;
    },
    'SUCCESS of a DELETE': async () => {
      const deleted = await lethe.create(tenant, { type: 'DELETE', uuid: 'erased' });
      return String(deleted.body['sessionId']);
    },
  };

  test.each(Object.entries(endings))(
    'when a session ended with %s, then that is committed, then told and acknowledged, and only then the browser goes on',
    async (ending, end) => {
      const events: string[] = [];
      const payloads: unknown[] = [];
      const asksBack = async (body: string): Promise<void> => {
        events.push('webhook arrived');
        const { sessionId } = JSON.parse(body) as { sessionId: string };
        events.push(`session is ${String((await read(sessionId))['status'])}`);
        payloads.push(JSON.parse(body), await read(sessionId, '/webhook'));
        await browserWaits(sessionId);
        events.push('acknowledged');
      };
      lethe.receiver.behave(({ body }) => ({ status: 200, after: asksBack(body.toString()) }));
      const sessionId = await end();
      const back = await comeBack(sessionId, events);
      expect(events).toEqual([
        'webhook arrived',
        `session is ${ending.replace(/ .*/, '')}`,
        'acknowledged',
        'redirected',
      ]);
      expect(payloads[1]).toEqual(payloads[0]);
      expect(back.status).toBe(303);
      expect(await delivered(sessionId)).toBe(1);
    },
  );
});

describe('a receiver that hangs', () => {
  test('when the bound has not passed, then the browser waits; when it has, then it goes on, and so does the delivery', async () => {
    const events: string[] = [];
    const isReleased = signal();
    let attempts = 0;
    lethe.receiver.behave(() => {
      attempts += 1;
      events.push(`attempt ${String(attempts)}`);
      return attempts === 1 ? { status: 500, after: isReleased.given } : { status: 200 };
    });
    const sessionId = await verified();
    const back = comeBack(sessionId, events);
    await eventually(() => (events.length > 0 ? true : undefined));
    await browserWaits(sessionId);
    lethe.clock.advance((WAIT_SECONDS - 10) * 1_000);
    await browserWaits(sessionId);
    events.push('the bound passes');
    lethe.clock.advance(11_000);
    expect((await back).status).toBe(303);
    const delivery = await lethe.context.store.deliveries.findBySession(sessionId);
    expect([delivery?.state, delivery?.attempts]).toEqual(['pending', 0]);
    isReleased.give();
    expect(await delivered(sessionId)).toBe(2);
    expect(events).toEqual(['attempt 1', 'the bound passes', 'redirected', 'attempt 2']);
    const { href, searchParams } = new URL((await back).headers.get('location') ?? '');
    expect(href).toContain('https://app.example/done?keep=1&reason=success&result=');
    expect(searchParams.get('result')).not.toBeNull();
  });
});

describe('a receiver that fails', () => {
  test.each<[string, Behaviour]>([
    ['answers 500', { status: 500 }],
    ['answers 302', { status: 302, headers: { location: 'https://elsewhere.example/' } }],
    ['resets the connection', 'reset'],
    ['speaks no HTTP', 'garbage'],
  ])(
    'when it %s, then one attempt is enough for the browser, and the next is made without it',
    async (_what, behaviour) => {
      const events: string[] = [];
      const ids: unknown[] = [];
      const isRedirected = signal();
      lethe.receiver.behave(({ headers }) => {
        ids.push(headers['webhook-id']);
        events.push(`attempt ${String(ids.length)}`);
        if (ids.length === 1) return behaviour;
        const acknowledged = isRedirected.given.then(() => events.push('acknowledged'));
        return { status: 200, after: acknowledged };
      });
      const sessionId = await verified();
      expect((await comeBack(sessionId, events)).status).toBe(303);
      isRedirected.give();
      expect(await delivered(sessionId)).toBe(2);
      // The second attempt may arrive on either side of the redirect, but is not acknowledged before.
      expect(events.filter((event) => event !== 'attempt 2')).toEqual([
        'attempt 1',
        'redirected',
        'acknowledged',
      ]);
      expect(ids[1]).toBe(ids[0]);
    },
  );
});
