import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openStore } from '../../src/application.js';
import { rootCommands } from '../../src/cli/root.js';
import type { Config } from '../../src/config/config.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { openRootStores, ownVault } from '../../src/vault-context.js';
import { runLethe } from '../cli/run-lethe.js';
import { capturedLog } from '../support/captured-log.js';
import { face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';

let lethe: TestLethe;
let tenant: TestTenant;
let config: Config;

beforeEach(async () => {
  lethe = await TestLethe.start({ env: { DELETE_RATE_LIMIT: '1000' } });
  tenant = await lethe.tenant();
  ({ config } = lethe.context);
});
afterEach(async () => {
  await lethe.close();
});

const file = (name: string) => join(config.dataDir, name);

async function openKeys() {
  const store = await openStore(config);
  const { watch } = capturedLog();
  const own = await ownVault({ config, store, watch, onFenced: () => undefined });
  const close = async () => {
    await own.close();
    await store.close();
  };
  return { ...own, whenFenced: new Promise<Error>(() => undefined), close };
}

async function command(...argv: string[]) {
  const openers = { openKeys, openRootStores: async () => await openRootStores(config) };
  return await runLethe(
    { commands: rootCommands(openers), accounts: { deps: {} } as never },
    ...argv,
  );
}

async function enrol(uuid: string): Promise<void> {
  await lethe.enroll(tenant, uuid, face(uuid));
}

function writeKeys(type: 'x25519' | 'rsa'): void {
  const pair =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync(type);
  writeFileSync(file('public.pem'), pair.publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(file('private.pem'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

async function escrow(): Promise<void> {
  const options = ['--days', '3', '--recipient', file('public.pem'), '--out', file('root.jwe')];
  const made = await command('root', 'escrow', ...options);
  expect([made.exitCode, made.stderr]).toEqual([0, '']);
}

interface Told {
  readonly until: string;
}

const restore = async () =>
  await command(
    'root',
    'restore',
    '--from',
    file('root.jwe'),
    '--private-key',
    file('private.pem'),
  );

test('when a root is in escrow, then every DELETE says until when, also when it is repeated, and no longer after that', async () => {
  for (const uuid of ['ada', 'bob', 'eve']) await enrol(uuid);
  writeKeys('x25519');
  const erase = async (uuid: string) => (await lethe.create(tenant, { type: 'DELETE', uuid })).body;
  expect(await erase('eve')).not.toHaveProperty('irrecoverableBy');
  await lethe.stop();
  await escrow();
  await lethe.open();
  const erased = await erase('ada');
  const untilMs = Date.parse(String(erased['irrecoverableBy']));
  expect(Math.abs(untilMs - Date.now() - 3 * DAY_MS)).toBeLessThan(3_600_000);
  expect((await erase('ada'))['irrecoverableBy']).toBe(erased['irrecoverableBy']);
  lethe.clock.advance(untilMs - lethe.clock.nowMs());
  const late = await erase('bob');
  expect(late).toHaveProperty('receipt');
  expect(late).not.toHaveProperty('irrecoverableBy');
  expect(await erase('ada')).not.toHaveProperty('irrecoverableBy');
});

test.each(['x25519', 'rsa'] as const)(
  'when the root is lost and an escrowed one (%s) is put back, then what is enrolled opens again',
  async (type) => {
    await enrol('ada');
    await lethe.stop();
    writeKeys(type);
    await escrow();
    expect(readFileSync(file('root.jwe'), 'utf8')).not.toContain('LETHERT1');
    renameSync(file('root.key'), file('lost'));
    await expect(lethe.open()).rejects.toThrow('root.key is missing');
    await lethe.stop();
    expect((await restore()).stderr).toBe('');
    await lethe.open();
    expect(await lethe.verifies(tenant, 'ada', face('ada'))).toBe(true);
  },
);

test('when a second copy expires earlier than the first, then a DELETE still tells the later time', async () => {
  await enrol('ada');
  await lethe.stop();
  writeKeys('x25519');
  const times: unknown[] = [];
  for (const days of ['30', '3']) {
    const out = file(`root-${days}.jwe`);
    const options = ['--days', days, '--recipient', file('public.pem'), '--out', out, '--json'];
    times.push((JSON.parse((await command('root', 'escrow', ...options)).stdout) as Told).until);
  }
  expect(times[1]).toBe(times[0]);
  await lethe.open();
  const { body } = await lethe.create(tenant, { type: 'DELETE', uuid: 'ada' });
  expect(body['irrecoverableBy']).toBe(times[0]);
});

test('when an escrowed root is of before an erasure, then the newer tree refuses it', async () => {
  await enrol('ada');
  await lethe.stop();
  writeKeys('x25519');
  await escrow();
  await lethe.open();
  await lethe.create(tenant, { type: 'DELETE', uuid: 'ada' });
  await lethe.stop();
  rmSync(file('root.key'));
  await restore();
  await expect(lethe.open()).rejects.toThrow('the root is older than the key tree');
});

test('when something does not fit, then nothing is written', async () => {
  await lethe.stop();
  writeKeys('x25519');
  const options = (days: string) => [
    '--days',
    days,
    '--recipient',
    file('public.pem'),
    '--out',
    file('root.jwe'),
  ];
  for (const days of ['0', '367', 'x'])
    expect((await command('root', 'escrow', ...options(days))).exitCode).toBe(2);
  writeFileSync(file('no.pem'), 'no key');
  const wrong = ['--days', '1', '--recipient', file('no.pem'), '--out', file('root.jwe')];
  expect((await command('root', 'escrow', ...wrong)).stderr).toContain('holds no public key');
  expect(existsSync(file('root.jwe'))).toBe(false);
  await escrow();
  const again = await command('root', 'escrow', ...options('1'));
  expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('exists already')]);
  expect((await restore()).stderr).toContain('holds a share already');
  writeKeys('x25519');
  expect((await restore()).stderr).toContain('does not open with this private key');
});
