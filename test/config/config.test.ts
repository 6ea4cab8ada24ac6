import { describe, expect, test } from '@jest/globals';
import { ConfigError, readConfig } from '../../src/config/config.js';
import { VARIABLES } from '../../src/config/env.js';

describe('the configuration', () => {
  test('when nothing is given, then it serves on localhost:3000 with SQLite under ./data and is strict', () => {
    const config = readConfig({});
    expect(config.http).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      publicUrl: 'http://localhost:3000',
      deleteRateLimit: 3,
      isPickerShown: false,
      trustedProxies: 0,
    });
    expect(config.egress).toEqual({ allowHttp: false, ports: [443, 8443], privateCidrs: [] });
    expect(config.mongodbUri).toBeUndefined();
    expect(config.dataDir).toMatch(/\/data$/);
    expect(config.vault).toEqual({
      shares: [{ kind: 'file', path: expect.stringMatching(/\/data\/root\.key$/) }],
      keyServices: [],
      peerTls: undefined,
    });
    expect(config.deliveryScheduleMs.reduce((sum, delay) => sum + delay)).toBe(272_105_000);
  });

  test.each([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PUBLIC_URL', 'localhost'],
    ['PUBLIC_URL', 'ftp://host'],
    ['PUBLIC_URL', 'https://host/path'],
    ['PUBLIC_URL', 'https://user@host'],
    ['NODE_ENV', 'prod'],
    ['LOG_LEVEL', 'loud'],
    ['MONGODB_URI', 'postgres://host'],
    ['VAULT_URL', 'http://keys.internal:8443'],
    ['VAULT_URL', 'https://keys.internal:8443'],
    ['ROOT_SHARES', 'https://share.internal:8444'],
    ['ROOT_SHARES', 'ftp://share.internal'],
    ['ROOT_SHARES', 'pkcs11:token=lethe'],
    ['ROOT_SHARES', 'data/root.key'],
    ['ROOT_SHARES', '/mnt/a,/mnt/a'],
    ['PEER_CA_PATH', 'ca.pem'],
    ['ALLOWED_HTTP_CALLBACKS', 'yes'],
    ['PRIVATE_CALLBACK_CIDRS', '127.0.0.1'],
    ['PRIVATE_CALLBACK_CIDRS', '127.0.0.1/33'],
    ['PRIVATE_CALLBACK_CIDRS', '10.0.0.0/8,::1/129'],
    ['ALLOWED_CALLBACK_PORTS', '0'],
    ['ALLOWED_CALLBACK_PORTS', '443,https'],
    ['ALLOWED_CALLBACK_PORTS', ','],
    ['DELETE_RATE_LIMIT', '0'],
    ['DELETE_RATE_LIMIT', '3.5'],
    ['AUTH_FAILURE_RATE_LIMIT', 'none'],
    ['DELIVERY_SCHEDULE_SECONDS', '0,soon'],
    ['DELIVERY_SCHEDULE_SECONDS', '-1'],
    ['MATCH_THRESHOLDS', 'another-model:0.9:0.9'],
    ['MATCH_THRESHOLDS', 'dlib-resnet-v1:0.9'],
    ['MATCH_THRESHOLDS', 'dlib-resnet-v1:1.1:0.9'],
    ['MATCH_THRESHOLDS', 'constructor:0.9:0.9'],
    ['TRUST_PROXY', 'true'],
    ['RETENTION_DAYS', '0'],
    ['REDIRECT_WAIT_SECONDS', '31'],
    ['LAUNCH_PAGE_PICKER', '2'],
  ] as const)('when %s is %p, then the start is refused with its name', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(ConfigError);
    expect(() => readConfig({ [name]: value })).toThrow(new RegExp(`^${name} `));
  });

  test('when it is production, then plain http and the development picker are refused', () => {
    expect(() => readConfig({ NODE_ENV: 'production' })).toThrow(/^PUBLIC_URL /);
    const production = { NODE_ENV: 'production', PUBLIC_URL: 'https://lethe.example' };
    expect(readConfig(production).isProduction).toBe(true);
    expect(() => readConfig({ ...production, LAUNCH_PAGE_PICKER: '1' })).toThrow(
      /^LAUNCH_PAGE_PICKER /,
    );
  });

  test('when values are given, then they are typed', () => {
    const config = readConfig({
      ALLOWED_HTTP_CALLBACKS: '1',
      PRIVATE_CALLBACK_CIDRS: '127.0.0.1/32, ::1/128',
      ALLOWED_CALLBACK_PORTS: '443, 8080',
      MATCH_THRESHOLDS: 'dlib-resnet-v1:0.9:0.97',
      PUBLIC_URL: 'https://lethe.example:8443/',
    });
    expect(config.egress).toEqual({
      allowHttp: true,
      ports: [443, 8080],
      privateCidrs: ['127.0.0.1/32', '::1/128'],
    });
    expect(config.models['dlib-resnet-v1']).toEqual({
      dimension: 128,
      thresholds: { verify: 0.9, signIn: 0.97 },
    });
    expect(config.http.publicUrl).toBe('https://lethe.example:8443');
  });

  test('when the README lists the variables, then it lists exactly those that are read', async () => {
    const { readFile } = await import('node:fs/promises');
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const section = readme.split('\n## Configuration\n')[1]?.split('\n## ')[0] ?? '';
    const firstCells = section
      .split('\n')
      .flatMap((line) => /^\| (`[A-Z][^|]*) \|/.exec(line)?.[1] ?? []);
    const listed = firstCells.flatMap((cell) => cell.match(/[A-Z][A-Z_]+/g) ?? []);
    expect(listed.sort()).toEqual([...VARIABLES].sort());
  });
});
