import { beforeEach, describe, expect, test } from '@jest/globals';
import { tenantCommands } from '../../src/cli/tenant.js';
import { HOUR_MS } from '../../src/lib/clock.js';
import { type Accounts, memoryAccounts, NOW_MS } from '../access/memory-accounts.js';
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
    const shown = await json('tenant', 'create', 'Acme', '--id', 'acme', ...options, ...origins);
    const expected = {
      tenantId: 'acme',
      displayName: 'Acme',
      authMode: 'apiKeyOnly',
      frameOrigins: ['https://a.example', 'https://b.example'],
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
    [['create', 'x', '--threshold', 'other:0.9:0.9'], 'thresholds names an unknown model'],
  ])('when %j fails, then it exits with 1, one line and a closed store', async (argv, text) => {
    await lethe('tenant', 'create', 'Acme', '--id', 'acme');
    const run = await lethe('tenant', ...argv);
    expect(run).toMatchObject({ exitCode: 1, stdout: '', opened: 1, closed: 1 });
    expect(run.stderr).toContain(text);
    expect(run.stderr.match(/\n/g)).toHaveLength(1);
  });
});
