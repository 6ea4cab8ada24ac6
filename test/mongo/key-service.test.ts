import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openVaultChannel } from '../../src/outbound/vault-channel.js';
import { parseKeyName } from '../../src/vault/key-name.js';
import { createRemoteVault } from '../../src/vault/service/remote-vault.js';
import type { ApiClient } from '../support/api-client.js';
import { freePort } from '../support/free-port.js';
import type { Credentials } from '../support/lethe.js';
import { createAuthority, type Identity } from '../support/mutual-tls.js';
import type { Program } from '../support/program.js';
import type { ServerProcess } from '../support/server-process.js';
import { Processes, refusalOf } from './processes.js';

/** A start waits for the lease of a key service that was killed. */
const LIMIT_MS = 60_000;
const MOST_TENANTS = 20;

const VERIFIED = { status: 200, body: { success: true } };
const DELETED = { status: 200, body: { status: 'success' } };

let processes: Processes;
let rootPath: string;
let socket: string;
let secondRootPath: string;
let secondSocket: string;
let keyService: Program;
let servers: readonly [ServerProcess, ServerProcess];
/** Of the demo tenant. */
let credentials: Credentials;

beforeAll(async () => {
  processes = await Processes.open();
  rootPath = processes.path('root.key');
  socket = `unix:${processes.path('vault.sock')}`;
  secondRootPath = processes.path('second-root.key');
  secondSocket = `unix:${processes.path('second.sock')}`;
  keyService = await processes.keyService(rootPath, '--listen', socket);
  await startServers(socket);
  ({ credentials } = servers[0]);
}, LIMIT_MS);

afterAll(async () => {
  await processes.close();
});

/** One after the other: the first makes the service key. */
async function startServers(vaultUrl: string, env: Record<string, string> = {}): Promise<void> {
  servers = [
    await processes.server('one', { VAULT_URL: vaultUrl, ...env }),
    await processes.server('two', { VAULT_URL: vaultUrl, ...env }),
  ];
}

/** An integrator at each of the servers. */
function clients(of: Credentials = credentials): readonly [ApiClient, ApiClient] {
  return [processes.client(servers[0], of), processes.client(servers[1], of)];
}

