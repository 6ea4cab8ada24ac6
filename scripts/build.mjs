// Compiles src to dist (server code and browser code), and copies the other files that src holds.
import { cpSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { isMain, root, run, say, seconds } from './process.mjs';

export const stampPath = 'dist/.built';

/**
 * Both write what browsers share with the server, `audit/offline`: the same bytes, because each file is
 * compiled by itself (isolatedModules) under the same options; they differ in what they check.
 */
const projects = ['tsconfig.build.json', 'src/web/tsconfig.json'];
const notCopied = new Set(['.ts', '.md']);

/** Builds beside dist and then swaps, so that a running server and a failed build keep a whole dist. */
export async function build() {
  say('building');
  const startedAt = new Date();
  const fresh = join(root, `node_modules/.cache/lethe-build-${process.pid}`);
  try {
    mkdirSync(fresh, { recursive: true });
    for (const project of projects) {
      const result = await run('tsc', ['-p', project, '--outDir', fresh]);
      if (result.code !== 0) throw new Error(`tsc -p ${project} failed\n${result.output}`);
    }
    copyOtherFiles(fresh);
    const stamp = join(fresh, basename(stampPath));
    writeFileSync(stamp, '');
    // The start, not the end: a source that changed during the build makes the next start rebuild.
    utimesSync(stamp, startedAt, startedAt);
    swap(fresh);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  say(`built in ${seconds(startedAt.getTime())}`);
}

function copyOtherFiles(target) {
  cpSync(join(root, 'src'), target, {
    recursive: true,
    filter: (path) => !notCopied.has(extname(path)) && basename(path) !== 'tsconfig.json',
  });
}

function swap(fresh) {
  const dist = join(root, 'dist');
  const old = `${fresh}-old`;
  rmSync(old, { recursive: true, force: true });
  try {
    renameSync(dist, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  try {
    renameSync(fresh, dist);
  } catch (error) {
    // Another build of the same sources was quicker.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
  rmSync(old, { recursive: true, force: true });
}

if (isMain(import.meta.url)) {
  await build().catch((error) => {
    say(error.message);
    process.exitCode = 1;
  });
}
