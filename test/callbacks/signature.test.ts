import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, flattenedVerify } from 'jose';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import {
  type SignatureHeaders,
  signWebhook,
  webhookPublicKeyText,
} from '../../src/callbacks/signature.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { signingKeyFromSeed } from '../../src/crypto/signing-key.js';
import { testSigningKey } from './fixtures.js';

interface Vectors {
  readonly signingSeed: string;
  readonly publicKey: string;
  readonly cases: readonly {
    readonly deliveryId: string;
    readonly attemptedAtMs: number;
    readonly body: string;
    readonly secrets: readonly string[];
    readonly headers: Readonly<Record<string, string>>;
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/webhook-signature.json', import.meta.url), 'utf8'),
) as Vectors;

function secretOf(text: string): SecretBytes {
  return SecretBytes.take(Buffer.from(text.replace('whsec_', ''), 'base64'));
}

describe('the vectors', () => {
  const signingKey = signingKeyFromSeed(SecretBytes.take(Buffer.from(vectors.signingSeed, 'hex')));

  test.each(vectors.cases)(
    'when $deliveryId is signed, then its headers are equal',
    async (each) => {
      const secrets = each.secrets.map(secretOf);
      const body = Buffer.from(each.body);
      expect(await signWebhook({ signingKey, secrets }, { ...each, body })).toEqual(each.headers);
    },
  );

  test('when the public key is written, then it is equal', () => {
    expect(webhookPublicKeyText(signingKey)).toBe(vectors.publicKey);
  });
});

describe('independent verifiers', () => {
  const signingKey = testSigningKey();
  const secretTexts = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
  const text = '{"sessionId":"s","message":"grüße 漢"}';
  const tampered = '{"sessionId":"t","message":"grüße 漢"}';

  async function sign(): Promise<SignatureHeaders> {
    const secrets = secretTexts.map(secretOf);
    const attempt = { deliveryId: 'd-1', attemptedAtMs: Date.now(), body: Buffer.from(text) };
    return await signWebhook({ signingKey, secrets }, attempt);
  }

  test('when standardwebhooks verifies, then either live secret accepts and no other', async () => {
    const headers = { ...(await sign()) };
    for (const secret of secretTexts) {
      expect(new Webhook(secret).verify(text, headers)).toEqual(JSON.parse(text));
      expect(() => new Webhook(secret).verify(tampered, headers)).toThrow(WebhookVerificationError);
      expect(() => new Webhook(secret).verify(text, { ...headers, 'webhook-id': 'd-2' })).toThrow(
        WebhookVerificationError,
      );
    }
    const other = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
    expect(() => new Webhook(other).verify(text, headers)).toThrow(WebhookVerificationError);
  });

  test('when node:crypto verifies v1a with the public key text, then it accepts', async () => {
    const headers = await sign();
    const x = Buffer.from(webhookPublicKeyText(signingKey).replace('whpk_', ''), 'base64');
    expect(x.byteLength).toBe(32);
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') };
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    const signature = /v1a,(\S+)$/.exec(headers['webhook-signature'])?.[1] ?? '';
    const check = (body: string): boolean => {
      const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
      return verify(null, Buffer.from(content), publicKey, Buffer.from(signature, 'base64'));
    };
    expect(check(text)).toBe(true);
    expect(check(tampered)).toBe(false);
  });

  test('when jose verifies the detached JWS with the JWKS, then it accepts the body alone', async () => {
    const headers = await sign();
    const [header = '', middle, signature = ''] = headers['webhook-jws'].split('.');
    expect(middle).toBe('');
    const keys = createLocalJWKSet({ keys: [signingKey.publicJwk] });
    const jws = { protected: header, signature };
    const verified = await flattenedVerify({ ...jws, payload: Buffer.from(text) }, keys);
    expect(verified.protectedHeader).toEqual({
      alg: 'EdDSA',
      kid: signingKey.kid,
      b64: false,
      crit: ['b64'],
    });
    await expect(flattenedVerify({ ...jws, payload: Buffer.from(tampered) }, keys)).rejects.toThrow(
      'signature verification failed',
    );
  });

  test('when it is sent again, then the id stays and time and signature change', async () => {
    const secrets = secretTexts.map(secretOf);
    const attempt = { deliveryId: 'd-1', body: Buffer.from(text) };
    const first = await signWebhook({ signingKey, secrets }, { ...attempt, attemptedAtMs: 1_000 });
    const second = await signWebhook({ signingKey, secrets }, { ...attempt, attemptedAtMs: 6_000 });
    expect([first['webhook-timestamp'], second['webhook-timestamp']]).toEqual(['1', '6']);
    expect(second['webhook-id']).toBe(first['webhook-id']);
    expect(second['webhook-signature']).not.toBe(first['webhook-signature']);
  });
});
