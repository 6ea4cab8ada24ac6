// npm run test:residue: looks for old roots and destroyed keys on raw disks and in the memory of
// processes. Needs Linux, root and loop devices; what is missing fails.
import { execFileSync } from 'node:child_process';
import { accessSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { runJest } from './jest.mjs';
import { prepare } from './prepare.mjs';
import { say } from './process.mjs';

const programs = {
  'mkfs.ext4': 'e2fsprogs',
  tune2fs: 'e2fsprogs',
  mount: 'mount',
  umount: 'mount',
  losetup: 'mount',
};

function missing() {
  const found = [];
  if (process.platform !== 'linux') found.push('Linux');
  if (process.getuid?.() !== 0) found.push('root (loop devices are mounted)');
  if (!exists('/dev/loop-control')) found.push('/dev/loop-control (modprobe loop)');
  if (!exists('/proc/self/pagemap')) found.push('/proc/self/pagemap');
  for (const [program, debianPackage] of Object.entries(programs))
    if (!isInstalled(program)) found.push(`${program} (Debian package ${debianPackage})`);
  return found;
}

function isInstalled(program) {
  return searchPath.split(delimiter).some((folder) => exists(join(folder, program)));
}

function exists(path) {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The disks are made by programs that a user's own path may lack. */
const searchPath = [process.env.PATH, '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);

/** A folder for the disks; whatever is left mounted in it is released when this process ends. */
function createWorkshop() {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-residue-'));
  process.on('exit', () => {
    release(folder);
  });
  return folder;
}

function release(folder) {
  for (const mountPoint of mountPointsIn(folder)) command('umount', '--lazy', mountPoint);
  for (const [device, image] of loopDevices())
    if (image.startsWith(folder)) command('losetup', '--detach', device);
  rmSync(folder, { recursive: true, force: true });
}

function mountPointsIn(folder) {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(folder));
}

function loopDevices() {
  const listed = command('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE');
  return listed
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, image]) => image);
}

function command(name, ...args) {
  return execFileSync(name, args, { encoding: 'utf8', env: { ...process.env, PATH: searchPath } });
}

async function main() {
  const lacking = missing();
  if (lacking.length > 0) throw new Error(`the residue tests need ${lacking.join(', ')}`);
  await prepare({ withBuild: false });
  const env = { LETHE_RESIDUE_DIR: createWorkshop(), PATH: searchPath };
  const { code, passed, failed, skipped } = await runJest({
    folders: ['residue'],
    env,
    show: true,
  });
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  if (code !== 0 || passed === 0 || failed > 0 || skipped > 0) process.exitCode = 1;
}

await main().catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
