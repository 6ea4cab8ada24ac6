// npm run bench -- vault: what the key tree costs with many subjects, beside the bare costs of the same
// disk and the same cipher, in one run.
import { join } from 'node:path';
import { say, seconds } from '../scripts/process.mjs';
import { describeLoad, describeMachine } from './machine.mjs';
import { readPragmas, SYNCHRONOUS } from './pragmas.mjs';
import { openVault } from './vault-engine.mjs';
import { describeFlushes } from './vault-flushes.mjs';
import { reportLines } from './vault-report.mjs';
import { measureRounds, profileErasures } from './vault-rounds.mjs';
import { countWrites } from './vault-slices.mjs';
import { measureStart } from './vault-start.mjs';
import { enrolMany } from './vault-subjects.mjs';

const LAYOUTS = [
  { name: 'one tenant', tenants: 1 },
  { name: '64 tenants', tenants: 64 },
];
const OPENABLE = 4_096;

/** Calls of a slice: `alone` one after the other, the others in batches of so many that wait. */
const PLANS = {
  full: {
    ...{ subjects: 1_000_000, rounds: 9, starts: 5 },
    ...{ alone: 80, sixteens: 20, manies: 10, openings: 4_000 },
  },
  quick: {
    ...{ subjects: 100_000, rounds: 3, starts: 3 },
    ...{ alone: 30, sixteens: 6, manies: 3, openings: 1_000 },
  },
};

/** Measures everything and prints the report; everything that it makes is in `dir`. */
export async function benchVault({ dir, isQuick, profilePath }) {
  const plan = isQuick ? PLANS.quick : PLANS.full;
  const startedAt = new Date();
  const machine = describeMachine(dir);
  const flushes = await describeFlushes(dir);
  const engines = [];
  for (const layout of LAYOUTS) engines.push(await fill(dir, { plan, layout }));
  const [journalMode, synchronous] = readPragmas({
    file: 'lethe.db',
    names: ['journal_mode', 'synchronous'],
  });
  const slices = await measureRounds({ dir, plan, engines });
  const measured = [];
  for (const engine of engines)
    measured.push({
      name: engine.name,
      slices: slices.get(engine),
      alone: await countWrites(engine, { waiting: 1, batches: plan.alone }),
      many: await countWrites(engine, { waiting: 128, batches: plan.manies }),
    });
  if (profilePath !== undefined) await profileErasures(engines[0], { plan, profilePath });
  for (const [at, engine] of engines.entries()) {
    await engine.close();
    measured[at].start = await measureStart(engine.dir, plan.starts);
  }
  const notes = [
    ...machine,
    describeLoad('at the end'),
    `SQLite: journal_mode=${journalMode}, synchronous=${SYNCHRONOUS[synchronous]} (read back from the connection that writes)`,
    flushes,
  ];
  console.log(reportLines({ startedAt, plan, notes, measured }).join('\n'));
}

async function fill(parentDir, { plan, layout }) {
  const startedAtMs = Date.now();
  const engine = await openVault(join(parentDir, layout.name));
  // One round to warm up, and as much again to count what is written and to take a profile.
  const erasuresInRound = plan.alone + plan.sixteens * 16 + plan.manies * 128;
  const keep = { erasable: (plan.rounds + 3) * erasuresInRound, openable: OPENABLE };
  const { subjects } = plan;
  const kept = await enrolMany(engine.owner, { subjects, tenants: layout.tenants, keep });
  say(`${subjects} subjects, ${layout.name}, enrolled in ${seconds(startedAtMs)}`);
  return { ...engine, ...layout, ...kept };
}
