import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { face } from '../support/embeddings.js';
import { eventually, TestLethe, type TestTenant } from '../support/lethe.js';
import { reviewed } from '../support/reviewed.js';
import { everythingStored } from '../support/snapshot.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '20' } });
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

const erase = async (uuid: string, extra: object = {}, headers: object = {}) =>
  await lethe.create(tenant, { type: 'DELETE', uuid, ...extra }, headers);

describe('DELETE', () => {
  test('when a subject is deleted, then the answer is the documented 200', async () => {
    await lethe.enroll(tenant, 'ada', face('ada'));
    const deleted = await erase('ada', { auditTag: 'user-initiated-deletion' });
    expect(deleted.status).toBe(200);
    expect(deleted.body).toEqual({
      message: 'Success!',
      status: 'success',
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      identificationResult: { uuid: 'ada', auditTag: 'user-initiated-deletion', status: 'deleted' },
      receipt: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
    expect(deleted.headers.get('link')).toBe(
      `<${lethe.url}/launch/${String(deleted.body['sessionId'])}>; rel="next"`,
    );
  });

  test('when it was answered, then nothing about the subject is left and a bystander is untouched', async () => {
    await lethe.enroll(tenant, 'bystander', face('bystander'));
    const before = await everythingStored(lethe.context, tenant.tenantId);
    await lethe.enroll(tenant, 'erased-canary', face('erased-canary'));
    const pending = await lethe.create(tenant, { type: 'VERIFY', uuid: 'erased-canary' });

    await erase('erased-canary');

    const after = await everythingStored(lethe.context, tenant.tenantId);
    expect(after.subjects).toEqual(before.subjects);
    expect(after.keyIds).toEqual(before.keyIds);
    expect(JSON.stringify(after)).not.toContain('erased-canary');
    expect(await lethe.verifies(tenant, 'bystander', face('bystander'))).toBe(true);
    expect(await lethe.verifies(tenant, 'erased-canary', face('erased-canary'))).toBe(false);
    const session = await lethe.call(
      'GET',
      `/v2/verification-session/${String(pending.body['sessionId'])}`,
    );
    expect(session.body['status']).toBe('CANCELED');
    const { body } = await lethe.create(tenant, { type: 'SIGN-IN' });
    expect(
      (await lethe.submit(body['sessionId'], 'sign-in', face('erased-canary'))).body['success'],
    ).toBe(false);
  });

  test('when uuid is missing, then it is a 400 that points to /uuid and the subject lives', async () => {
    await lethe.enroll(tenant, 'spared', face('spared'));
    const refused = await lethe.create(tenant, { type: 'DELETE', transactionID: 'txn-1' });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ status: 'error', errors: [{ pointer: '/uuid' }] });
    expect(await lethe.verifies(tenant, 'spared', face('spared'))).toBe(true);
  });

  test('when the uuid is unknown or another tenant has it, then the answers are alike and nothing happens', async () => {
    const other = await lethe.tenant();
    await lethe.enroll(other, 'foreign', face('foreign'));
    const foreign = await erase('foreign');
    const unknown = await erase('never-seen');
    expect([foreign.status, foreign.body['code']]).toEqual([404, 'SUBJECT_NOT_FOUND']);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
    expect([...foreign.headers.keys()].sort()).toEqual([...unknown.headers.keys()].sort());
    expect(await lethe.verifies(other, 'foreign', face('foreign'))).toBe(true);
  });

  test('when it is repeated after success, then it is 200 deleted again, with its own session and webhook', async () => {
    await lethe.enroll(tenant, 'twice', face('twice'));
    const first = await erase('twice');
    const second = await erase('twice', { auditTag: 'again' });
    expect(second.status).toBe(200);
    expect(second.body['sessionId']).not.toBe(first.body['sessionId']);
    expect(second.body['identificationResult']).toEqual({
      uuid: 'twice',
      auditTag: 'again',
      status: 'deleted',
    });
    expect((await lethe.webhook(second.body['sessionId']))['status']).toBe('SUCCESS');
  });

  test('when a subject enrols again after it was erased, then it is a new subject that can be erased again', async () => {
    await lethe.enroll(tenant, 'phoenix', face('phoenix'));
    await erase('phoenix');
    await lethe.enroll(tenant, 'phoenix', face('phoenix, older'));
    expect(await lethe.verifies(tenant, 'phoenix', face('phoenix'))).toBe(false);
    expect(await lethe.verifies(tenant, 'phoenix', face('phoenix, older'))).toBe(true);
    expect((await erase('phoenix')).status).toBe(200);
    expect(await lethe.verifies(tenant, 'phoenix', face('phoenix, older'))).toBe(false);
  });

  test('when the same subject is deleted many times at once, then each answer is deleted and it happened once', async () => {
    await lethe.enroll(tenant, 'crowd', face('crowd'));
    const answers = await Promise.all(Array.from({ length: 12 }, async () => await erase('crowd')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    for (const { body } of answers) {
      expect(body['identificationResult']).toEqual({ uuid: 'crowd', status: 'deleted' });
      expect(await lethe.webhook(body['sessionId'])).toMatchObject({
        status: 'SUCCESS',
        type: 'DELETE',
      });
    }
    const subject = lethe.context.commitments.subject({ tenantId: tenant.tenantId, uuid: 'crowd' });
    const erasure = await lethe.context.store.erasures.findLatest({
      tenantId: tenant.tenantId,
      subject,
    });
    expect(erasure).toMatchObject({ state: 'completed' });
    expect(erasure).not.toHaveProperty('intent');
  });

  test('when an Idempotency-Key is repeated, then the answer is the same and nothing happens twice', async () => {
    await lethe.enroll(tenant, 'keyed', face('keyed'));
    const key = { 'idempotency-key': 'delete-keyed-1' };
    const first = await erase('keyed', {}, key);
    const second = await erase('keyed', {}, key);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('link')).toBe(first.headers.get('link'));
    const other = await erase('someone-else', {}, key);
    expect([other.status, other.body['code']]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  });

  test('when the webhook arrives, then it says SUCCESS, names the session of the answer, and came after it', async () => {
    await lethe.enroll(tenant, 'told', face('told'));
    const deleted = await erase('told', { auditTag: 'tag', transactionID: 'txn-9' });
    const already = lethe.receiver.received.some(({ body }) =>
      body.includes(String(deleted.body['sessionId'])),
    );
    expect(already).toBe(false);
    expect(await lethe.webhook(deleted.body['sessionId'])).toMatchObject({
      status: 'SUCCESS',
      type: 'DELETE',
      transactionID: 'txn-9',
      errors: [],
      identificationResult: { uuid: 'told', auditTag: 'tag', status: 'deleted' },
    });
  });

  test('when it was answered, then erasure and request have their leaves in the log, and the log does not say of whom', async () => {
    await lethe.enroll(tenant, 'logged', face('logged'));
    const sizeBefore = (await lethe.context.store.log.head())?.size ?? 0;
    const deviceInfo = { os: 'test' };
    const { body } = await erase('logged', { deviceInfo, transactionID: 'txn-logged' });
    const { tenantId } = tenant;
    const [ended, asked] = await reviewed(lethe.context, { tenantId, limit: 2 });
    expect(ended).toMatchObject({
      leaf: { op: 'DELETE', outcome: 'succeeded' },
      sessionId: body['sessionId'],
      clientId: tenant.credentials.clientID,
    });
    expect(asked).toMatchObject({
      leaf: { op: 'DELETE', outcome: 'created' },
      erasureId: ended?.erasureId,
      transactionID: 'txn-logged',
      deviceInfo,
    });
    const { log } = lethe.context.http.operations;
    const size = (await lethe.context.store.log.head())?.size ?? 0;
    const leaves: string[] = [];
    for (let index = sizeBefore; index < size; index += 1)
      leaves.push(await log.reader.leaf(index));
    const ops = leaves.map((leaf) => (JSON.parse(leaf) as { op: string }).op).sort();
    expect(ops).toEqual(expect.arrayContaining(['DELETE', 'DELETE', 'ERASURE']));
    for (const secret of ['logged', tenantId, 'txn-logged', String(body['sessionId'])])
      expect(leaves.join()).not.toContain(secret);
  });

  test('when it is refused, then that is in the log too', async () => {
    const other = await lethe.tenant();
    await lethe.create(other, { type: 'DELETE', uuid: 'refused-and-logged' });
    const { tenantId } = other;
    const entry = await eventually(async () => {
      const entries = await reviewed(lethe.context, { tenantId, limit: 5 });
      return entries.find(({ leaf }) => leaf.op === 'DELETE');
    });
    expect(entry.leaf).toMatchObject({ outcome: 'refused', code: 'SUBJECT_NOT_FOUND' });
    expect(entry.clientId).toBe(other.credentials.clientID);
  });
});

describe('the limit of deletions', () => {
  test('when a subject is asked to be deleted a fourth time in ten minutes, then it is a 429 with the time to wait', async () => {
    const limited = await TestLethe.start();
    try {
      const owner = await limited.tenant();
      const ask = async (uuid: string) => await limited.create(owner, { type: 'DELETE', uuid });
      const statuses = [];
      for (let count = 0; count < 4; count += 1) statuses.push((await ask('often')).status);
      expect(statuses).toEqual([404, 404, 404, 429]);
      const refused = await ask('often');
      expect(refused.body).toMatchObject({ status: 'error', code: 'RATE_LIMITED' });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.headers.get('ratelimit')).toContain('delete-per-subject');
      expect((await ask('another')).status).toBe(404);
    } finally {
      await limited.close();
    }
  });
});
