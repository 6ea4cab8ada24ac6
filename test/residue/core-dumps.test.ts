import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ASK = `
  const { coreDumpsAreOff } = await import('./src/vault/roots/core-dumps.ts');
  process.stdout.write(String(coreDumpsAreOff()));
`;

/** What a process says whose core files may have so many KiB. */
function answerUnder(limitKibibytes: number): string {
  const script = `ulimit -c ${limitKibibytes} && exec "$@"`;
  const hooks = ['--import', './test/support/typescript-hooks.mjs', '--input-type=module'];
  const args = ['-c', script, 'sh', process.execPath, ...hooks, '--eval', ASK];
  return execFileSync('/bin/sh', args, { cwd: ROOT, encoding: 'utf8', env: {} });
}

describe('a process that is asked whether a crash leaves a core dump', () => {
  test('when it runs under ulimit -c 0, then there is none, unless dumps go to a program', () => {
    const goToProgram = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('|');
    expect(answerUnder(0)).toBe(goToProgram ? 'undefined' : 'true');
  });

  test('when its core files may have 1 MiB, then there is one', () => {
    expect(answerUnder(1_024)).toBe('false');
  });
});
