import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SteppedClock } from './clock.js';
import { environmentOf, type Installation, readDemo } from './installation.js';
import { runCommand } from './run-command.js';
import { ChaosProcess } from './server.js';
import { waitMs } from './wait.js';

/** One server on one data directory. */
export async function installOnSqlite(dir: string): Promise<Installation> {
  const dataDir = join(dir, 'data');
  const clock = new SteppedClock(join(dir, 'clock'));
  const env = { ...environmentOf(clock), DATA_DIR: dataDir };
  const server = await ChaosProcess.of(['dist/main.js'], env);
  await server.start();
  return {
    store: 'sqlite',
    servers: [server],
    clock,
    ...readDemo(dataDir),
    outages: { locked: (durationMs) => lockOut(join(dataDir, 'lethe.db'), durationMs) },
    command: (...args) => runCommand(args, env),
    close: () => server.kill(),
  };
}

/** Another process, which is this one, writes for so long. */
async function lockOut(path: string, durationMs: number): Promise<void> {
  const database = new Database(path, { timeout: 5_000 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    await waitMs(durationMs);
    database.exec('ROLLBACK');
  } finally {
    database.close();
  }
}
