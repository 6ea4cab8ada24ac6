import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import mongoose from 'mongoose';
import { type ErasureStory, rootPathOf, tellErasures } from '../support/erasure-story.js';
import { TestLethe } from '../support/lethe.js';
import { judgedThief, keysNamed, type Loot, StoredValues } from '../support/loot.js';
import { type Database, openDatabase } from './database.js';
import { type CommandRecord, dump, recordCommands } from './dumps.js';
import { copyServerFiles, type ServerFiles } from './server-files.js';

const { BSON } = mongoose.mongo;

const dir = mkdtempSync(join(tmpdir(), 'lethe-thief-mongo-'));
const oldRootPath = join(dir, 'old-root.key');
const valuesPath = join(dir, 'values');
const commandsPath = join(dir, 'commands');
const begunAtMs = Date.now();
/** Exports of every moment, and of the last. */
const dumps: string[] = [];
let lastDump: readonly string[] = [];

let lethe: TestLethe;
let database: Database;
let commands: CommandRecord;
let story: ErasureStory;
let erased: ReadonlySet<string>;
/** The current root. */
let rootPath: string;
let serviceKeyPath: string;
/** Undefined for a server whose files are out of reach. */
let files: ServerFiles | undefined;

beforeAll(async () => {
  const values = new StoredValues();
  database = await openDatabase();
  commands = recordCommands(values);
  const uri = new URL(database.uri);
  uri.searchParams.set('monitorCommands', 'true');
  lethe = await TestLethe.start({ env: { MONGODB_URI: uri.href } });
  story = await tellErasures(lethe, {
    oldRootPath,
    look: async () => {
      const name = dumps.length.toString();
      lastDump = await dump(database.db, { dir, name, values });
      dumps.push(...lastDump);
    },
  });
  erased = new Set(story.erasedKeyNames);
  values.write(valuesPath);
  writeFileSync(commandsPath, commands.bytes());
  rootPath = rootPathOf(lethe);
  serviceKeyPath = lethe.context.config.serviceKeyPath;
  files = await copyServerFiles(database.db, { sinceMs: begunAtMs, dir });
  // It could not say that it lives while the thief works.
  await lethe.stop();
}, 90_000);

afterAll(async () => {
  commands.end();
  await lethe.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

async function steal({ corpus, secrets = [] }: Partial<Loot>) {
  return await judgedThief({ corpus: [...(corpus ?? dumps), rootPath], secrets }, story);
}

describe('the thief of a service on MongoDB', () => {
  test('when he has an export of every moment and the current root, then nothing erased opens', async () => {
    const judgement = await steal({ secrets: [rootPath] });
    expect(judgement).toMatchObject({ isCompetent: true, erasedOpened: [] });
    expect(new Set(judgement.erased)).toEqual(erased);
  }, 60_000);

  test('when he has every command that was ever sent and the current root, then nothing erased opens', async () => {
    expect([...commands.names]).toEqual(
      expect.arrayContaining(['insert', 'update', 'delete', 'findAndModify', 'commitTransaction']),
    );
    const judgement = await steal({ corpus: [commandsPath] });
    expect(judgement).toMatchObject({ isCompetent: true, erasedOpened: [] });
    expect(new Set(judgement.erased)).toEqual(erased);
  }, 60_000);

  test('when he has exports, commands, the files of the server, every value in them and every key that is left, then nothing erased opens', async () => {
    // A server that others use too has more in its files: what hangs from other roots.
    const judgement = await steal({
      corpus: [...dumps, commandsPath, ...(files?.paths ?? [])],
      secrets: [rootPath, serviceKeyPath, valuesPath],
    });
    expect(judgement).toMatchObject({ isCompetent: true, erasedOpened: [] });
    expect(judgement.erased).toEqual(expect.arrayContaining([...erased]));
  }, 60_000);

  test('when he has the files of the server without an export, then he may see who is erased, and opens nobody of them', async () => {
    const { paths, isStandIn } = files ?? { paths: [], isStandIn: false };
    const judgement = await steal({ corpus: paths });
    expect(judgement.erasedOpened).toEqual([]);
    // That says little by itself: PostgreSQL keeps a key node in two pieces, neither of which opens,
    // and WiredTiger may compress it. The thief is competent only with nodes in one piece.
    if (!isStandIn) return;
    expect(judgement.liveMissing).toEqual([]);
    expect(judgement.liveClosed).toHaveLength(story.liveKeyNames.length);
    expect(judgement.erased).toEqual(expect.arrayContaining([...erased]));
  }, 60_000);

  test('when he also has the root from before the erasures, then everything erased opens: the control', async () => {
    for (const corpus of [dumps, [commandsPath]]) {
      const judgement = await steal({ corpus: [...corpus, oldRootPath] });
      expect(new Set(judgement.erasedOpened)).toEqual(erased);
    }
  }, 60_000);

  test('when documents hold keys of erased enrolments, as an envelope of wrapped keys would leave them, then he finds each', async () => {
    const leaked = story.erasedKeyNames.slice(0, 3);
    const [raw = Buffer.alloc(0), ...texts] = await keysNamed(leaked, {
      rootPath: oldRootPath,
      dumps,
    });
    const documents = new StoredValues();
    const documentsPath = join(dir, 'leaking-documents');
    documents.add(
      BSON.deserialize(
        BSON.serialize({
          key: raw,
          older: { base64: texts[0]?.toString('base64') },
          all: [texts[1]?.toString('hex')],
        }),
      ),
    );
    documents.write(documentsPath);
    const judgement = await steal({ secrets: [documentsPath] });
    expect(judgement.isCompetent).toBe(true);
    expect(new Set(judgement.erasedOpened)).toEqual(new Set(leaked));
  }, 60_000);

  test('when a document of an old export holds the root of that time, then he opens what was erased since', async () => {
    const leakPath = join(dir, 'leaking.bson');
    writeFileSync(leakPath, BSON.serialize({ _id: 'backup', root: readFileSync(oldRootPath) }));
    const judgement = await steal({ corpus: [...dumps, leakPath] });
    expect(new Set(judgement.erasedOpened)).toEqual(erased);
  }, 60_000);

  test('when he has only the last export, then it holds nothing of the erased but those whose tenant ended', async () => {
    const judgement = await steal({ corpus: lastDump });
    expect(judgement).toMatchObject({ isCompetent: true, erasedOpened: [] });
    expect(new Set(judgement.erased)).toEqual(new Set(story.erasedKeyNames.slice(3)));
  });
});
