import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseCheckpoint } from '../../src/audit/offline/checkpoint.js';
import { parseNote } from '../../src/audit/offline/note.js';
import { canonicalJson } from '../../src/lib/canonical-json.js';
import { biometricStatus } from '../../src/operations/biometric-status.js';
import type { OperationDeps } from '../../src/operations/deps.js';
import { face } from '../support/embeddings.js';
import { type TestAnswer, TestLethe, type TestTenant } from '../support/lethe.js';

interface Statement {
  readonly header: Record<string, unknown>;
  readonly payload: Record<string, unknown> & {
    readonly iat: number;
    readonly log: { origin: string; size: number; checkpoint: string };
  };
}

let lethe: TestLethe;
let tenant: TestTenant;
let other: TestTenant;

beforeAll(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  tenant = await lethe.tenant();
  other = await lethe.tenant();
  await lethe.enroll(tenant, 'present', face('present'));
  await lethe.enroll(tenant, 'erased', face('erased'));
  await lethe.enroll(other, 'foreign', face('foreign'));
  expect((await lethe.create(tenant, { type: 'DELETE', uuid: 'erased' })).status).toBe(200);
});
afterAll(async () => {
  await lethe.close();
});

const pathOf = (uuid: string) => `/v2/users/${uuid}/biometric-status`;

async function ask(uuid: string, headers: object = tenant.credentials): Promise<TestAnswer> {
  return await lethe.call('GET', pathOf(uuid), { headers });
}

/** The statement of an answer, read and checked with a key of the key set. */
async function statementIn({ body }: TestAnswer): Promise<Statement> {
  const parts = String(body['statement']).split('.');
  const [header, payload] = parts
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as never);
  const keys = await lethe.call('GET', '/.well-known/jwks.json');
  const { kid } = header as unknown as { kid: string };
  const jwk = (keys.body['keys'] as JsonWebKey[]).find((key) => key['kid'] === kid)!;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const input = Buffer.from(parts.slice(0, 2).join('.'));
  expect(verify(null, input, key, Buffer.from(parts[2]!, 'base64url'))).toBe(true);
  return { header: header!, payload: payload! };
}

describe('GET /v2/users/{uuid}/biometric-status', () => {
  test('when a template is there, then the answer says so', async () => {
    const answer = await ask('present');
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      uuid: 'present',
      status: 'template_present',
      asOf: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/),
      logSize: expect.any(Number),
      statement: expect.any(String),
    });
  });

  test('when somebody never enrolled, was erased or is another tenant’s, then the answers are alike', async () => {
    await lethe.context.sequencer.settle();
    const answers = [await ask('never-was'), await ask('erased'), await ask('foreign')];
    for (const { status, body, headers } of answers) {
      expect([status, body['status']]).toEqual([200, 'no_usable_template']);
      expect([...headers.keys()].sort()).toEqual([...answers[0]!.headers.keys()].sort());
    }
    const alike = await Promise.all(
      answers.map(async (answer) => {
        const { header, payload } = await statementIn(answer);
        const { logSize, status } = answer.body;
        const members = Object.keys(answer.body).sort();
        return { members, status, logSize, header, payload: { ...payload, sub: '', iat: 0 } };
      }),
    );
    expect(alike[1]).toEqual(alike[0]);
    expect(alike[2]).toEqual(alike[0]);
  });

  test('when each of them is looked for, then the work in the stores and the vault is the same', async () => {
    const principal = {
      ...{ tenantId: tenant.tenantId, clientId: tenant.credentials.clientID },
      ...({ strength: 'strict', scopes: [] } as const),
    };
    const work: string[][] = [];
    for (const uuid of ['never-was', 'erased', 'foreign', 'present']) {
      const calls: string[] = [];
      const deps = recorded(lethe.context.http.operations, calls);
      await biometricStatus(deps, { principal, uuid });
      work.push(calls);
    }
    expect(work[0]).toContain('store.subjects.find');
    expect(work[0]!.filter((call) => call.startsWith('vault'))).toEqual([]);
    expect(work).toEqual(Array(4).fill(work[0]));
  });

  test('when the statement is read, then it says for whom and as of which state of the log, signed with the key of the log', async () => {
    await lethe.context.sequencer.settle();
    const answer = await ask('erased');
    const { header, payload } = await statementIn(answer);
    const { log, logKeyring } = { ...lethe.context.http.operations, ...lethe.context };
    const [newest] = (await log.keys()).slice(-1);
    const { keyId: kid, name } = logKeyring.signerOf(newest!);
    expect(header).toEqual({ alg: 'EdDSA', kid, typ: 'biometric-status+jws' });
    expect(payload).toEqual({
      iss: lethe.url,
      aud: tenant.tenantId,
      sub: 'erased',
      iat: Date.parse(String(answer.body['asOf'])) / 1_000,
      status: 'no_usable_template',
      log: { origin: name, size: answer.body['logSize'], checkpoint: expect.any(String) },
    });
    expect(Math.abs(payload.iat - lethe.clock.nowMs() / 1_000)).toBeLessThan(10);
    const { text, signatures } = parseNote(payload.log.checkpoint)!;
    expect(parseCheckpoint(text)).toMatchObject({ origin: name, size: payload.log.size });
    expect(signatures.map(({ keyId }) => keyId)).toContain(kid);
    const served = await lethe.call('GET', '/log/checkpoint');
    expect(served.body['text']).toBe(payload.log.checkpoint);
  });

  test('when header and payload are read, then they are canonical JSON', async () => {
    const { body } = await ask('erased');
    for (const part of String(body['statement']).split('.').slice(0, 2)) {
      const text = Buffer.from(part, 'base64url').toString();
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }
  });

  test('when somebody enrols, is being erased and is erased, then the answer follows', async () => {
    const status = async () => (await ask('story')).body['status'];
    expect(await status()).toBe('no_usable_template');
    await lethe.enroll(tenant, 'story', face('story'));
    expect(await status()).toBe('template_present');
    const name = { tenantId: tenant.tenantId, uuid: 'story' };
    await lethe.context.store.subjects.beginErasure(name);
    expect(await status()).toBe('template_present');
    await lethe.context.store.subjects.remove(name);
    expect(await status()).toBe('no_usable_template');
  });

  test('when a subject of the same name is with another tenant, then each hears of its own', async () => {
    await lethe.enroll(other, 'shared', face('shared'));
    expect((await ask('shared')).body['status']).toBe('no_usable_template');
    expect((await ask('shared', other.credentials)).body['status']).toBe('template_present');
    const { payload } = await statementIn(await ask('shared', other.credentials));
    expect(payload['aud']).toBe(other.tenantId);
  });
});

