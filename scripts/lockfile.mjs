// npm run lock, after any `npm install`: adds to package-lock.json the optional packages of other
// platforms that the registry in use does not offer. npm leaves those out, and then `npm ci` refuses
// the lockfile. They get no integrity, for there is nothing to compute it from.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, root, say } from './process.mjs';

const path = join(root, 'package-lock.json');

/** The optional dependencies that no entry of the lockfile stands for: `{ name, version, parent }`. */
export function missingPackages({ packages }) {
  return Object.entries(packages).flatMap(([parent, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !isPresent(packages, { name, parent }))
      .map(([name, version]) => ({ name, version, parent })),
  );
}

/** Looks where Node would: beside the parent's own packages, then in each folder above it. */
function isPresent(packages, { name, parent }) {
  for (
    let folder = parent;
    ;
    folder = folder.slice(0, folder.lastIndexOf('node_modules/')).replace(/\/$/, '')
  ) {
    if ([folder, 'node_modules', name].filter(Boolean).join('/') in packages) return true;
    if (folder === '') return false;
  }
}

function completed(lockfile) {
  const added = missingPackages(lockfile).map(({ name, version, parent }) => [
    `node_modules/${name}`,
    entryFor({ name, version, isDev: lockfile.packages[parent].dev === true }),
  ]);
  const { '': project, ...others } = lockfile.packages;
  const all = Object.entries({ ...others, ...Object.fromEntries(added) });
  all.sort(([one], [other]) => one.localeCompare(other, 'en'));
  return {
    added: added.length,
    lockfile: { ...lockfile, packages: { '': project, ...Object.fromEntries(all) } },
  };
}

function entryFor({ name, version, isDev }) {
  if (!/^\d/.test(version))
    throw new Error(`${name}: ${version} is a range; its version is not known`);
  const cpu = /\b(arm64|arm|x64|ia32|loong64|ppc64|riscv64|s390x|wasm32)\b/.exec(name)?.[1];
  const os = /\b(android|darwin|freebsd|linux|openharmony|win32)\b/.exec(name)?.[1];
  const libc = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };
  const runtime = libc[/\b(gnu|musl)(eabihf)?\b/.exec(name)?.[0]];
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    ...(isDev && { dev: true }),
    ...(runtime && os === 'linux' && { libc: [runtime] }),
    optional: true,
    ...(os && { os: [os] }),
  };
}

if (isMain(import.meta.url)) {
  const { added, lockfile } = completed(JSON.parse(readFileSync(path, 'utf8')));
  if (added > 0) writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`);
  say(`${added} packages of other platforms added to package-lock.json`);
}
