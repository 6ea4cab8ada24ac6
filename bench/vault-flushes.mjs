// How often an erasure flushes which file: counted by strace, where it is installed.
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../scripts/process.mjs';

const ERASURES = 20;
const LIMIT_MS = 60_000;
const TRACED = fileURLToPath(new URL('vault-traced.mjs', import.meta.url));

/** One line of text for the report. */
export async function describeFlushes(parentDir) {
  if ((await run('strace', ['-V'])).code !== 0)
    return 'flushes of an erasure alone: not counted (no strace)';
  const dir = join(parentDir, 'traced');
  mkdirSync(dir, { mode: 0o700 });
  const options = ['-f', '-qq', '-y', '-e', 'signal=none', '-e', 'trace=fsync,fdatasync,/^mkdir'];
  const command = [process.execPath, TRACED, dir, ERASURES.toString()];
  const { code, output } = await run('strace', [...options, ...command], { limitMs: LIMIT_MS });
  if (code !== 0) return 'flushes of an erasure alone: not counted (strace may not trace here)';
  const flushes = [...countFlushes(output)].map(
    ([call, times]) => `${(times / ERASURES).toFixed(2)} ${call}`,
  );
  return `flushes of an erasure alone, counted by strace over ${ERASURES}: ${flushes.join(', ')}`;
}

function countFlushes(trace) {
  const counts = new Map();
  let isCounting = false;
  for (const line of trace.split('\n')) {
    if (/mkdir.*\/begin"/.test(line)) isCounting = true;
    if (/mkdir.*\/end"/.test(line)) isCounting = false;
    const [, call, path] = /\b(fsync|fdatasync)\(\d+<([^>]*)>/.exec(line) ?? [];
    if (!isCounting || call === undefined) continue;
    const name = `${call} of ${basename(path)}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
