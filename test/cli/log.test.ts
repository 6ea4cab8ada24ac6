import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogKeyring, openLogKeys } from '../../src/audit/log-keys.js';
import { Sequencer } from '../../src/audit/sequencer.js';
import type { Application } from '../../src/cli/command.js';
import { runCommandLine } from '../../src/cli/command-line.js';
import { logCommands } from '../../src/cli/log.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { timeOrderedId } from '../../src/lib/ids.js';
import type { Store } from '../../src/operations/unit-of-work.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { TestClock } from '../support/clock.js';
import { ORIGIN, SampleLog, sampleLeaf, sampleWitness } from '../support/sample-log.js';

const keyring = createLogKeyring(SecretBytes.take(new Uint8Array(32).fill(1)));

let dir: string;
let store: Store;
let clock: TestClock;
/** The service's own policy. */
let witnessPolicyPath: string | undefined;

/** A service that was started once and did two things: its log has three leaves. */
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-log-'));
  store = await openSqliteStore({ dataDir: join(dir, 'data') });
  clock = new TestClock();
  witnessPolicyPath = undefined;
  await openLogKeys({ store, keyring, clock, origin: ORIGIN });
  await log(2);
});

afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

/** Appends leaves to the log of the store. */
async function log(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1)
    await store.audit.append({ entryId: timeOrderedId(clock.nowMs()), leaf: sampleLeaf(index) });
  const watch = { entriesSequenced: () => undefined, workerFailed: () => undefined };
  const sequencer = new Sequencer({
    ...{ log: store.log, keyring, clock, watch },
    onExtended: () => undefined,
  });
  await sequencer.stop();
}

async function vkeys(): Promise<string[]> {
  return (await store.logKeys.list()).map(({ vkey }) => vkey);
}

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function lethe(...argv: string[]): Promise<Run> {
  const config = { log: { witnessPolicyPath } };
  const application = { store, clock, logKeyring: keyring, config, close: async () => undefined };
  return await run(async () => application as unknown as Application, argv);
}

/** As in an empty directory: opening a store is an error. */
async function letheWithoutStore(...argv: string[]): Promise<Run> {
  return await run(() => Promise.reject(new Error('there is no store')), argv);
}

async function run(openApplication: () => Promise<Application>, argv: string[]): Promise<Run> {
  const written = { out: '', err: '' };
  const code = await runCommandLine(
    {
      commands: logCommands,
      openApplication,
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
    },
    argv,
  );
  return { code, ...written };
}

async function exported(name = 'exported'): Promise<string> {
  const out = join(dir, name);
  expect(await lethe('log', 'export', '--out', out)).toMatchObject({ code: 0, err: '' });
  return out;
}

