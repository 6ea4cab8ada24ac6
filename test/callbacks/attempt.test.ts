import { beforeEach, describe, expect, test } from '@jest/globals';
import { type AttemptDeps, attemptDelivery } from '../../src/callbacks/attempt.js';
import { sealCallback } from '../../src/callbacks/callback.js';
import type { WebhookMessage } from '../../src/callbacks/webhook-sender.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { systemClock } from '../../src/lib/clock.js';
import { sampleDelivery } from '../contract/samples.js';
import { SESSION_ID, testSealer, testSigningKey, testTerms } from './fixtures.js';

const sealer = testSealer();
const callback = { url: 'https://hooks.example/in', headers: { 'x-own': '1' } };
const delivery = sampleDelivery({
  sessionId: SESSION_ID,
  sealedCallback: sealCallback(sealer, { atMs: 0, sessionId: SESSION_ID, callback }),
});
let sent: WebhookMessage[];
let secret: SecretBytes;
let isWipedWhenSent: boolean;

beforeEach(() => {
  sent = [];
  isWipedWhenSent = false;
});

function isWiped(): boolean {
  try {
    return secret.use(() => false);
  } catch {
    return true;
  }
}

function deps(terms: Parameters<typeof testTerms>[0] = {}): AttemptDeps {
  return {
    sender: {
      send: (message) => {
        sent.push(message);
        isWipedWhenSent = isWiped();
        return Promise.resolve({ kind: 'answered', status: 200 });
      },
    },
    daySealer: sealer,
    signingKey: testSigningKey(),
    bodyOf: () => Promise.resolve(Buffer.from('{}')),
    termsOf: () => {
      secret = SecretBytes.random(32);
      const wipe = (): void => {
        secret.wipe();
      };
      return Promise.resolve(testTerms({ secrets: [secret], wipe, ...terms }));
    },
    schedule: { delaysMs: [0, 1_000], random: () => 0.5 },
    clock: systemClock,
  };
}

describe('an attempt', () => {
  test('when the tenant has TLS of its own, then it goes with the message', async () => {
    const tls = { identity: 'acme', ca: 'PEM' };
    await attemptDelivery(deps({ tls }), delivery);
    expect(sent[0]?.tls).toBe(tls);
    await attemptDelivery(deps(), delivery);
    expect(sent[1]).not.toHaveProperty('tls');
  });

  test('when it is sent, then the secrets that signed it are wiped already', async () => {
    expect(await attemptDelivery(deps(), delivery)).toMatchObject({
      attempt: { outcome: '200' },
    });
    expect(isWipedWhenSent).toBe(true);
  });

  test.each([[['hooks.example']], [['*.example', 'other.test']]])(
    'when the tenant lists %j, then it is sent',
    async (callbackHosts) => {
      await attemptDelivery(deps({ callbackHosts }), delivery);
      expect(sent).toHaveLength(1);
    },
  );

  test('when the tenant no longer lists the host, then nothing is sent and it is tried again later', async () => {
    const result = await attemptDelivery(deps({ callbackHosts: ['other.example'] }), delivery);
    expect(sent).toEqual([]);
    expect(result).toMatchObject({
      attempt: { outcome: 'BLOCKED_ADDRESS' },
      next: { state: 'pending' },
    });
    expect(isWiped()).toBe(true);
  });

  test('when the tenant asks for HTTP signatures, then they are there beside the others', async () => {
    await attemptDelivery(deps({ httpSignatures: true }), delivery);
    await attemptDelivery(deps(), delivery);
    const [signed, plain] = sent.map(({ headers }) => Object.keys(headers));
    const added = ['content-digest', 'signature-input', 'signature'];
    expect(signed).toEqual([...(plain ?? []), ...added]);
  });
});
