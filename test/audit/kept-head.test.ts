import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LogRolledBackError, openKeptHead } from '../../src/audit/kept-head.js';
import { GrowingLog } from '../support/growing-log.js';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-kept-'));
  path = join(dir, 'log-head');
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const open = async ({ store, reader, origin }: GrowingLog) =>
  await openKeptHead({ path, log: store, reader, origin });

/** A host that has seen the log as it is now. */
async function see(log: GrowingLog): Promise<void> {
  const kept = await open(log);
  kept.note();
  await kept.close();
}

async function refusal(log: GrowingLog): Promise<string> {
  const error: unknown = await open(log).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LogRolledBackError);
  return (error as Error).message;
}

describe('the newest checkpoint that a host has seen', () => {
  test('when the log grows, then the file holds its newest checkpoint, soon and at the end', async () => {
    const log = new GrowingLog();
    const kept = await open(log);
    expect(existsSync(path)).toBe(false);
    const first = await log.grow(3);
    kept.note();
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readFileSync(path, 'utf8')).toBe(first.checkpoint);
    const second = await log.grow(300);
    await kept.close();
    expect(readFileSync(path, 'utf8')).toBe(second.checkpoint);
  });

  test('when the log in the database is the same or continues it, then it opens', async () => {
    const log = new GrowingLog();
    await log.grow(5);
    await see(log);
    await (await open(log)).close();
    await log.grow(700);
    await (await open(log)).close();
  });

  test('when the log in the database is shorter or empty, then the sentence says so and what to do', async () => {
    const log = new GrowingLog();
    await log.grow(3);
    await log.grow(4);
    await see(log);
    const older = new GrowingLog();
    expect(await refusal(older)).toContain('ends at 0 leaves, but this host has seen 7');
    await older.grow(3);
    expect(await refusal(older)).toMatch(/ends at 3 leaves.*put the newest log back/);
    expect(await refusal(older)).toContain(path);
  });

  test('when the log in the database forked before, then it is refused, however long it is', async () => {
    const log = new GrowingLog();
    await log.grow(7);
    await see(log);
    const fork = new GrowingLog();
    await fork.grow(6);
    await fork.grow(30, 'other');
    expect(await refusal(fork)).toContain('its first 7 leaves differ');
  });

  test('when the file is of another log, then it is refused by its name', async () => {
    const log = new GrowingLog();
    await log.grow(2);
    await see(log);
    const other = new GrowingLog({ origin: 'other.example/log' });
    await other.grow(2);
    expect(await refusal(other)).toContain('another log (log.example/log)');
  });

  test.each(['', 'log.example/log\n', 'not a checkpoint\n\n— x AAAA\n'])(
    'when the file holds %j, then it is refused rather than passed over',
    async (text) => {
      writeFileSync(path, text);
      expect(await refusal(new GrowingLog())).toContain('does not hold a checkpoint');
    },
  );

  test('when the file cannot be read or written, then a start says so, and a service goes on', async () => {
    const log = new GrowingLog();
    mkdirSync(path);
    await expect(open(log)).rejects.toThrow('EISDIR');
    rmSync(path, { recursive: true });
    const kept = await open(log);
    await log.grow(1);
    mkdirSync(`${path}.unfinished`);
    await kept.close();
    expect(existsSync(path)).toBe(false);
  });
});
