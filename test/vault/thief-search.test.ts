import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import mongoose from 'mongoose';
import { search } from '../../src/vault/thief/search.js';
import { bytesSource, fileSource, type Source } from '../../src/vault/thief/source.js';
import { SmallTree } from './small-tree.js';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-search-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface Finds {
  readonly nodes: Set<string>;
  readonly templates: Set<string>;
  readonly keyNames: Set<string>;
  readonly rootSlots: Set<number>;
}

async function finds(source: Source): Promise<Finds> {
  const found: Finds = {
    nodes: new Set(),
    templates: new Set(),
    keyNames: new Set(),
    rootSlots: new Set(),
  };
  await search(source, {
    node: (sealed) => found.nodes.add(hex(sealed)),
    template: (head) => found.templates.add(hex(head)),
    keyName: (text) => found.keyNames.add(text),
    rootSlot: ({ epoch }) => found.rootSlots.add(epoch),
  });
  return found;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

interface Row {
  readonly keyName: string;
  readonly blob: Buffer;
}

/** Two enrolments, each with its template and every node that was written for it, and the root. */
function rows() {
  const tree = new SmallTree();
  const { keyName } = tree.enrol('ann', 0);
  const blobs = [...tree.written];
  tree.enrol('bob', 1);
  const [rootFile] = tree.rootFiles();
  const rest = tree.written.slice(blobs.length);
  const names = [...tree.enrolled.values()].map((enrolled) => enrolled.keyName);
  const isNode = (blob: Uint8Array) => blob[1] === 'K'.charCodeAt(0);
  const expected: Finds = {
    nodes: new Set(tree.written.filter(isNode).map(hex)),
    templates: new Set(
      tree.written.filter((blob) => !isNode(blob)).map((blob) => hex(blob.subarray(0, 288))),
    ),
    keyNames: new Set(names),
    rootSlots: new Set([tree.epoch]),
  };
  const row = (name: string) => (blob: Uint8Array) => ({ keyName: name, blob: Buffer.from(blob) });
  const all: Row[] = [...[...blobs, rootFile!].map(row(keyName)), ...rest.map(row(names[1]!))];
  return { all, expected };
}

const asJson = (encode: (blob: Buffer) => string) => (all: readonly Row[]) =>
  Buffer.from(JSON.stringify(all.map(({ keyName, blob }) => ({ keyName, blob: encode(blob) }))));

const FORMS: readonly [string, (all: readonly Row[]) => Uint8Array][] = [
  ['bytes with noise between', (all) => joined(all.map(({ blob }) => blob))],
  [
    'BSON documents, as mongodump writes them',
    (all) => Buffer.concat(all.map((row) => mongoose.mongo.BSON.serialize(row))),
  ],
  ['JSON with base64', asJson(base64)],
  ['JSON with base64url', asJson((blob) => blob.toString('base64url'))],
  ['JSON with hex', asJson(hex)],
  ['SQL with hex in capitals', asJson((blob) => `X'${hex(blob).toUpperCase()}'`)],
  [
    'JSON that escapes slashes',
    (all) => Buffer.from(asJson(base64)(all).toString().replaceAll('/', '\\/')),
  ],
  ['base64 in lines of 76', asJson((blob) => wrapped(base64(blob), 76, '\n'))],
  ['base64 in lines of 64, CRLF', asLines((blob) => wrapped(base64(blob), 64, '\r\n'))],
  ['hex in lines of 60', asLines((blob) => wrapped(hex(blob), 60, '\n'))],
  ['text columns without a gap', (all) => Buffer.from(all.map(columns).join(''))],
  ['a gzip file', (all) => gzipSync(asJson(base64)(all))],
  [
    'gzip members between other bytes',
    (all) =>
      joined(all.map(({ keyName, blob }) => gzipSync(Buffer.concat([Buffer.from(keyName), blob])))),
  ],
  [
    'a gzip file that was cut off',
    (all) => gzipSync(joined(all.map(({ blob }) => blob))).subarray(0, -9),
  ],
  [
    'gzip in base64 in JSON in gzip',
    (all) => {
      const inner = gzipSync(asJson(base64)(all)).toString('base64');
      return gzipSync(JSON.stringify({ inner }));
    },
  ],
];

function columns({ keyName, blob }: Row): string {
  return `live${keyName}model-1${blob.toString('base64')}`;
}

function asLines(encode: (blob: Buffer) => string) {
  return (all: readonly Row[]) =>
    Buffer.from(all.map(({ keyName, blob }) => `${keyName}\n${encode(blob)}\n--\n`).join(''));
}

function wrapped(text: string, columnCount: number, end: string): string {
  return text.match(new RegExp(`.{1,${columnCount}}`, 'g'))!.join(end);
}

function joined(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [randomBytes(13), part]));
}

