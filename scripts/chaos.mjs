// npm run chaos -- [--n 10000] [--seed S] [--store sqlite|mongo] [--json]: ends that many sessions while
// the built service is killed, its store fails, its clock is set and its receivers misbehave, and
// compares what arrived with what is owed. Exits with 1 when an event is lost, forged, late or changed.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare } from './prepare.mjs';
import { root, say } from './process.mjs';

const hooks = join(root, 'test/support/typescript-hooks.mjs');

try {
  await prepare();
  const args = ['--import', hooks, join(root, 'test/chaos/main.ts'), ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('close', (code) => {
    process.exitCode = code ?? 1;
  });
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
