import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { randomId } from '../../src/lib/ids.js';
import type { Store, Stores } from '../../src/operations/unit-of-work.js';
import { DataDirLockedError, lockDataDir } from '../../src/store/sqlite/data-dir.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { SchemaError } from '../../src/store/sqlite/schema.js';
import {
  NOW_MS,
  sampleCompletion,
  sampleErasure,
  samplePending,
  sampleReview,
  sampleSession,
  sampleSubject,
} from '../contract/samples.js';

let dataDir: string;
let store: Store | undefined;
const children: ChildProcess[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lethe-sqlite-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await store?.close();
  store = undefined;
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(): Promise<Store> {
  await store?.close();
  store = await openSqliteStore({ dataDir });
  return store;
}

/** Starts child.mjs; a shell prelude may limit what it can do. */
function startChild(task: 'write' | 'lock', prelude = ''): ChildProcess {
  const hooks = join(import.meta.dirname, '../support/typescript-hooks.mjs');
  const script = join(import.meta.dirname, 'child.mjs');
  const command = `${prelude} exec "$0" --import "$1" "$2" "$3" "$4"`;
  const child = spawn('/bin/sh', ['-c', command, process.execPath, hooks, script, task, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  children.push(child);
  return child;
}

async function firstLines(child: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    if (lines.push(line) === count) break;
  }
  return lines;
}

async function expectKeys(keyIds: readonly string[]): Promise<void> {
  const { subjects } = await open();
  const missing: string[] = [];
  for (const keyId of keyIds) {
    const found = await subjects.find({ tenantId: 'tenant', uuid: keyId });
    const isWhole = Buffer.alloc(2_000, keyId).equals(
      found?.enrolment.sealedTemplate ?? new Uint8Array(),
    );
    if (!isWhole) missing.push(keyId);
  }
  expect(missing).toEqual([]);
}

describe('durability', () => {
  test('when the process is killed while it writes, then every acknowledged write is there', async () => {
    const child = startChild('write');
    const lines: string[] = [];
    const output = createInterface({ input: child.stdout! });
    output.on('line', (line) => {
      lines.push(line);
      if (lines.length === 400) child.kill('SIGKILL');
    });
    await once(output, 'close');
    // What the process had printed is complete lines: it was killed between two writes.
    expect(lines.length).toBeGreaterThanOrEqual(400);
    await expectKeys(lines);
  });

  test('when two processes open a new database at once and write, then the writes of both are there', async () => {
    const both = [startChild('write'), startChild('write')];
    const lines = await Promise.all(both.map((child) => firstLines(child, 100)));
    for (const child of both) child.kill('SIGKILL');
    expect(lines.flat().filter((line) => line.startsWith('failed'))).toEqual([]);
    await expectKeys(lines.flat());
  });

  test('when the file cannot grow, then the write fails with UNAVAILABLE, and every acknowledged one is there', async () => {
    // Blocks of 512 bytes: 1 MB is too little for the log of the writes.
    const child = startChild('write', "trap '' XFSZ; ulimit -f 2048;");
    const lines = await firstLines(child, Number.POSITIVE_INFINITY);
    expect(lines.at(-1)).toBe('failed UNAVAILABLE');
    const keyIds = lines.slice(0, -1);
    expect(keyIds.length).toBeGreaterThan(50);
    await expectKeys(keyIds);
    await store?.reflectedRoots.reflect({ rootId: randomId(), epoch: 1 });
  });

  test('when rows are removed or lose a member, then their bytes are in no file of the closed database', async () => {
    const marker = 'an-unmistakable-marker';
    const { subjects, sessions, erasures, audit } = await open();
    const subject = sampleSubject({ sealedTemplate: Buffer.from(marker.repeat(40)) });
    const intent = { uuid: marker, keyIds: [marker], sessionId: marker };
    const erasure = sampleErasure({ intent });
    const pending = samplePending();
    const review = sampleReview({ entryId: pending.entryId, sealed: Buffer.from(marker) });
    const session = sampleSession({ auditTag: marker, state: 'SUCCESS', endedAtMs: NOW_MS });
    await subjects.insert(subject);
    await sessions.insert(session);
    await erasures.start(erasure);
    await audit.append({ ...pending, review });
    await store?.close();
    const contains = (): boolean[] =>
      readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name)).includes(marker));
    expect(contains()).toContain(true);
    const reopened = await open();
    await reopened.subjects.remove(subject);
    await reopened.sessions.removeEndedBefore(NOW_MS + 1, 10);
    await reopened.erasures.complete(erasure.erasureId, sampleCompletion());
    await reopened.reviews.removeBucket(review.bucket, 10);
    await store?.close();
    expect(contains()).not.toContain(true);
  });
});

