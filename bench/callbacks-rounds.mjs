// The senders in their rounds: interleaved, so that whatever else the machine does meets them all alike.
import { say } from '../scripts/process.mjs';
import { startProcess } from './processes.mjs';

const WAYS = ['lethe', 'unsigned', 'fetch', 'unsigned fetch'];
/** As the worker has it: 16 in flight to each. */
const DESTINATIONS = 2;

/** What the rounds measured, a list for each way of sending. */
export async function measureSenders({ plan, receiver, profilePath }) {
  const ports = await receiver.ask('ports', { count: DESTINATIONS });
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const senders = WAYS.map((way) => [way, startProcess('./callbacks-sender.mjs', { args: [way] })]);
  const measured = { ...Object.fromEntries(WAYS.map((way) => [way, []])), sign: [] };
  for (let round = -plan.warmUps; round < plan.rounds; round += 1) {
    say(round < 0 ? 'warming up the senders' : `round ${round + 1} of ${plan.rounds}`);
    // Each round goes the opposite way to the one before.
    for (const [way, sender] of senders.reverse()) {
      const slice = { origins, count: plan.messages, inFlight: plan.inFlight };
      const figures = await countedAtReceiver(receiver, plan.messages, () =>
        sender.ask('run', slice),
      );
      if (round >= 0) measured[way].push(figures);
    }
    const [, lethe] = senders.find(([way]) => way === 'lethe');
    const signing = await lethe.ask('sign', { count: plan.messages });
    if (round >= 0) measured.sign.push(signing);
  }
  if (profilePath !== undefined) {
    const [, lethe] = senders.find(([way]) => way === 'lethe');
    const slice = { origins, count: plan.messages * 2, inFlight: plan.inFlight };
    await lethe.ask('profile', { path: profilePath, ...slice });
  }
  await Promise.all(senders.map(([, sender]) => sender.stop()));
  return measured;
}

/** Every delivery must have arrived, each under an id of its own. */
async function countedAtReceiver(receiver, count, work) {
  const before = await receiver.ask('counts');
  const figures = await work();
  const after = await receiver.ask('counts');
  const arrived = after.deliveries - before.deliveries;
  if (arrived !== count) throw new Error(`${arrived} deliveries arrived, not ${count}`);
  return figures;
}
