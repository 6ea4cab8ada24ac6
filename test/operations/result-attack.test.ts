import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CompactSign, decodeJwt, UnsecuredJWT } from 'jose';
import { signClaims } from '../../src/crypto/jws.js';
import { testSigningKey } from '../callbacks/fixtures.js';
import { face } from '../support/embeddings.js';
import { CANARY, expectEnvelope } from '../support/envelope.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { rawPost, sendRaw } from '../support/raw-http.js';

const TYP = 'lethe-result+jwt';

let lethe: TestLethe;
let tenant: TestTenant;
let sessionId: string;
let genuine: string;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
  sessionId = await lethe.enroll(tenant, 'ada', face('ada'));
  const back = await lethe.call('GET', `/launch/${sessionId}/return`);
  genuine = new URL(back.headers.get('location') ?? '').searchParams.get('result') ?? '';
});
afterAll(async () => {
  await lethe.close();
});

interface Sent {
  readonly text: string | Uint8Array;
  readonly headers?: object;
  readonly method?: string;
}

async function send({ text, headers, method = 'POST' }: Sent) {
  const response = await fetch(`${lethe.url}/v2/verification-session/${sessionId}/result`, {
    method,
    headers: { 'content-type': 'application/json', ...tenant.credentials, ...headers },
    body: text,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function refusal(result: unknown): Promise<string> {
  return expectEnvelope(await send({ text: JSON.stringify({ result }) }));
}

const claims = () => decodeJwt(genuine);
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const ownKey = () => lethe.context.http.signingKey;

/** Signed by the service itself, but not what it would say. */
const saying = async (change: object, typ = TYP) =>
  await signClaims(ownKey(), { typ, claims: { ...claims(), ...change } });

async function signedUnder(header: object): Promise<string> {
  return await new CompactSign(Buffer.from(JSON.stringify(claims())))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYP, kid: ownKey().kid, ...header })
    .sign(ownKey().privateKey, { crit: { x: true } });
}

describe('a text that is no result of this session', () => {
  const texts: Readonly<Record<string, () => string>> = {
    'is empty': () => '',
    'is dots': () => '..',
    'is 16,000 dots': () => '.'.repeat(16_000),
    'is not ASCII': () => 'é.\ud800.😀',
    'is a word': () => CANARY,
    'has something behind it': () => `${genuine}A`,
    'has a line feed behind it': () => `${genuine}\n`,
    'has a blank before it': () => ` ${genuine}`,
    'has one part more': () => `${genuine}.`,
    'has a tilde and a disclosure': () => `${genuine}~${encoded([CANARY])}~`,
    'has padding': () => `${genuine}==`,
    'has no signature': () => genuine.replace(/[^.]*$/, ''),
    'has a signature of zeros': () => genuine.replace(/[^.]*$/, 'A'.repeat(86)),
    'has its signature spelled otherwise': () => respelled(genuine),
    'has its payload spelled otherwise': () => genuine.replace(/\.([^.]*)\./, '.$1=.'),
    'has other claims under its signature': () =>
      genuine.replace(/\.[^.]*\./, `.${encoded({ ...claims(), status: 'FAILED' })}.`),
    'is percent-encoded': () => encodeURIComponent(genuine).replaceAll('.', '%2E'),
  };
  test.each(Object.entries(texts))('when it %s, then it is refused', async (_what, text) => {
    expect(await refusal(text())).toBe('RESULT_INVALID');
  });

  test('when it names no algorithm, then it is refused', async () => {
    expect(await refusal(new UnsecuredJWT(claims()).encode())).toBe('RESULT_INVALID');
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = encoded({ alg, typ: TYP, kid: ownKey().kid });
      const [, payload = '', signature = ''] = genuine.split('.');
      expect(await refusal(`${header}.${payload}.`)).toBe('RESULT_INVALID');
      expect(await refusal(`${header}.${payload}.${signature}`)).toBe('RESULT_INVALID');
    }
  });

  test('when the public key was used as an HMAC secret, then it is refused', async () => {
    const jwk = ownKey().publicJwk;
    const key = createPublicKey({ key: { ...jwk } as JsonWebKey, format: 'jwk' });
    const spki = key.export({ type: 'spki', format: 'pem' }).toString();
    for (const secret of [jwk.x, spki, spki.trim(), JSON.stringify(jwk), ownKey().publicBytes]) {
      const input = `${encoded({ alg: 'HS256', typ: TYP, kid: jwk.kid })}.${encoded(claims())}`;
      const tag = createHmac('sha256', secret).update(input).digest('base64url');
      expect(await refusal(`${input}.${tag}`)).toBe('RESULT_INVALID');
    }
  });

  test('when it was signed with another key, then it is refused, whatever key it names or brings', async () => {
    const theirs = testSigningKey(99);
    const sign = async (header: object) =>
      await new CompactSign(Buffer.from(JSON.stringify(claims())))
        .setProtectedHeader({ alg: 'EdDSA', typ: TYP, kid: theirs.kid, ...header })
        .sign(theirs.privateKey);
    for (const header of [
      {},
      { kid: ownKey().kid },
      { kid: ownKey().kid, jwk: theirs.publicJwk },
      { kid: ownKey().kid, jku: `${lethe.receiver.origin}/jwks.json` },
    ])
      expect(await refusal(await sign(header))).toBe('RESULT_INVALID');
    expect(lethe.receiver.received.map(({ path }) => path)).not.toContain('/jwks.json');
  });

  test.each<[string, object]>([
    ['no type', { typ: undefined }],
    ['the type of any JWT', { typ: 'JWT' }],
    ['its type in full', { typ: 'application/lethe-result+jwt' }],
    ['its type in capitals', { typ: 'LETHE-RESULT+JWT' }],
    ['the other name of the algorithm', { alg: 'Ed25519' }],
    ['no key', { kid: undefined }],
    ['a content type', { cty: 'JWT' }],
    ['a critical parameter', { crit: ['x'], x: 1 }],
  ])(
    'when the service had signed it with %s in the header, then it is refused',
    async (_, header) => {
      expect(await refusal(await signedUnder(header))).toBe('RESULT_INVALID');
    },
  );

  test.each<[string, () => object]>([
    ['another service', () => ({ iss: 'https://other.example' })],
    ['another origin', () => ({ aud: 'https://evil.example' })],
    ['several origins', () => ({ aud: [claims().aud, 'https://evil.example'] })],
    ['another subject', () => ({ sub: '00000000-0000-4000-8000-000000000000' })],
    ['another session', () => ({ sid: '00000000-0000-4000-8000-000000000000' })],
    ['another nonce', () => ({ nonce: CANARY })],
    ['no nonce', () => ({ nonce: undefined })],
    ['another outcome', () => ({ status: 'FAILED' })],
    ['another type', () => ({ type: 'VERIFY' })],
    ['a longer life', () => ({ exp: Number(claims().exp) + 1 })],
    ['a life without end', () => ({ exp: undefined })],
    ['an end that is text', () => ({ exp: String(claims().exp) })],
    ['an end of 1e308', () => ({ exp: 1e308 })],
    ['no beginning', () => ({ iat: undefined })],
    ['a beginning to come', () => ({ iat: Number(claims().iat) + 60 })],
    ['no id', () => ({ jti: undefined })],
    ['an id that is a number', () => ({ jti: 1 })],
  ])('when the service had signed it for %s, then it is refused', async (_what, change) => {
    expect(await refusal(await saying(change()))).toBe('RESULT_INVALID');
  });

  test('when it is something else that the service or a client signed, then it is refused', async () => {
    const answer = await lethe.call('GET', '/v2/users/ada/biometric-status', {
      headers: tenant.credentials,
    });
    await lethe.enroll(tenant, 'erased', face('erased'));
    const deleted = await lethe.create(tenant, { type: 'DELETE', uuid: 'erased' });
    await lethe.receiver.waitFor(1);
    const [webhook] = lethe.receiver.received;
    const detached = String(webhook?.headers['webhook-jws']);
    for (const text of [
      answer.body['statement'],
      deleted.body['receipt'],
      detached,
      detached.replace('..', `.${webhook!.body.toString('base64url')}.`),
      await saying({}, 'JWT'),
      await saying({}, 'biometric-status+jws'),
    ])
      expect(await refusal(text)).toBe('RESULT_INVALID');
  });

  test('when its session is still open, then even the service’s own word is refused', async () => {
    const { body } = await lethe.create(tenant, { type: 'VERIFY', uuid: 'ada' });
    const id = String(body['sessionId']);
    const session = await lethe.context.store.sessions.find(id);
    for (const status of ['SUCCESS', 'FAILED']) {
      const change = { sub: id, sid: id, nonce: session?.nonce, type: 'VERIFY', status };
      const answer = await lethe.call('POST', `/v2/verification-session/${id}/result`, {
        headers: tenant.credentials,
        body: { result: await saying(change) },
      });
      expect([answer.status, answer.body['code']]).toEqual([400, 'RESULT_INVALID']);
    }
  });
});