describe('who may ask, and how', () => {
  test('when the credentials are not those of a client, then nothing is told', async () => {
    const lenient = await lethe.tenant({ authMode: 'apiKeyOnly' });
    const { x_api_key } = lenient.credentials;
    for (const headers of [{}, { x_api_key }, { ...tenant.credentials, clientSecret: 'lcs_wrong' }])
      expect((await ask('present', headers)).status).toBe(401);
    expect((await ask('present', lenient.credentials)).status).toBe(200);
  });

  test.each([
    'a%20b',
    'a%2Fb',
    '%00',
    'a'.repeat(129),
    'z%C3%B6e',
    '%E2%80%AE',
    '..%2f..',
    '*',
    '~x',
  ])('when the subject is %s, then it is refused at /uuid', async (uuid) => {
    const { status, body } = await ask(uuid);
    expect([status, body['code']]).toEqual([400, 'VALIDATION_FAILED']);
    expect(body['errors']).toEqual([{ pointer: '/uuid', message: expect.any(String) }]);
  });

  test('when the subject is as long as it may be, then it is accepted', async () => {
    expect((await ask('a'.repeat(128))).status).toBe(200);
  });

  test('when the address is another one or cut short, then there is nothing', async () => {
    for (const path of [
      '/v2/users/x',
      '/v2/users//biometric-status',
      '/v2/users/%zz/biometric-status',
    ])
      expect((await lethe.call('GET', path, { headers: tenant.credentials })).status).toBe(404);
  });

  test('when another method is used, then the answer says which one is right', async () => {
    for (const method of ['POST', 'DELETE', 'PUT']) {
      const answer = await lethe.call(method, pathOf('present'), { headers: tenant.credentials });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
    }
  });
});

/** The same, noting every method of a store, of the log and of the vault that is called. */
function recorded(deps: OperationDeps, calls: string[]): OperationDeps {
  const watched = <T extends object>(target: T, name: string): T =>
    new Proxy(target, {
      get: (of, member) => {
        const value: unknown = Reflect.get(of, member);
        const path = `${name}.${String(member)}`;
        if (typeof value === 'function')
          return (...args: unknown[]): unknown => {
            calls.push(path);
            return Reflect.apply(value, of, args);
          };
        return typeof value === 'object' && value !== null ? watched(value, path) : value;
      },
    });
  const { store, vault, log, reviews } = deps;
  return {
    ...deps,
    store: watched(store, 'store'),
    vault: watched(vault, 'vault'),
    log: watched(log, 'log'),
    reviews: watched(reviews, 'reviews'),
  };
}
