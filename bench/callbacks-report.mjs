// The table of npm run bench -- callbacks.
import { alignedLines, median, medians } from './figures.mjs';
import { goalRow } from './goals.mjs';

const NOTES = [
  'senders: each in a process of its own, in turn; the receiver in another, where every delivery is counted by its',
  '  webhook-id. Two destinations on loopback, http. CPU of the whole sending process, all its threads.',
  'lethe: signWebhook (v1, v1a, detached JWS) and createWebhookSender; no store. fetch: signWebhook and the fetch of Node.',
  'lanes: the worker on SQLite, from the commit of a row to its arrival; with: one of the 50 never answers.',
  'queue: wall time of the store alone, 64 rows a claim, recorded at once. Memory: resident, of the process with the',
  '  worker, while every destination hangs.',
];

/** @param measured `senders`, `lanes`, `sqlite` and, where there is one, `mongo`. */
export function reportLines({ startedAt, plan, notes, measured }) {
  const rows = [
    ...rowsOf(SENDER_ROWS, senderFigures(measured.senders)),
    ...rowsOf(LANE_ROWS, laneFigures(measured.lanes)),
    ...rowsOf(queueRows('SQLite', plan.queued), queueFigures(measured.sqlite)),
    ...(measured.mongo
      ? rowsOf(queueRows('MongoDB', plan.queuedOnMongo), queueFigures(measured.mongo))
      : []),
  ];
  return [
    `npm run bench -- callbacks, ${startedAt.toISOString()}: medians of ${plan.rounds} rounds, interleaved, every other one`,
    `reversed; ${plan.messages} deliveries in a slice, ${plan.inFlight} in flight`,
    ...notes,
    '',
    ...alignedLines([['', 'measured', 'goal', ''], ...rows]),
    '',
    ...NOTES,
  ];
}

function rowsOf(rows, figures) {
  return rows.map(([text, of, goal]) => goalRow(text, [of(figures)], goal));
}

/** What it is, its figure, and the goal if there is one. */
const SENDER_ROWS = [
  ['lethe, signed thrice: deliveries a second', (of) => of.lethe.perSecond],
  ['fetch, signed thrice: deliveries a second', (of) => of.fetch.perSecond],
  ['lethe / fetch, a second', (of) => of.ratio, { least: 4 }],
  ['lethe, signed thrice: CPU us a delivery', (of) => of.lethe.cpuMicros, { most: 120 }],
  ['  of which signing alone, one after the other', (of) => of.sign.cpuMicros],
  ['fetch, signed thrice: CPU us a delivery', (of) => of.fetch.cpuMicros],
  ['lethe, not signed: deliveries a second', (of) => of.unsigned.perSecond],
  ['fetch, not signed: deliveries a second', (of) => of['unsigned fetch'].perSecond],
  ['lethe / fetch, not signed, a second', (of) => of.unsignedRatio],
  ['lethe, not signed: CPU us a delivery', (of) => of.unsigned.cpuMicros],
  ['fetch, not signed: CPU us a delivery', (of) => of['unsigned fetch'].cpuMicros],
];

const LANE_ROWS = [
  ['50 destinations, all well: p50 ms', (of) => of.without.p50Ms],
  ['50 destinations, all well: p99 ms', (of) => of.without.p99Ms],
  ['one of them hangs, the others: p50 ms', (of) => of.with.p50Ms],
  ['one of them hangs, the others: p99 ms', (of) => of.with.p99Ms],
  ['p99 with / without', (of) => of.ratio, { most: 2 }],
];

function queueRows(store, queued) {
  const rows = queued.toLocaleString('en');
  return [
    [`${store}, ${rows} queued: claim, us a delivery`, (of) => of.claimMicros],
    [`${store}, ${rows} queued: finish, us a delivery`, (of) => of.finishMicros],
    [`${store}: worker with an empty queue, MB`, (of) => of.idleMegabytes],
    [`${store}: worker with ${rows} queued, MB`, (of) => of.busyMegabytes],
  ];
}

function senderFigures(senders) {
  const ofSenders = Object.entries(senders).map(([way, rounds]) => [way, medians(rounds)]);
  return {
    ...Object.fromEntries(ofSenders),
    ratio: ratioOf(senders.lethe, senders.fetch),
    unsignedRatio: ratioOf(senders.unsigned, senders['unsigned fetch']),
  };
}

function ratioOf(these, those) {
  return median(these.map(({ perSecond }, at) => perSecond / those[at].perSecond));
}

function laneFigures(lanes) {
  const ratio = median(lanes.with.map(({ p99Ms }, at) => p99Ms / lanes.without[at].p99Ms));
  return { without: medians(lanes.without), with: medians(lanes.with), ratio };
}

function queueFigures({ rounds, idleMegabytes, busyMegabytes }) {
  return { ...medians(rounds), idleMegabytes, busyMegabytes };
}
