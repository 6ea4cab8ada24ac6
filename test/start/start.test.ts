import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createDemoTenant } from '../../src/access/demo-tenant.js';
import { readConfig } from '../../src/config/config.js';
import { openContext } from '../../src/context.js';
import { freePort } from '../support/free-port.js';
import { ServerProcess } from '../support/server-process.js';

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lethe-start-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

const config = () => readConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'error' });

describe('a start', () => {
  test('when the service key is not the one that the store was made with, then it is refused', async () => {
    await (await openContext(config())).close();
    writeFileSync(join(dataDir, 'service.key'), Buffer.alloc(32, 1));
    await expect(openContext(config())).rejects.toThrow(
      /not the one that this store was made with/,
    );
  });

  test('when the root is missing or damaged, then it is refused, and nothing is made in its place', async () => {
    await (await openContext(config())).close();
    const path = join(dataDir, 'root.key');
    copyFileSync(path, join(dataDir, 'kept'));
    rmSync(path);
    await expect(openContext(config())).rejects.toThrow(`${path} is missing`);
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, Buffer.alloc(8_192, 1), { mode: 0o600 });
    await expect(openContext(config())).rejects.toThrow(`${path} holds no whole root slot`);
    writeFileSync(path, Buffer.alloc(32, 1));
    await expect(openContext(config())).rejects.toThrow('exactly 8192 bytes');
    copyFileSync(join(dataDir, 'kept'), path);
    await (await openContext(config())).close();
  });

  test('when the key file is put back, then it starts again with the same keys', async () => {
    const first = await openContext(config());
    await first.close();
    copyFileSync(join(dataDir, 'service.key'), join(dataDir, 'kept'));
    rmSync(join(dataDir, 'service.key'));
    await expect(openContext(config())).rejects.toThrow('is missing');
    copyFileSync(join(dataDir, 'kept'), join(dataDir, 'service.key'));
    const again = await openContext(config());
    expect(again.signingKey.kid).toBe(first.signingKey.kid);
    expect(again.http.operations.payloadKey.kid).toBe(first.http.operations.payloadKey.kid);
    await again.close();
  });

  test('when there is no tenant yet, then the demo tenant is made once, its file for the owner alone', async () => {
    const context = await openContext(config());
    const path = join(dataDir, 'demo-credentials.json');
    const deps = { ...context, models: context.config.models };
    expect(await createDemoTenant(deps, { path, webhookPublicKey: 'whpk_x' })).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await createDemoTenant(deps, { path, webhookPublicKey: 'whpk_x' })).toBe(false);
    expect(await context.store.access.listTenants()).toHaveLength(1);
    await context.close();
  });
});

describe('a process', () => {
  test('when another one serves the data directory, then it ends with one sentence', async () => {
    const server = await ServerProcess.on(await freePort());
    const second = await ServerProcess.on(await freePort(), { DATA_DIR: server.dataDir });
    try {
      await server.start();
      await expect(second.start()).rejects.toThrow(
        /ended with 1: lethe cannot start: .* is in use/,
      );
      await server.kill();
      await second.start();
    } finally {
      await second.close();
      await server.close();
    }
  }, 60_000);

  test('when it is production and the demo client is live, then it does not start', async () => {
    const server = await ServerProcess.on(await freePort());
    const strict = await ServerProcess.on(await freePort(), {
      DATA_DIR: server.dataDir,
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://lethe.example',
    });
    try {
      await server.start();
      await server.stop();
      await expect(strict.start()).rejects.toThrow(/lethe client revoke/);
    } finally {
      await strict.close();
      await server.close();
    }
  }, 60_000);

  test('when a variable is invalid, then it ends with the name of the variable', async () => {
    const server = await ServerProcess.on(await freePort(), { LOG_LEVEL: 'loud' });
    try {
      await expect(server.start()).rejects.toThrow(/lethe cannot start: LOG_LEVEL must be one of/);
    } finally {
      await server.close();
    }
  });
});
