// Runs a part of the jest suite and reads its numbers.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from './process.mjs';

const limitMs = 15 * 60_000;

/**
 * Runs the test files under `folders` (all of test/ when empty) except those under `except`, in as
 * many processes at once as `workers` says.
 * `output` is all that jest printed, `summary` its closing lines; a suite that could not run
 * counts as one failed test.
 */
export async function runJest({ folders = [], except = [], env = {}, show = false, workers = 1 }) {
  const reports = mkdtempSync(join(tmpdir(), 'lethe-jest-'));
  const report = join(reports, 'report.json');
  const args = ['--json', `--outputFile=${report}`, `--maxWorkers=${workers}`];
  for (const folder of folders) args.push('--testPathPatterns', inFolder(folder));
  for (const folder of except) args.push('--testPathIgnorePatterns', inFolder(folder));
  try {
    const result = await run('jest', args, {
      env: { ...environment(), ...env },
      show,
      limitMs,
    });
    return { ...result, ...numbers(report), summary: closingLines(result.output) };
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

function inFolder(folder) {
  return `/test/${folder}/`;
}

/** The caller's environment without Lethe's own variables: a test sets what it means to set. */
function environment() {
  const env = { ...process.env };
  const source = readFileSync(join(root, 'src/config/env.ts'), 'utf8');
  for (const [, name] of source.matchAll(/^ {2}'([A-Z_]+)',$/gm)) delete env[name];
  const options = '--experimental-vm-modules --disable-warning=ExperimentalWarning';
  return { ...env, NODE_OPTIONS: [env.NODE_OPTIONS, options].filter(Boolean).join(' ') };
}

function numbers(report) {
  try {
    const json = JSON.parse(readFileSync(report, 'utf8'));
    return {
      passed: json.numPassedTests,
      failed: json.numFailedTests + json.numRuntimeErrorTestSuites,
      skipped: json.numPendingTests + json.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function closingLines(output) {
  const start = output.lastIndexOf('\nTest Suites:');
  if (start === -1) return '';
  return output
    .slice(start + 1)
    .replace(/^Test results written to:.*$/m, '')
    .trimEnd();
}
