// What figures must be quoted with: the machine and its disk.
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { quantile } from './figures.mjs';

const FLUSHES = 200;

/** Lines that describe the machine; the disk is the one that holds `dir`. */
export function describeMachine(dir) {
  const [{ model }, ...others] = cpus();
  const gigabytes = (totalmem() / 2 ** 30).toFixed(1);
  const flushes = flushMicros(dir);
  return [
    `${model.trim()}, ${others.length + 1} cores, ${gigabytes} GiB, ${type()} ${release()}, Node ${process.version}`,
    `disk: 4 KiB append + fdatasync p50 ${quantile(flushes, 0.5).toFixed(0)} us, p99 ${quantile(flushes, 0.99).toFixed(0)} us`,
    describeLoad('at the start'),
  ];
}

export function describeLoad(when) {
  return `load average ${when} ${loadavg()[0].toFixed(1)} (another load on the machine makes req/s and latencies meaningless)`;
}

function flushMicros(dir) {
  const path = join(dir, 'flush');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4_096, 1);
  const micros = Array.from({ length: FLUSHES }, () => {
    const startedAtMs = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return (performance.now() - startedAtMs) * 1_000;
  });
  closeSync(file);
  rmSync(path);
  return micros;
}
