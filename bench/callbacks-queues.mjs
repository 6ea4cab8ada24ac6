// The queue of deliveries: how long healthy destinations wait while another hangs, and what a claim and a
// record cost with many rows waiting.
import { randomBytes } from 'node:crypto';
import mongoose from 'mongoose';
import { say } from '../scripts/process.mjs';
import { quantile } from './figures.mjs';
import { startProcess } from './processes.mjs';

/** p50 and p99 of the healthy destinations, with none that hangs and with one. */
export async function measureLanes({ plan, receiver, dir }) {
  const ports = await receiver.ask('ports', { count: plan.destinations });
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const measured = { without: [], with: [] };
  const cases = [
    ['without', []],
    ['with', ports.slice(0, 1)],
  ];
  for (let round = -1; round < plan.laneRounds; round += 1) {
    say(round < 0 ? 'warming up the lanes' : `lanes, round ${round + 1} of ${plan.laneRounds}`);
    for (const [name, hanging] of cases.reverse()) {
      const worker = startProcess('./callbacks-worker.mjs', { args: [dir] });
      await receiver.ask('hang', { ports: hanging });
      const pace = { origins, seconds: plan.laneSeconds, perSecond: plan.lanePerSecond };
      const enqueued = await worker.ask('paced', pace);
      // The first destination is left out of both, so that the same ones are compared.
      const healthy = enqueued.filter((_row, at) => at % origins.length !== 0);
      const waits = await waitsOf(receiver, healthy);
      await receiver.ask('hang', { ports: [] });
      await worker.stop();
      if (round >= 0)
        measured[name].push({ p50Ms: quantile(waits, 0.5), p99Ms: quantile(waits, 0.99) });
    }
  }
  return measured;
}

async function waitsOf(receiver, enqueued) {
  const arrivals = await receiver.ask('arrivals', { ids: enqueued.map(({ id }) => id) });
  const missing = arrivals.filter((atMs) => atMs === undefined || atMs === null);
  if (missing.length > 0) throw new Error(`${missing.length} deliveries did not arrive in time`);
  return arrivals.map((atMs, at) => atMs - enqueued[at].atMs);
}

/** Claims and records with that many rows waiting, and the memory of a worker that is at it. */
export async function measureQueue({ plan, receiver, dir, uri }) {
  const ports = await receiver.ask('ports', { count: plan.destinations });
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const worker = startProcess('./callbacks-worker.mjs', { args: [dir] });
  const where = uri === undefined ? 'SQLite' : 'MongoDB';
  say(`${plan.queued} rows into a queue on ${where}`);
  // The answers to questions have a limit: rows are added in parts.
  const database = uri && databaseOf(uri);
  await worker.ask('openQueue', { uri: database });
  const idle = await worker.ask('memory');
  for (let rows = 0; rows < plan.queued; rows += plan.fillPart)
    await worker.ask('fillQueue', { rows: plan.fillPart, origins });
  const rounds = [];
  for (let round = -1; round < plan.queueRounds; round += 1) {
    const figures = await worker.ask('workOff', { count: plan.workedOff, origins });
    if (round >= 0) rounds.push(figures);
  }
  await receiver.ask('hang', { ports });
  const busy = await worker.ask('memory');
  await receiver.ask('hang', { ports: [] });
  await worker.stop();
  if (database !== undefined) await drop(database);
  return {
    rounds: rounds.map(({ claim, finish }) => ({
      claimMicros: claim.wallMicros,
      claimCpuMicros: claim.cpuMicros,
      finishMicros: finish.wallMicros,
      finishCpuMicros: finish.cpuMicros,
    })),
    idleMegabytes: idle.megabytes,
    busyMegabytes: busy.megabytes,
  };
}

function databaseOf(uri) {
  const url = new URL(uri);
  url.pathname = `/lethe_bench_${randomBytes(8).toString('hex')}`;
  return url.href;
}

async function drop(uri) {
  const connection = await mongoose.createConnection(uri).asPromise();
  await connection.dropDatabase();
  await connection.close();
}
