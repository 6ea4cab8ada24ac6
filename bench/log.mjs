// npm run bench -- log: what the transparency log costs with many leaves, beside bare commits of the same
// disk, in one run and on one core.
import { join } from 'node:path';
import { extendLog } from '../dist/audit/extend-log.js';
import { verifyStoredLog } from '../dist/audit/reading/verify-stored-log.js';
import { run, say, seconds } from '../scripts/process.mjs';
import { openBareTable } from './log-bare.mjs';
import { appendPending, newEntries, openLog } from './log-engine.mjs';
import { cosignHead, draftErasures, issueBoth, openReceipts } from './log-receipts.mjs';
import { reportLines } from './log-report.mjs';
import { measureRounds, profileAppends } from './log-rounds.mjs';
import { bytesPerLeaf, measureBytes, measureGrowth } from './log-storage.mjs';
import { describeLoad, describeMachine } from './machine.mjs';
import { readPragmas, SYNCHRONOUS } from './pragmas.mjs';
import { startProcess } from './processes.mjs';
import { timed } from './timing.mjs';
import { openFlushFile } from './vault-bare.mjs';

const FILL_BATCH = 512;

/** `each`: leaves of a writer in a slice; `warm` and `cold`: proofs; the others: calls or leaves. */
const PLANS = {
  full: {
    ...{ leaves: 1_000_000, rounds: 9, starts: 5, writers: 64, each: 128 },
    ...{ engineBatched: 32_768, engineAlone: 8_192, sequenced: 4_096, alone: 128 },
    ...{ warm: 4_096, cold: 256, verified: 256, grownBatched: 32_768, grownAlone: 8_192 },
  },
  quick: {
    ...{ leaves: 100_000, rounds: 3, starts: 3, writers: 64, each: 64 },
    ...{ engineBatched: 16_384, engineAlone: 4_096, sequenced: 2_048, alone: 64 },
    ...{ warm: 2_048, cold: 128, verified: 128, grownBatched: 16_384, grownAlone: 2_048 },
  },
};

/** Measures everything and prints the report; everything that it makes is in `dir`. */
export async function benchLog({ dir: parentDir, isQuick, profilePath }) {
  const plan = isQuick ? PLANS.quick : PLANS.full;
  const startedAt = new Date();
  const notes = [...describeMachine(parentDir), await pinToOneCore()];
  const dir = join(parentDir, 'log');
  const log = await openLog(dir);
  const receipts = await openReceipts(log);
  const { stored, storage } = await fill(log, { plan, receipts });
  const bare = openBareTable(parentDir);
  notes.push(...['lethe.db', 'bare.db'].map(describePragmas));
  const early = await issueBoth(receipts, stored);
  const texts = { ...receipts.expectation, receipt: early.plain };
  const { flush, close: closeFlushFile } = openFlushFile(parentDir);
  const bench = { log, bare, flush, texts, plan };
  const slices = await measureRounds(bench);
  const newest = await issueNewest(log, receipts);
  if (profilePath !== undefined) await profileAppends(bench, profilePath);
  const verifySeconds = await verifyAll(log, receipts);
  const leaves = await log.size();
  closeFlushFile();
  await bare.close();
  await log.close();
  const starts = await measureStarts(dir, plan.starts);
  notes.push(describeLoad('at the end'));
  const measured = { slices, starts, storage, early, newest, verifySeconds, leaves };
  console.log(reportLines({ startedAt, plan, notes, measured }).join('\n'));
}

/**
 * A log with leaves under checkpoints of 512, among the first of them those of two erasures; the witness
 * has cosigned its end. Then some more leaves, to see what they take up.
 */
async function fill(log, { plan, receipts }) {
  const startedAtMs = Date.now();
  const { keyring, store } = log;
  const empty = measureBytes(log.dir);
  const { entries, stored } = draftErasures(receipts);
  await log.append(entries);
  for (let size = await log.size(); size < plan.leaves; size += FILL_BATCH) {
    await appendPending(store, newEntries(Math.min(FILL_BATCH, plan.leaves - size)));
    await store.log.sequence(FILL_BATCH, (state, pending) =>
      extendLog(state, pending, { keyring, nowMs: Date.now() }),
    );
  }
  await cosignHead(store, receipts.witness);
  say(`${await log.size()} leaves in ${seconds(startedAtMs)}`);
  const storage = {
    512: bytesPerLeaf(empty, measureBytes(log.dir), plan.leaves),
    64: await measureGrowth(log, { batch: 64, leaves: plan.grownBatched }),
    1: await measureGrowth(log, { batch: 1, leaves: plan.grownAlone }),
  };
  return { stored, storage };
}

async function issueNewest(log, receipts) {
  const { entries, stored } = draftErasures(receipts);
  await log.append(entries);
  await cosignHead(log.store, receipts.witness);
  return await issueBoth(receipts, stored);
}

/** As `lethe log verify` does. */
async function verifyAll({ store }, { logKeys, policy }) {
  say('verifying the whole log');
  let report;
  const durationMs = await timed(async () => {
    report = await verifyStoredLog(store.log, { logKeys, policy });
  });
  if (report.problemCount > 0) throw new Error(`the log has ${report.problemCount} problems`);
  return durationMs / 1_000;
}

async function measureStarts(dir, count) {
  const starts = [];
  for (let start = 0; start < count; start += 1) {
    const child = startProcess('./log-start.mjs', { args: [dir] });
    starts.push(await child.ask('times'));
    await child.stop();
  }
  return starts;
}

/** This process and those that it starts, where taskset is installed. */
async function pinToOneCore() {
  const pin = ['-a', '-c', '-p', '0', process.pid.toString()];
  const { code } = await run('taskset', pin);
  return code === 0
    ? 'all on one core (taskset -a -c -p 0)'
    : 'on all cores: there is no taskset here, or it may not pin';
}

function describePragmas(file) {
  const [journalMode, synchronous] = readPragmas({ file, names: ['journal_mode', 'synchronous'] });
  return `${file}: journal_mode=${journalMode}, synchronous=${SYNCHRONOUS[synchronous]} (read back from the connection that writes)`;
}
