import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import type { SealContext } from '../../src/callbacks/day-sealer.js';
import { deriveKey } from '../../src/crypto/hash.js';
import { SealBroken } from '../../src/crypto/seal.js';
import { createSealer } from '../../src/crypto/sealer.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { utf8Text } from '../../src/lib/bytes.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { removeOutdated } from '../../src/operations/housekeeping.js';
import type { BucketKey } from '../../src/vault/buckets/bucket-key-store.js';
import { parseKeyName } from '../../src/vault/key-name.js';
import { openTemplate } from '../../src/vault/template-seal.js';
import { rootPathOf } from '../support/erasure-story.js';
import { eventually, TestLethe, type TestTenant } from '../support/lethe.js';
import { keysNamed } from '../support/loot.js';

const dir = mkdtempSync(join(tmpdir(), 'lethe-thief-callbacks-'));
const rootBefore = join(dir, 'root-before.key');

/** A folder with the files of the database as they were once. */
type Backup = string;

interface Rows {
  readonly callbacks: readonly { sessionId: string; sealedCallback: Uint8Array }[];
  readonly bodies: readonly { sessionId: string; deliveryId: string; sealedBody: Uint8Array }[];
  readonly keys: readonly BucketKey[];
}

let lethe: TestLethe;
let tenant: TestTenant;
/** Of the first day, and of four days later. */
let early: string;
let late: string;
let backups: Backup[];
/** What the thief got before the retention of the first day had passed, and after. */
let before: Awaited<ReturnType<typeof steal>>;
let after: typeof before;

beforeAll(async () => {
  // The shortest: the key of a day outlives it by seven days.
  lethe = await TestLethe.start({ env: { RETENTION_DAYS: '1' } });
  tenant = await lethe.tenant();
  early = await canceled('early');
  const day = dayIn(rowsOf(backUp('first')).callbacks[0]!.sealedCallback);
  backups = [join(dir, 'first')];
  await travelTo(lethe.clock.nowMs() + 4 * DAY_MS);
  late = await canceled('late');
  backups.push(backUp('second'));
  const rootPath = rootPathOf(lethe);
  copyFileSync(rootPath, rootBefore);
  before = await steal({ backups, rootPath });

  await travelTo(Date.parse(day) + 8 * DAY_MS + 1);
  const { operations } = lethe.context.http;
  await removeOutdated(operations, { sessionsMs: DAY_MS, reviewMonths: 12 });
  backups.push(backUp('third'));
  after = await steal({ backups, rootPath });
}, 60_000);

