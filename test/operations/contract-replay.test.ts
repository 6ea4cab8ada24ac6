import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuthMode } from '../../src/access/tenant.js';
import { ERRORS, type ErrorCode } from '../../src/errors/codes.js';
import { face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';

interface Fixture {
  readonly name: string;
  readonly given: { readonly authMode: AuthMode; readonly enrolled?: string };
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expect: {
    readonly status: number;
    readonly code?: ErrorCode;
    readonly pointer?: string;
    readonly subject?: string;
    readonly body?: Readonly<Record<string, unknown>>;
  };
}

const fixtures = JSON.parse(
  readFileSync(new URL('../fixtures/contract/public-clients.json', import.meta.url), 'utf8'),
) as Fixture[];
const refused = fixtures.filter(({ expect: { code } }) => code !== undefined);
const opened = fixtures.filter(({ expect: { status } }) => status === 201);
const deleted = fixtures.filter(({ expect: { status } }) => status === 200);

const SESSION_ID = /^[0-9a-f-]{36}$/;

let lethe: TestLethe;

beforeAll(async () => {
  // The documentation's addresses are real names: none of their ports may be connected to.
  lethe = await TestLethe.start({ env: { ALLOWED_CALLBACK_PORTS: '1' } });
});
afterAll(async () => {
  await lethe.close();
});

function filledIn(text: string, { credentials }: TestTenant): string {
  return text
    .replaceAll('{{apiKey}}', credentials.x_api_key)
    .replaceAll('{{clientID}}', credentials.clientID)
    .replaceAll('{{clientSecret}}', credentials.clientSecret)
    .replaceAll('{{receiver}}', lethe.receiver.origin)
    .replaceAll('{{app}}', 'https://app.example');
}

async function replay({ given, headers, body }: Fixture) {
  const tenant = await lethe.tenant({ authMode: given.authMode });
  if (given.enrolled !== undefined) await lethe.enroll(tenant, given.enrolled, face('replayed'));
  const answer = await lethe.call('POST', '/v2/verification-session', {
    headers: JSON.parse(filledIn(JSON.stringify(headers), tenant)) as object,
    text: filledIn(JSON.stringify(body), tenant),
  });
  return { tenant, answer };
}

describe('the requests of the documentation and of public clients', () => {
  test.each(refused)(
    'when $name arrives, then it is $expect.status $expect.code',
    async (fixture) => {
      const { answer } = await replay(fixture);
      const { status, code = 'INTERNAL', pointer } = fixture.expect;
      expect(answer.status).toBe(status);
      expect(answer.body).toEqual({
        status: 'error',
        message: ERRORS[code].message,
        errorCodes: ERRORS[code].contractCodes,
        code,
        requestId: answer.headers.get('x-request-id'),
        ...(pointer !== undefined && { errors: [{ pointer, message: expect.any(String) }] }),
      });
    },
  );

  test.each(refused.filter(({ given: { enrolled } }) => enrolled !== undefined))(
    'when $name is refused, then the subject is as it was',
    async (fixture) => {
      const { tenant } = await replay(fixture);
      const { enrolled = '' } = fixture.given;
      expect(await lethe.verifies(tenant, enrolled, face('replayed'))).toBe(true);
    },
  );

  test.each(opened)(
    'when $name arrives, then it is 201 with a session of that type',
    async (fixture) => {
      const { tenant, answer } = await replay(fixture);
      expect(answer.status).toBe(201);
      expect(answer.body).toEqual({
        message: 'Success!',
        status: 'success',
        sessionId: expect.stringMatching(SESSION_ID),
        launchUrl: `${lethe.url}/launch/${String(answer.body['sessionId'])}`,
        expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        ...fixture.expect.body,
      });
      const session = await lethe.context.store.sessions.find(String(answer.body['sessionId']));
      const { subject } = fixture.expect;
      expect(session).toMatchObject({
        tenantId: tenant.tenantId,
        state: 'CREATED',
        redirectURL: filledIn(
          String(fixture.body['redirectURL'] ?? fixture.body['successUrl']),
          tenant,
        ),
        ...(subject !== undefined && { uuid: subject }),
      });
    },
  );

  test.each(deleted)(
    'when $name arrives, then it is the documented 200 with the receipt and nothing else',
    async (fixture) => {
      const { tenant, answer } = await replay(fixture);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({
        sessionId: expect.stringMatching(SESSION_ID),
        ...fixture.expect.body,
        receipt: expect.any(String),
      });
      const { enrolled = '' } = fixture.given;
      expect(await lethe.verifies(tenant, enrolled, face('replayed'))).toBe(false);
    },
  );

  test('when the list is read, then every fixture was replayed', () => {
    const replayed = [refused, opened, deleted].map(({ length }) => length);
    expect(Math.min(...replayed)).toBeGreaterThan(0);
    expect(replayed.reduce((sum, count) => sum + count)).toBe(fixtures.length);
  });
});