describe('a body that holds no result', () => {
  test.each([
    'null',
    '1',
    '"a.b.c"',
    '[]',
    '[{"result":"a.b.c"}]',
    '{}',
    '{"result":null}',
    '{"result":1}',
    '{"result":["a.b.c"]}',
    '{"result":{"toString":"a.b.c"}}',
    '{"result":"a.b.c","nonce":["x"]}',
    '{"result":"a.b.c","origin":1}',
    `{"result":"a.b.c","orgin":"https://${CANARY}.example"}`,
    '{"result":"a.b.c","__proto__":{"nonce":"x"}}',
    JSON.stringify({ result: 'x'.repeat(16_385) }),
  ])('when it is %.60s, then it does not fit', async (text) => {
    expect(expectEnvelope(await send({ text }))).toBe('VALIDATION_FAILED');
  });

  test.each(['', '{', '{"result":"a.b.c","result":"a.b.c"}', `{"result":"a.b.c"}${CANARY}`])(
    'when it is %j, then it is malformed',
    async (text) => {
      expect(expectEnvelope(await send({ text }))).toBe('MALFORMED_JSON');
    },
  );

  test('when it has a megabyte, then it is refused unread, also by who is not known', async () => {
    const text = JSON.stringify({ result: 'x'.repeat(1_000_000) });
    const path = `/v2/verification-session/${sessionId}/result`;
    const { status, body } = await sendRaw(lethe.url, rawPost(path, text), { quietMs: 2_000 });
    expect(expectEnvelope({ status, text: body })).toBe('BODY_TOO_LARGE');
  });

  test('when it is a form, then it is of the wrong type', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const text = `result=${genuine}`;
    expect(expectEnvelope(await send({ text, headers }))).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  test('when another method is used, then the answer says which one is right, and pages may not call it', async () => {
    const answer = await send({ text: JSON.stringify({ result: genuine }), method: 'PUT' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    const preflight = await lethe.call('OPTIONS', `/v2/verification-session/${sessionId}/result`);
    expect(preflight.status).toBe(405);
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });
});

test('when all of this was refused, then the genuine result is still unused', async () => {
  expect((await send({ text: JSON.stringify({ result: genuine }) })).status).toBe(200);
});

/** The same 64 bytes: the last of 86 characters carries two bits of them and four that are unused. */
function respelled(jws: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(jws.slice(-1));
  return jws.slice(0, -1) + alphabet.charAt(last + 1);
}
