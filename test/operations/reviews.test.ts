import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setClientScopes } from '../../src/access/clients.js';
import { newEntry } from '../../src/audit/reviews/record.js';
import { capturedLog } from '../support/captured-log.js';
import { face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';

const ENTRIES = '/v2/audit/entries';

interface Item {
  readonly entryId: string;
  readonly at: string;
  readonly op: string;
  readonly outcome: string;
  readonly leafIndex?: number;
  readonly [member: string]: unknown;
}

let lethe: TestLethe;
let auditor: TestTenant;
let other: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  auditor = await lethe.tenant({ scopes: ['audit:read'] });
  other = await lethe.tenant({ scopes: ['audit:read'] });
});
afterAll(async () => {
  await lethe.close();
});

async function ask(query = '', { credentials } = auditor): Promise<TestAnswer> {
  return await lethe.call('GET', ENTRIES + query, { headers: credentials });
}

async function read(query = '', tenant = auditor): Promise<{ items: Item[]; next?: string }> {
  const { status, body } = await ask(query, tenant);
  expect([status, body['code']]).toEqual([200, undefined]);
  return body as unknown as { items: Item[]; next?: string };
}

/** Something that happened, without a request for it. */
async function append(count: number, tenant: TestTenant, op: 'VERIFY' | 'CANCEL' = 'VERIFY') {
  const { store, clock, reviews } = lethe.context;
  for (let left = count; left > 0; left -= 1) {
    const happening = { op, outcome: 'created', tenantId: tenant.tenantId } as const;
    await store.audit.append(newEntry({ clock, reviews }, happening));
  }
}

async function fresh(): Promise<TestTenant> {
  const tenant = await lethe.tenant({ scopes: ['audit:read'] });
  later();
  return tenant;
}

/** What happens in one millisecond has no order. */
function later(): void {
  lethe.clock.advance(5);
}

