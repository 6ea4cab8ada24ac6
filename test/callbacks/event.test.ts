import { describe, expect, test } from '@jest/globals';
import { type SessionOutcome, sessionEndedBody } from '../../src/callbacks/event.js';
import { newDelivery, openBody } from '../../src/callbacks/outbox.js';
import { SealBroken } from '../../src/crypto/seal.js';
import { createValidator } from '../../src/http/validate.js';
import type { Webhook } from '../../src/lib/messages.js';
import { endedSession, SESSION_ID, testSealer, verifiedOutcome } from './fixtures.js';

const validator = createValidator(new URL('../../schemas/', import.meta.url));

function bodyOf(outcome: SessionOutcome): Record<string, unknown> {
  const body = JSON.parse(JSON.stringify(sessionEndedBody(outcome))) as Record<string, unknown>;
  validator.checkResponse('webhook', body as unknown as Webhook);
  return body;
}

describe('the webhook body', () => {
  test('when a person was verified, then it holds every documented member, in order', () => {
    const session = endedSession({ auditTag: 'tag-1', transactionID: 'txn-1' });
    const body = bodyOf(verifiedOutcome(session));
    expect(Object.keys(body)).toEqual([
      'sessionId',
      'status',
      'puid',
      'guid',
      'identityInformation',
      'contactInformation',
      'message',
      'errors',
      'images',
      'indicators',
      'riskEvaluation',
      'type',
      'transactionID',
      'identificationResult',
    ]);
    expect(body).toMatchObject({
      sessionId: SESSION_ID,
      status: 'SUCCESS',
      puid: 'person-1',
      guid: 'person-1',
      identityInformation: { documentType: '', verificationDate: '1700000030000' },
      contactInformation: { email: '', phone: '' },
      errors: [],
      images: [],
      transactionID: 'txn-1',
      identificationResult: {
        uuid: 'person-1',
        auditTag: 'tag-1',
        status: 'verified',
        confidence: 0.97,
      },
    });
  });

  test('when nothing was evaluated, then no member claims otherwise', () => {
    const body = bodyOf(verifiedOutcome(endedSession()));
    expect(body['indicators']).toMatchObject({ evaluated: false });
    expect(Object.keys((body['indicators'] as { headless: object }).headless)).toHaveLength(14);
    expect(body['riskEvaluation']).toMatchObject({
      evaluated: false,
      level: 'NOT_EVALUATED',
      recommendation: 'NOT_EVALUATED',
    });
  });

  test('when the integrator spelled the type differently, then its spelling is used', () => {
    const session = endedSession({ type: 'ENROLL', spelledType: 'Register' });
    expect(bodyOf(verifiedOutcome(session))['type']).toBe('Register');
  });

  test('when a session expired without a subject, then it failed with -8 and names nobody', () => {
    const { uuid: _, ...session } = endedSession({ state: 'EXPIRED', type: 'SIGN-IN' });
    const body = bodyOf({
      session,
      status: 'FAILED',
      message: 'The session has expired.',
      errors: [{ code: -8, message: 'The session has expired.' }],
    });
    expect(body).toMatchObject({ status: 'FAILED', errors: [{ code: -8 }] });
    expect(body).not.toHaveProperty('puid');
    expect(body).not.toHaveProperty('guid');
    expect(body).not.toHaveProperty('identificationResult');
  });

  test('when a person was deleted, then the top-level status is SUCCESS', () => {
    const session = endedSession({ type: 'DELETE', spelledType: 'DELETE', auditTag: 'bye' });
    const body = bodyOf({
      ...verifiedOutcome(session),
      identificationResult: { uuid: 'person-1', status: 'deleted' },
    });
    expect(body).toMatchObject({
      status: 'SUCCESS',
      type: 'DELETE',
      identificationResult: { uuid: 'person-1', auditTag: 'bye', status: 'deleted' },
    });
  });
});

describe('the outbox', () => {
  const sealer = testSealer();
  const url = 'https://hooks.example:8443/in/secret-path?token=secret';
  const event = { nowMs: 1_700_000_030_000, dueAtMs: 1_700_000_031_000 };

  test('when a session ends, then its delivery keeps the body and the caller sealed', async () => {
    const session = endedSession({ sealer, url, headers: { authorization: 'Bearer secret' } });
    const outcome = verifiedOutcome(session);
    const delivery = newDelivery(sealer, { outcome, ...event });
    expect(delivery).toMatchObject({
      tenantId: 'acme',
      sessionId: SESSION_ID,
      eventType: 'session.ended',
      origin: 'https://hooks.example:8443',
      state: 'pending',
      attempts: 0,
      createdAtMs: event.nowMs,
      dueAtMs: event.dueAtMs,
    });
    expect(delivery.deliveryId).not.toContain('.');
    for (const secret of ['secret', 'person-1']) {
      expect(JSON.stringify(delivery)).not.toContain(secret);
      expect(Buffer.from(delivery.sealedBody).includes(secret)).toBe(false);
      expect(Buffer.from(delivery.sealedCallback).includes(secret)).toBe(false);
    }
    const body = Buffer.from((await openBody(sealer, delivery))!).toString('utf8');
    expect(body).toBe(JSON.stringify(sessionEndedBody(outcome)));
  });

  test('when the body is put into another delivery, then it does not open', async () => {
    const outcome = verifiedOutcome(endedSession({ sealer, url }));
    const first = newDelivery(sealer, { outcome, ...event });
    const second = newDelivery(sealer, { outcome, ...event });
    expect(second.deliveryId).not.toBe(first.deliveryId);
    await expect(openBody(sealer, { ...second, sealedBody: first.sealedBody })).rejects.toThrow(
      SealBroken,
    );
  });
});
