import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ExportError, exportLog } from '../../src/audit/reading/export-log.js';
import { logDirectory } from '../../src/audit/reading/log-directory.js';
import type { LogSource } from '../../src/audit/reading/log-source.js';
import { storedLogSource } from '../../src/audit/reading/stored-log-source.js';
import { verifyLog } from '../../src/audit/reading/verify-log.js';
import { found, ORIGIN, SampleLog, sampleLeaf } from '../support/sample-log.js';

let parent: string;
let dir: string;
let log: SampleLog;

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'lethe-export-'));
  dir = join(parent, 'log');
  log = await SampleLog.of([Array.from({ length: 299 }, (_, index) => sampleLeaf(index))]);
});

afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

function stored(of = log): LogSource {
  return storedLogSource({ log: of.store, logKeys: of.store, policy: undefined });
}

/** Every file under the directory, with its bytes. */
function filesIn(directory: string): Map<string, Uint8Array> {
  const names = readdirSync(directory, { recursive: true }).map(String);
  const paths = names.map((name) => join(directory, name));
  const files = paths.filter((path) => statSync(path).isFile());
  return new Map(files.map((path) => [relative(directory, path), readFileSync(path)]));
}

describe('an export', () => {
  test('when it is written, then it holds every file that the log publishes, byte for byte, and no other', async () => {
    expect(await exportLog(stored(), dir)).toMatchObject({ origin: ORIGIN, size: 300 });
    const files = filesIn(dir);
    expect([...files.keys()].sort()).toEqual([
      'checkpoint',
      'keys',
      'tile/0/000',
      'tile/0/001.p/44',
      'tile/1/000.p/1',
      'tile/entries/000',
      'tile/entries/001.p/44',
    ]);
    for (const [path, bytes] of await log.files())
      expect(Buffer.compare(files.get(path) ?? Buffer.of(), bytes)).toBe(0);
  });

  test('when it is verified, then it is sound, and a directory with any file changed is not', async () => {
    await exportLog(stored(), dir);
    const logKeys = await log.keys();
    const verify = async () => found(await verifyLog(logDirectory(dir), { logKeys }));
    expect(await verify()).toEqual([]);
    for (const [path, bytes] of filesIn(dir)) {
      writeFileSync(join(dir, path), Buffer.concat([bytes, Buffer.of(0)]));
      expect(await verify()).not.toEqual([]);
      writeFileSync(join(dir, path), bytes);
    }
    expect(await verify()).toEqual([]);
  });

  test('when the log grew, then an earlier export is continued and no tile of it is touched', async () => {
    await exportLog(stored(), dir);
    const before = filesIn(dir);
    const modified = statSync(join(dir, 'tile/0/000')).mtimeMs;
    await log.append(...Array.from({ length: 300 }, (_, index) => sampleLeaf(index)));
    await log.rotate(60_000);
    await exportLog(stored(), dir);
    const after = filesIn(dir);
    for (const [path, bytes] of before)
      if (path.startsWith('tile/')) expect(after.get(path)).toEqual(bytes);
    expect(statSync(join(dir, 'tile/0/000')).mtimeMs).toBe(modified);
    const logKeys = await log.keys();
    expect(found(await verifyLog(logDirectory(dir), { logKeys }))).toEqual([]);
  });

  test('when it breaks off at any file, then it has no checkpoint yet, and the next one completes it', async () => {
    for (let count = 0; count < 6; count += 1) {
      const breaking = stored();
      let left = count;
      const resource = async (path: string) => {
        left -= 1;
        if (left < 0) throw new Error('the store went away');
        return await stored().resource(path);
      };
      await expect(exportLog({ ...breaking, resource }, dir)).rejects.toThrow('went away');
      await expect(logDirectory(dir).checkpoint()).rejects.toThrow('unfinished');
      await exportLog(stored(), dir);
      const logKeys = await log.keys();
      expect(found(await verifyLog(logDirectory(dir), { logKeys }))).toEqual([]);
      rmSync(dir, { recursive: true });
    }
  });

  test('when a file was left half-written by a crash, then it is not taken for a tile', async () => {
    mkdirSync(join(dir, 'tile/0'), { recursive: true });
    writeFileSync(join(dir, 'tile/0/000.unfinished'), 'half');
    writeFileSync(join(dir, 'checkpoint.unfinished'), 'half');
    await exportLog(stored(), dir);
    expect([...filesIn(dir).keys()].filter((name) => name.includes('unfinished'))).toEqual([]);
  });
});

