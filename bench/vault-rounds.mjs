// The slices in their rounds: interleaved, so that whatever else the machine does meets them all alike.
import { say } from '../scripts/process.mjs';
import { profile } from './profile.mjs';
import { bareOpenings, openFlushFile } from './vault-bare.mjs';
import { enrolWaiting, eraseAlone, eraseWaiting, openTemplates } from './vault-slices.mjs';

const SLICES = {
  'erase 1': (engine, { plan, flush }) => eraseAlone(engine, plan.alone, flush),
  'erase 16': (engine, { plan }) => eraseWaiting(engine, { waiting: 16, batches: plan.sixteens }),
  'erase 128': (engine, { plan }) => eraseWaiting(engine, { waiting: 128, batches: plan.manies }),
  open: (engine, { plan, openings }) => openTemplates(engine, { openings, count: plan.openings }),
  'enrol 1': (engine, { plan }) => enrolWaiting(engine, { waiting: 1, batches: plan.alone }),
  'enrol 256': (engine, { plan }) => enrolWaiting(engine, { waiting: 256, batches: plan.manies }),
};

/** Maps each vault to its slices by name, each a list of what the rounds measured. */
export async function measureRounds({ dir, plan, engines }) {
  const { flush, close } = openFlushFile(dir);
  const bare = { plan, flush, openings: bareOpenings() };
  const parts = engines.flatMap((engine) =>
    Object.entries(SLICES).map(([name, measure]) => ({ engine, name, measure })),
  );
  const measured = new Map(
    engines.map((engine) => [
      engine,
      Object.fromEntries(Object.keys(SLICES).map((name) => [name, []])),
    ]),
  );
  say('warming up');
  for (const { engine, measure } of parts) await measure(engine, bare);
  for (let round = 1; round <= plan.rounds; round += 1) {
    say(`round ${round} of ${plan.rounds}`);
    // Each round goes the opposite way to the one before.
    for (const { engine, name, measure } of parts.reverse())
      measured.get(engine)[name].push(await measure(engine, bare));
  }
  close();
  return measured;
}

/** Writes a CPU profile of one more slice of erasures, 128 of them waiting. */
export async function profileErasures(engine, { plan, profilePath }) {
  await profile(profilePath, () => eraseWaiting(engine, { waiting: 128, batches: plan.manies }));
}