describe('two API servers with a key service', () => {
  test('when a subject enrols at one, then it verifies at the other; when it is deleted at one, then at none', async () => {
    const [one, two] = clients();
    expect(await one.enroll('ann')).toMatchObject({ status: 200 });
    expect(await two.verify('ann')).toMatchObject(VERIFIED);
    expect(await two.delete('ann')).toMatchObject(DELETED);
    for (const client of [one, two])
      expect(await client.verify('ann')).toMatchObject({ status: 404 });
    expect(await two.enroll('ann')).toMatchObject({ status: 200 });
    expect(await one.verify('ann')).toMatchObject(VERIFIED);
  });

  test('when both run, then only the key service has a root', () => {
    expect(existsSync(rootPath)).toBe(true);
    for (const { dataDir } of servers)
      expect(readdirSync(dataDir).filter((name) => name.includes('root'))).toEqual([]);
  });

  test(
    'when another process wants the root, or a copy of it, then it is refused in one sentence',
    async () => {
      const copies = [processes.path('copy.key'), processes.path('other-copy.key')] as const;
      for (const copy of copies) copyFileSync(rootPath, copy);
      const second = ['--listen', secondSocket];
      const refusals = await Promise.all([
        refusalOf(processes.keyService(copies[0], ...second)),
        refusalOf(processes.keyService(rootPath, ...second)),
        refusalOf(processes.keyService(processes.path('none.key'), ...second)),
        refusalOf(processes.server('alone', {})),
        refusalOf(processes.server('alone-with-copy', { ROOT_KEY_PATH: copies[1] })),
      ]);
      const missing =
        'is missing, but the database holds keys that only this root opens; put it back, or name the key service that has it in VAULT_URL';
      const remedy = 'give this one VAULT_URL so that it calls a key service';
      const used = `another process uses this root and answers; stop it first, or ${remedy}`;
      expect(refusals).toEqual([
        `lethe key-service: ${used}`,
        `lethe key-service: ${rootPath} is in use by another process, and a root has one owner; stop that one, or ${remedy}`,
        `lethe key-service: ${processes.path('none.key')} ${missing}`,
        `lethe cannot start: ${processes.path('alone/root.key')} ${missing}`,
        `lethe cannot start: ${used}`,
      ]);
      expect(await clients()[0].verify('ann')).toMatchObject(VERIFIED);
    },
    LIMIT_MS,
  );

  test(
    'when the key service is killed, then what needs keys answers 503; when it is back, then nothing is lost',
    async () => {
      const [one, two] = clients();
      for (const uuid of ['bob', 'cem', 'dia'])
        expect(await one.enroll(uuid)).toMatchObject({ status: 200 });
      await keyService.kill();

      for (const answer of [
        await one.delete('bob'),
        await two.delete('cem'),
        await two.verify('dia'),
        await one.enroll('eve'),
      ]) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      for (const client of [one, two]) {
        expect(await client.get('/health/ready')).toMatchObject({ status: 503 });
        expect(await client.get('/health/live')).toMatchObject({ status: 200 });
      }

      keyService = await processes.keyService(rootPath, '--listen', socket);
      for (const client of [one, two])
        expect(await client.get('/health/ready')).toMatchObject({ status: 200 });
      for (const [uuid, client] of [
        ['bob', one],
        ['cem', one],
      ] as const) {
        expect(await client.delete(uuid)).toMatchObject(DELETED);
        for (const asked of [one, two])
          expect(await asked.verify(uuid)).toMatchObject({ status: 404 });
      }
      for (const client of [one, two])
        for (const uuid of ['ann', 'dia'])
          expect(await client.verify(uuid)).toMatchObject(VERIFIED);
      expect(await two.enroll('eve')).toMatchObject({ status: 200 });
      expect(await one.verify('eve')).toMatchObject(VERIFIED);
    },
    LIMIT_MS,
  );
});

describe('a key service that did nothing for longer than its lease', () => {
  test(
    'when another one has taken over meanwhile, with a copy of the root, then it ends in one sentence',
    async () => {
      const copy = processes.path('standby.key');
      copyFileSync(rootPath, copy);
      keyService.pause();
      const standby = `unix:${processes.path('standby.sock')}`;
      const successor = await processes.keyService(copy, '--listen', standby);
      keyService.resume();
      expect(await keyService.ended).toBe(1);
      const [, ...lines] = keyService.output.trim().split('\n');
      expect(lines).toEqual([
        'lethe key-service: another process has taken over the root of this one, which must be stopped',
      ]);
      expect(await successor.stop()).toBe(0);
      keyService = await processes.keyService(rootPath, '--listen', socket);
      expect(await clients()[0].verify('ann')).toMatchObject(VERIFIED);
    },
    LIMIT_MS,
  );
});