describe('GET /v2/audit/entries', () => {
  test('when a subject was deleted, then it tells who asked, for which transaction and on which device, newest first', async () => {
    const tenant = await fresh();
    await lethe.enroll(tenant, 'somebody', face('somebody'));
    later();
    const asked = { transactionID: 'txn-4711', auditTag: 'user-asked', deviceInfo: { os: 'iOS' } };
    const { body } = await lethe.create(tenant, { type: 'DELETE', uuid: 'somebody', ...asked });
    const { items, next } = await read('', tenant);
    const { clientID: clientId } = tenant.credentials;
    expect(next).toBeUndefined();
    const told = items.map(({ op, outcome }) => `${op} ${outcome}`);
    expect(told.slice(0, 2).sort()).toEqual(['DELETE created', 'DELETE succeeded']);
    expect(told.slice(2, 4).sort()).toEqual(['ENROLL created', 'ENROLL succeeded']);
    expect(told.slice(4).sort()).toEqual(['CLIENT succeeded', 'TENANT succeeded']);
    const known = { entryId: expect.any(String), at: expect.any(String), clientId };
    const erasureId = items[0]!['erasureId'];
    const [end, begin] = items.slice(0, 2).sort((a, b) => (a.outcome < b.outcome ? 1 : -1));
    expect([end, begin]).toEqual([
      {
        ...known,
        ...{ op: 'DELETE', outcome: 'succeeded', leafIndex: expect.any(Number) },
        ...{ sessionId: body['sessionId'], erasureId },
      },
      {
        ...known,
        ...{ op: 'DELETE', outcome: 'created', leafIndex: expect.any(Number) },
        ...{ erasureId, ...asked },
      },
    ]);
    expect(JSON.stringify(items)).not.toContain('somebody');
    expect(items.map(({ entryId }) => entryId)).toEqual(
      items
        .map(({ entryId }) => entryId)
        .toSorted()
        .toReversed(),
    );
  });

  test('when a record names its leaf, then that is the leaf of the public log', async () => {
    const tenant = await fresh();
    await lethe.enroll(tenant, 'leaf', face('leaf'));
    await lethe.context.sequencer.settle();
    const { items } = await read('?op=ENROLL', tenant);
    expect(items).toHaveLength(2);
    for (const { leafIndex, op, outcome, at } of items) {
      const leaf = await lethe.context.http.operations.log.reader.leaf(leafIndex!);
      expect(JSON.parse(leaf)).toMatchObject({ op, outcome, t: Date.parse(at) / 1_000 });
    }
  });

  test('when a request was refused, then the record says with which code', async () => {
    const tenant = await fresh();
    await lethe.create(tenant, { type: 'DELETE', uuid: 'never-was' });
    const [newest] = (await read('', tenant)).items;
    expect(newest).toMatchObject({ op: 'DELETE', outcome: 'refused', code: 'SUBJECT_NOT_FOUND' });
  });

  test('when something has just happened, then its record is there, and its place in the log follows', async () => {
    const tenant = await fresh();
    await append(1, tenant);
    const [newest] = (await read('?limit=1', tenant)).items;
    expect(newest).toMatchObject({ op: 'VERIFY', outcome: 'created' });
    await lethe.context.sequencer.settle();
    const [placed] = (await read('?limit=1', tenant)).items;
    expect(placed).toMatchObject({ entryId: newest!.entryId, leafIndex: expect.any(Number) });
  });

  test('when pages are followed, then every record comes once, in order, and the last page says so', async () => {
    const tenant = await fresh();
    await append(7, tenant);
    const all = (await read('?limit=100', tenant)).items;
    expect(all).toHaveLength(9);
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let before = ''; ; ) {
      const page = await read(`?limit=4${before}`, tenant);
      seen.push(...page.items.map(({ entryId }) => entryId));
      sizes.push(page.items.length);
      if (page.next === undefined) break;
      before = `&before=${page.next}`;
    }
    expect(seen).toEqual(all.map(({ entryId }) => entryId));
    expect(sizes).toEqual([4, 4, 1]);
    // The end of a page is the end of the records.
    expect((await read('?limit=9', tenant)).next).toBeUndefined();
  });

  test('when one operation is asked for, then the others are passed over, however many there are', async () => {
    const tenant = await fresh();
    await append(1, tenant, 'CANCEL');
    await append(250, tenant);
    await append(1, tenant, 'CANCEL');
    const { items, next } = await read('?op=CANCEL', tenant);
    expect(items.map(({ op }) => op)).toEqual(['CANCEL', 'CANCEL']);
    expect(next).toBeUndefined();
    const first = await read('?op=CANCEL&limit=1', tenant);
    expect(first.items).toEqual(items.slice(0, 1));
    const second = await read(`?op=CANCEL&limit=1&before=${first.next!}`, tenant);
    expect(second.items).toEqual(items.slice(1));
    expect((await read('?op=LOG-KEY', tenant)).items).toEqual([]);
  });

  test('when an operation is rare, then an answer ends early and says where to go on', async () => {
    const tenant = await fresh();
    await append(1, tenant, 'CANCEL');
    later();
    await append(1_000, tenant);
    const short = await read('?op=CANCEL', tenant);
    expect([short.items, typeof short.next]).toEqual([[], 'string']);
    const rest = await read(`?op=CANCEL&before=${short.next!}`, tenant);
    expect(rest.items.map(({ op }) => op)).toEqual(['CANCEL']);
    expect(rest.next).toBeUndefined();
  });

  test('when no limit is given, then a page has 50', async () => {
    const tenant = await fresh();
    await append(60, tenant);
    expect((await read('', tenant)).items).toHaveLength(50);
  });

  test('when two tenants read, then neither sees a record of the other', async () => {
    await lethe.create(auditor, { type: 'SIGN-IN', transactionID: 'mine' });
    await lethe.create(other, { type: 'DELETE', uuid: 'x', transactionID: 'theirs' });
    const [own, foreign] = [await read('?limit=100'), await read('?limit=100', other)];
    const ids = new Set(own.items.map(({ entryId }) => entryId));
    expect(foreign.items.filter(({ entryId }) => ids.has(entryId))).toEqual([]);
    expect(JSON.stringify(foreign)).not.toContain(auditor.credentials.clientID);
    const cursor = foreign.items.at(0)!.entryId;
    const { items } = await read(`?before=${cursor}&limit=100`);
    expect(items.every(({ entryId }) => ids.has(entryId))).toBe(true);
  });
});

