// The process of the worker. Its argument is a folder for its stores.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CLAIMED_AT_ONCE,
  claim,
  fill,
  finish,
  newRow,
  openStore,
  startWorker,
} from './callbacks-engine.mjs';
import { answerQuestions } from './processes.mjs';
import { perPart, spent } from './timing.mjs';

const [, , dir] = process.argv;
const TICK_MS = 10;
/** For what is on its way when the last was enqueued. */
const SETTLE_MS = 1_500;
const WORKING_MS = 5_000;

let queue;
let claims = 0;

function newStore() {
  const dataDir = join(dir, randomUUID());
  mkdirSync(dataDir, { mode: 0o700 });
  return openStore({ dataDir });
}

/** Enqueues at a steady pace, to each of the origins in turn; tells when each row was durable. */
async function paced({ origins, seconds, perSecond }) {
  const store = await newStore();
  const worker = startWorker(store);
  const enqueued = [];
  const total = seconds * perSecond;
  const startedAtMs = performance.now();
  while (enqueued.length < total) {
    const due = Math.min(total, ((performance.now() - startedAtMs) * perSecond) / 1_000);
    const rows = [];
    while (enqueued.length + rows.length < due)
      rows.push(newRow(origins[(enqueued.length + rows.length) % origins.length]));
    await worker.enqueue(rows);
    const atMs = performance.timeOrigin + performance.now();
    for (const { deliveryId } of rows) enqueued.push({ id: deliveryId, atMs });
    await pause(TICK_MS);
  }
  await pause(SETTLE_MS);
  await worker.stop();
  await store.close();
  return enqueued;
}

/** The queue that the questions after this one are about. */
async function openQueue({ uri }) {
  queue = uri === undefined ? await newStore() : await openStore({ uri });
}

/** Claims as the worker does, for one destination after the other, and records what was claimed at once. */
async function workOff({ count, origins }) {
  const claiming = { cpuMicros: 0, wallMicros: 0 };
  const finishing = { cpuMicros: 0, wallMicros: 0 };
  let done = 0;
  while (done < count) {
    let leased;
    const origin = origins[claims % origins.length];
    claims += 1;
    addTo(claiming, await spent(async () => (leased = await claim(queue, origin))));
    if (leased.length !== CLAIMED_AT_ONCE) throw new Error(`${leased.length} rows were claimed`);
    addTo(finishing, await spent(() => Promise.all(leased.map((row) => finish(queue, row)))));
    done += leased.length;
  }
  return { claim: perPart(claiming, done), finish: perPart(finishing, done) };
}

/** Resident memory while the worker is at it, at its highest. */
async function memory() {
  const worker = startWorker(queue);
  let highest = 0;
  const endMs = performance.now() + WORKING_MS;
  while (performance.now() < endMs) {
    highest = Math.max(highest, process.memoryUsage().rss);
    await pause(50);
  }
  await worker.stop();
  return { megabytes: highest / 2 ** 20 };
}

function addTo(total, { cpuMicros, wallMicros }) {
  total.cpuMicros += cpuMicros;
  total.wallMicros += wallMicros;
}

answerQuestions({ paced, openQueue, fillQueue: (rows) => fill(queue, rows), workOff, memory });
