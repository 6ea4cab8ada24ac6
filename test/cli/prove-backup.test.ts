import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Application } from '../../src/cli/command.js';
import { runCommandLine } from '../../src/cli/command-line.js';
import { proveBackupCommands } from '../../src/cli/prove-backup.js';
import type { Store } from '../../src/operations/unit-of-work.js';
import { openSqliteStore } from '../../src/store/sqlite/open.js';
import { SmallTree } from '../vault/small-tree.js';

const MODEL = 'dlib-resnet-v1';
const LIVE = ['ann', 'bob'];
const ERASED = ['gil', 'hal'];

let dir: string;
let tree: SmallTree;
let backups: string;
let root: string;
let oldRoot: string;
let live: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-prove-'));
  tree = new SmallTree();
  [...LIVE, ...ERASED].forEach((name, index) => tree.enrol(name, index));
  oldRoot = file('old.root', tree.rootFiles()[0]!);
  backups = join(dir, 'backups');
  mkdirSync(join(backups, 'older'), { recursive: true });
  file('backups/older/dump.gz', gzipSync(dump()));
  for (const name of ERASED) tree.erase(name);
  file('backups/current.dump', dump());
  symlinkSync(join(dir, 'old.root'), join(backups, 'a-link'));
  root = file('root', tree.rootFiles()[0]!);
  live = file('live', `${LIVE.map(keyName).join('\n')}\n`);
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

