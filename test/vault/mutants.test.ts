import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { MUTANTS, type Mutant } from './gate/mutants.js';

const ROOT = join(import.meta.dirname, '../..');
const LIMIT_MS = 120_000;

/** Runs the scenario in a process of its own, with the bug planted; what it noticed, or null. */
async function noticed(mutant?: Mutant): Promise<string | null> {
  // The hooks that are registered last are asked first.
  const imports = ['test/support/typescript-hooks.mjs', 'test/vault/gate/mutant-hooks.mjs'];
  const args = [...imports.flatMap((path) => ['--import', `./${path}`]), 'test/vault/gate/gate.ts'];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...(mutant && { LETHE_MUTANT: JSON.stringify(mutant) }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the gate ended with ${String(code)}: ${errors}`);
  return (JSON.parse(out) as { caught: string | null }).caught;
}

describe('the gate', () => {
  test(
    'when no bug is planted, then it notices nothing',
    async () => {
      expect(await noticed()).toBeNull();
    },
    LIMIT_MS,
  );

  test('when a bug is named, then its place is in the sources once', () => {
    for (const { name, file, find } of MUTANTS) {
      const source = readFileSync(join(ROOT, 'src', file), 'utf8');
      expect([name, source.split(find).length]).toEqual([name, 2]);
    }
  });

  test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'when %s, then it is noticed',
    async (_name, mutant) => {
      expect(await noticed(mutant)).not.toBeNull();
    },
    LIMIT_MS,
  );
});
