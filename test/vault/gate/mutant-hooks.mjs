// Plants the seeded bug that LETHE_MUTANT names while the sources are loaded:
// node --import ./test/support/typescript-hooks.mjs --import ./test/vault/gate/mutant-hooks.mjs gate.ts
// With neither bug nor name the sources are as they are.
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transform } from '@swc/core';

const mutant = process.env.LETHE_MUTANT ? JSON.parse(process.env.LETHE_MUTANT) : undefined;

if (isMainThread) register(import.meta.url);

export async function load(url, context, next) {
  if (mutant === undefined || !url.endsWith(`/src/${mutant.file}`)) return await next(url, context);
  const source = await readFile(fileURLToPath(url), 'utf8');
  const parts = source.split(mutant.find);
  if (parts.length !== 2) throw new Error(`${mutant.file} does not hold the place once`);
  const { code } = await transform(parts.join(mutant.replace), {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  });
  return { format: 'module', source: code, shortCircuit: true };
}
