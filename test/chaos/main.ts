// Run by scripts/chaos.mjs, with test/support/typescript-hooks.mjs; needs the built service.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.js';
import type { Installation } from './installation.js';
import { installOnMongo } from './mongo-installation.js';
import { planOf } from './plan.js';
import { isFlawless, reportLines } from './report.js';
import { installOnSqlite } from './sqlite-installation.js';

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    store: { type: 'string', default: 'sqlite' },
    json: { type: 'boolean', default: false },
  },
});

function say(line: string): void {
  process.stderr.write(`chaos: ${line}\n`);
}

function show(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function install(dir: string): Promise<Installation> {
  if (values.store === 'sqlite') return await installOnSqlite(dir);
  const { MONGODB_URI: uri = '' } = process.env;
  if (values.store !== 'mongo') throw new Error('--store must be sqlite or mongo');
  if (uri === '') throw new Error('--store mongo needs MONGODB_URI, a replica set');
  return await installOnMongo(dir, uri);
}

async function main(): Promise<void> {
  const sessions = Number(values.n);
  if (!Number.isInteger(sessions) || sessions < 1) throw new Error('--n must be a number from 1');
  const seed = values.seed ?? randomBytes(4).toString('hex');
  say(`seed ${seed}, ${sessions} sessions on ${values.store}`);
  const dir = mkdtempSync(join(tmpdir(), 'lethe-chaos-'));
  const installation = await install(dir);
  try {
    const plan = planOf(sessions, values.store);
    const report = await runChaos(installation, { seed, dir, plan, say });
    if (values.json) show(JSON.stringify({ seed, store: values.store, ...report }));
    else for (const line of reportLines(report, { seed, store: values.store })) show(line);
    if (!isFlawless(report)) process.exitCode = 1;
  } finally {
    await installation.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(1));
await main();
