// Makes a fresh clone ready: installs packages and builds, each only when needed.
// Used by start, test, test:mongo, demo and bench; it imports nothing but Node's own modules.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build, stampPath } from './build.mjs';
import { isMain, root, run, say, seconds } from './process.mjs';

const oldestNode = [20, 19];

/** Installs packages when they are missing or older than the lockfile, and builds when dist is stale. */
export async function prepare({ withBuild = true } = {}) {
  checkNode();
  if (!packagesAreCurrent()) await install();
  if (withBuild) await buildIfStale();
}

export async function buildIfStale() {
  if (!buildIsCurrent()) await build();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new Error(`Node ${oldestNode.join('.')} or newer is needed; this is ${process.version}`);
}

async function install() {
  say('installing packages with npm ci; compiling better-sqlite3 takes 1 to 2 minutes or more');
  const began = Date.now();
  const result = await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
  if (result.code !== 0) throw new Error(`npm ci failed\n${result.output}`);
  say(`packages installed in ${seconds(began)}`);
}

function packagesAreCurrent() {
  const lockfile = join(root, 'package-lock.json');
  const installed = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  // A checkout touches the lockfile and npm install writes it last: when the times say stale,
  // the contents decide.
  return modifiedAt(installed) >= modifiedAt(lockfile) || sameVersions(lockfile, installed);
}

function sameVersions(lockfile, installed) {
  const wanted = JSON.parse(readFileSync(lockfile, 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return (
    Object.keys(present).every((path) => path in wanted) &&
    Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true;
      const found = present[path];
      return found ? found.integrity === entry.integrity : entry.optional || entry.devOptional;
    })
  );
}

function buildIsCurrent() {
  const stamp = join(root, stampPath);
  if (!existsSync(stamp) || !existsSync(join(root, 'dist/main.js'))) return false;
  const sources = [
    'src',
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
    'scripts/build.mjs',
  ];
  return newest(sources.map((path) => join(root, path))) <= modifiedAt(stamp);
}

/** Folders count too: deleting a file changes only the time of its folder. */
function newest(paths) {
  const times = paths.map((path) => {
    const stats = statSync(path);
    if (!stats.isDirectory()) return stats.mtimeMs;
    return Math.max(stats.mtimeMs, newest(readdirSync(path).map((name) => join(path, name))));
  });
  return Math.max(0, ...times);
}

function modifiedAt(path) {
  return statSync(path).mtimeMs;
}

if (isMain(import.meta.url)) {
  await prepare({ withBuild: !process.argv.includes('--no-build') }).catch((error) => {
    say(error.message);
    process.exitCode = 1;
  });
}