describe('who may read', () => {
  test('when the client lacks the scope, then it is forbidden and recorded, until it gets it', async () => {
    const tenant = await lethe.tenant();
    const refused = await ask('', tenant);
    expect(refused.status).toBe(403);
    expect(refused.body).toEqual({
      status: 'error',
      message: 'The client may not do this.',
      errorCodes: [],
      code: 'FORBIDDEN',
      requestId: expect.any(String),
    });
    const { clientID: clientId } = tenant.credentials;
    await setClientScopes(lethe.context, { clientId, scopes: ['audit:read'] });
    const { items } = await read('?op=AUTHENTICATE', tenant);
    expect(items).toMatchObject([{ outcome: 'refused', code: 'FORBIDDEN', clientId }]);
    await setClientScopes(lethe.context, { clientId, scopes: [] });
    expect((await ask('', tenant)).status).toBe(403);
  });

  test('when the credentials are not those of a client, then nothing is told', async () => {
    const lenient = await lethe.tenant({ authMode: 'apiKeyOnly', scopes: ['audit:read'] });
    const { x_api_key } = lenient.credentials;
    const wrong = { ...lenient.credentials, clientSecret: 'lcs_wrong' };
    for (const headers of [{}, { x_api_key }, wrong])
      expect((await lethe.call('GET', ENTRIES, { headers })).status).toBe(401);
    expect((await ask('', lenient)).status).toBe(200);
  });

  test('when another method is used, then the answer says which one is right', async () => {
    for (const method of ['POST', 'DELETE', 'PUT']) {
      const answer = await lethe.call(method, ENTRIES, { headers: auditor.credentials });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
    }
  });

  test.each([
    ['?limit=0', '/limit'],
    ['?limit=101', '/limit'],
    ['?limit=-1', '/limit'],
    ['?limit=1.5', '/limit'],
    ['?limit=010', '/limit'],
    ['?limit=', '/limit'],
    ['?limit=10&limit=20', '/limit'],
    ['?before=yesterday', '/before'],
    ['?before=', '/before'],
    ['?op=delete', '/op'],
    ['?op=', '/op'],
    ['?op[$ne]=DELETE', ''],
    ['?tenantId=other', '/tenantId'],
    ['?Limit=1', '/Limit'],
  ])('when the query is %s, then it is refused at %j', async (query, pointer) => {
    const { status, body } = await ask(query);
    expect([status, body['code']]).toEqual([400, 'VALIDATION_FAILED']);
    expect(body['errors']).toEqual([{ pointer, message: expect.any(String) }]);
  });
});

describe('records that end', () => {
  test('when the bucket of the month was shredded, then its records are left out, and what came after is there', async () => {
    const own = await TestLethe.start();
    try {
      const tenant = await own.tenant({ scopes: ['audit:read'] });
      await own.create(tenant, { type: 'SIGN-IN', transactionID: `txn-${randomUUID()}` });
      const headers = tenant.credentials;
      const count = async () => {
        const { body } = await own.call('GET', ENTRIES, { headers });
        return (body['items'] as Item[]).length;
      };
      expect(await count()).toBe(3);
      const { reviews } = own.context;
      const inTwoYears = own.clock.nowMs() + 750 * 86_400_000;
      expect(await reviews.shredOutdated(inTwoYears, 12)).toHaveLength(2);
      expect(await count()).toBe(0);
      await own.create(tenant, { type: 'SIGN-IN' });
      expect(await count()).toBe(1);
    } finally {
      await own.close();
    }
  });

  test('when a record in the database is copied to another tenant, then nobody gets it', async () => {
    const { watch } = capturedLog();
    const own = await TestLethe.start({ overrides: { watch } });
    try {
      const tenant = await own.tenant({ scopes: ['audit:read'] });
      const { store } = own.context;
      const [review] = await store.reviews.list({ tenantId: tenant.tenantId, limit: 1 });
      const thief = await own.tenant({ scopes: ['audit:read'] });
      const entryId = randomUUID();
      const copied = { ...review!, entryId, tenantId: thief.tenantId };
      await store.audit.append({ entryId, leaf: 'copied', review: copied });
      const { status, body } = await own.call('GET', ENTRIES, { headers: thief.credentials });
      expect([status, body['code']]).toEqual([500, 'INTERNAL']);
      expect(JSON.stringify(body)).not.toContain(tenant.credentials.clientID);
    } finally {
      await own.close();
    }
  });
});
