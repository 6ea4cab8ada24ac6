// Lets a child process of a test run the sources as they are:
// node --import ./test/support/typescript-hooks.mjs script.mjs

import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transform } from '@swc/core';

if (isMainThread) register(import.meta.url);

/** Sources import each other by the names that they have after compilation. */
export async function resolve(specifier, context, next) {
  const isOfSource = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
  return await next(isOfSource ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return await next(url, context);
  const source = await readFile(fileURLToPath(url), 'utf8');
  const { code } = await transform(source, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  });
  return { format: 'module', source: code, shortCircuit: true };
}