describe('a directory that must not be written to', () => {
  async function refusal(source: LogSource): Promise<string> {
    const error: unknown = await exportLog(source, dir).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ExportError);
    return (error as Error).message;
  }

  test('when it holds anything else, then nothing is written', async () => {
    mkdirSync(dir);
    for (const name of ['notes.txt', '.git', 'tiles', 'CHECKPOINT', 'tile.p']) {
      writeFileSync(join(dir, name), 'mine');
      expect(await refusal(stored())).toContain('holds other files');
      expect(readdirSync(dir)).toEqual([name]);
      rmSync(join(dir, name));
    }
  });

  test('when it holds the export of another log, then nothing is written', async () => {
    const other = await SampleLog.of([[sampleLeaf(1)]], { origin: 'other.example' });
    await exportLog(stored(other), dir);
    const before = filesIn(dir);
    expect(await refusal(stored())).toContain('export of another log');
    expect(filesIn(dir)).toEqual(before);
  });

  test('when it holds more leaves than the log, then the evidence is kept', async () => {
    await exportLog(stored(), dir);
    const before = filesIn(dir);
    const shorter = await SampleLog.of([[sampleLeaf(0)]]);
    expect(await refusal(stored(shorter))).toContain('more leaves than the log has now');
    expect(filesIn(dir)).toEqual(before);
  });

  test('when a tile of it is another than the log now has, then the evidence is kept', async () => {
    await exportLog(stored(), dir);
    const before = filesIn(dir);
    const leaves = Array.from({ length: 400 }, (_, index) => sampleLeaf(index + 1));
    const forked = await SampleLog.of([leaves]);
    expect(await refusal(stored(forked))).toContain('something else than the log does now');
    for (const [path, bytes] of before) expect(filesIn(dir).get(path)).toEqual(bytes);
  });

  test('when the log lacks a file or its checkpoint is malformed, then there is no checkpoint', async () => {
    const lacking = { ...stored(), resource: async () => undefined };
    expect(await refusal(lacking)).toContain('the log lacks tile/entries/000');
    const malformed = { ...stored(), checkpoint: async () => 'none' };
    expect(await refusal(malformed)).toContain('malformed');
    await expect(logDirectory(dir).checkpoint()).rejects.toThrow('holds no checkpoint');
  });

  test('when the log is empty, then there is nothing to export', async () => {
    log.store.segments = [];
    await expect(exportLog(stored(), dir)).rejects.toThrow('the log in the store is empty');
  });
});

describe('a directory that is read', () => {
  test('when a path leads out of it or is none of a log, then there is nothing', async () => {
    await exportLog(stored(), dir);
    writeFileSync(join(parent, 'secret'), 'secret');
    const paths = [
      '../secret',
      'tile/../../secret',
      'checkpoint',
      'tile/0',
      '',
      'tile/0/00',
      '/keys',
    ];
    for (const path of paths) expect(await logDirectory(dir).resource(path)).toBeUndefined();
    expect(await logDirectory(dir).resource('tile/0/000')).toHaveLength(8_192);
    expect(await logDirectory(dir).resource('tile/0/002')).toBeUndefined();
  });

  test('when a file is longer than any, then no more of it is read than tells', async () => {
    mkdirSync(join(dir, 'tile/0'), { recursive: true });
    writeFileSync(join(dir, 'tile/0/000'), Buffer.alloc(3_000_000));
    expect((await logDirectory(dir).resource('tile/0/000'))?.byteLength).toBe(256 * 4_098 + 1);
  });

  test('when a file cannot be read, then the sentence names it', async () => {
    mkdirSync(join(dir, 'tile/0/000'), { recursive: true });
    await expect(logDirectory(dir).resource('tile/0/000')).rejects.toThrow(
      /tile\/0\/000 cannot be read \(EISDIR\)/,
    );
  });
});
