import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { newEntry } from '../../src/audit/record.js';
import { Sequencer } from '../../src/audit/sequencer.js';
import type { Application } from '../../src/cli/command.js';
import { runCommandLine } from '../../src/cli/command-line.js';
import { logCommands } from '../../src/cli/log.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Store } from '../../src/operations/unit-of-work.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { testKey } from '../audit/sample-log.js';
import vectors from '../vectors/audit-chain.json' with { type: 'json' };

let dir: string;
let store: Store;
let keys: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-log-'));
  store = await openSqliteStore({ dataDir: join(dir, 'data') });
  keys = file('keys.jwks', JSON.stringify({ keys: [testKey().publicJwk] }));
  await log(3);
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

/** Appends entries to the log of the store. */
async function log(count: number): Promise<void> {
  const watch = { entriesSequenced: () => undefined, workerFailed: () => undefined };
  const deps = { log: store.log, key: testKey(), clock: systemClock, watch };
  for (let index = 0; index < count; index += 1) {
    const entry = newEntry(deps, { op: 'TENANT', outcome: 'succeeded', tenantId: 'demo' });
    await store.audit.append(entry);
  }
  const sequencer = new Sequencer(deps);
  await sequencer.stop();
}

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function lethe(...argv: string[]): Promise<Run> {
  return await run(async () => ({ store, close: async () => undefined }) as never, argv);
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

describe('lethe log', () => {
  test('when the log is exported and verified, then it is sound, and a file takes no store', async () => {
    const out = join(dir, 'log.jsonl');
    expect(await lethe('log', 'export', '--out', out)).toMatchObject({ code: 0, err: '' });
    const verified = await letheWithoutStore('log', 'verify', out, '--keys', keys);
    expect(verified).toMatchObject({ code: 0, err: '' });
    expect(verified.out).toMatch(/^The log is sound: 3 entries from .*Z to .*Z, 1 checkpoint\.\n/);
    expect(verified.out).toContain('Not shown: that nothing was cut off after a checkpoint');
    expect(readdirSync(dir).filter((name) => name.includes('unfinished'))).toEqual([]);
  });

  test('when no file is named, then the log in the store is verified', async () => {
    const verified = await lethe('log', 'verify', '--keys', keys, '--json');
    expect(verified.code).toBe(0);
    expect(JSON.parse(verified.out)).toMatchObject({ isSound: true, entries: 3, problems: [] });
  });

  test('when a checkpoint was kept, then the log that grew is sound and the older log is not', async () => {
    const older = join(dir, 'older.jsonl');
    await lethe('log', 'export', '--out', older);
    await log(2);
    const newer = join(dir, 'newer.jsonl');
    await lethe('log', 'export', '--out', newer);
    for (const flags of [[], ['--json']]) {
      const kept = file('kept', (await lethe('log', 'checkpoint', ...flags)).out);
      const verify = async (log: string) =>
        await letheWithoutStore('log', 'verify', log, '--keys', keys, '--checkpoint', kept);
      const sound = await verify(newer);
      expect(sound.code).toBe(0);
      expect(sound.out).toContain('begins with exactly the 5 entries of the checkpoint');
      const cut = await verify(older);
      expect(cut.code).toBe(1);
      expect(cut.out).toContain('log: LOG_SHORTENED: ');
      expect(cut.err).toBe('lethe log verify: the log is not sound: 1 problem\n');
    }
  });

  test('when an entry was changed, then every problem is named by line and the exit code is 1', async () => {
    const changed = file('changed.jsonl', vectors.export.replace('"refused"', '"created"'));
    const run = await letheWithoutStore('log', 'verify', changed, '--keys', vectors.vkey, '--json');
    expect(run.code).toBe(1);
    expect(JSON.parse(run.out)).toMatchObject({
      isSound: false,
      problemCount: 1,
      problems: [{ line: 4, code: 'HASH_MISMATCH' }],
    });
  });

  test('when there is no --out, then the export goes to stdout', async () => {
    const chunks: string[] = [];
    const write = jest.spyOn(process.stdout, 'write').mockImplementation((chunk, ...rest) => {
      chunks.push(chunk.toString());
      for (const done of rest) if (typeof done === 'function') done();
      return true;
    });
    try {
      expect(await lethe('log', 'export')).toMatchObject({ code: 0, out: '' });
    } finally {
      write.mockRestore();
    }
    const piped = file('piped.jsonl', chunks.join(''));
    expect(await letheWithoutStore('log', 'verify', piped, '--keys', keys)).toMatchObject({
      code: 0,
    });
  });

  test('when the file of an export cannot be written, then an older one stays as it was', async () => {
    const out = join(dir, 'missing', 'log.jsonl');
    const run = await lethe('log', 'export', '--out', out);
    expect(run.code).toBe(1);
    expect(run.err).toContain('ENOENT');
    const older = file('kept.jsonl', 'older');
    const failing = {
      ...store,
      log: { ...store.log, readRecords: () => Promise.reject(new Error('away')) },
    };
    const failed = await runCommandLine(
      {
        commands: logCommands,
        openApplication: async () => ({ store: failing, close: async () => undefined }) as never,
        out: () => undefined,
        err: () => undefined,
      },
      ['log', 'export', '--out', older],
    );
    expect(failed).toBe(1);
    expect(readFileSync(older, 'utf8')).toBe('older');
    expect(readdirSync(dir).filter((name) => name.includes('unfinished'))).toEqual([]);
  });

  test('when the log is empty, then there is no checkpoint to keep', async () => {
    const empty = await openSqliteStore({ dataDir: join(dir, 'empty') });
    const run = await runCommandLine(
      {
        commands: logCommands,
        openApplication: async () => ({ store: empty, close: () => empty.close() }) as never,
        out: () => undefined,
        err: () => undefined,
      },
      ['log', 'checkpoint'],
    );
    expect(run).toBe(1);
  });

  test('when it could not be checked at all, then the exit code is 2 and the reason is one sentence', async () => {
    const some = file('some.jsonl', vectors.export);
    const noKeys = file('none.jwks', '{"keys":[]}');
    const missing = join(dir, 'nothing');
    const cases: [string[], string][] = [
      [[some], '--keys is missing'],
      [[some, '--keys', missing], `${missing} cannot be read (ENOENT)`],
      [[some, '--keys', noKeys], `${noKeys} holds no Ed25519 public key`],
      [[some, '--keys', dir], `${dir} cannot be read (EISDIR)`],
      [[missing, '--keys', keys], `${missing} cannot be read (ENOENT)`],
      [
        [some, '--keys', keys, '--checkpoint', some],
        `${some} does not hold a checkpoint as \`lethe log checkpoint\` prints it`,
      ],
      [[some, some, '--keys', keys], `unexpected argument ${JSON.stringify(some)}`],
    ];
    for (const [args, sentence] of cases) {
      const run = await letheWithoutStore('log', 'verify', ...args);
      expect(run).toEqual({ code: 2, out: '', err: `lethe log verify: ${sentence}\n` });
    }
    expect((await letheWithoutStore('log', 'verify', some, '--keyz', 'x')).code).toBe(2);
  });

  test.each(['export', 'verify', 'checkpoint'])(
    'when help is asked for %s, then it is shown',
    async (name) => {
      const run = await letheWithoutStore('log', name, '--help');
      expect(run).toMatchObject({ code: 0, err: '' });
      expect(run.out).toContain(`Usage: lethe log ${name}`);
    },
  );
});