describe('lethe log export and verify', () => {
  test('when the log is exported and verified, then it is sound, and a directory takes no store', async () => {
    const out = await exported();
    expect(readdirSync(out).sort()).toEqual(['checkpoint', 'keys', 'tile']);
    for (const key of [...(await vkeys()), join(out, 'keys')]) {
      const verified = await letheWithoutStore('log', 'verify', out, '--key', key);
      expect(verified).toMatchObject({ code: 0, err: '' });
      expect(verified.out).toMatch(
        /^The log is sound: 3 leaves of log\.example\/log from \d{4}-.*Z to .*Z\.\n/,
      );
      expect(verified.out).toContain('Not shown: that it was not written anew');
    }
  });

  test('when nothing is named, then the log in the store is verified with its own keys', async () => {
    const verified = await lethe('log', 'verify', '--json');
    expect(verified).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(verified.out)).toMatchObject({
      ...{ isSound: true, leaves: 3, problems: [], origin: ORIGIN },
      signedBy: await vkeys(),
      checkpoint: (await store.log.head())?.checkpoint,
    });
  });

  test('when the log is at an address, then it is read from there', async () => {
    const out = await exported();
    const server = createServer((request, response) => {
      try {
        response.end(readFileSync(join(out, String(request.url).replace('/log/', ''))));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
      const [key = ''] = await vkeys();
      const verified = await letheWithoutStore('log', 'verify', `${url}/log`, '--key', key);
      expect(verified).toMatchObject({ code: 0, err: '' });
      const missing = await letheWithoutStore('log', 'verify', `${url}/none`, '--key', key);
      expect(missing).toMatchObject({
        ...{ code: 2, out: '' },
        err: `lethe log verify: there is no log at ${url}/none\n`,
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('when a checkpoint was kept, then the log that grew is sound and the older log is not', async () => {
    const older = await exported('older');
    await log(2);
    const newer = await exported('newer');
    const kept = file('kept', (await lethe('log', 'checkpoint')).out);
    expect(readFileSync(kept, 'utf8')).toBe(readFileSync(join(newer, 'checkpoint'), 'utf8'));
    const [key = ''] = await vkeys();
    const verify = async (place: string) =>
      await letheWithoutStore('log', 'verify', place, '--key', key, '--checkpoint', kept);
    const sound = await verify(newer);
    expect(sound.code).toBe(0);
    expect(sound.out).toContain('begins with exactly the leaves of the checkpoint');
    const cut = await verify(older);
    expect(cut.code).toBe(1);
    expect(cut.out).toContain('log: LOG_SHORTENED: ');
    expect(cut.err).toBe('lethe log verify: the log is not sound: 1 problem\n');
    expect((await lethe('log', 'verify', '--checkpoint', kept)).code).toBe(0);
  });

  test('when a leaf was changed in the export, then the places are named and the exit code is 1', async () => {
    const out = await exported();
    const path = join(out, 'tile/entries/000.p/3');
    const bytes = readFileSync(path, 'latin1');
    writeFileSync(path, bytes.replace('VERIFY', 'ENROLL'), 'latin1');
    const run = await letheWithoutStore('log', 'verify', out, '--key', join(out, 'keys'), '--json');
    expect(run.code).toBe(1);
    expect(JSON.parse(run.out)).toMatchObject({
      ...{ isSound: false, problemCount: 2 },
      problems: [
        { place: 'tile/0/000.p/3', code: 'TILE_MISMATCH' },
        { place: 'checkpoint', code: 'ROOT_MISMATCH' },
      ],
    });
    const text = await letheWithoutStore('log', 'verify', out, '--key', join(out, 'keys'));
    expect(text.out).toMatch(/^Read 3 leaves of .*\ntile\/0\/000\.p\/3: TILE_MISMATCH: The hashes/);
    expect(text.err).toBe('lethe log verify: the log is not sound: 2 problems\n');
  });

  test('when a policy is given, then its logs are trusted and its witnesses must have cosigned', async () => {
    const witness = await sampleWitness('one.example', 8);
    const [key = ''] = await vkeys();
    const policy = file('policy', `log ${key}\nwitness 1 ${witness.key.vkey}\nquorum 1\n`);
    witnessPolicyPath = policy;
    const before = await exported('before');
    const unseen = await letheWithoutStore('log', 'verify', before, '--policy', policy);
    expect(unseen.code).toBe(1);
    expect(unseen.out).toContain('checkpoint: QUORUM_MISSING: ');
    const head = await store.log.head();
    const line = witness.cosign(head?.checkpoint ?? '');
    await store.log.addCosignature({ size: 3, witness: witness.key.vkey, line });
    const after = await exported('after');
    const seen = await letheWithoutStore('log', 'verify', after, '--policy', policy);
    expect(seen).toMatchObject({ code: 0, err: '' });
    expect(seen.out).toContain('one.example at 2026-03-01T10:00:00.000Z');
    expect((await lethe('log', 'verify', '--policy', policy)).code).toBe(0);
    expect((await lethe('log', 'checkpoint')).out).toBe(`${head?.checkpoint ?? ''}${line}`);
  });

  test('when a clock was set back, then it is observed and the log is sound', async () => {
    const before = sampleLeaf(-10_000);
    await store.audit.append({ entryId: timeOrderedId(clock.nowMs()), leaf: before });
    await log(0);
    const verified = await lethe('log', 'verify');
    expect(verified.code).toBe(0);
    expect(verified.out).toMatch(/\nobserved: leaf \d: TIME_RAN_BACK: /);
  });

  test('when the directory of an export holds something else, then nothing is written', async () => {
    const out = join(dir, 'mine');
    mkdirSync(out);
    writeFileSync(join(out, 'notes'), 'mine');
    const run = await lethe('log', 'export', '--out', out);
    expect(run.code).toBe(1);
    expect(run.err).toContain(`${out} holds other files`);
    expect(readdirSync(out)).toEqual(['notes']);
  });
});

describe('lethe log consistency', () => {
  test('when the log grew, then it continues the checkpoint that was kept, in the store and outside', async () => {
    const kept = file('kept', (await lethe('log', 'checkpoint')).out);
    await log(300);
    const out = await exported();
    const key = join(out, 'keys');
    const outside = await letheWithoutStore(
      ...['log', 'consistency', out, '--checkpoint', kept, '--key', key],
    );
    expect(outside).toEqual({
      code: 0,
      out: 'The log log.example/log with 303 leaves begins with exactly the 3 of the checkpoint that was kept.\n',
      err: '',
    });
    const inside = await lethe('log', 'consistency', '--checkpoint', kept, '--json');
    expect(inside.code).toBe(0);
    expect(JSON.parse(inside.out)).toMatchObject({
      ...{ isConsistent: true, fromSize: 3, toSize: 303 },
    });
  });

  test('when the log was rolled back or rewritten, then it does not', async () => {
    const out = await exported();
    await log(1);
    const kept = file('kept', (await lethe('log', 'checkpoint')).out);
    const check = async (place: string) =>
      await letheWithoutStore(
        ...['log', 'consistency', place, '--checkpoint', kept, '--key', join(out, 'keys')],
      );
    const rolledBack = await check(out);
    expect(rolledBack.code).toBe(1);
    expect(rolledBack.out).toContain('log: LOG_SHORTENED: ');
    expect(rolledBack.err).toBe(
      'lethe log consistency: the log does not continue the checkpoint: 1 problem\n',
    );
    // The same keys, other leaves.
    const fork = await SampleLog.of([Array.from({ length: 9 }, (_, index) => sampleLeaf(index))]);
    const forked = join(dir, 'forked');
    for (const [path, bytes] of await fork.files()) {
      mkdirSync(join(forked, path, '..'), { recursive: true });
      writeFileSync(join(forked, path), bytes);
    }
    const rewritten = await check(forked);
    expect(rewritten.code).toBe(1);
    expect(rewritten.out).toContain('log: HISTORY_REWRITTEN: ');
  });

  test('when no checkpoint was kept, then there is nothing to compare with', async () => {
    expect(await lethe('log', 'consistency')).toMatchObject({
      ...{ code: 2, out: '' },
      err: 'lethe log consistency: --checkpoint is missing\n',
    });
  });
});

describe('lethe log keys and rotate', () => {
  test('when the key is rotated, then both are shown, both sign, and later the next one alone', async () => {
    const rotated = await lethe('log', 'rotate', '--overlap-hours', '1', '--json');
    expect(rotated).toMatchObject({ code: 0, err: '' });
    const [first = '', next = ''] = await vkeys();
    expect(JSON.parse(rotated.out)).toMatchObject({ generation: 2, vkey: next });
    expect((await lethe('log', 'keys')).out).toBe(`${next}\n${first}\n`);
    const json = JSON.parse((await lethe('log', 'keys', '--json')).out) as { keys: object[] };
    expect(json.keys).toMatchObject([
      { generation: 2, vkey: next },
      { generation: 1, vkey: first, signsUntil: expect.stringMatching(/Z$/) },
    ]);
    await log(1);
    const signedBy = async () =>
      (JSON.parse((await lethe('log', 'verify', '--json')).out) as { signedBy: string[] }).signedBy;
    expect((await signedBy()).sort()).toEqual([first, next].sort());
    clock.advance(3_600_001);
    await log(1);
    expect(await signedBy()).toEqual([next]);
  });

  test('when no overlap is given, then the key before signs for a week more', async () => {
    const before = clock.nowMs();
    await lethe('log', 'rotate');
    const [first] = await store.logKeys.list();
    const days = ((first?.signsUntilMs ?? 0) - before) / 86_400_000;
    expect(days).toBeGreaterThanOrEqual(7);
    expect(days).toBeLessThan(7.01);
  });

  test.each(['-1', '1.5', '8761', 'week', ''])(
    'when the overlap is %j hours, then nothing is rotated',
    async (hours) => {
      const run = await lethe('log', 'rotate', `--overlap-hours=${hours}`);
      expect([run.code, run.out]).toEqual([2, '']);
      expect(await vkeys()).toHaveLength(1);
    },
  );

  test('when the service was never started, then there are no keys, no checkpoint and no log', async () => {
    await store.close();
    store = await openSqliteStore({ dataDir: join(dir, 'empty') });
    expect(await lethe('log', 'keys')).toMatchObject({ code: 1, out: '' });
    expect(await lethe('log', 'rotate')).toMatchObject({ code: 1, out: '' });
    expect(await lethe('log', 'checkpoint')).toMatchObject({
      ...{ code: 1, out: '' },
      err: 'lethe log checkpoint: the log in the store is empty\n',
    });
    const verified = await lethe('log', 'verify');
    expect(verified.code).toBe(1);
    expect(verified.out).toContain('LOG_EMPTY');
    expect((await lethe('log', 'export', '--out', join(dir, 'out'))).code).toBe(1);
  });

  test('when the service key is not that of the log, then it is said and not called unsound', async () => {
    const other = createLogKeyring(SecretBytes.take(new Uint8Array(32).fill(2)));
    const application = { store, clock, logKeyring: other, close: async () => undefined };
    const wrong = await run(async () => application as unknown as Application, ['log', 'verify']);
    expect([wrong.code, wrong.out]).toEqual([2, '']);
    expect(wrong.err).toContain('does not come from this service key');
    const closed = await letheWithoutStore('log', 'verify');
    expect(closed).toEqual({ code: 2, out: '', err: 'lethe log verify: there is no store\n' });
  });
});

describe('a command line that does not fit', () => {
  test('when it could not be checked at all, then the exit code is 2 and the reason is one sentence', async () => {
    const out = await exported();
    const [key = ''] = await vkeys();
    const missing = join(dir, 'nothing');
    const cases: [string[], string][] = [
      [[out], '--key is missing, and no --policy names a log'],
      [[out, '--key', missing], `${missing} cannot be read (ENOENT)`],
      [[out, '--key', `${ORIGIN}+00000000+AAAA`], 'is not the verifier key of a log'],
      [[out, '--key', dir], `${dir} cannot be read (EISDIR)`],
      [[missing, '--key', key], `${missing} holds no checkpoint`],
      [[join(out, 'keys'), '--key', key], 'holds no checkpoint'],
      [['http://127.0.0.1:1/log', '--key', key], 'cannot be read: ECONNREFUSED'],
      [['https://a:b@127.0.0.1/log', '--key', key], 'the address of a log begins with https://'],
      [[out, '--key', key, '--policy', missing], `${missing} cannot be read (ENOENT)`],
      [[out, '--key', key, '--policy', join(out, 'keys')], 'line 1'],
      [
        [out, '--key', key, '--checkpoint', join(out, 'keys')],
        'does not hold a checkpoint as `lethe log checkpoint` prints it',
      ],
      [[out, out, '--key', key], `unexpected argument ${JSON.stringify(out)}`],
      [[out, '--kez', 'x'], "Unknown option '--kez'"],
    ];
    for (const [args, sentence] of cases) {
      const run = await letheWithoutStore('log', 'verify', ...args);
      expect([run.code, run.out]).toEqual([2, '']);
      expect(run.err).toContain(sentence);
      expect(run.err.trimEnd().split('\n')).toHaveLength(1);
    }
  });

  test.each(['export', 'verify', 'consistency', 'checkpoint', 'keys', 'rotate'])(
    'when help is asked for %s, then it is shown',
    async (name) => {
      const run = await letheWithoutStore('log', name, '--help');
      expect(run).toMatchObject({ code: 0, err: '' });
      expect(run.out).toContain(`Usage: lethe log ${name}`);
    },
  );
});
