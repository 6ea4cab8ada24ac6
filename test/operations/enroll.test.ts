import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encoded, face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start();
  tenant = await lethe.tenant();
});
afterAll(async () => {
  await lethe.close();
});

describe('ENROLL', () => {
  test('when a session is created, then the answer is 201 with the documented members', async () => {
    const created = await lethe.create(tenant, { type: 'ENROLL', sessionExpiry: 60 });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      message: 'Success!',
      status: 'success',
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'ENROLL',
      launchUrl: `${lethe.url}/launch/${String(created.body['sessionId'])}`,
      expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    const lifeMs = Date.parse(String(created.body['expiresAt'])) - Date.now();
    expect(lifeMs).toBeGreaterThan(50_000);
    expect(lifeMs).toBeLessThanOrEqual(60_000);
  });

  test('when no uuid is given, then a new one names the subject in the webhook', async () => {
    const { body } = await lethe.create(tenant, { type: 'REGISTER' });
    expect(body['type']).toBe('REGISTER');
    const enrolled = await lethe.submit(body['sessionId'], 'enroll', face('new'));
    expect(enrolled.body).toEqual({
      success: true,
      status: 'SUCCESS',
      type: 'REGISTER',
      sessionId: body['sessionId'],
      statusCode: 200,
      tryAgain: false,
    });
    const webhook = await lethe.webhook(body['sessionId']);
    expect(webhook).toMatchObject({
      status: 'SUCCESS',
      sessionId: body['sessionId'],
      puid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      identificationResult: { uuid: webhook['puid'], status: 'enrolled' },
      images: [],
    });
  });

  test('when the uuid is enrolled already, then it is a 409 and the template stays as it is', async () => {
    await lethe.enroll(tenant, 'taken', face('taken'));
    const again = await lethe.create(tenant, { type: 'ENROLL', uuid: 'taken' });
    expect([again.status, again.body['code']]).toEqual([409, 'SUBJECT_EXISTS']);
    expect(await lethe.verifies(tenant, 'taken', face('taken'))).toBe(true);
  });

  test('when two sessions enrol the same uuid, then one wins and the other stays open with nothing stored', async () => {
    const sessions = await Promise.all(
      [1, 2].map(async () => await lethe.create(tenant, { type: 'ENROLL', uuid: 'raced' })),
    );
    const answers = await Promise.all(
      sessions.map(
        async ({ body }, index) =>
          await lethe.submit(body['sessionId'], 'enroll', face(`raced ${String(index)}`)),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(await lethe.verifies(tenant, 'raced', face(`raced ${String(winner)}`))).toBe(true);
    expect(await lethe.verifies(tenant, 'raced', face(`raced ${String(1 - winner)}`))).toBe(false);
  });

  test('when one session gets two templates at once, then one is taken and the other is refused', async () => {
    const { body } = await lethe.create(tenant, { type: 'ENROLL', uuid: 'double' });
    const answers = await Promise.all(
      [1, 2, 3].map(async () => await lethe.submit(body['sessionId'], 'enroll', face('double'))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
    expect(
      lethe.receiver.received.filter((request) => request.body.includes(String(body['sessionId'])))
        .length,
    ).toBeLessThanOrEqual(1);
  });

  test('when another tenant uses the same uuid, then it is another subject', async () => {
    const other = await lethe.tenant();
    await lethe.enroll(tenant, 'shared', face('shared a'));
    await lethe.enroll(other, 'shared', face('shared b'));
    expect(await lethe.verifies(tenant, 'shared', face('shared b'))).toBe(false);
    expect(await lethe.verifies(other, 'shared', face('shared b'))).toBe(true);
  });

  test.each([
    ['a wrong nonce', { nonce: 'x'.repeat(43) }, 403, 'CHALLENGE_FAILED'],
    ['no nonce', { nonce: undefined }, 400, 'VALIDATION_FAILED'],
    ['an unknown model', { model: 'another' }, 400, 'UNKNOWN_MODEL'],
    ['a model named like an inherited member', { model: 'constructor' }, 400, 'UNKNOWN_MODEL'],
    ['a zero vector', { embedding: encoded(new Float32Array(128)) }, 400, 'INVALID_EMBEDDING'],
    ['NaN', { embedding: encoded(face('x').with(5, Number.NaN)) }, 400, 'INVALID_EMBEDDING'],
    [
      'a wrong dimension',
      { embedding: encoded(new Float32Array(127).fill(1)) },
      400,
      'INVALID_EMBEDDING',
    ],
    [
      '10,000 dimensions',
      { embedding: encoded(new Float32Array(10_000).fill(1)) },
      400,
      'INVALID_EMBEDDING',
    ],
  ])(
    'when the template has %s, then it is refused and the session goes on',
    async (_what, change, status, code) => {
      const { body } = await lethe.create(tenant, { type: 'ENROLL' });
      const path = `/v2/verification-session/${String(body['sessionId'])}`;
      const session = await lethe.call('GET', path);
      const { nonce } = session.body['challenge'] as { nonce: string };
      const template = { model: 'dlib-resnet-v1', embedding: encoded(face('x')), nonce, ...change };
      const refused = await lethe.call('POST', `${path}/enroll`, { body: template });
      expect(refused.status).toBe(status);
      expect(refused.body['code']).toBe(code);
      expect((await lethe.submit(body['sessionId'], 'enroll', face('x'))).status).toBe(200);
    },
  );

  test('when a nonce of another session is used, then it is refused', async () => {
    const mine = await lethe.create(tenant, { type: 'ENROLL' });
    const theirs = await lethe.create(tenant, { type: 'ENROLL' });
    const foreign = await lethe.call(
      'GET',
      `/v2/verification-session/${String(theirs.body['sessionId'])}`,
    );
    const answer = await lethe.call(
      'POST',
      `/v2/verification-session/${String(mine.body['sessionId'])}/enroll`,
      {
        body: {
          model: 'dlib-resnet-v1',
          embedding: encoded(face('x')),
          nonce: (foreign.body['challenge'] as { nonce: string }).nonce,
        },
      },
    );
    expect([answer.status, answer.body['errorCodes']]).toEqual([403, [-15]]);
  });

  test('when a template is sent to the session of another operation, then it is refused', async () => {
    const { body } = await lethe.create(tenant, { type: 'ENROLL' });
    const answer = await lethe.submit(body['sessionId'], 'verify', face('x'));
    expect([answer.status, answer.body['code']]).toEqual([409, 'WRONG_SESSION_TYPE']);
  });

  test('when the session was used, then it is used once: error -15', async () => {
    const sessionId = await lethe.enroll(tenant, 'once', face('once'));
    const again = await lethe.submit(sessionId, 'enroll', face('once'));
    expect([again.status, again.body['errorCodes']]).toEqual([409, [-15]]);
  });
});
