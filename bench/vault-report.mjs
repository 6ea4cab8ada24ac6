// The table of npm run bench -- vault.
import { alignedLines, median, medians, quantile } from './figures.mjs';
import { goalRow } from './goals.mjs';

const NOTES = [
  'alone: one after the other, each beside one bare flush (4 KiB pwrite in place + fdatasync, same disk). N waiting:',
  '  N callers at once, in one batch. SQLite log: bytes of the WAL that erasures fill, hygiene of earlier ones included.',
  'opening: one template of 128 float32 (512 bytes), upper levels in memory; leaf at hand: without the read of the',
  '  leaf from SQLite. bare: src/crypto/seal.ts open of as many bytes, which leaves no copy of them, as the decipher of',
  '  node:crypto does. CPU of the whole process, all its threads.',
  'start: TreeOwner.open on the closed store, files in the page cache. growth: heap, external memory and array buffers.',
];

/** @param measured what was measured of each vault, a column each. */
export function reportLines({ startedAt, plan, notes, measured }) {
  const columns = measured.map(figuresOf);
  const head = ['', ...measured.map(({ name }) => name), 'goal', ''];
  const lines = ROWS.map(({ text, of, goal }) => goalRow(text, columns.map(of), goal));
  return [
    `npm run bench -- vault, ${startedAt.toISOString()}: ${plan.subjects.toLocaleString('en')} live subjects,`,
    `medians of ${plan.rounds} rounds, interleaved, every other one reversed`,
    ...notes,
    '',
    ...alignedLines([head, ...lines]),
    '',
    ...NOTES,
  ];
}

const KIB = 1_024;

/** Row after row; a ratio is the median of the ratios of the rounds. */
const ROWS = [
  { text: 'erasure alone: nodes written', of: ({ alone }) => alone.nodes, goal: { most: 4 } },
  {
    text: 'erasure alone: sealed bytes',
    of: ({ alone }) => alone.sealedBytes,
    goal: { most: 10 * KIB },
  },
  { text: 'erasure alone: SQLite log, bytes', of: ({ alone }) => alone.logBytes },
  { text: 'erasure alone: p50 ms', of: ({ eraseAlone }) => eraseAlone.p50Ms },
  { text: 'erasure alone: p99 ms', of: ({ eraseAlone }) => eraseAlone.p99Ms },
  { text: 'bare fdatasync: p50 ms', of: ({ eraseAlone }) => eraseAlone.flushP50Ms },
  { text: 'bare fdatasync: p99 ms', of: ({ eraseAlone }) => eraseAlone.flushP99Ms },
  {
    text: 'erasure alone, p50 / bare fdatasync, p50',
    of: ({ eraseAlone }) => eraseAlone.ratio,
    goal: { most: 5 },
  },
  { text: 'erasures alone, per second', of: ({ rates }) => rates['erase 1'] },
  { text: 'erasures, 16 waiting, per second', of: ({ rates }) => rates['erase 16'] },
  { text: 'erasures, 128 waiting, per second', of: ({ rates }) => rates['erase 128'] },
  {
    text: 'erasures, 128 waiting / alone',
    of: ({ manyByAlone }) => manyByAlone,
    goal: { least: 20 },
  },
  {
    text: 'erasure, 128 waiting: nodes written',
    of: ({ many }) => many.nodes,
    goal: { most: 2 },
  },
  {
    text: 'erasure, 128 waiting: sealed bytes',
    of: ({ many }) => many.sealedBytes,
    goal: { most: 4 * KIB },
  },
  { text: 'erasure, 128 waiting: SQLite log, bytes', of: ({ many }) => many.logBytes },
  { text: 'bare AES-GCM open: CPU us', of: ({ open }) => open.bareCpuMicros },
  { text: 'bare AES-GCM open: wall us', of: ({ open }) => open.bareWallMicros },
  { text: 'decipher of node:crypto: CPU us', of: ({ open }) => open.decipherCpuMicros },
  { text: 'decipher of node:crypto: wall us', of: ({ open }) => open.decipherWallMicros },
  { text: 'opening, leaf at hand: CPU us', of: ({ open }) => open.heldCpuMicros },
  { text: 'opening, leaf at hand: wall us', of: ({ open }) => open.heldWallMicros },
  {
    text: 'opening, leaf at hand / bare, CPU',
    of: ({ heldByBare }) => heldByBare,
    goal: { most: 3 },
  },
  { text: 'opening, leaf from SQLite: CPU us', of: ({ open }) => open.wholeCpuMicros },
  { text: 'opening, leaf from SQLite: wall us', of: ({ open }) => open.wholeWallMicros },
  { text: 'opening, leaf from SQLite / bare, CPU', of: ({ wholeByBare }) => wholeByBare },
  {
    text: 'upper levels in memory: bytes of keys',
    of: ({ start }) => start.heldBytes,
    goal: { most: KIB ** 2 },
  },
  {
    text: 'upper levels in memory: measured growth, bytes',
    of: ({ start }) => start.growthBytes,
    goal: { most: KIB ** 2 },
  },
  {
    text: 'erasable state: secret bytes in the root file',
    of: ({ start }) => start.secretBytes,
    goal: { most: 32 },
  },
  { text: 'start: ms', of: ({ start }) => start.startMs, goal: { most: 2_000 } },
  { text: 'enrolments alone, per second', of: ({ rates }) => rates['enrol 1'] },
  { text: 'enrolments, 256 waiting, per second', of: ({ rates }) => rates['enrol 256'] },
];

function figuresOf({ slices, ...counted }) {
  const rates = Object.fromEntries(
    Object.entries(slices).map(([name, rounds]) => [
      name,
      median(rounds.map(({ perSecond }) => perSecond)),
    ]),
  );
  const manyByAlone = ratioOfRounds(slices['erase 128'], slices['erase 1'], 'perSecond');
  const { open } = slices;
  const byBare = (name) => median(open.map((round) => round[name] / round.bareCpuMicros));
  return {
    ...counted,
    rates,
    manyByAlone,
    eraseAlone: eraseFigures(slices['erase 1']),
    open: medians(open),
    heldByBare: byBare('heldCpuMicros'),
    wholeByBare: byBare('wholeCpuMicros'),
  };
}

function eraseFigures(rounds) {
  const latenciesMs = rounds.flatMap((round) => round.latenciesMs);
  const flushesMs = rounds.flatMap((round) => round.flushesMs);
  const ratios = rounds.map(
    (round) => quantile(round.latenciesMs, 0.5) / quantile(round.flushesMs, 0.5),
  );
  return {
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    flushP50Ms: quantile(flushesMs, 0.5),
    flushP99Ms: quantile(flushesMs, 0.99),
    ratio: median(ratios),
  };
}

function ratioOfRounds(measured, compared, name) {
  return median(measured.map((round, at) => round[name] / compared[at][name]));
}
