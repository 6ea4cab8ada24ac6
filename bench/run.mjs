// npm run bench: what ENROLL, VERIFY and DELETE cost beside an Express echo, in one run.
// npm run bench -- vault: what the key tree costs with a million subjects (vault.mjs).
// npm run bench -- log: what the log costs with a million leaves (log.mjs).
// npm run bench -- callbacks: what a webhook costs to sign, send and keep (callbacks.mjs).
//   --quick           fewer rounds and requests: for a look, not for figures to quote
//   --profile FILE    writes a CPU profile of one more slice of DELETE (of erasures,
//                     of appends, of deliveries), which does not count
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, say } from '../scripts/process.mjs';
import { benchCallbacks } from './callbacks.mjs';
import { figuresOf } from './figures.mjs';
import * as lethe from './lethe.mjs';
import { benchLog } from './log.mjs';
import { describeMachine } from './machine.mjs';
import { startProcess } from './processes.mjs';
import { reportLines } from './report.mjs';
import { benchVault } from './vault.mjs';

/** Requests in a slice, by the number of clients, and how often the servers are warmed up. */
const PLANS = {
  full: {
    rounds: 5,
    warmUps: 2,
    lethe: { 1: 60, 16: 320, 64: 832 },
    echo: { 1: 600, 16: 2_400, 64: 3_200 },
  },
  quick: {
    rounds: 2,
    warmUps: 1,
    lethe: { 1: 8, 16: 48, 64: 128 },
    echo: { 1: 80, 16: 320, 64: 640 },
  },
};
const MOST_CLIENTS = 64;

/** Everything that runs, and what was measured: `slices` maps a row and its clients to its rounds. */
async function start(dir, plan) {
  const load = startProcess('./load.mjs');
  const receiver = startProcess('./receiver.mjs');
  const receiverPort = await receiver.ask('port');
  const bench = { plan, load, receiver, slices: new Map(), isCounting: false, webhooks: 0 };
  const common = { dir, receiverPort };
  bench.sending = await lethe.startLethe({ ...common, name: 'lethe', sendsWebhooks: true });
  bench.silent = await lethe.startLethe({ ...common, name: 'unsent', sendsWebhooks: false });
  bench.echo = await startEcho('plain');
  bench.fullEcho = await startEcho('full');
  return bench;
}

async function startEcho(kind) {
  const server = startProcess('./echo-server.mjs', { args: [kind] });
  return { server, origin: `http://127.0.0.1:${await server.ask('port')}` };
}

async function stop({ load, receiver, sending, silent, echo, fullEcho }) {
  const parts = [load, receiver, sending, silent, echo.server, fullEcho.server];
  await Promise.all(parts.map((part) => part.stop()));
}

/** Sends requests and takes the time, and the CPU time of the server until nothing is left to do. */
async function measure(bench, slice) {
  const { load, slices } = bench;
  const { row, clients, target, settle = async () => undefined, ...work } = slice;
  await load.ask('open', { origin: target.origin, clients });
  const before = await target.server.ask('cpuMicros');
  const { bodies, ...times } = await load.ask('run', { headers: target.headers, ...work });
  await settle();
  const after = await target.server.ask('cpuMicros');
  await load.ask('close');
  if (bench.isCounting && row !== undefined) {
    const key = `${row} ${clients}`;
    const figures = figuresOf({ ...times, cpuMicros: after - before });
    slices.set(key, [...(slices.get(key) ?? []), figures]);
  }
  return bodies;
}

/** The life of as many subjects as the plan says; only the slices that have a row are shown. */
async function measureLethe(bench, { target, clients, rows, profilePath }) {
  const subjects = lethe.newSubjects(bench.plan.lethe[clients]);
  const settle = async () => await lethe.untilIdle(target);
  const common = { target, clients, settle };

  async function create(type, expectedStatus) {
    const bodies = await measure(bench, {
      ...common,
      row: rows[`${type} create`],
      requests: subjects.map(({ uuid }) =>
        lethe.createRequest({ callbackUrl: target.callbackUrl, type, uuid }),
      ),
      expectedStatus,
      keepBodies: true,
    });
    return bodies.map((body) => JSON.parse(body));
  }

  async function submit(type, created) {
    const sessions = await measure(bench, {
      ...common,
      requests: created.map(lethe.readRequest),
      expectedStatus: 200,
      keepBodies: true,
    });
    await measure(bench, {
      ...common,
      row: rows[`${type} submit`],
      requests: sessions.map((text, index) =>
        lethe.submitRequest({
          session: JSON.parse(text),
          embedding: subjects[index].embedding,
          action: type.toLowerCase(),
        }),
      ),
      expectedStatus: 200,
    });
    await checkWebhooks(bench, { target, more: subjects.length });
  }

  await submit('ENROLL', await create('ENROLL', 201));
  if (rows['VERIFY create'] !== undefined) await submit('VERIFY', await create('VERIFY', 201));
  if (profilePath !== undefined) await target.server.ask('startProfile');
  await create('DELETE', 200);
  if (profilePath !== undefined) writeFileSync(profilePath, await target.server.ask('stopProfile'));
  await checkWebhooks(bench, { target, more: subjects.length });
}

