// What is measured of one vault, slice by slice.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { perCall, timed } from './timing.mjs';
import { holdLeaves } from './vault-engine.mjs';
import { newTemplate, tenantId } from './vault-subjects.mjs';

/** Erases one subject after the other, each beside one bare flush of the disk. */
export async function eraseAlone(engine, count, flush) {
  const latenciesMs = [];
  const flushesMs = [];
  for (let done = 0; done < count; done += 1) {
    flushesMs.push(flush());
    latenciesMs.push(await timed(() => erase(engine, 1)));
  }
  const sumMs = latenciesMs.reduce((sum, latencyMs) => sum + latencyMs, 0);
  return { latenciesMs, flushesMs, perSecond: (count * 1_000) / sumMs };
}

/** Erasures per second while so many callers wait. */
export async function eraseWaiting(engine, { waiting, batches }) {
  return { perSecond: await rate({ waiting, batches }, () => erase(engine, waiting)) };
}

/** Enrolments per second while so many callers wait. */
export async function enrolWaiting(engine, { waiting, batches }) {
  const enrol = async (_, at) => {
    const template = newTemplate();
    const owner = { tenantId: tenantId(at % engine.tenants), uuid: `subject-${at}` };
    await engine.vault.seal(owner, template);
    template.wipe();
  };
  const all = () => Promise.all(Array.from({ length: waiting }, enrol));
  return { perSecond: await rate({ waiting, batches }, all) };
}

/**
 * CPU and wall time of opening one template, in microseconds: the bare ciphers, with the leaf at hand,
 * and whole, with the leaf read from SQLite.
 */
export async function openTemplates(engine, { openings, count }) {
  const { openable, vault } = engine;
  const subjects = Array.from({ length: count }, (_, at) => openable[at % openable.length]);
  const openOne = async (subject) => {
    const [template] = await vault.open([subject]);
    template.wipe();
  };
  const bare = await perCall(subjects, openings.bare);
  const decipher = await perCall(subjects, openings.decipher);
  const whole = await perCall(subjects, openOne);
  await holdLeaves(engine, openable.map(leafPlace));
  const held = await perCall(subjects, openOne);
  await holdLeaves(engine, undefined);
  const bareAgain = await perCall(subjects, openings.bare);
  return {
    bareCpuMicros: (bare.cpuMicros + bareAgain.cpuMicros) / 2,
    bareWallMicros: (bare.wallMicros + bareAgain.wallMicros) / 2,
    decipherCpuMicros: decipher.cpuMicros,
    decipherWallMicros: decipher.wallMicros,
    heldCpuMicros: held.cpuMicros,
    heldWallMicros: held.wallMicros,
    wholeCpuMicros: whole.cpuMicros,
    wholeWallMicros: whole.wallMicros,
  };
}

/** What erasures write, counted: nodes and sealed bytes at the port, bytes in SQLite's log. */
export async function countWrites(engine, { waiting, batches }) {
  const log = new Database(join(engine.dir, 'lethe.db'));
  log.pragma('wal_checkpoint(TRUNCATE)');
  engine.ear.written = { nodes: 0, sealedBytes: 0 };
  for (let batch = 0; batch < batches; batch += 1) await erase(engine, waiting);
  const logBytes = statSync(join(engine.dir, 'lethe.db-wal')).size;
  log.close();
  const erasures = waiting * batches;
  const { nodes, sealedBytes } = engine.ear.written;
  return {
    nodes: nodes / erasures,
    sealedBytes: sealedBytes / erasures,
    logBytes: logBytes / erasures,
  };
}

/** Takes so many subjects that were not erased yet, and erases them at once. */
async function erase({ vault, erasable }, waiting) {
  const keyIds = erasable.splice(0, waiting);
  if (keyIds.length < waiting) throw new Error('too few subjects were kept to be erased');
  const outcomes = await Promise.all(keyIds.map((keyId) => vault.shred([keyId])));
  if (outcomes.some(({ destroyedKeys }) => destroyedKeys.length !== 1))
    throw new Error('a subject that was to be erased was not there');
}

function leafPlace({ keyName }) {
  return { tree: keyName.tree, level: 0, index: Math.floor(keyName.slot / 64) };
}

async function rate({ waiting, batches }, runBatch) {
  const durationMs = await timed(async () => {
    for (let batch = 0; batch < batches; batch += 1) await runBatch();
  });
  return (waiting * batches * 1_000) / durationMs;
}
