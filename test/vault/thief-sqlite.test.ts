import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { type ErasureStory, rootPathOf, tellErasures } from '../support/erasure-story.js';
import { TestLethe } from '../support/lethe.js';
import { judgedThief, keysNamed, type Loot, StoredValues } from '../support/loot.js';

const dir = mkdtempSync(join(tmpdir(), 'lethe-thief-sqlite-'));
const oldRootPath = join(dir, 'old-root.key');
const valuesPath = join(dir, 'values');
/** Copies of database and WAL as they were after each step. */
const copies: string[] = [];

let lethe: TestLethe;
let story: ErasureStory;
/** The current root. */
let rootPath: string;
let serviceKeyPath: string;

beforeAll(async () => {
  lethe = await TestLethe.start();
  const values = new StoredValues();
  story = await tellErasures(lethe, {
    oldRootPath,
    look: async () => {
      copyDatabase();
      for (const value of rows()) values.add(value);
    },
  });
  values.write(valuesPath);
  rootPath = rootPathOf(lethe);
  serviceKeyPath = lethe.context.config.serviceKeyPath;
}, 60_000);

afterAll(async () => {
  await lethe.close();
  rmSync(dir, { recursive: true, force: true });
});

function copyDatabase(): void {
  const { dataDir } = lethe.context.config;
  for (const name of readdirSync(dataDir).filter((file) => /\.db(-wal)?$/.test(file))) {
    const copy = join(dir, `${copies.length.toString()}-${name}`);
    copyFileSync(join(dataDir, name), copy);
    copies.push(copy);
  }
}

/** Every row of every table, as an export in SQL would hold them. */
function rows(): readonly unknown[] {
  const database = new Database(join(lethe.context.config.dataDir, 'lethe.db'), { readonly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck();
    return tables.all().flatMap((table) =>
      database
        .prepare(`SELECT * FROM "${String(table)}"`)
        .raw()
        .all(),
    );
  } finally {
    database.close();
  }
}

async function steal({ corpus = copies, secrets = [] }: Partial<Loot>) {
  return await judgedThief({ corpus: [...corpus, rootPath], secrets }, story);
}

describe('the thief of a service on SQLite', () => {
  test('when he has database and WAL as they were at every step, every value and every key that is left, then nothing erased opens', async () => {
    const judgement = await steal({ secrets: [rootPath, serviceKeyPath, valuesPath] });
    expect(judgement).toMatchObject({ isCompetent: true, erasedOpened: [] });
    expect(new Set(judgement.erased)).toEqual(new Set(story.erasedKeyNames));
  });

  test('when he also has the root from before the erasures, then everything erased opens: the control', async () => {
    const judgement = await steal({ corpus: [...copies, oldRootPath] });
    expect(new Set(judgement.erasedOpened)).toEqual(new Set(story.erasedKeyNames));
  });

  test('when rows held keys of erased enrolments, raw, in base64 or in hex, then he finds each', async () => {
    const leaked = story.erasedKeyNames.slice(0, 3);
    const [raw, ...texts] = await keysNamed(leaked, { rootPath: oldRootPath, dumps: copies });
    const rows = new StoredValues();
    rows.add([raw, texts[0]?.toString('base64'), texts[1]?.toString('hex')]);
    const rowsPath = join(dir, 'leaking-rows');
    rows.write(rowsPath);
    const judgement = await steal({ secrets: [rowsPath] });
    expect(judgement.isCompetent).toBe(true);
    expect(new Set(judgement.erasedOpened)).toEqual(new Set(leaked));
  });

  test('when a page of the database held an old root, then he opens what was erased since', async () => {
    const leakPath = join(dir, 'leaking-page');
    writeFileSync(leakPath, Buffer.concat([Buffer.alloc(512, 7), readFileSync(oldRootPath)]));
    const judgement = await steal({ corpus: [...copies, leakPath] });
    expect(new Set(judgement.erasedOpened)).toEqual(new Set(story.erasedKeyNames));
  });
});
