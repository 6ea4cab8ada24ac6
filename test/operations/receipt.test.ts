import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifyReceipt } from '../../src/audit/offline/in-node.js';
import { face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { publishedLog } from '../support/published-log.js';
import { storedBytes } from '../support/stored-bytes.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

const erase = async (uuid: string, extra: object = {}, headers: object = {}) =>
  await lethe.create(tenant, { type: 'DELETE', uuid, ...extra }, headers);

async function logKeys(): Promise<string[]> {
  const { body } = await lethe.call('GET', '/log/keys');
  return String(body['text']).trim().split('\n');
}

async function check(receipt: unknown, subject?: string) {
  return await verifyReceipt({
    receipt: String(receipt),
    logKeys: await logKeys(),
    ...(subject !== undefined && { subject }),
  });
}

describe('the receipt of a DELETE', () => {
  test('when a subject was deleted, then the answer carries a receipt that verifies with nothing but the key of the log', async () => {
    await lethe.enroll(tenant, 'ada', face('ada'));
    const { body } = await erase('ada', { auditTag: 'user-asked', transactionID: 'txn-1' });
    const report = await check(body['receipt'], 'ada');
    expect(report).toMatchObject({
      isValid: true,
      claims: {
        iss: lethe.url,
        aud: tenant.tenantId,
        sub: 'ada',
        sid: body['sessionId'],
        txn: 'txn-1',
        auditTag: 'user-asked',
        status: 'deleted',
        method: 'ce/keytree-v1',
        scope: { templates: 1, sessions: 1, webhooks: 1 },
        rc: [expect.any(String)],
        dc: [expect.any(String)],
      },
    });
    expect((await check(body['receipt'], 'bob')).isValid).toBe(false);
  });

  test('when webhook, poll, repetition and GET are compared, then all have the same receipt', async () => {
    await lethe.enroll(tenant, 'same', face('same'));
    const { body } = await erase('same');
    const { receipt, sessionId } = body;
    expect((await lethe.webhook(sessionId))['receipt']).toBe(receipt);
    const polled = await lethe.call(
      'GET',
      `/v2/verification-session/${String(sessionId)}/webhook`,
      {
        headers: tenant.credentials,
      },
    );
    expect(polled.body['receipt']).toBe(receipt);
    const repeated = await erase('same');
    expect(repeated.body['receipt']).toBe(receipt);
    expect((await lethe.webhook(repeated.body['sessionId']))['receipt']).toBe(receipt);
    const { claims } = await check(receipt);
    const read = await lethe.call('GET', `/v2/erasures/${String(claims?.jti)}/receipt`, {
      headers: tenant.credentials,
    });
    expect([read.status, read.body]).toEqual([200, { erasureId: claims?.jti, receipt }]);
  });

  test('when an Idempotency-Key is repeated, then the receipt is the same, byte for byte', async () => {
    await lethe.enroll(tenant, 'keyed', face('keyed'));
    const key = { 'idempotency-key': randomUUID() };
    const first = await erase('keyed', {}, key);
    const second = await erase('keyed', {}, key);
    expect(first.body['receipt']).toEqual(expect.any(String));
    expect(second.body).toEqual(first.body);
  });

  test('when one subject is deleted by many at once, then there is one receipt', async () => {
    await lethe.enroll(tenant, 'crowd', face('crowd'));
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await erase('crowd')));
    const receipts = new Set(answers.map(({ body }) => body['receipt']));
    expect(receipts.size).toBe(1);
    const report = await check([...receipts][0], 'crowd');
    expect(report).toMatchObject({ isValid: true, claims: { rc: [expect.any(String)] } });
    expect(report.claims?.dc).toHaveLength(1);
  });

  test('when a subject enrols again and is deleted again, then that is another receipt, and the first still verifies', async () => {
    await lethe.enroll(tenant, 'twice', face('twice'));
    const first = (await erase('twice')).body['receipt'];
    await lethe.enroll(tenant, 'twice', face('twice, older'));
    const second = (await erase('twice')).body['receipt'];
    expect(second).not.toBe(first);
    expect((await check(first)).isValid).toBe(true);
    expect((await check(second)).isValid).toBe(true);
  });

  test('when a receipt is asked for by another tenant, for an unknown erasure or with an API key alone, then nobody learns anything', async () => {
    await lethe.enroll(tenant, 'mine', face('mine'));
    const { claims } = await check((await erase('mine')).body['receipt']);
    const path = `/v2/erasures/${String(claims?.jti)}/receipt`;
    const other = await lethe.tenant();
    const foreign = await lethe.call('GET', path, { headers: other.credentials });
    const unknown = await lethe.call('GET', `/v2/erasures/${randomUUID()}/receipt`, {
      headers: other.credentials,
    });
    expect([foreign.status, foreign.body['code']]).toEqual([404, 'NOT_FOUND']);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
    const { x_api_key } = tenant.credentials;
    expect((await lethe.call('GET', path, { headers: { x_api_key } })).status).toBe(401);
    expect((await lethe.call('GET', path)).status).toBe(401);
    expect((await lethe.call('POST', path, { headers: tenant.credentials })).status).toBe(405);
  });

  test('when the service is started anew, then the receipt is the same', async () => {
    await lethe.enroll(tenant, 'restarted', face('restarted'));
    const first = (await erase('restarted')).body['receipt'];
    await lethe.stop();
    await lethe.open();
    expect((await erase('restarted')).body['receipt']).toBe(first);
  });
});

describe('the log', () => {
  test('when everything public is searched for what came in, then nothing is found, though the log has a leaf for each', async () => {
    const planted = {
      uuid: `canary-uuid-${randomUUID()}`,
      transactionID: `canary-txn-${randomUUID()}`,
      auditTag: `canary-tag-${randomUUID()}`,
      device: `canary-device-${randomUUID()}`,
    };
    const enrolment = await lethe.enroll(tenant, planted.uuid, face(planted.uuid));
    const { transactionID, auditTag } = planted;
    const deviceInfo = { os: planted.device };
    const { body } = await erase(planted.uuid, { transactionID, auditTag, deviceInfo });
    const { claims } = await check(body['receipt']);
    const everything = await publishedLog(lethe);
    expect(everything).toContain('"op":"ERASURE"');
    const names = [
      ...Object.values(planted),
      enrolment,
      ...[body['sessionId'], claims?.jti, claims?.k, tenant.tenantId, tenant.credentials.clientID],
    ];
    expect(names.filter((name) => everything.includes(String(name)))).toEqual([]);
    // The linking secret is nowhere in the database either.
    const stored = await storedBytes(lethe.context.config);
    expect(stored.includes(String(claims?.k))).toBe(false);
    expect(stored.includes(Buffer.from(String(claims?.k), 'base64url'))).toBe(false);
  });

  test('when the bucket of the month has been shredded, then the receipt in hand still verifies and nobody can make it again', async () => {
    await lethe.enroll(tenant, 'long-gone', face('long-gone'));
    const { receipt } = (await erase('long-gone')).body;
    const { claims } = await check(receipt);
    const { operations } = lethe.context.http;
    const inTwoYears = lethe.clock.nowMs() + 750 * 86_400_000;
    expect(await operations.reviews.shredOutdated(inTwoYears, 12)).not.toEqual([]);
    const path = `/v2/erasures/${String(claims?.jti)}/receipt`;
    expect((await lethe.call('GET', path, { headers: tenant.credentials })).status).toBe(404);
    expect((await erase('long-gone')).status).toBe(404);
    expect((await check(receipt, 'long-gone')).isValid).toBe(true);
  });
});