describe('transactions', () => {
  test('when a transaction is open, then a read outside it sees only what is committed', async () => {
    const { transaction, sessions } = await open();
    const session = sampleSession();
    const outside = await transaction(async (stores) => {
      await stores.sessions.insert(session);
      return await sessions.find(session.sessionId);
    });
    expect(outside).toBeUndefined();
    expect(await sessions.find(session.sessionId)).toBeDefined();
  });

  test('when the work awaits something else, then it alone fails, and what it wrote is undone', async () => {
    const { transaction, sessions, reflectedRoots } = await open();
    const session = sampleSession();
    const keyId = randomId();
    let lateError: unknown;
    const slow = transaction(async (stores) => {
      await stores.sessions.insert(session);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await stores.sessions.markStarted(session.sessionId).catch((error: unknown) => {
        lateError = error;
      });
    });
    const quick = reflectedRoots.reflect({ rootId: keyId, epoch: 1 });
    await expect(slow).rejects.toThrow('may await only the stores it was given');
    await quick;
    expect(await sessions.find(session.sessionId)).toBeUndefined();
    expect(await reflectedRoots.list()).toEqual([{ rootId: keyId, epoch: 1 }]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(lateError).toMatchObject({ message: expect.stringContaining('after the transaction') });
  });

  test('when the work writes through the outer store, then it fails instead of waiting for itself', async () => {
    const { transaction, sessions } = await open();
    const stuck = transaction(async () => {
      await sessions.insert(sampleSession());
    });
    await expect(stuck).rejects.toThrow('may await only the stores it was given');
  });

  test('when a store of a transaction is used after it, then the call is refused', async () => {
    const { transaction, sessions } = await open();
    const session = sampleSession();
    let kept: Stores | undefined;
    await transaction(async (stores) => {
      kept = stores;
      await stores.sessions.insert(session);
    });
    await expect(kept?.sessions.markStarted(session.sessionId)).rejects.toThrow(
      'after the transaction',
    );
    expect((await sessions.find(session.sessionId))?.state).toBe('CREATED');
  });

  test('when the work goes on after a statement failed, then it is undone all the same', async () => {
    const { transaction, sessions } = await open();
    const [taken, session] = [sampleSession(), sampleSession()];
    await sessions.insert(taken);
    const careless = transaction(async (stores) => {
      await stores.sessions.insert(taken).catch(() => undefined);
      await stores.sessions.insert(session).catch(() => undefined);
    });
    await expect(careless).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await sessions.find(session.sessionId)).toBeUndefined();
  });
});

describe('the files', () => {
  test('when the store is made, then its directory and files are for their owner alone', async () => {
    dataDir = join(dataDir, 'new');
    const lock = lockDataDir(dataDir);
    const { reflectedRoots } = await open();
    await reflectedRoots.reflect({ rootId: 'a', epoch: 1 });
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    const names = readdirSync(dataDir);
    expect(names).toEqual(expect.arrayContaining(['lethe.db', 'lethe.db-wal', 'lethe.lock']));
    for (const name of names) expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
    lock.release();
  });

  test.each([1, 2])(
    'when the database is of an early release, with schema %i, then it is refused and not changed',
    async (version) => {
      await open();
      await store?.close();
      store = undefined;
      const database = new Database(join(dataDir, 'lethe.db'));
      database.pragma(`user_version = ${version}`);
      const pages = database.serialize();
      await expect(openSqliteStore({ dataDir })).rejects.toThrow('made by an early release');
      expect(database.serialize().equals(pages)).toBe(true);
      database.close();
    },
  );

  test('when the database is of a newer release, then it is refused and not changed', async () => {
    await open();
    await store?.close();
    store = undefined;
    const database = new Database(join(dataDir, 'lethe.db'));
    database.pragma('user_version = 99');
    database.close();
    const refused = openSqliteStore({ dataDir });
    await expect(refused).rejects.toThrow(SchemaError);
    await expect(refused).rejects.toThrow('schema version 99');
  });
});

describe('the lock', () => {
  test('when another process serves the directory, then the lock is refused; when it is killed, then it is free', async () => {
    const child = startChild('lock');
    expect(await firstLines(child, 1)).toEqual(['locked']);
    expect(() => lockDataDir(dataDir)).toThrow(DataDirLockedError);
    expect(() => lockDataDir(dataDir)).toThrow('is in use by another Lethe server');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    lockDataDir(dataDir).release();
  });

  test('when the directory is locked, then the database can still be used without the lock', async () => {
    const lock = lockDataDir(dataDir);
    const { reflectedRoots } = await open();
    await reflectedRoots.reflect({ rootId: 'a', epoch: 1 });
    expect(() => lockDataDir(dataDir)).toThrow(DataDirLockedError);
    lock.release();
    lockDataDir(dataDir).release();
  });
});
