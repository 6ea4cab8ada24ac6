// The slices in their rounds: interleaved, so that whatever else the machine does meets them all alike.
import { say } from '../scripts/process.mjs';
import * as slices from './log-slices.mjs';
import { profile } from './profile.mjs';

const SLICES = {
  'engine 64': (bench) => slices.extendOnly(bench, 64),
  'engine 1': (bench) => slices.extendOnly(bench, 1),
  'sequence 512': (bench) => slices.sequenceOnly(bench, 512),
  'sequence 64': (bench) => slices.sequenceOnly(bench, 64),
  'sequence 1': (bench) => slices.sequenceOnly(bench, 1),
  flush: slices.flushOnly,
  'append settled': slices.appendSettled,
  bare: slices.insertBare,
  'append later': slices.appendLater,
  'prove any': slices.proveAny,
  'prove newest': slices.proveNewest,
  consistency: slices.proveConsistency,
  verify: slices.verifyOne,
};

/** What the rounds measured, a list for each slice by its name. */
export async function measureRounds(bench) {
  const { rounds } = bench.plan;
  const parts = Object.entries(SLICES);
  const measured = Object.fromEntries(parts.map(([name]) => [name, []]));
  say('warming up');
  await readEveryTile(bench);
  for (const [, measure] of parts) await measure(bench);
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    // Each round goes the opposite way to the one before.
    for (const [name, measure] of parts.reverse()) measured[name].push(await measure(bench));
  }
  return measured;
}

/** Writes a CPU profile of one more slice of writers that wait for the log, which does not count. */
export async function profileAppends(bench, path) {
  await profile(path, () => slices.appendSettled(bench));
}

async function readEveryTile({ log, plan: { leaves: size } }) {
  for (let index = 0; index < size; index += 256) await log.reader.inclusionProof({ index, size });
}
