import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { capturedLog } from '../support/captured-log.js';
import { encoded, face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';
import { publishedLog } from '../support/published-log.js';
import { storedBytes } from '../support/stored-bytes.js';

const SESSIONS = '/v2/verification-session';
/** One per place where a caller can put something; each a value that its place accepts. */
const planted = {
  uuid: `canary-uuid-${randomUUID()}`,
  customerId: `canary-customer-${randomUUID()}`,
  transactionID: `canary-transaction-${randomUUID()}`,
  auditTag: `canary-audit-tag-${randomUUID()}`,
  deviceInfo: `canary-device-${randomUUID()}`,
  deviceInfoHeader: `canary-device-header-${randomUUID()}`,
  callbackHeader: `Bearer canary-callback-header-${randomUUID()}`,
  callbackPath: `canary-callback-path-${randomUUID()}`,
  callbackQuery: `canary-callback-query-${randomUUID()}`,
  redirectQuery: `canary-redirect-query-${randomUUID()}`,
  idempotencyKey: `canary-idempotency-${randomUUID()}`,
  feedback: `canary-feedback-${randomUUID()}`,
  wrongSecret: `canary-wrong-secret-${randomUUID()}`,
  path: `canary-path-${randomUUID()}`,
  malformed: `canary-malformed-${randomUUID()}`,
  unknownMember: `canary-unknown-member-${randomUUID()}`,
  embedding: encoded(face('canary')),
  strangersEmbedding: encoded(face('a stranger')),
};

const log = capturedLog();
const errors: TestAnswer[] = [];
let lethe: TestLethe;
let tenant: TestTenant;
let nonce: string;
let webhookBody: string;
let whileEnrolled: Buffer;

beforeAll(async () => {
  lethe = await TestLethe.start({
    overrides: { watch: log.watch },
    env: { LOG_LEVEL: 'debug', DELETE_RATE_LIMIT: '1000' },
  });
  tenant = await lethe.tenant();
  await runEverything();
});
afterAll(async () => {
  await lethe.close();
});

function bodyOf(type: string): object {
  return {
    type,
    uuid: planted.uuid,
    customerId: planted.customerId,
    transactionID: planted.transactionID,
    auditTag: planted.auditTag,
    deviceInfo: { os: planted.deviceInfo },
    note: planted.unknownMember,
    redirectURL: `https://app.example/done?q=${planted.redirectQuery}`,
    callback: {
      url: `${lethe.receiver.url}/${planted.callbackPath}?q=${planted.callbackQuery}`,
      headers: { authorization: planted.callbackHeader },
    },
  };
}

async function open(type: string, headers: object = {}): Promise<TestAnswer> {
  return await lethe.call('POST', SESSIONS, {
    headers: {
      ...tenant.credentials,
      'idempotency-key': `${planted.idempotencyKey}-${type}-${randomUUID()}`,
      'x-device-info': JSON.stringify({ os: planted.deviceInfoHeader }),
      ...headers,
    },
    body: bodyOf(type),
  });
}

/** Good operations, every kind of refusal, a receiver that fails, and a deletion at the end. */
async function runEverything(): Promise<void> {
  lethe.receiver.behave({ status: 500 });
  const enrolled = await open('ENROLL');
  const path = `${SESSIONS}/${String(enrolled.body['sessionId'])}`;
  const session = await lethe.call('GET', path);
  ({ nonce } = session.body['challenge'] as { nonce: string });
  await lethe.call('POST', `${path}/feedback`, { body: { feedback: planted.feedback } });
  await refusals(path);
  await lethe.submit(enrolled.body['sessionId'], 'enroll', face('canary'));
  webhookBody = JSON.stringify(await lethe.webhook(enrolled.body['sessionId']));
  lethe.receiver.behave({ status: 200 });
  for (const name of ['canary', 'a stranger']) {
    const { body } = await open('VERIFY');
    await lethe.submit(body['sessionId'], 'verify', face(name));
    await lethe.webhook(body['sessionId']);
  }
  errors.push(await open('ENROLL'));
  whileEnrolled = await storedBytes(lethe.context.config);
  const erased = await open('DELETE');
  if (erased.status !== 200) throw new Error(`the deletion failed: ${String(erased.body['code'])}`);
  await lethe.webhook(erased.body['sessionId']);
  errors.push(await open('VERIFY'));
  await lethe.context.sequencer.settle();
}

async function refusals(path: string): Promise<void> {
  const { embedding } = planted;
  const template = { model: 'dlib-resnet-v1', embedding, nonce };
  const wrongly = { ...template, nonce: planted.malformed };
  const asked = [
    await open('DELETE', { clientSecret: planted.wrongSecret }),
    await open('DELETE', { x_api_key: planted.wrongSecret }),
    await open('VERIFY', { 'x-device-info': planted.deviceInfoHeader }),
    await open('VERIFY', { 'x-timestamp': planted.malformed }),
    await open('VERIFY', {
      'x-request-id': `${planted.malformed} ${tenant.credentials.clientSecret}`,
    }),
    await open('VERIFY', { 'idempotency-key': ` ${planted.idempotencyKey} x` }),
    await open('DELETE'),
    await open(planted.malformed),
    await lethe.call('POST', SESSIONS, { text: `{"uuid":"${planted.malformed}` }),
    await lethe.call('POST', SESSIONS, { text: `{"a":"${planted.malformed}","a":1}` }),
    await lethe.call('POST', SESSIONS, {
      body: { ...bodyOf('ENROLL'), auditTag: `<${planted.auditTag}>`, uuid: ` ${planted.uuid}` },
    }),
    await lethe.call('POST', SESSIONS, {
      body: { ...bodyOf('ENROLL'), callback: { url: `ftp://${planted.malformed}/` } },
    }),
    await lethe.call('POST', SESSIONS, {
      body: { ...bodyOf('ENROLL'), redirectURL: planted.malformed },
    }),
    await lethe.call('GET', `/${planted.path}`),
    await lethe.call('GET', `${SESSIONS}/${planted.path}?token=${planted.path}`),
    await lethe.call('GET', `${SESSIONS}/%ff${planted.path}`),
    await lethe.call('POST', `${path}/verify`, { body: template }),
    await lethe.call('POST', `${path}/enroll`, { body: wrongly }),
    await lethe.call('POST', `${path}/enroll`, { body: { ...template, model: planted.malformed } }),
    await lethe.call('POST', `${path}/enroll`, {
      body: { ...template, embedding: embedding.slice(4) },
    }),
    await lethe.call('POST', `${path}/enroll`, { body: { ...template, nonce: undefined } }),
  ];
  errors.push(...asked);
}

/** Everything that must not be seen outside, by name. */
function secrets(): Record<string, string> {
  const { x_api_key: apiKey, clientSecret } = tenant.credentials;
  return { ...planted, apiKey, clientSecret, webhookSecret: tenant.webhookSecret, nonce };
}

function found(text: string, names = Object.keys(secrets())): string[] {
  const all = secrets();
  // A piece of a long value gives it away too.
  return names.filter((name) => text.includes(all[name]?.slice(-36) ?? ''));
}

describe('what was planted', () => {
  test('when everything was run, then each refusal was one and names nothing of it', () => {
    for (const { status, body } of errors) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(body['status']).toBe('error');
    }
    expect(errors.map(({ body, headers }) => found(JSON.stringify([body, [...headers]])))).toEqual(
      errors.map(() => []),
    );
  });

  test('when the log is read at debug level, then none of it is there', () => {
    expect(log.text()).toContain('"deliveryAttempted"');
    expect(log.text()).toContain('"authenticationRefused"');
    expect(log.text().split('\n').length).toBeGreaterThan(40);
    expect(found(log.text())).toEqual([]);
  });

  test('when the metrics are read, then none of it is there', async () => {
    const { body } = await lethe.call('GET', '/metrics');
    expect(String(body['text'])).toContain('lethe_operations_total');
    expect(found(String(body['text']))).toEqual([]);
  });

  test('when everything that the log publishes is searched, then none of it is there', async () => {
    const exported = await publishedLog(lethe);
    for (const outcome of ['created', 'succeeded', 'failed', 'refused'])
      expect(exported).toContain(`"outcome":"${outcome}"`);
    expect(found(exported)).toEqual([]);
  });
});

