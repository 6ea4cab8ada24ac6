// npm run bench -- callbacks: what a webhook costs to sign, to send and to keep, beside a sender that is
// built on fetch, in one run. With MONGODB_URI set the queue is measured there as well.
import { measureLanes, measureQueue } from './callbacks-queues.mjs';
import { reportLines } from './callbacks-report.mjs';
import { measureSenders } from './callbacks-rounds.mjs';
import { describeLoad, describeMachine } from './machine.mjs';
import { startProcess } from './processes.mjs';

/**
 * `messages`: deliveries in a slice of the senders. `lane…`: 50 destinations, for so many seconds at so many
 * deliveries a second. `queued`: rows that wait while `workedOff` of them are claimed and recorded.
 */
const PLANS = {
  full: {
    ...{ rounds: 7, warmUps: 2, messages: 6_000, inFlight: 32, destinations: 50 },
    ...{ laneRounds: 3, laneSeconds: 8, lanePerSecond: 250 },
    ...{ queued: 100_000, fillPart: 10_000, queueRounds: 3, workedOff: 6_400 },
    ...{ queuedOnMongo: 5_000, fillPartOnMongo: 1_000, workedOffOnMongo: 640 },
  },
  quick: {
    ...{ rounds: 3, warmUps: 1, messages: 2_000, inFlight: 32, destinations: 50 },
    ...{ laneRounds: 1, laneSeconds: 4, lanePerSecond: 250 },
    ...{ queued: 20_000, fillPart: 10_000, queueRounds: 1, workedOff: 3_200 },
    ...{ queuedOnMongo: 2_000, fillPartOnMongo: 1_000, workedOffOnMongo: 320 },
  },
};

/** Measures everything and prints the report; everything that it makes is in `dir`. */
export async function benchCallbacks({ dir, isQuick, profilePath }) {
  const plan = isQuick ? PLANS.quick : PLANS.full;
  const startedAt = new Date();
  const notes = describeMachine(dir);
  const receiver = startProcess('./callbacks-receiver.mjs');
  const senders = await measureSenders({ plan, receiver, profilePath });
  const lanes = await measureLanes({ plan, receiver, dir });
  const sqlite = await measureQueue({ plan, receiver, dir });
  const { MONGODB_URI: uri } = process.env;
  const onMongo = {
    ...plan,
    ...{ queued: plan.queuedOnMongo, fillPart: plan.fillPartOnMongo },
    workedOff: plan.workedOffOnMongo,
  };
  const mongo = uri && (await measureQueue({ plan: onMongo, receiver, dir, uri }));
  await receiver.stop();
  notes.push(describeLoad('at the end'));
  const measured = { senders, lanes, sqlite, mongo };
  console.log(reportLines({ startedAt, plan, notes, measured }).join('\n'));
}
