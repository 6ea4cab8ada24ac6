import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { changeTenant } from '../../src/access/tenants.js';
import { face, retaken } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
  await lethe.enroll(tenant, 'ada', face('ada'));
  await lethe.enroll(tenant, 'grace', face('grace'));
});
afterAll(async () => {
  await lethe.close();
});

describe('VERIFY', () => {
  test('when the same face comes again, then it is a success with a rounded confidence in the webhook alone', async () => {
    const { body } = await lethe.create(tenant, {
      type: 'VERIFY',
      uuid: 'ada',
      auditTag: 'door 7',
    });
    const answer = await lethe.submit(body['sessionId'], 'verify', retaken(face('ada')));
    expect(answer.body).toMatchObject({ success: true, status: 'SUCCESS' });
    expect(JSON.stringify(answer.body)).not.toContain('confidence');
    const webhook = await lethe.webhook(body['sessionId']);
    expect(webhook).toMatchObject({
      status: 'SUCCESS',
      puid: 'ada',
      identificationResult: { uuid: 'ada', status: 'verified', auditTag: 'door 7' },
    });
    const { confidence } = webhook['identificationResult'] as { confidence: number };
    expect(confidence).toBeGreaterThan(0.9);
    expect(confidence).toBe(Math.round(confidence * 100) / 100);
  });

  test('when another face comes, then the session fails with -9 and there is no second try', async () => {
    const { body } = await lethe.create(tenant, { type: 'VERIFY', uuid: 'ada' });
    const answer = await lethe.submit(body['sessionId'], 'verify', face('grace'));
    expect(answer.body).toMatchObject({ success: false, status: 'FAILED', tryAgain: false });
    const webhook = await lethe.webhook(body['sessionId']);
    expect(webhook).toMatchObject({ status: 'FAILED', errors: [{ code: -9 }] });
    expect((await lethe.submit(body['sessionId'], 'verify', face('ada'))).status).toBe(409);
  });

  test('when the uuid is unknown or another tenant has it, then both answers are the same 404', async () => {
    const other = await lethe.tenant();
    const unknown = await lethe.create(tenant, { type: 'VERIFY', uuid: 'nobody' });
    const foreign = await lethe.create(other, { type: 'VERIFY', uuid: 'ada' });
    expect(unknown.status).toBe(404);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
  });

  test('when VERIFY_ULTRA names the customer, then it verifies that subject', async () => {
    const { status, body } = await lethe.create(tenant, {
      type: 'VERIFY_ULTRA',
      customerId: 'ada',
    });
    expect([status, body['type']]).toEqual([201, 'VERIFY_ULTRA']);
    expect((await lethe.submit(body['sessionId'], 'verify', face('ada'))).body['success']).toBe(
      true,
    );
  });

  test('when the tenant asks for more similarity, then its own threshold decides', async () => {
    const strict = await lethe.tenant();
    await lethe.enroll(strict, 'ada', face('ada'));
    const noisy = retaken(face('ada'), 0.2);
    expect(await lethe.verifies(strict, 'ada', noisy)).toBe(true);
    const { store, sealer, pepper, clock, reviews, config } = lethe.context;
    await changeTenant(
      { store, sealer, pepper, clock, reviews, models: config.models },
      {
        tenantId: strict.tenantId,
        thresholds: { 'dlib-resnet-v1': { verify: 0.999, signIn: 0.999 } },
      },
    );
    expect(await lethe.verifies(strict, 'ada', noisy)).toBe(false);
  });
});

describe('SIGN-IN', () => {
  test.each(['verify', 'sign-in'])(
    'when a known face comes to …/%s, then it is found among all',
    async (action) => {
      const { body } = await lethe.create(tenant, { type: 'SIGN-IN' });
      expect(
        (await lethe.submit(body['sessionId'], action, retaken(face('grace')))).body['success'],
      ).toBe(true);
      const webhook = await lethe.webhook(body['sessionId']);
      expect(webhook).toMatchObject({
        status: 'SUCCESS',
        puid: 'grace',
        identificationResult: {
          uuid: 'grace',
          status: 'identified',
          topKMatches: [{ uuid: 'grace' }],
        },
      });
    },
  );

  test('when a stranger comes, then the session fails and names nobody', async () => {
    const { body } = await lethe.create(tenant, { type: 'SIGN_IN' });
    expect(
      (await lethe.submit(body['sessionId'], 'sign-in', face('stranger'))).body['success'],
    ).toBe(false);
    const webhook = await lethe.webhook(body['sessionId']);
    expect(webhook).not.toHaveProperty('puid');
    expect(webhook).toMatchObject({
      status: 'FAILED',
      identificationResult: { status: 'not_identified' },
    });
  });

  test('when the face is known to another tenant only, then it is a stranger', async () => {
    const other = await lethe.tenant();
    await lethe.enroll(other, 'linus', face('linus'));
    const { body } = await lethe.create(tenant, { type: 'SIGN-IN' });
    expect((await lethe.submit(body['sessionId'], 'sign-in', face('linus'))).body['success']).toBe(
      false,
    );
  });

  test('when there are more subjects than one page holds, then the last one is found too', async () => {
    const crowded = await lethe.tenant();
    const { subjects } = lethe.context.store;
    const { vault } = lethe.context.http.operations;
    const { parseEmbedding } = await import('../../src/biometrics/embedding.js');
    const { encoded } = await import('../support/embeddings.js');
    for (let index = 0; index < 300; index += 1) {
      const name = { tenantId: crowded.tenantId, uuid: `person-${String(index).padStart(4, '0')}` };
      const sealed = await vault.seal(name, parseEmbedding(encoded(face(name.uuid)), 128));
      const enrolment = { ...sealed, model: 'dlib-resnet-v1', enrolledAtMs: 0 };
      await subjects.insert({ ...name, state: 'live', enrolment });
    }
    const { body } = await lethe.create(crowded, { type: 'SIGN-IN' });
    await lethe.submit(body['sessionId'], 'sign-in', face('person-0299'));
    expect(await lethe.webhook(body['sessionId'])).toMatchObject({ puid: 'person-0299' });
  });
});
