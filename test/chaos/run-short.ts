import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChaosReport } from './chaos.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ARGV = ['--import', './test/support/typescript-hooks.mjs', 'test/chaos/main.ts', '--json'];

/** As `npm run chaos` does, with the service as it was built, and what it printed. */
export async function runShort(
  args: readonly string[],
): Promise<{ code: number | null; report: ChaosReport; progress: string }> {
  const { NODE_OPTIONS: _ofJest, ...env } = process.env;
  const child = spawn(process.execPath, [...ARGV, ...args], { cwd: ROOT, env });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString();
    });
  const [code] = (await once(child, 'close')) as [number | null];
  if (texts.stdout === '') throw new Error(`it reported nothing: ${texts.stderr}`);
  return { code, report: JSON.parse(texts.stdout) as ChaosReport, progress: texts.stderr };
}

/** What must be in the report of a run for it to have been one. */
export function faultsOf({ faults, fates }: ChaosReport): readonly number[] {
  const { kills, outages, stepsForward, stepsBack } = faults;
  const outageCount = Object.values(outages).reduce((sum, count) => sum + count, 0);
  return [kills, outageCount, stepsForward, stepsBack, Object.keys(fates).length];
}
