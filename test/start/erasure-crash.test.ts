import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Effect, PrintedTemplate, Task } from './erasure-child.js';
import { openVaultIn } from './erasure-vault.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Each process under load is killed after so many lines of output. */
const KILLS_AFTER_LINES = [1, 40, 7, 90, 23, 61, 3, 55, 12, 80, 34, 5, 70, 18, 47];

const dataDirs: string[] = [];

afterEach(() => {
  for (const dataDir of dataDirs.splice(0)) rmSync(dataDir, { recursive: true, force: true });
});

function newDataDir(): string {
  dataDirs.push(mkdtempSync(join(tmpdir(), 'lethe-erasure-')));
  return dataDirs.at(-1)!;
}

/** Runs a process to its end; kills it after so many lines. */
async function run(
  task: Task,
  options: { killAfterLines?: number } = {},
): Promise<{ effects: Effect[]; end: string }> {
  const child = spawn(
    process.execPath,
    [
      ...['--import', './test/support/typescript-hooks.mjs', 'test/start/erasure-child.ts'],
      JSON.stringify(task),
    ],
    { cwd: ROOT, env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  let lines = 0;
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    lines += chunk.toString().split('\n').length - 1;
    if (lines >= (options.killAfterLines ?? Infinity)) child.kill('SIGKILL');
  });
  const end = await new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(signal ?? `${code}`);
    });
  });
  if (end !== 'SIGKILL' && end !== '0') throw new Error(`the process ended with ${end}: ${errors}`);
  const whole = output.slice(0, output.lastIndexOf('\n') + 1);
  const effects = whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return { effects: effects as Effect[], end };
}

interface Known {
  readonly template: PrintedTemplate;
  state: 'live' | 'erased' | 'asked';
  /** What was asked for in one call becomes erased together. */
  batch?: string;
}

/** What the processes acknowledged: it outlives them. */
class Record {
  readonly known: Known[] = [];
  readonly #dataDir: string;
  readonly #byKeyId = new Map<string, Known>();

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** A file of all templates ever, as a backup of the user data would hold. */
  save(): string {
    const path = join(this.#dataDir, 'templates.json');
    writeFileSync(path, JSON.stringify(this.known.map(({ template }) => template)));
    return path;
  }

  note(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'open') this.#compare(effect.areOpen);
      if (effect.kind === 'enrolled') this.#add(effect.template);
      if (effect.kind === 'erasing' || effect.kind === 'erased')
        for (const keyId of effect.keyIds) {
          const known = this.#byKeyId.get(keyId)!;
          known.state = effect.kind === 'erased' ? 'erased' : 'asked';
          known.batch = effect.keyIds.join();
        }
    }
  }

  count(state: Known['state']): number {
    return this.known.filter((known) => known.state === state).length;
  }

  #add(template: PrintedTemplate): void {
    const known: Known = { template, state: 'live' };
    this.known.push(known);
    this.#byKeyId.set(template.keyId, known);
  }

  /** An acknowledged effect stands; what was only asked for is done as a whole or not at all. */
  #compare(areOpen: readonly boolean[]): void {
    const batches = new Map<string, boolean>();
    for (const [at, isOpen] of areOpen.entries()) {
      const known = this.known[at]!;
      const { uuid } = known.template;
      if (known.state === 'asked') {
        const batch = known.batch ?? '';
        expect([uuid, isOpen]).toEqual([uuid, batches.get(batch) ?? isOpen]);
        batches.set(batch, isOpen);
        known.state = isOpen ? 'live' : 'erased';
      } else expect([uuid, isOpen]).toEqual([uuid, known.state === 'live']);
    }
  }
}

/** Every step of one schedule after the other, each in a process that goes on where the last one ended. */
async function endAtEachStep(dataDir: string, rootFiles: number): Promise<void> {
  const record = new Record(dataDir);
  const ends: string[] = [];
  for (let step = 0; ends.at(-1) !== '0'; step += 1) {
    const templatesPath = record.save();
    const name = `step-${step}`;
    const where = { dataDir, rootFiles, templatesPath };
    const { effects, end } = await run({ ...where, name, work: 'once', endsAtStep: step });
    record.note(effects);
    ends.push(end);
  }
  await expectWhole(record, { dataDir, rootFiles });
  expect(record.count('live')).toBeGreaterThan(rootFiles * 20);
  expect(record.count('erased')).toBeGreaterThan(rootFiles * 20);
  expect(ends.length).toBeGreaterThan(rootFiles * 20);
}

/** A last process finds all as it was acknowledged, and works; one share is left in each root file. */
async function expectWhole(
  record: Record,
  where: { dataDir: string; rootFiles: number },
): Promise<void> {
  const task = { ...where, name: 'last', work: 'once', templatesPath: record.save() } as const;
  const { effects } = await run(task);
  record.note(effects);
  expect(effects.at(-1)?.kind).toBe('done');
  expect(record.count('asked')).toBe(0);
  for (let at = 0; at < where.rootFiles; at += 1) {
    const file = readFileSync(join(where.dataDir, `root-${at}.key`)).toString('latin1');
    expect(file.split('LETHERT1')).toHaveLength(2);
  }
}

describe('kill -9 in an erasure', () => {
  test('when the first start ends at any step, then the next one goes on with it', async () => {
    const endings = [1, 2].map(async (rootFiles) => {
      for (let step = 0, end = 'SIGKILL'; end === 'SIGKILL'; step += 1) {
        const dataDir = newDataDir();
        ({ end } = await run({ dataDir, rootFiles, name: '', work: 'start', endsAtStep: step }));
        const { vault, close } = await openVaultIn(dataDir, { rootFiles });
        expect(await vault.roots()).toMatchObject([{ epoch: 1 }]);
        await close();
      }
    });
    await Promise.all(endings);
  }, 120_000);

  test('when the process ends at any step, with one root file or two, then no acknowledged effect is lost and nothing is half erased', async () => {
    await Promise.all([1, 2].map((rootFiles) => endAtEachStep(newDataDir(), rootFiles)));
  }, 120_000);

  test('when it is killed again and again under load, then the same holds', async () => {
    const where = { dataDir: newDataDir(), rootFiles: 2 };
    const record = new Record(where.dataDir);
    for (const [round, killAfterLines] of KILLS_AFTER_LINES.entries()) {
      const templatesPath = record.save();
      const task = { ...where, name: `round-${round}`, work: 'load', templatesPath } as const;
      const { effects, end } = await run(task, { killAfterLines });
      expect(end).toBe('SIGKILL');
      record.note(effects);
    }
    await expectWhole(record, where);
    expect(record.count('live')).toBeGreaterThan(50);
    expect(record.count('erased')).toBeGreaterThan(50);
  }, 120_000);
});