/** Every session that ended was announced: nothing that a request owes is left out of its CPU time. */
async function checkWebhooks(bench, { target, more }) {
  if (!target.sendsWebhooks) return;
  bench.webhooks += more;
  const { deliveries } = await bench.receiver.ask('counts');
  if (deliveries !== bench.webhooks)
    throw new Error(`${deliveries} webhooks arrived, not ${bench.webhooks}`);
}

async function measureEcho(bench, { target, clients, row }) {
  const { headers, callbackUrl } = bench.sending;
  const [{ uuid }] = lethe.newSubjects(1);
  const request = lethe.createRequest({ callbackUrl, type: 'DELETE', uuid });
  await measure(bench, {
    row,
    clients,
    target: { ...target, headers },
    requests: Array.from({ length: bench.plan.echo[clients] }, () => request),
    expectedStatus: 200,
  });
}

const ROWS = {
  'ENROLL create': 'ENROLL create',
  'ENROLL submit': 'ENROLL submit',
  'VERIFY create': 'VERIFY create',
  'VERIFY submit': 'VERIFY submit',
  'DELETE create': 'DELETE',
};

const ROWS_UNSENT = { 'DELETE create': 'DELETE, webhook unsent' };

/** What is measured with so many clients; the neighbours are what is compared. */
function partsWith(clients) {
  const parts = [
    (bench) => measureEcho(bench, { target: bench.echo, clients, row: 'Express echo' }),
    (bench) => measureLethe(bench, { target: bench.sending, clients, rows: ROWS }),
    (bench) => measureEcho(bench, { target: bench.fullEcho, clients, row: 'full Express echo' }),
  ];
  if (clients === MOST_CLIENTS)
    parts.push((bench) =>
      measureLethe(bench, { target: bench.silent, clients, rows: ROWS_UNSENT }),
    );
  return parts;
}

async function measureAll(bench) {
  for (let warmUp = 1; warmUp <= bench.plan.warmUps; warmUp += 1) {
    say(`warming up, ${warmUp} of ${bench.plan.warmUps}`);
    for (const part of partsWith(MOST_CLIENTS)) await part(bench);
  }
  const parts = Object.keys(bench.plan.lethe).flatMap((clients) => partsWith(Number(clients)));
  bench.isCounting = true;
  for (let round = 1; round <= bench.plan.rounds; round += 1) {
    say(`round ${round} of ${bench.plan.rounds}`);
    // Each round goes the opposite way to the one before.
    for (const part of parts.reverse()) await part(bench);
  }
  bench.isCounting = false;
}

async function benchService({ dir, isQuick, profilePath }) {
  const plan = isQuick ? PLANS.quick : PLANS.full;
  const startedAt = new Date();
  const machine = describeMachine(dir);
  const bench = await start(dir, plan);
  await measureAll(bench);
  const names = ['journal_mode', 'synchronous'];
  const pragmas = await bench.sending.server.ask('pragmas', { file: 'lethe.db', names });
  console.log(reportLines({ startedAt, plan, machine, pragmas, slices: bench.slices }).join('\n'));
  if (profilePath !== undefined) {
    const profiled = { target: bench.sending, clients: MOST_CLIENTS, rows: ROWS };
    await measureLethe(bench, { ...profiled, profilePath });
  }
  await stop(bench);
}

const BENCHES = {
  service: benchService,
  vault: benchVault,
  log: benchLog,
  callbacks: benchCallbacks,
};

async function main() {
  const options = { quick: { type: 'boolean' }, profile: { type: 'string' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [name = 'service'] = positionals;
  if (!Object.hasOwn(BENCHES, name))
    throw new Error(
      `there is no benchmark "${name}"; name one of ${Object.keys(BENCHES).join(', ')}`,
    );
  const dir = join(root, `node_modules/.cache/lethe-bench-${process.pid}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  await BENCHES[name]({ dir, isQuick: values.quick, profilePath: values.profile });
}

await main().catch((error) => {
  say(`bench failed: ${error.message}`);
  // Whatever still runs ends when nobody is left to ask it.
  process.exit(1);
});