describe('the bytes of the store', () => {
  test.each([
    'apiKey',
    'clientSecret',
    'webhookSecret',
    'callbackHeader',
    'callbackPath',
    'callbackQuery',
  ])('when they are searched for %s, then it is not there', async (name) => {
    const value = secrets()[name] ?? '';
    const bytes = [whileEnrolled, await storedBytes(lethe.context.config)];
    for (const form of [value, value.slice(-30), Buffer.from(value).toString('base64')])
      expect(bytes.some((stored) => stored.includes(form))).toBe(false);
  });

  test('when they are searched for the template, then it is not there in any form', () => {
    const raw = Buffer.from(planted.embedding, 'base64');
    const values = face('canary');
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    const normalised = Buffer.from(values.map((value) => value / norm).buffer);
    for (const form of [raw, normalised]) {
      expect(whileEnrolled.includes(form.subarray(0, 64))).toBe(false);
      expect(whileEnrolled.includes(form.subarray(0, 66).toString('base64'))).toBe(false);
    }
  });

  test('when they are searched for a webhook, then no part of its body is there', () => {
    expect(webhookBody).toContain('verificationDate');
    for (const part of [webhookBody.slice(0, 60), 'verificationDate', 'identificationResult'])
      expect(whileEnrolled.includes(part)).toBe(false);
  });

  test('when they are searched for what is stored openly, then it is found: the search works', () => {
    expect(whileEnrolled.includes(tenant.credentials.clientID)).toBe(true);
    expect(whileEnrolled.includes(planted.uuid)).toBe(true);
  });

  test.each([
    'customerId',
    'deviceInfo',
    'deviceInfoHeader',
    'feedback',
    'idempotencyKey',
    'unknownMember',
  ])('when they are searched for %s, which nobody needs, then it was not stored', (name) => {
    expect(found(whileEnrolled.toString('latin1'), [name])).toEqual([]);
  });

  test('when the subject was erased and the store was closed, then its uuid is not there', async () => {
    const { config } = lethe.context;
    await lethe.stop();
    const bytes = await storedBytes(config);
    expect(bytes.includes(tenant.credentials.clientID)).toBe(true);
    expect(bytes.includes(planted.uuid)).toBe(false);
  });
});