describe('two key services with a root each', () => {
  beforeAll(async () => {
    await processes.keyService(secondRootPath, '--listen', secondSocket, '--new-root');
    await Promise.all(servers.map((server) => server.stop()));
    await startServers(`${socket},${secondSocket}`);
  }, LIMIT_MS);

  test(
    'when tenants enrol, then both get keys, and every deletion makes a new root where its key was, and only there',
    async () => {
      expect(existsSync(secondRootPath)).toBe(true);
      const tenants = await tenantsAtBothRoots();
      for (const [rootId, tenant] of tenants) {
        const before = await epochs();
        const [one, two] = clients(tenant);
        expect(await one.verify('gil')).toMatchObject(VERIFIED);
        expect(await two.delete('gil')).toMatchObject(DELETED);
        for (const client of [one, two])
          expect(await client.verify('gil')).toMatchObject({ status: 404 });
        const after = await epochs();
        for (const id of tenants.keys())
          expect(after.get(id)).toBe((before.get(id) ?? 0) + (id === rootId ? 1 : 0));
      }
      expect(await clients()[1].verify('ann')).toMatchObject(VERIFIED);
    },
    LIMIT_MS,
  );

  /** Enrols somebody for new tenants until each root holds a key; one tenant for each. */
  async function tenantsAtBothRoots(): Promise<ReadonlyMap<string, Credentials>> {
    const tenants = new Map<string, Credentials>();
    for (let count = 0; count < MOST_TENANTS && tenants.size < 2; count += 1) {
      const tenant = await processes.tenant();
      const known = new Set((await processes.subjects()).map(({ tenantId }) => tenantId));
      expect(await clients(tenant)[count % 2]?.enroll('gil')).toMatchObject({ status: 200 });
      const enrolled = (await processes.subjects()).find(({ tenantId }) => !known.has(tenantId));
      tenants.set(parseKeyName(enrolled?.enrolment.keyId ?? '')?.rootId ?? '', tenant);
    }
    expect(tenants.size).toBe(2);
    return tenants;
  }

  async function epochs(): Promise<ReadonlyMap<string, number>> {
    const of = new Map<string, number>();
    for (const url of [socket, secondSocket]) {
      const vault = createRemoteVault({ url, openChannel: openVaultChannel });
      for (const { rootId, epoch } of await vault.roots()) of.set(rootId, epoch);
      await vault.close();
    }
    expect(of.size).toBe(2);
    return of;
  }
});

describe('a key service behind TLS', () => {
  const authority = createAuthority('installation');
  const tlsFile = (name: string, pem: string): string => {
    const path = processes.path(name);
    writeFileSync(path, pem);
    return path;
  };
  const peer = (name: string, { cert, key }: Identity) => ({
    PEER_CA_PATH: tlsFile('ca.pem', authority.cert),
    PEER_CERT_PATH: tlsFile(`${name}.pem`, cert),
    PEER_KEY_PATH: tlsFile(`${name}.key.pem`, key),
  });
  let vaultUrl: string;

  beforeAll(async () => {
    const port = (await freePort()).toString();
    const { cert, key } = authority.server('localhost');
    const files = [
      ['--cert', tlsFile('server.pem', cert)],
      ['--key', tlsFile('server.key.pem', key)],
      ['--client-ca', tlsFile('ca.pem', authority.cert)],
    ].flat();
    expect(await keyService.stop()).toBe(0);
    const listen = ['--listen', `https://127.0.0.1:${port}`];
    keyService = await processes.keyService(rootPath, ...listen, ...files);
    await Promise.all(servers.map((server) => server.stop()));
    vaultUrl = [`https://localhost:${port}`, secondSocket].join();
    await startServers(vaultUrl, peer('client', authority.client()));
  }, LIMIT_MS);

  test('when the servers show certificates of its authority, then all works as before', async () => {
    const [one, two] = clients();
    expect(await two.verify('ann')).toMatchObject(VERIFIED);
    expect(await one.enroll('hal')).toMatchObject({ status: 200 });
    expect(await two.verify('hal')).toMatchObject(VERIFIED);
    expect(await one.delete('ann')).toMatchObject(DELETED);
    for (const client of [one, two])
      expect(await client.verify('ann')).toMatchObject({ status: 404 });
  });

  test('when a server shows the certificate of another authority, or nobody listens, then it does not start and says why in one sentence', async () => {
    const stranger = peer('stranger', createAuthority('installation').client());
    const nobody = `unix:${processes.path('nobody.sock')}`;
    const refusals = await Promise.all([
      refusalOf(processes.server('strange', { VAULT_URL: vaultUrl, ...stranger })),
      refusalOf(processes.server('lonely', { VAULT_URL: `${secondSocket},${nobody}` })),
    ]);
    const [url] = vaultUrl.split(',');
    expect(refusals).toEqual([
      `lethe cannot start: the key service at ${String(url)} ended the connection without an answer; see whether it runs, and whether its --client-ca signed the certificate of this process`,
      `lethe cannot start: the key service at ${nobody} cannot be reached; start it with lethe key-service, or set the address right`,
    ]);
  });
});
