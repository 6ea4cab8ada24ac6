import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { rotateLogKey } from '../../src/audit/log-keys.js';
import { createApp } from '../../src/http/app.js';
import { TestLethe } from '../support/lethe.js';

let lethe: TestLethe;
let agent: ReturnType<typeof request>;

beforeAll(async () => {
  lethe = await TestLethe.start();
  agent = request(createApp(lethe.context.http));
});
afterAll(async () => {
  await lethe.close();
});

describe('what anybody may read', () => {
  test('when the public key is read, then it is an RSA key of 3072 bits with its name', async () => {
    const answer = await agent.get('/public-key').expect(200);
    const { publicKey, kid, alg } = answer.body as Record<string, string>;
    expect(createPublicKey(publicKey ?? '').asymmetricKeyDetails?.modulusLength).toBe(3072);
    expect([kid, alg]).toEqual([lethe.context.http.operations.payloadKey.kid, 'RSA-OAEP-256']);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  });

  test('when the key set is read, then it holds the public halves of the signing key and of the log keys, newest first, and nothing private', async () => {
    const answer = await agent.get('/.well-known/jwks.json').expect(200);
    const { store, logKeyring, clock } = lethe.context;
    const logJwks = async () =>
      (await store.logKeys.list()).map((key) => logKeyring.signerOf(key).publicJwk).reverse();
    const { publicJwk } = lethe.context.signingKey;
    expect(answer.body).toEqual({ keys: [publicJwk, ...(await logJwks())] });
    await rotateLogKey({ store, keyring: logKeyring, clock }, { overlapMs: 0 });
    const rotated = await agent.get('/.well-known/jwks.json').expect(200);
    expect(await logJwks()).toHaveLength(2);
    expect(rotated.body).toEqual({ keys: [publicJwk, ...(await logJwks())] });
    expect(JSON.stringify(answer.body)).not.toContain('"d"');
  });

  test.each(['/health/live', '/health/ready', '/v2/health'])(
    'when %s is read, then it is ok',
    async (path) => {
      await agent.get(path).expect(200, { status: 'ok' });
    },
  );

  test('when the metrics are read, then they are in the text format of Prometheus', async () => {
    const answer = await agent.get('/metrics').expect(200);
    expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4');
    expect(answer.text).toContain('# TYPE');
  });

  test('when the store does not answer, then the service is alive and not ready', async () => {
    const { http } = lethe.context;
    const broken = { ...http, checkReady: () => Promise.reject(new Error('no store')) };
    await request(createApp(broken)).get('/health/live').expect(200);
    await request(createApp(broken)).get('/health/ready').expect(503, { status: 'unavailable' });
  });

  test.each([
    ['post', '/public-key', 'GET'],
    ['delete', '/health/live', 'GET'],
    ['get', '/v2/verification-session', 'POST'],
    ['put', '/v2/verification-session/some-id', 'GET'],
    ['get', '/v2/verification-session/some-id/cancel', 'POST'],
  ] as const)(
    'when %s %s is tried, then it is a 405 that names what is allowed',
    async (method, path, allowed) => {
      const answer = await agent[method](path).expect(405);
      expect(answer.headers['allow']).toBe(allowed);
      expect(answer.body).toMatchObject({ status: 'error', code: 'METHOD_NOT_ALLOWED' });
    },
  );

  test('when there is nothing, then it is a 404 in the envelope with the headers of every answer', async () => {
    const answer = await agent.get('/nothing').set('X-Request-ID', 'my-request-1').expect(404);
    expect(answer.body).toEqual({
      status: 'error',
      message: expect.any(String),
      errorCodes: [],
      code: 'NOT_FOUND',
      requestId: 'my-request-1',
    });
    expect(answer.headers).toMatchObject({
      'x-request-id': 'my-request-1',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    expect(answer.headers).not.toHaveProperty('x-powered-by');
  });
});
