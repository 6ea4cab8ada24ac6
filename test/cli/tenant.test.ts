import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { tenantCommands } from '../../src/cli/tenant.js';
import { HOUR_MS } from '../../src/lib/clock.js';
import { type Accounts, memoryAccounts, NOW_MS } from '../access/memory-accounts.js';
import { createAuthority } from '../support/mutual-tls.js';
import { runLethe } from './run-lethe.js';

let accounts: Accounts;

beforeEach(() => {
  accounts = memoryAccounts();
});

function lethe(...argv: string[]) {
  return runLethe({ commands: tenantCommands, accounts }, ...argv);
}

async function json(...argv: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await lethe(...argv, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout.trimEnd()).not.toContain('\n');
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('lethe', () => {
  test.each([
    [['--help'], 'tenant create'],
    [['tenant', '--help'], 'tenant list'],
    [['tenant', 'create', '--help'], 'Usage: lethe tenant create NAME'],
    [['tenant', 'set', 'x', '--bogus', '-h'], 'Usage: lethe tenant set ID'],
    [['tenant', 'list', '--help'], 'Usage: lethe tenant list'],
  ])('when called with %j, then it helps without opening the store', async (argv, text) => {
    const run = await lethe(...argv);
    expect(run).toMatchObject({ exitCode: 0, stderr: '', opened: 0 });
    expect(run.stdout).toContain(text);
  });

  test.each([
    [[], 'lethe: name a command'],
    [['tenant'], 'lethe: there is no command "tenant"'],
    [['tenant', 'destroy'], 'lethe: there is no command "tenant destroy"'],
    [['tenant', 'create'], 'lethe tenant create: NAME is missing'],
    [['tenant', 'create', 'a', 'b'], 'lethe tenant create: unexpected argument "b"'],
    [['tenant', 'create', 'a', '--bogus'], "lethe tenant create: Unknown option '--bogus'"],
    [
      ['tenant', 'create', 'a', '--id'],
      "lethe tenant create: Option '--id <value>' argument missing",
    ],
    [['tenant', 'create', 'a', '--auth-mode', 'none'], '--auth-mode must be strict or apiKeyOnly'],
    [['tenant', 'create', 'a', '--threshold', 'm:1'], '--threshold must be MODEL:VERIFY:SIGNIN'],
    [['tenant', 'create', 'a', '--http-signatures', 'yes'], '--http-signatures must be on or off'],
    ...[
      ['--webhook-key', 'key.pem'],
      ['--webhook-certificate', 'cert.pem'],
      ['--webhook-certificate', 'none', '--webhook-key', 'key.pem'],
    ].map((given): [string[], string] => [
      ['tenant', 'set', 'a', ...given],
      '--webhook-certificate FILE and --webhook-key FILE go together',
    ]),
    [['tenant', 'set', 'a', '--webhook-ca', '/nowhere/ca.pem'], 'cannot be read (ENOENT)'],
    [
      [
        'tenant',
        'set',
        'a',
        '--webhook-certificate',
        'package.json',
        '--webhook-key',
        '/nowhere/k',
      ],
      '/nowhere/k cannot be read (ENOENT)',
    ],
    [['tenant', 'list', 'a'], 'unexpected argument "a"'],
    [['tenant', 'set'], 'ID is missing'],
    [['tenant', 'set', 'a'], 'give at least one option'],
    [['tenant', 'set', 'a', '--overlap-hours', '1'], 'needs --rotate-webhook-secret'],
    ...['-1', '169', '1.5', 'x', ''].map((hours): [string[], string] => [
      ['tenant', 'set', 'a', '--rotate-webhook-secret', `--overlap-hours=${hours}`],
      '--overlap-hours must be a whole number from 0 to 168',
    ]),
  ])('when called with %j, then it exits with 2 and one line', async (argv, text) => {
    const run = await lethe(...argv);
    expect(run).toMatchObject({ exitCode: 2, stdout: '', opened: 0 });
    expect(run.stderr).toContain(text);
    expect(run.stderr.match(/\n/g)).toHaveLength(1);
  });
});

describe('lethe tenant', () => {
  test('when a tenant is created, then its id and webhook secret are printed', async () => {
    const run = await lethe('tenant', 'create', 'Acme Bank', '--id', 'acme');
    expect(run).toMatchObject({ exitCode: 0, opened: 1, closed: 1 });
    expect(run.stdout).toMatch(/^tenant +acme$/m);
    expect(run.stdout).toMatch(/^webhook secret +whsec_[A-Za-z0-9+/]{43}=$/m);
  });

  test('when a tenant is created with every option, then it is stored so', async () => {
    const options = ['--auth-mode', 'apiKeyOnly', '--threshold', 'dlib-resnet-v1:0.9:0.95'];
    const origins = ['--frame-origin', 'https://a.example', '--frame-origin', 'https://b.example'];
    const hosts = ['--callback-host', 'hooks.acme.example', '--redirect-host', '*.acme.example'];
    const given = [...options, ...origins, ...hosts, '--http-signatures', 'on'];
    const shown = await json('tenant', 'create', 'Acme', '--id', 'acme', ...given);
    const expected = {
      tenantId: 'acme',
      displayName: 'Acme',
      authMode: 'apiKeyOnly',
      frameOrigins: ['https://a.example', 'https://b.example'],
      callbackHosts: ['hooks.acme.example'],
      redirectHosts: ['*.acme.example'],
      httpSignatures: true,
      thresholds: { 'dlib-resnet-v1': { verify: 0.9, signIn: 0.95 } },
    };
    expect(accounts.tenants.get('acme')).toMatchObject(expected);
    expect(shown).toEqual({
      ...expected,
      createdAt: '2026-09-13T12:26:40.000Z',
      webhookSecret: expect.stringMatching(/^whsec_/),
    });
  });

  test('when tenants are listed, then no secret is shown', async () => {
    await lethe('tenant', 'create', 'Acme', '--id', 'acme');
    await lethe('tenant', 'create', 'Other', '--id', 'other');
    const { tenants } = await json('tenant', 'list');
    expect(tenants).toEqual([
      expect.objectContaining({ tenantId: 'acme' }),
      expect.objectContaining({ tenantId: 'other' }),
    ]);
    expect(JSON.stringify(tenants)).not.toMatch(/webhook|secret|sealed/i);
    expect((await lethe('tenant', 'list')).stdout).toBe(
      'acme  strict  Acme\nother  strict  Other\n',
    );
  });

  test('when a tenant is changed, then only what is given changes, and none empties a list', async () => {
    await lethe('tenant', 'create', 'Acme', '--id', 'acme', '--frame-origin', 'https://a.example');
    await json(
      'tenant',
      'set',
      'acme',
      '--name',
      'Acme 2',
      '--threshold',
      'dlib-resnet-v1:0.8:0.9',
    );
    expect(accounts.tenants.get('acme')).toMatchObject({
      displayName: 'Acme 2',
      frameOrigins: ['https://a.example'],
      thresholds: { 'dlib-resnet-v1': { verify: 0.8, signIn: 0.9 } },
    });
    await json('tenant', 'set', 'acme', '--frame-origin', 'none', '--threshold', 'none');
    expect(accounts.tenants.get('acme')).toMatchObject({ frameOrigins: [], thresholds: {} });
  });

  test('when the webhook secret is rotated, then the new one is shown and the old one gets an end', async () => {
    await lethe('tenant', 'create', 'Acme', '--id', 'acme');
    const shown = await json('tenant', 'set', 'acme', '--rotate-webhook-secret');
    expect(shown['webhookSecret']).toMatch(/^whsec_/);
    const [fresh, old] = accounts.tenants.get('acme')?.webhookSecrets ?? [];
    expect(fresh?.expiresAtMs).toBeUndefined();
    expect(old?.expiresAtMs).toBe(NOW_MS + 24 * HOUR_MS);
    await json('tenant', 'set', 'acme', '--rotate-webhook-secret', '--overlap-hours', '0');
    expect(accounts.tenants.get('acme')?.webhookSecrets).toHaveLength(1);
  });

  test.each([
    [['set', 'nobody', '--name', 'x'], 'lethe tenant set: there is no tenant with this id'],
    [['create', 'Acme', '--id', 'acme'], 'lethe tenant create: tenantId is taken'],
    [['create', 'x', '--frame-origin', 'http://x'], 'lethe tenant create: frameOrigins must be'],
    [['create', 'x', '--callback-host', 'https://x'], 'callbackHosts must be at most 50 hosts'],
    [['create', 'x', '--redirect-host', 'X'], 'redirectHosts must be at most 50 hosts'],
    [
      ['create', 'x', '--webhook-ca', 'package.json'],
      'webhookTls/ca must be at most 64 KiB of PEM',
    ],
    [['create', 'x', '--threshold', 'other:0.9:0.9'], 'thresholds names an unknown model'],
  ])('when %j fails, then it exits with 1, one line and a closed store', async (argv, text) => {
    await lethe('tenant', 'create', 'Acme', '--id', 'acme');
    const run = await lethe('tenant', ...argv);
    expect(run).toMatchObject({ exitCode: 1, stdout: '', opened: 1, closed: 1 });
    expect(run.stderr).toContain(text);
    expect(run.stderr.match(/\n/g)).toHaveLength(1);
  });

  test('when hosts and signatures are changed, then the list tells what is not as usual', async () => {
    await lethe('tenant', 'create', 'Acme', '--id', 'acme');
    const hosts = ['a.example', 'b.example'].flatMap((host) => ['--callback-host', host]);
    await json('tenant', 'set', 'acme', ...hosts, '--http-signatures', 'on');
    expect((await lethe('tenant', 'list')).stdout).toBe(
      'acme  strict  Acme  callbacks to a.example b.example  HTTP signatures\n',
    );
    await json('tenant', 'set', 'acme', '--redirect-host', 'app.example');
    expect(accounts.tenants.get('acme')?.callbackHosts).toEqual(['a.example', 'b.example']);
    await json('tenant', 'set', 'acme', '--callback-host', 'none', '--redirect-host', 'none');
    await json('tenant', 'set', 'acme', '--http-signatures', 'off');
    expect((await lethe('tenant', 'list')).stdout).toBe('acme  strict  Acme\n');
  });
});

describe('the TLS of a tenant', () => {
  const authority = createAuthority('Acme CA');
  const client = authority.client();
  let dir: string;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lethe-tls-'));
    writeFileSync(join(dir, 'ca.pem'), authority.cert);
    writeFileSync(join(dir, 'cert.pem'), client.cert);
    writeFileSync(join(dir, 'key.pem'), client.key);
    await lethe('tenant', 'create', 'Acme', '--id', 'acme');
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  const file = (name: string): string => join(dir, name);

  async function setAll() {
    const identity = ['--webhook-certificate', file('cert.pem'), '--webhook-key', file('key.pem')];
    return await lethe('tenant', 'set', 'acme', '--webhook-ca', file('ca.pem'), ...identity);
  }

  test('when it is set, then certificates are named and the key is sealed and never shown', async () => {
    const run = await setAll();
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toMatch(/^webhook CA +CN=Acme CA, until 2049-12-31$/m);
    expect(run.stdout).toMatch(/^certificate +CN=client, until 2049-12-31$/m);
    const listed = await lethe('tenant', 'list', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject({
      tenants: [
        {
          webhookTls: {
            ca: [{ subject: 'CN=Acme CA', expiresAt: '2049-12-31T23:59:59.000Z' }],
            certificate: [{ subject: 'CN=client', fingerprint: expect.stringMatching(/^\w\w:/) }],
          },
        },
      ],
    });
    const plain = await lethe('tenant', 'list');
    expect(plain.stdout).toBe('acme  strict  Acme  private CA  client certificate\n');
    const secret = client.key.split('\n')[1] ?? '';
    expect(secret).toHaveLength(64);
    const shown = run.stdout + listed.stdout + plain.stdout;
    expect(shown).not.toContain(secret);
    expect(shown).not.toMatch(/sealed|private key/i);
    const stored = JSON.stringify(accounts.tenants.get('acme')?.webhookTls, (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    );
    expect(stored).toContain('BEGIN CERTIFICATE');
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain('PRIVATE KEY');
  });

  test('when one of the two is removed, then the other stays', async () => {
    await setAll();
    await json('tenant', 'set', 'acme', '--webhook-ca', 'none');
    expect(Object.keys(accounts.tenants.get('acme')?.webhookTls ?? {})).toEqual([
      'certificate',
      'sealedKey',
    ]);
    await json('tenant', 'set', 'acme', '--webhook-ca', file('ca.pem'));
    await json('tenant', 'set', 'acme', '--webhook-certificate', 'none');
    expect(Object.keys(accounts.tenants.get('acme')?.webhookTls ?? {})).toEqual(['ca']);
    await json('tenant', 'set', 'acme', '--name', 'Acme 2');
    expect(Object.keys(accounts.tenants.get('acme')?.webhookTls ?? {})).toEqual(['ca']);
    await json('tenant', 'set', 'acme', '--webhook-ca', 'none');
    expect(accounts.tenants.get('acme')).not.toHaveProperty('webhookTls');
  });

  test('when the key is of another certificate, then it is said and nothing changes', async () => {
    writeFileSync(file('key.pem'), authority.client().key);
    const run = await setAll();
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toBe(
      'lethe tenant set: webhookTls/key is not the key of the first certificate\n',
    );
    expect(accounts.tenants.get('acme')).not.toHaveProperty('webhookTls');
  });
});
