// What the scripts share: the repository's folder, progress lines, and running a command.
import { spawn } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function isMain(moduleUrl) {
  return process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(moduleUrl);
}

export function say(line) {
  process.stderr.write(`lethe: ${line}\n`);
}

export function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/**
 * Runs a command in the repository's folder, with node_modules/.bin on the path, and resolves to
 * its exit code and what it printed. `input` is written to it, `show` lets its standard error
 * through as well. The child ends with this process, and at `limitMs`.
 */
export function run(command, args, { env = process.env, input, show = false, limitMs } = {}) {
  const path = [join(root, 'node_modules/.bin'), env.PATH].join(delimiter);
  const child = spawn(command, args, {
    cwd: root,
    env: { ...env, PATH: path },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input);
  const chunks = [];
  child.stdout.on('data', (data) => chunks.push(data));
  child.stderr.on('data', (data) => {
    chunks.push(data);
    if (show) process.stderr.write(data);
  });
  const stop = (signal) => {
    child.kill(signal);
    process.exit(1);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, stop);
  const timer = limitMs && setTimeout(() => onLimit(child, chunks, limitMs), limitMs);
  return new Promise((done) => {
    child.on('error', (error) => chunks.push(Buffer.from(`${command}: ${error.message}\n`)));
    child.on('close', (code) => {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, stop);
      done({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

function onLimit(child, chunks, limitMs) {
  chunks.push(Buffer.from(`stopped: it ran longer than ${limitMs / 60_000} minutes\n`));
  child.kill('SIGKILL');
}
