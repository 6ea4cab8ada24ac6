// npm test: every check that needs only npm packages, beside the test suite.
// Arguments name the checks to run (`npm test -- types lint`); --static leaves the suite out.
import { availableParallelism } from 'node:os';
import { findChromium } from './chromium.mjs';
import { checkHygiene } from './hygiene.mjs';
import { runJest } from './jest.mjs';
import { buildIfStale, prepare } from './prepare.mjs';
import { run, say, seconds } from './process.mjs';

const limitMs = 10 * 60_000;
const quiet = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
const typeProjects = ['tsconfig.json', 'src/web/tsconfig.json', 'test/page/tsconfig.json'];

const staticChecks = {
  lint: () => commands(['eslint', '.', '--max-warnings', '0']),
  types: () => commands(...typeProjects.map((project) => ['tsc', '--noEmit', '-p', project])),
  rules: () => commands(['depcruise', '--config', 'scripts/rules.cjs', 'src', 'test', 'scripts']),
  format: () => commands(['biome', 'check', '--error-on-warnings', '.']),
  unused: () => commands(['knip', '--no-progress', '--treat-config-hints-as-errors']),
  openapi: () => commands(['redocly', 'lint', 'openapi.yaml']),
  generated: () => commands(['node', 'scripts/gen-types.mjs', '--check']),
  hygiene: checkHygiene,
};
const suites = {
  tests: () => jest({ except: ['mongo', 'page', 'residue'], workers: availableParallelism() }),
  pages: checkPages,
};
const totals = { passed: 0, failed: 0 };
const summaries = [];

/** Runs each command line in turn; all must succeed. */
async function commands(...lines) {
  const results = [];
  for (const [command, ...args] of lines)
    results.push(await run(command, args, { env: quiet, limitMs }));
  return {
    ok: results.every(({ code }) => code === 0),
    output: results.map(({ output }) => output).join(''),
  };
}

async function jest(selection) {
  const { code, passed, failed, skipped, output, summary } = await runJest(selection);
  const ok = code === 0 && passed > 0 && failed === 0 && skipped === 0;
  if (summary) summaries.push(summary);
  const counts = Object.entries({ passed, failed, skipped }).filter(([, count]) => count > 0);
  const note = counts.map(([what, count]) => `${count} ${what}`).join(', ');
  return { ok, output, note, passed, failed: ok ? 0 : Math.max(failed, 1) };
}

function checkPages() {
  const executable = findChromium();
  if (executable) return jest({ folders: ['page'], env: { LETHE_CHROMIUM: executable } });
  const note = 'page tests not run: no Chromium found (set LETHE_CHROMIUM or install chromium)';
  const isCi = process.env.CI === 'true';
  return { ok: !isCi, note, output: '', passed: 0, failed: isCi ? 1 : 0 };
}

async function report(name, check) {
  const began = Date.now();
  const { ok, output, note = '', passed = ok ? 1 : 0, failed = ok ? 0 : 1 } = await attempt(check);
  totals.passed += passed;
  totals.failed += failed;
  console.log(
    `${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)} ${seconds(began).padStart(8)}  ${note}`.trimEnd(),
  );
  if (!ok && output) console.log(`${output.trimEnd()}\n`);
}

/** A check that breaks is a check that failed; the others still run. */
async function attempt(check) {
  try {
    return await check();
  } catch (error) {
    return { ok: false, output: error.stack };
  }
}

async function reportAll(checks, { atOnce }) {
  const waiting = Object.entries(checks);
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await report(...next);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function chosen(checks, names) {
  return Object.fromEntries(Object.entries(checks).filter(([name]) => names.includes(name)));
}

function namesFrom(args) {
  const known = [...Object.keys(staticChecks), ...Object.keys(suites)];
  if (args.includes('--static')) return Object.keys(staticChecks);
  const unknown = args.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`no such check: ${unknown.join(', ')}; there are ${known.join(', ')}`);
  return args.length > 0 ? args : known;
}

async function main() {
  const names = namesFrom(process.argv.slice(2));
  await prepare({ withBuild: false });
  // The suites start the built server and the built command line.
  if (Object.keys(chosen(suites, names)).length > 0)
    await report('build', () => buildIfStale().then(() => ({ ok: true })));
  // What takes longest begins first, and everything else runs beside it.
  const { tests, pages } = suites;
  await reportAll(chosen({ tests, ...staticChecks, pages }, names), { atOnce: 2 });
  for (const summary of summaries) console.log(`\n${summary}`);
  console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
  if (totals.failed > 0) process.exitCode = 1;
}

await main().catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
