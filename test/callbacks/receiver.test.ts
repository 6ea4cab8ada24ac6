import { beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import {
  verify,
  type WebhookError,
  type WebhookHeaders,
} from '../../src/callbacks/receiver/verify-webhook.js';
import { signWebhook, webhookPublicKeyText } from '../../src/callbacks/signature.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { testSigningKey } from './fixtures.js';

const NOW_MS = 1_893_456_000_000;
const signingKey = testSigningKey();
const secretText = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const secrets = [secretText(1)];
const publicKeys = [webhookPublicKeyText(signingKey)];
const body = Buffer.from('{"sessionId":"s-1","status":"SUCCESS","message":"grüße 漢"}');

let headers: Record<string, string>;

beforeAll(async () => {
  headers = await sent(body);
});

async function sent(bytes: Uint8Array): Promise<Record<string, string>> {
  const live = [SecretBytes.take(Buffer.alloc(32, 1)), SecretBytes.take(Buffer.alloc(32, 2))];
  const attempt = { deliveryId: 'delivery-1', attemptedAtMs: NOW_MS, body: bytes };
  return { ...(await signWebhook({ signingKey, secrets: live }, attempt)) };
}

async function codeOf(
  given: { headers?: WebhookHeaders; body?: Uint8Array; keys?: object; nowMs?: number } = {},
): Promise<unknown> {
  const { keys = { secrets }, nowMs = NOW_MS } = given;
  const outcome = verify(given.headers ?? headers, given.body ?? body, keys, { nowMs });
  return await outcome.then(
    () => 'verified',
    (error: unknown) => (error as WebhookError).code,
  );
}

describe('what the service sent', () => {
  test.each([
    ['the secret', { secrets }],
    ['the older of two secrets', { secrets: [secretText(2)] }],
    ['a public key alone', { publicKeys }],
    ['one right key among wrong ones', { secrets: [secretText(9)], publicKeys }],
  ])('when it is verified with %s, then it is what was sent', async (_name, keys) => {
    const webhook = await verify(headers, body, keys, { nowMs: NOW_MS });
    expect(webhook).toEqual({
      webhookId: 'delivery-1',
      sentAtMs: NOW_MS,
      isDuplicate: false,
      event: { sessionId: 's-1', status: 'SUCCESS', message: 'grüße 漢' },
    });
  });

  test('when the headers come as Node, Express or fetch have them, then all are read', async () => {
    const upper = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    for (const form of [headers, upper, new Headers(headers)])
      expect(await codeOf({ headers: form })).toBe('verified');
  });

  test('when another implementation signed it, then it verifies too', async () => {
    const signature = new Webhook(secrets[0]!).sign('m-1', new Date(NOW_MS), body.toString());
    const theirs = {
      'webhook-id': 'm-1',
      'webhook-timestamp': (NOW_MS / 1_000).toString(),
      'webhook-signature': signature,
    };
    expect(await codeOf({ headers: theirs })).toBe('verified');
  });

  test('when it was acted on already, then it is a duplicate, and only what is genuine is asked about', async () => {
    const asked: string[] = [];
    const isKnown = (id: string) => asked.push(id) > 0;
    const again = await verify(headers, body, { secrets }, { nowMs: NOW_MS, isKnown });
    expect(again.isDuplicate).toBe(true);
    const forged = verify(headers, Buffer.from('{}'), { secrets }, { nowMs: NOW_MS, isKnown });
    await expect(forged).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    expect(asked).toEqual(['delivery-1']);
  });
});

describe('what somebody else sent', () => {
  test('when any byte of the body is changed, then it is refused', async () => {
    for (const index of body.keys()) {
      const changed = Buffer.from(body);
      changed[index]! ^= 1;
      expect(await codeOf({ body: changed })).toBe('SIGNATURE_INVALID');
    }
  });

  test.each([
    ['another id', { 'webhook-id': 'delivery-2' }, 'SIGNATURE_INVALID'],
    ['another time', { 'webhook-timestamp': (NOW_MS / 1_000 + 1).toString() }, 'SIGNATURE_INVALID'],
    ['no id', { 'webhook-id': '' }, 'HEADER_MISSING'],
    ['an id of another form', { 'webhook-id': 'a b' }, 'HEADER_MALFORMED'],
    ['a time that is no number', { 'webhook-timestamp': '1e9' }, 'HEADER_MALFORMED'],
    ['two ids', { 'webhook-id': ['a', 'b'] }, 'HEADER_MALFORMED'],
    ['no signature', { 'webhook-signature': undefined }, 'HEADER_MISSING'],
    ['an empty v1', { 'webhook-signature': 'v1,' }, 'SIGNATURE_INVALID'],
    ['a version that nobody knows', { 'webhook-signature': 'v9,AAAA' }, 'SIGNATURE_INVALID'],
    ['text without meaning', { 'webhook-signature': ', , v1 v1a,' }, 'SIGNATURE_INVALID'],
  ])('when it has %s, then it is refused', async (_name, changed, code) => {
    expect(await codeOf({ headers: { ...headers, ...changed } as WebhookHeaders })).toBe(code);
  });

  test('when a signature of one kind is called the other, then it is refused', async () => {
    const swapped = (headers['webhook-signature'] ?? '')
      .split(' ')
      .map((text) =>
        text.startsWith('v1a,') ? text.replace('v1a', 'v1') : text.replace('v1', 'v1a'),
      );
    const changed = { ...headers, 'webhook-signature': swapped.join(' ') };
    expect(await codeOf({ headers: changed, keys: { secrets, publicKeys } })).toBe(
      'SIGNATURE_INVALID',
    );
  });

  test('when only wrong keys are given, then it is refused', async () => {
    expect(await codeOf({ keys: { secrets: [secretText(9)] } })).toBe('SIGNATURE_INVALID');
  });

  test.each([
    [300, 'verified'],
    [301, 'TOO_OLD'],
    [-300, 'verified'],
    [-301, 'TOO_NEW'],
  ])('when it is %d seconds old, then the outcome is %s', async (seconds, code) => {
    expect(await codeOf({ nowMs: NOW_MS + seconds * 1_000 })).toBe(code);
  });

  test.each(['', 'null', '[1]', '{"a":', '\uFFFD{'])(
    'when the signed body is %j, then it is no event',
    async (text) => {
      const bytes = Buffer.from(text);
      expect(await codeOf({ headers: await sent(bytes), body: bytes })).toBe('BODY_MALFORMED');
    },
  );
});

describe('keys that are none', () => {
  test.each([
    {},
    { secrets: [] },
    { secrets: ['whsec_AAAA'] },
    { secrets: [publicKeys[0]] },
    { publicKeys: [secrets[0]] },
    { secrets: [Buffer.alloc(32).toString('base64')] },
  ])('when %j is given, then it is a TypeError before anything is read', async (keys) => {
    await expect(verify({}, body, keys as object)).rejects.toThrow(TypeError);
  });
});