afterAll(async () => {
  await lethe.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A session with secrets in its callback, whose webhook has arrived. */
async function canceled(name: string): Promise<string> {
  const callback = {
    url: `${lethe.receiver.url}/in/path-${name}?token=query-${name}`,
    headers: { authorization: `Bearer header-${name}` },
  };
  const uuid = `person-${name}`;
  const { body } = await lethe.create(tenant, { type: 'ENROLL', uuid, callback });
  const sessionId = String(body['sessionId']);
  const headers = tenant.credentials;
  await lethe.call('POST', `/v2/verification-session/${sessionId}/cancel`, { headers, body: {} });
  await lethe.webhook(sessionId);
  await eventually(async () => {
    const delivery = await lethe.context.store.deliveries.findBySession(sessionId);
    return delivery?.state === 'delivered' ? true : undefined;
  });
  return sessionId;
}

async function travelTo(atMs: number): Promise<void> {
  lethe.clock.advance(atMs - lethe.clock.nowMs());
  await lethe.context.http.operations.daySeals.prepare();
}

function backUp(name: string): Backup {
  const { dataDir } = lethe.context.config;
  mkdirSync(join(dir, name));
  for (const file of readdirSync(dataDir).filter((each) => /\.db(-wal)?$/.test(each)))
    copyFileSync(join(dataDir, file), join(dir, name, file));
  return join(dir, name);
}

const filesOf = (backup: Backup) => readdirSync(backup).map((file) => join(backup, file));

function rowsOf(backup: Backup): Rows {
  const copy = mkdtempSync(join(tmpdir(), 'lethe-read-'));
  for (const file of readdirSync(backup)) copyFileSync(join(backup, file), join(copy, file));
  const database = new Database(join(copy, 'lethe.db'));
  try {
    return {
      callbacks: database.prepare('SELECT * FROM sessions').all() as Rows['callbacks'][number][],
      bodies: database.prepare('SELECT * FROM deliveries').all() as Rows['bodies'][number][],
      keys: database.prepare('SELECT * FROM bucketKeys').all() as BucketKey[],
    };
  } finally {
    database.close();
    rmSync(copy, { recursive: true });
  }
}

const bucketIn = (sealed: Uint8Array) =>
  Buffer.from(sealed.subarray(1, 1 + sealed[0]!)).toString('latin1');
const dayIn = (sealed: Uint8Array) => bucketIn(sealed).replace('callback/', '');

/** All that somebody opens who has these backups, this root and the service key. */
async function steal(loot: { backups: readonly Backup[]; rootPath: string }) {
  const all = loot.backups.map(rowsOf);
  const dumps = loot.backups.flatMap(filesOf);
  const { serviceKeyPath } = lethe.context.config;
  const serviceKey = SecretBytes.take(readFileSync(serviceKeyPath).subarray(0, 32));
  const keys = [serviceKey, deriveKey(serviceKey, 'lethe/at-rest/v1')];
  for (const row of all.flatMap((rows) => rows.keys)) {
    const [found] = await keysNamed([row.keyId], { ...loot, dumps }).catch(() => []);
    if (found !== undefined) keys.push(bucketKeyIn(row, found));
  }
  const stolen = new Set<string>();
  const open = (sealed: Uint8Array, { kind, id }: SealContext) => {
    const contexts = [
      [kind, bucketIn(sealed), id],
      [kind, id],
    ];
    const forms = [sealed, sealed.subarray(1 + sealed[0]!)];
    const ways = forms.flatMap((bytes) => contexts.map((context) => ({ bytes, context })));
    for (const { bytes, context } of ways)
      for (const key of keys) {
        const opened = tried(() => createSealer(key).open(bytes, ...context));
        stolen.add(opened === undefined ? '' : utf8Text(opened));
      }
  };
  for (const { callbacks, bodies } of all) {
    for (const { sessionId, sealedCallback } of callbacks)
      open(sealedCallback, { kind: 'callback', id: sessionId });
    for (const { deliveryId, sealedBody } of bodies)
      open(sealedBody, { kind: 'webhook', id: deliveryId });
  }
  const text = [...stolen].join('\n');
  const secrets = ['path', 'query', 'header', 'person'];
  const found = (name: string) => secrets.filter((secret) => text.includes(`${secret}-${name}`));
  return { early: found('early'), late: found('late') };
}

function bucketKeyIn({ bucket, keyId, sealedKey }: BucketKey, vaultKey: Buffer): SecretBytes {
  const owner = {
    tenantId: bucket.startsWith('callback/') ? 'lethe/callbacks' : 'lethe/reviews',
    uuid: bucket,
  };
  const keyName = parseKeyName(keyId)!;
  return openTemplate(SecretBytes.take(vaultKey), { owner, keyName, sealed: sealedKey });
}

function tried<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SealBroken) return undefined;
    throw error;
  }
}

const EVERYTHING = ['path', 'query', 'header', 'person'];

test('when the retention of a day has not passed, then backups, root and service key open its callbacks and bodies: the control', () => {
  expect(before).toEqual({ early: EVERYTHING, late: EVERYTHING });
});

test('when it has passed, then with the same backups, the database, root and service key of today nothing of it opens, and a later day does', () => {
  expect(after).toEqual({ early: [], late: EVERYTHING });
});

test('when he also has the root from before, then it opens: the control', async () => {
  expect(await steal({ backups, rootPath: rootBefore })).toMatchObject({ early: EVERYTHING });
});

test('when he has only backups and the service key, then nothing opens', async () => {
  const nothing = join(dir, 'no-root');
  copyFileSync(lethe.context.config.serviceKeyPath, nothing);
  expect(await steal({ backups, rootPath: nothing })).toEqual({ early: [], late: [] });
});

test('when it has passed, then the session is gone, and that of the later day still tells how it ended', async () => {
  const headers = tenant.credentials;
  const ask = (sessionId: string) =>
    lethe.call('GET', `/v2/verification-session/${sessionId}/webhook`, { headers });
  expect((await ask(early)).status).toBe(404);
  expect((await ask(late)).body).toMatchObject({ sessionId: late, status: 'FAILED' });
  expect((await ask(late)).body).toHaveProperty('identityInformation');
});
