import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { revokeClient } from '../../src/access/clients.js';
import { restoreCheckCommands } from '../../src/cli/restore-check.js';
import { tenantEraseCommands } from '../../src/cli/tenant-erase.js';
import type { Config } from '../../src/config/config.js';
import { openContext } from '../../src/context.js';
import { runLethe } from '../cli/run-lethe.js';
import { face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { publishedLog } from '../support/published-log.js';
import { takeBackup } from '../support/restored-database.js';

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

async function enrol(uuid: string, of = tenant): Promise<void> {
  const { body } = await lethe.create(of, { type: 'ENROLL', uuid });
  expect((await lethe.submit(body['sessionId'], 'enroll', face(uuid))).status).toBe(200);
}

async function erase(uuid: string): Promise<void> {
  expect((await lethe.create(tenant, { type: 'DELETE', uuid })).status).toBe(200);
}

/** What a VERIFY of the right face comes to: SUCCESS, or the status that refused the session. */
async function verified(uuid: string, of = tenant): Promise<unknown> {
  const { status, body } = await lethe.create(of, { type: 'VERIFY', uuid });
  if (status !== 201) return status;
  return (await lethe.submit(body['sessionId'], 'verify', face(uuid))).body['status'];
}

const openService = async () => {
  const context = await openContext(config);
  const { inspectVault: inspect } = context;
  return {
    operations: context.http.operations,
    ...(inspect && { inspect }),
    close: () => context.close(),
  };
};

/** One run of `lethe` while the service is stopped. */
async function command(...argv: string[]) {
  const commands = [...restoreCheckCommands(openService), ...tenantEraseCommands(openService)];
  return await runLethe({ commands, accounts: { deps: {} } as never }, ...argv);
}

describe('a restore', () => {
  test('when users’ data of before an erasure is put back, then who was erased stays erased and the others open', async () => {
    for (const uuid of ['ada', 'bob', 'eve']) await enrol(uuid);
    await lethe.stop();
    const backup = await takeBackup(config);
    await lethe.open();
    await erase('ada');
    await enrol('later');
    await lethe.stop();

    await backup.restore('users');
    const found = await command('restore-check');
    expect([found.exitCode, found.stderr]).toEqual([
      1,
      expect.stringContaining('1 subjects have no key'),
    ]);
    await lethe.open();
    expect(await verified('bob')).toBe('SUCCESS');
    expect(await verified('ada')).toBe(404);
    const { store } = lethe.context;
    expect(await store.subjects.find({ tenantId: tenant.tenantId, uuid: 'ada' })).toBeUndefined();
    await lethe.context.sequencer.settle();
    // The erasure itself, and the same once more when its subject had come back.
    const log = await publishedLog(lethe);
    expect(log.match(/"op":"ERASURE","outcome":"succeeded"/g)).toHaveLength(2);
    // Enrolled after the backup: the subject is not in it, and its uuid is free again.
    expect(await verified('later')).toBe(404);
    await enrol('later');
    await lethe.stop();
    expect((await command('restore-check', '--json')).exitCode).toBe(0);
    await lethe.open();
  });

  test('when the key tree of before an erasure is put back, then nothing is served, the sentence says what to do, and the newest tree serves again', async () => {
    for (const uuid of ['ada', 'bob']) await enrol(uuid);
    await lethe.stop();
    const old = await takeBackup(config);
    await lethe.open();
    await erase('ada');
    await lethe.stop();
    const newest = await takeBackup(config);

    await old.restore('keys');
    await expect(lethe.open()).rejects.toThrow('older than the root');
    const found = await command('restore-check');
    expect(found.exitCode).toBe(1);
    expect(found.stderr).toContain('put back the newest copy of the key tree');
    await newest.restore('keys');
    await lethe.open();
    expect(await verified('bob')).toBe('SUCCESS');
    expect(await verified('ada')).toBe(404);
  });

  test('when all subjects of a restored database were erased since, then the start asks before it removes them', async () => {
    await enrol('ada');
    await lethe.stop();
    const backup = await takeBackup(config);
    await lethe.open();
    await erase('ada');
    await lethe.stop();
    await backup.restore('users');
    await expect(lethe.open()).rejects.toThrow('restore-check --apply');
    await lethe.stop();
    const applied = await command('restore-check', '--apply', '--json');
    expect([applied.exitCode, JSON.parse(applied.stdout)]).toEqual([
      0,
      expect.objectContaining({ isSound: true, removed: 1, withoutKey: 0 }),
    ]);
    await lethe.open();
    expect(await verified('ada')).toBe(404);
  });
});

describe('the log after a restore', () => {
  test('when a log of before an erasure is put back, then nothing is served, and the newest log serves again with every receipt', async () => {
    await enrol('ada');
    await lethe.stop();
    const old = await takeBackup(config);
    await lethe.open();
    await erase('ada');
    await lethe.stop();
    const newest = await takeBackup(config);

    await old.restore('log');
    await expect(lethe.open()).rejects.toThrow('put the newest log back');
    await newest.restore('log');
    await lethe.open();
    const { body } = await lethe.create(tenant, { type: 'DELETE', uuid: 'ada' });
    expect(body['receipt']).toEqual(expect.any(String));
  });

  test('when the log of another installation is put in its place, then nothing is served', async () => {
    await enrol('ada');
    await lethe.stop();
    writeFileSync(
      join(config.dataDir, 'log-head'),
      readFileSync(join(config.dataDir, 'log-head'), 'utf8').replace(
        /\n[^\n]{43}=\n/,
        `\n${'A'.repeat(43)}=\n`,
      ),
    );
    await expect(lethe.open()).rejects.toThrow('is not the one that this host has seen');
    rmSync(join(config.dataDir, 'log-head'));
    await lethe.open();
  });
});

describe('lethe tenant erase', () => {
  test('when a tenant is erased, then all of its subjects are gone, another tenant’s are not, and it may be repeated', async () => {
    const other = await lethe.tenant();
    for (const uuid of ['ada', 'bob']) await enrol(uuid);
    await enrol('ada', other);
    const { tenantId } = tenant;
    await lethe.stop();
    const withClients = await command('tenant', 'erase', tenantId, '--yes');
    expect(withClients.stderr).toContain('revoke them first');
    expect((await command('tenant', 'erase', tenantId)).exitCode).toBe(2);
    expect((await command('tenant', 'erase', 'unknown', '--yes')).stderr).toContain(
      'no such tenant',
    );

    const context = await openContext(config);
    await revokeClient(context, tenant.credentials.clientID);
    await context.close();
    for (const removed of [2, 0]) {
      const erased = await command('tenant', 'erase', tenantId, '--yes', '--json');
      expect([erased.stderr, JSON.parse(erased.stdout)]).toEqual(['', { tenantId, removed }]);
    }
    await lethe.open();
    expect(await lethe.context.store.subjects.count(tenantId)).toBe(0);
    expect(await verified('ada', other)).toBe('SUCCESS');
  });
});