describe('what the thief finds', () => {
  test.each(FORMS)('when blobs are %s, then every one is found', async (_form, print) => {
    const { all, expected } = rows();
    const names = [...expected.keyNames].join(' ');
    const bytes = Buffer.concat([print(all), Buffer.from(` ${names}`)]);
    expect(await finds(bytesSource(bytes))).toEqual(expected);
    const path = join(dir, 'form');
    writeFileSync(path, bytes);
    expect(await finds(fileSource(path))).toEqual(expected);
  });

  test.each([
    ['the database file', 'lethe.db', 512, true],
    ['the database file', 'lethe.db', 4096, true],
    ['the write-ahead log', 'lethe.db-wal', 4096, false],
  ])(
    'when rows are in %s of SQLite (%s), with pages of %i bytes, then what a page holds whole is found',
    async (_what, name, pageBytes, isCheckpointed) => {
      const { all, expected } = rows();
      const folder = mkdtempSync(join(dir, 'sqlite-'));
      const database = new Database(join(folder, 'lethe.db'));
      database.pragma(`page_size = ${pageBytes}`);
      database.pragma('journal_mode = WAL');
      database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT, keyName TEXT, blob BLOB)');
      const insert = database.prepare('INSERT INTO t (state, keyName, blob) VALUES (?, ?, ?)');
      for (const { keyName, blob } of all) insert.run('live', keyName, blob.subarray(0, 3000));
      if (isCheckpointed) database.pragma('wal_checkpoint(TRUNCATE)');
      const found = await finds(fileSource(join(folder, name)));
      expect(statSync(join(folder, 'lethe.db-wal')).size > 0).toBe(!isCheckpointed);
      database.close();
      expect(found.keyNames).toEqual(expected.keyNames);
      expect(found.rootSlots).toEqual(expected.rootSlots);
      // Pages of 512 bytes are too small for a node: of those files the thief needs a dump.
      if (pageBytes === 4096) {
        expect([...found.nodes]).toEqual(expect.arrayContaining([...expected.nodes]));
        expect([...found.templates]).toEqual(expect.arrayContaining([...expected.templates]));
      }
    },
  );

  test('when a blob lies anywhere across the windows of a long file, then it is found', async () => {
    const { all, expected } = rows();
    const texts = all.map(({ keyName, blob }) => Buffer.from(`"${keyName}" ${hex(blob)}"`));
    const noise = randomBytes(1024 * 1024);
    const path = join(dir, 'long');
    for (const shiftBytes of [0, 1_000, 3_000, 70_000]) {
      const bytes = Buffer.concat([noise, noise, noise, noise, ...texts]);
      writeFileSync(path, bytes.subarray(shiftBytes));
      expect(await finds(fileSource(path))).toEqual(expected);
    }
  });

  test('when a long gzip file holds a blob at its end, then it is found', async () => {
    const { all, expected } = rows();
    const zeros = Buffer.alloc(24 * 1024 * 1024);
    const path = join(dir, 'long.gz');
    const text = asJson(base64)(all);
    writeFileSync(path, gzipSync(Buffer.concat([zeros, text])));
    expect(await finds(fileSource(path))).toEqual(expected);
  });

  test('when bytes are junk, then nothing is found and nothing breaks', async () => {
    const magic = fc.constantFrom(
      'LKN1',
      'LTP1',
      'LETHERT1',
      'q83vEjRWeJA.1.',
      '\x1f\x8b\x08\0',
      '\\n',
      '=',
    );
    const piece = fc.oneof(
      magic.map((text) => Buffer.from(text, 'latin1')),
      fc.uint8Array({ maxLength: 400 }),
      fc.base64String({ maxLength: 400 }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        const found = await finds(bytesSource(Buffer.concat(pieces)));
        expect(found.rootSlots.size + found.keyNames.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('when key names are nearly right, then they are not taken', async () => {
    const near = [
      'q83vEjRWeJA.1.70.AAECAwQFBgcICQoLDA0OD', // a letter short
      'q83vEjRWeJB.1.70.AAECAwQFBgcICQoLDA0ODw', // not canonical
      'q83vEjRWeJA.0.70.AAECAwQFBgcICQoLDA0ODw', // the directory holds no enrolment keys
      'q83vEjRWeJA.01.70.AAECAwQFBgcICQoLDA0ODw',
      'q83vEjRWeJA.1.262144.AAECAwQFBgcICQoLDA0ODw',
    ];
    expect((await finds(bytesSource(Buffer.from(near.join(' '))))).keyNames).toEqual(new Set());
  });

  test('when a file cannot be read, then the error says so', async () => {
    await expect(finds(fileSource(dir))).rejects.toThrow('EISDIR');
    expect(readFileSync(join(dir, 'form')).byteLength).toBeGreaterThan(0);
  });
});
