import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHARE_ENV, Worker } from 'node:worker_threads';

const MODULE_PATHS = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];

/** SoftHSM in a temporary folder of its own. */
export interface SoftTokens {
  readonly modulePath: string;
  readonly folder: string;
  /** Where SoftHSM keeps its objects, a folder for each token. */
  readonly objectFolder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Makes a token; returns the path of a file with its PIN. */
  make(label: string): string;
  remove(): void;
}

/** Throws when SoftHSM is not installed. The library finds the folder by `env`. */
export function softTokens(): SoftTokens {
  const modulePath = MODULE_PATHS.find((path) => existsSync(path));
  if (modulePath === undefined)
    throw new Error('SoftHSM is not there; install it (Debian: apt-get install softhsm2)');
  const folder = mkdtempSync(join(tmpdir(), 'lethe-token-'));
  const objectFolder = join(folder, 'tokens');
  mkdirSync(objectFolder);
  const configPath = join(folder, 'softhsm2.conf');
  writeFileSync(configPath, `directories.tokendir = ${objectFolder}\nlog.level = ERROR\n`);
  const env = { SOFTHSM2_CONF: configPath };
  return {
    ...{ modulePath, folder, objectFolder, env },
    make: (label) => {
      const pinPath = join(folder, `${label}.pin`);
      writeFileSync(pinPath, `${PIN}\n`, { mode: 0o600 });
      const pins = ['--so-pin', 'officer-5678', '--pin', PIN];
      execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, ...pins], {
        env: { PATH: process.env['PATH'], ...env },
      });
      return pinPath;
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

export const PIN = 'user-1234';

/**
 * Sets variables where libraries written in C see them: jest gives its tests a copy of `process.env`.
 */
export async function setRealEnv(env: Readonly<Record<string, string>>): Promise<void> {
  const worker = new Worker(
    'Object.assign(process.env, require("node:worker_threads").workerData)',
    { eval: true, env: SHARE_ENV, workerData: env },
  );
  await new Promise((resolve) => worker.once('exit', resolve));
}
