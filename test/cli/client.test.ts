import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { authenticate } from '../../src/access/authenticate.js';
import { createTenant } from '../../src/access/tenants.js';
import { clientCommands } from '../../src/cli/client.js';
import { type Accounts, memoryAccounts } from '../access/memory-accounts.js';
import { runLethe } from './run-lethe.js';

let accounts: Accounts;
let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lethe-client-'));
  accounts = memoryAccounts();
  await createTenant(accounts.deps, { displayName: 'Acme', tenantId: 'acme' });
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function lethe(...argv: string[]) {
  return runLethe({ commands: clientCommands, accounts }, ...argv);
}

interface Shown {
  readonly clientID: string;
  readonly apiKey: string;
  readonly clientSecret: string;
  readonly previousEndsAt?: string;
}

async function json(...argv: string[]): Promise<Shown> {
  const { exitCode, stdout, stderr } = await lethe(...argv, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Shown;
}

function isAccepted({ apiKey, clientID, clientSecret }: Shown): Promise<boolean> {
  const presented = { apiKey, clientId: clientID, clientSecret };
  return authenticate(accounts.deps, {
    presented,
    body: new Uint8Array(0),
    mayUseApiKeyOnly: false,
  }).then(
    () => true,
    () => false,
  );
}

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe('lethe client', () => {
  test('when a client is created, then what is printed is accepted', async () => {
    const { stdout } = await lethe('client', 'create', 'acme');
    const value = (name: string) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(stdout)?.[1] ?? '';
    const shown = {
      apiKey: value('x_api_key'),
      clientID: value('clientID'),
      clientSecret: value('clientSecret'),
    };
    expect(await isAccepted(shown)).toBe(true);
    expect(await isAccepted(await json('client', 'create', 'acme'))).toBe(true);
  });

  test('when SLC keys are given, then the public keys are stored', async () => {
    const jwks = [
      generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
    ];
    const options = jwks.flatMap((jwk, i) => [
      '--slc-key',
      file(`${i.toString()}.jwk`, JSON.stringify(jwk)),
    ]);
    const { clientID } = await json('client', 'create', 'acme', ...options, '--no-hs256');
    const client = accounts.clients.get(clientID);
    expect(client?.slcKeys).toEqual(jwks);
    expect(client?.secrets[0]?.sealed).toBeUndefined();
  });

  test('when the secret is rotated, then it says until when the previous one is accepted', async () => {
    const old = await json('client', 'create', 'acme');
    const fresh = await json('client', 'rotate', old.clientID, '--overlap-hours', '2');
    expect(fresh.previousEndsAt).toBe('2026-09-13T14:26:40.000Z');
    expect(await isAccepted(old)).toBe(true);
    expect(await isAccepted({ ...old, clientSecret: fresh.clientSecret })).toBe(true);
    accounts.clock.passHours(2);
    expect(await isAccepted(old)).toBe(false);
  });

  test('when the secret is rotated without options, then the overlap is a day', async () => {
    const { clientID } = await json('client', 'create', 'acme');
    expect((await json('client', 'rotate', clientID)).previousEndsAt).toBe(
      '2026-09-14T12:26:40.000Z',
    );
    const { stdout } = await lethe('client', 'rotate', clientID, '--overlap-hours', '0');
    expect(stdout).toContain('The previous secret is no longer accepted.');
  });

  test('when a client is revoked, then it is not accepted and the list says so', async () => {
    const gone = await json('client', 'create', 'acme');
    const other = await json('client', 'create', 'acme');
    expect(await lethe('client', 'revoke', gone.clientID)).toMatchObject({
      exitCode: 0,
      stdout: `${gone.clientID} is revoked.\n`,
    });
    expect(await isAccepted(gone)).toBe(false);
    expect((await lethe('client', 'list', 'acme')).stdout).toBe(
      `${gone.clientID}  revoked  since 2026-09-13T12:26:40.000Z\n` +
        `${other.clientID}  live  since 2026-09-13T12:26:40.000Z\n`,
    );
  });

  test('when clients are listed, then neither secrets nor digests are shown', async () => {
    await json('client', 'create', 'acme');
    const { stdout } = await lethe('client', 'list', 'acme', '--json');
    expect(JSON.parse(stdout)).toEqual({
      clients: [
        {
          clientID: expect.stringMatching(/^lci_/),
          tenantId: 'acme',
          slcKeys: [],
          scopes: [],
          createdAt: '2026-09-13T12:26:40.000Z',
        },
      ],
    });
  });

  test('when a client is created with a scope, then the list shows it, until the scopes are replaced', async () => {
    const { clientID } = await json('client', 'create', 'acme', '--scope', 'audit:read');
    expect(accounts.clients.get(clientID)?.scopes).toEqual(['audit:read']);
    const line = `${clientID}  live  since 2026-09-13T12:26:40.000Z`;
    expect((await lethe('client', 'list', 'acme')).stdout).toBe(`${line}  audit:read\n`);
    expect((await lethe('client', 'scope', clientID, '--none')).stdout).toBe(
      `${clientID} may do: nothing besides.\n`,
    );
    expect((await lethe('client', 'list', 'acme')).stdout).toBe(`${line}\n`);
    const twice = ['--scope', 'audit:read', '--scope', 'audit:read'];
    const shown = await json('client', 'scope', clientID, ...twice);
    expect(shown).toMatchObject({ clientID, scopes: ['audit:read'] });
    expect(accounts.clients.get(clientID)?.scopes).toEqual(['audit:read']);
  });

  test.each([
    [['create'], 'TENANT is missing'],
    [['create', 'acme', '--scope', 'audit:write'], '--scope must be one of audit:read'],
    [['create', 'acme', '--scope='], '--scope must be one of audit:read'],
    [['scope'], 'CLIENT is missing'],
    [['scope', 'lci_x'], 'give either --scope or --none'],
    [['scope', 'lci_x', '--none', '--scope', 'audit:read'], 'give either --scope or --none'],
    [['scope', 'lci_x', '--scope', 'AUDIT:READ'], '--scope must be one of audit:read'],
    [['create', 'acme', '--no-hs256=1'], '--no-hs256'],
    [['rotate'], 'CLIENT is missing'],
    [['rotate', 'x', '--overlap-hours', '169'], 'must be a whole number from 0 to 168'],
    [['revoke'], 'CLIENT is missing'],
    [['list'], 'TENANT is missing'],
  ])(
    'when %j is bad usage, then it exits with 2 before the store is opened',
    async (argv, text) => {
      const run = await lethe('client', ...argv);
      expect(run).toMatchObject({ exitCode: 2, stdout: '', opened: 0 });
      expect(run.stderr).toContain(text);
      expect(run.stderr.match(/\n/g)).toHaveLength(1);
    },
  );

  test.each([
    [['create', 'nobody'], 'there is no tenant with this id'],
    [['list', 'nobody'], 'there is no tenant with this id'],
    [['rotate', 'lci_x'], 'there is no client with this id'],
    [['revoke', 'lci_x'], 'there is no client with this id'],
    [['scope', 'lci_x', '--none'], 'there is no client with this id'],
  ])('when %j fails, then it exits with 1 and a closed store', async (argv, text) => {
    const run = await lethe('client', ...argv);
    expect(run).toMatchObject({ exitCode: 1, stdout: '', closed: 1 });
    expect(run.stderr).toBe(`lethe client ${argv[0] ?? ''}: ${text}\n`);
  });

  test.each([
    ['is missing', undefined, 'cannot be read'],
    ['is no JSON', 'key', 'is not JSON'],
    ['is no key', '{}', 'must be a public JWK on Ed25519 or P-256'],
    [
      'holds a private key',
      JSON.stringify(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })),
      'holds a private key; register the public key alone',
    ],
  ])(
    'when the key file %s, then nothing is made and nothing of it is printed',
    async (_, content, text) => {
      const path = content === undefined ? join(directory, 'none') : file('key.jwk', content);
      const run = await lethe('client', 'create', 'acme', '--slc-key', path);
      expect(run).toMatchObject({ exitCode: 1, stdout: '', opened: 0 });
      expect(run.stderr).toBe(`lethe client create: ${path} ${text}\n`);
      expect(accounts.clients.size).toBe(0);
    },
  );
});