function file(name: string, content: Uint8Array | string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

/** What a database of the tree holds now. */
function dump(): Buffer {
  const names = [...tree.enrolled.keys()].map((name) => Buffer.from(`"${keyName(name)}"`));
  return Buffer.concat([...tree.written, ...names]);
}

function keyName(name: string): string {
  return tree.enrolled.get(name)!.keyName;
}

/** As in an empty directory: opening a store is an error. */
async function lethe(...argv: string[]) {
  return await run(() => Promise.reject(new Error('there is no store')), argv);
}

async function run(openApplication: () => Promise<Application>, argv: string[]) {
  const written = { out: '', err: '' };
  const code = await runCommandLine(
    {
      commands: proveBackupCommands,
      openApplication,
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
    },
    ['prove-backup', ...argv],
  );
  return { code, ...written };
}

describe('lethe prove-backup', () => {
  test('when all that lives opens and nothing erased, then it says so and exits with 0', async () => {
    const proved = await lethe(backups, '--root', root, '--live', live);
    expect(proved).toMatchObject({ code: 0, err: '' });
    expect(proved.out).toContain('Searched 3 files: ');
    expect(proved.out).toContain('4 sealed templates, 4 key names, 1 root slot.');
    expect(proved.out).toContain('each on every blob');
    expect(proved.out).toMatch(
      /Erased: all 2 live enrolments open, and none of the 2 erased ones\.\n$/,
    );
  });

  test('when it is asked for JSON, then it tells of every subject and of no key', async () => {
    const proved = await lethe(backups, '--root', root, '--live', live, '--json');
    const { subjects, ...rest } = JSON.parse(proved.out);
    expect(rest).toMatchObject({ isProved: true, sources: 3, templatesOpened: 2, missing: [] });
    const via = join(backups, 'current.dump');
    expect(subjects).toHaveLength(4);
    expect(subjects).toContainEqual({
      keyName: keyName('ann'),
      isErased: false,
      isOpened: true,
      isKeyFound: true,
      via,
    });
    expect(subjects).toContainEqual({
      keyName: keyName('gil'),
      isErased: true,
      isOpened: false,
      isKeyFound: false,
    });
    const secrets = [tree.root(), ...tree.shares].flatMap((key) =>
      (['hex', 'base64', 'base64url'] as const).map((form) => Buffer.from(key).toString(form)),
    );
    for (const secret of secrets) expect(proved.out).not.toContain(secret);
  });

  test('when an old root is given as a control, then it says how many would open, and still exits with 0', async () => {
    const args = [backups, '--root', root, '--live', live, '--old-root', oldRoot];
    const proved = await lethe(...args);
    expect(proved).toMatchObject({ code: 0, err: '' });
    expect(proved.out).toMatch(/\nControl: with the old root 2 of 2 erased would open\.\n$/);
    const json = JSON.parse((await lethe(...args, '--json')).out);
    expect(json).toMatchObject({ isProved: true, openWithOldRoot: 2 });
  });

  test('when the control opens nothing, then the files do not show much and the exit code is 1', async () => {
    const other = file('other.root', new SmallTree().rootFiles()[0]!);
    const proved = await lethe(backups, '--root', root, '--live', live, '--old-root', other);
    expect(proved.code).toBe(1);
    expect(proved.err).toContain('the control failed: with the old root no erased enrolment opens');
  });

  test.each(['--root', '--memory'])(
    'when an old root is left (%s), then the erased that open are named and the exit code is 1',
    async (option) => {
      const proved = await lethe(backups, '--root', root, option, oldRoot, '--live', live);
      expect(proved.code).toBe(1);
      expect(proved.err).toBe('lethe prove-backup: erased enrolments open\n');
      for (const name of ERASED)
        expect(proved.out).toContain(`Opens although erased: ${keyName(name)}\n`);
      expect(proved.out).toContain('Not erased: 2 of 2 erased enrolments open.');
    },
  );

  test('when the root is missing, then nothing is shown and the exit code is 1', async () => {
    const proved = await lethe(backups, '--live', live);
    expect(proved.code).toBe(1);
    expect(proved.err).toBe('lethe prove-backup: not every live enrolment opens\n');
    expect(proved.out).toContain('2 of 2 live enrolments do not open; give every share');
  });

  test('when the dumps are older than an enrolment, then nothing is shown', async () => {
    const name = 'q83vEjRWeJA.1.70.AAECAwQFBgcICQoLDA0ODw';
    const newer = file('newer', `${LIVE.map(keyName).join('\n')}\n${name}\n`);
    const proved = await lethe(backups, '--root', root, '--live', newer, '--json');
    expect(proved.code).toBe(1);
    expect(JSON.parse(proved.out)).toMatchObject({ isProved: false, missing: [name] });
  });

  test('when it could not be checked at all, then the exit code is 2 and the reason is one sentence', async () => {
    const missing = join(dir, 'nothing');
    const wrong = file('wrong', `${keyName('ann')}\nann\n`);
    const none = file('none', '\n');
    const long = file('long', new Uint8Array(1024 * 1024 + 1));
    const cases: [string[], string][] = [
      [[], 'FILE is missing'],
      [[missing], `${missing} cannot be read (ENOENT)`],
      [[backups, '--root', missing], `${missing} cannot be read (ENOENT)`],
      [[backups, '--root', dir], `${dir} cannot be read (EISDIR)`],
      [[backups, '--root', long], `${long} is longer than 1048576 bytes: give it as memory`],
      [[backups, '--memory', missing], `${missing} cannot be read (ENOENT)`],
      [[backups, '--live', missing], `${missing} cannot be read (ENOENT)`],
      [
        [backups, '--live', wrong],
        `line 2 of ${wrong} is not a key name, such as the keyId of an enrolment`,
      ],
      [
        [backups, '--live', none],
        'there is no live enrolment to show that the search finds anything',
      ],
    ];
    for (const [args, sentence] of cases) {
      expect(await lethe(...args)).toMatchObject({
        code: 2,
        err: `lethe prove-backup: ${sentence}\n`,
      });
    }
    expect((await lethe(backups, '--rot', root)).code).toBe(2);
  });

  test('when help is asked for, then it is shown', async () => {
    const help = await lethe('--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('Usage: lethe prove-backup FILE...');
  });
});

describe('lethe prove-backup with a store', () => {
  let store: Store;

  beforeAll(async () => {
    store = await openSqliteStore({ dataDir: join(dir, 'data') });
    const times = { createdAtMs: 0 };
    for (const tenantId of ['demo', 'other'])
      await store.access.insertTenant({
        tenantId,
        displayName: tenantId,
        authMode: 'BASIC',
        thresholds: {},
        frameOrigins: [],
        callbackHosts: [],
        redirectHosts: [],
        httpSignatures: false,
        webhookSecrets: [],
        ...times,
      } as never);
  });

  afterAll(async () => {
    await store.close();
  });

  async function insert(tenantId: string, uuid: string): Promise<void> {
    const { keyName: keyId, sealedTemplate } = tree.enrolled.get(uuid)!;
    const enrolment = { keyId, model: MODEL, sealedTemplate, enrolledAtMs: 0 };
    await store.subjects.insert({ tenantId, uuid, state: 'live', enrolment });
  }

  async function letheWithStore(...argv: string[]) {
    const application = {
      store,
      config: { models: { [MODEL]: {} } },
      close: async () => undefined,
    };
    return await run(async () => application as never, argv);
  }

  test('when no list is given, then the live subjects of every tenant must open', async () => {
    await insert('demo', 'ann');
    await insert('other', 'bob');
    const proved = await letheWithStore(backups, '--root', root);
    expect(proved).toMatchObject({ code: 0, err: '' });
    expect(proved.out).toContain('all 2 live enrolments open, and none of the 2 erased ones');
  });

  test('when an erasure is under way, then its key may open', async () => {
    const args = [backups, '--root', root, '--memory', oldRoot, '--json'];
    expect((await letheWithStore(...args)).code).toBe(1);
    for (const [index, name] of ERASED.entries())
      await store.erasures.start({
        erasureId: `erasure-${index}`,
        tenantId: 'demo',
        subject: name,
        state: 'shredding',
        intent: { uuid: name, keyIds: [keyName(name)] },
        requestedAtMs: 0,
      });
    const proved = await letheWithStore(...args);
    expect(proved.code).toBe(0);
    expect(JSON.parse(proved.out).subjects).toContainEqual(
      expect.objectContaining({ keyName: keyName('gil'), isErased: false, isOpened: true }),
    );
  });
});
