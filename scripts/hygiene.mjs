// What must not land in the repository: machine paths, registry addresses, binaries, skipped tests.
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { missingPackages } from './lockfile.mjs';
import { isMain, root } from './process.mjs';

const machinePath = /(?<![\w.~)*-])\/(work|root|home|Users)\/[\w.-]/;
const skippedTest =
  /\b(describe|test|it)(\.concurrent)?\.(skip|only|todo|failing)\b|\b(xdescribe|xtest|xit|fdescribe|fit)\(/;

const rules = [
  {
    complaint: 'names the folder of one machine',
    applies: (path) => path !== 'package-lock.json',
    isBroken: (line) => machinePath.test(line),
  },
  {
    complaint: 'names a registry (npm ci must follow the configured one; see .npmrc)',
    applies: (path) => path === 'package-lock.json',
    isBroken: (line) => /"resolved": *"http/.test(line),
  },
  {
    complaint: 'skips or singles out a test',
    applies: (path) => path.startsWith('test/') && path.endsWith('.ts'),
    isBroken: (line) => skippedTest.test(line),
  },
];

/** Checks every file that is tracked or about to be; resolves to the complaints, one a line. */
export function checkHygiene() {
  const complaints = [...trackedFiles().flatMap(complaintsAbout), ...complaintsAboutLockfile()];
  return { ok: complaints.length === 0, output: complaints.join('\n') };
}

function complaintsAboutLockfile() {
  const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return missingPackages(lockfile).map(
    ({ name }) => `package-lock.json: lacks ${name}, so npm ci refuses it: run npm run lock`,
  );
}

function trackedFiles() {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const exists = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile();
  return [...new Set(listed.split('\0'))].filter((path) => path !== '' && exists(path));
}

function complaintsAbout(path) {
  const bytes = readFileSync(join(root, path));
  if (isBinary(bytes)) return [`${path}: is a binary file`];
  const applying = rules.filter((rule) => rule.applies(path));
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line, index) =>
      applying
        .filter((rule) => rule.isBroken(line))
        .map((rule) => `${path}:${index + 1}: ${rule.complaint}`),
    );
}

function isBinary(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).includes('\0');
  } catch {
    return true;
  }
}

if (isMain(import.meta.url)) {
  const { ok, output } = checkHygiene();
  if (!ok) console.error(output);
  process.exitCode = ok ? 0 : 1;
}
