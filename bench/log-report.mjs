// The tables of npm run bench -- log.
import { alignedLines, median, medians } from './figures.mjs';
import { goalRow, numberText } from './goals.mjs';

const NOTES = [
  'leaves: those of DELETEs, of the destruction and of the request in turn; no review records. CPU of the whole process,',
  '  all its threads. engine: extendLog in memory; unsigned: with a signer that returns 64 zero bytes. sequencing: from',
  '  pending to durably in the log, read, signature and commit included.',
  'bare fdatasync: 4 KiB pwrite in place and the flush, same disk, in the same rounds.',
  'writers: each waits for its own leaf or row before the next. settled: until its leaf is in the log under a checkpoint.',
  '  bare: one INSERT of as many bytes through the same write queue (src/store/sqlite/write-queue.ts), same disk and',
  '  durability. later: until it is durably pending; the time ends when all are in the log, 512 under a checkpoint.',
  'proofs: of any leaf, or between any two sizes, in the tree of the size above; of the newest leaf: appended just before.',
  '  warm: by a reader that proved the ones before; cold: by a new one, the database in the page cache of the system.',
  'receipts: uuid subject, tenant and session, one witness, one tombstone hash of each kind; with tags: auditTag and txn of',
  '  24 characters. Verification: of the early one without tags, texts in and report out.',
  'start: in a new process. open: store, log key, kept checkpoint. In all: from the start of the process on.',
];

/** @param measured `slices` as the rounds measured them, and what was measured once. */
export function reportLines({ startedAt, plan, notes, measured }) {
  const figures = figuresOf(measured);
  const rows = ROWS.map(([text, of, goal]) => goalRow(text, [of(figures)], goal));
  return [
    `npm run bench -- log, ${startedAt.toISOString()}: ${plan.leaves.toLocaleString('en')} leaves at the beginning,`,
    `${measured.leaves.toLocaleString('en')} at the end; medians of ${plan.rounds} rounds, interleaved, every other one reversed`,
    ...notes,
    '',
    ...alignedLines([['', 'measured', 'goal', ''], ...rows]),
    '',
    ...storageLines(measured.storage),
    '',
    ...NOTES,
  ];
}

const ENGINE_GOAL = { most: 20 };
const PROOF_GOAL = { most: 100 };
const RECEIPT_GOAL = { most: 2_500 };
const STORAGE_GOAL = { most: 300 };

/** What it is, its figure, and the goal if there is one. */
const ROWS = [
  [
    'engine, 64 a checkpoint, unsigned: CPU us a leaf',
    (of) => of['engine 64'].cpuMicros,
    ENGINE_GOAL,
  ],
  [
    'engine, 1 a checkpoint, unsigned: CPU us a leaf',
    (of) => of['engine 1'].cpuMicros,
    ENGINE_GOAL,
  ],
  ['engine, 64 a checkpoint, signed: CPU us a leaf', (of) => of['engine 64'].signedCpuMicros],
  ['engine, 1 a checkpoint, signed: CPU us a leaf', (of) => of['engine 1'].signedCpuMicros],
  ['sequencing, 512 pending: CPU us a leaf', (of) => of['sequence 512'].cpuMicros],
  ['sequencing, 64 pending: CPU us a leaf', (of) => of['sequence 64'].cpuMicros],
  ['sequencing, 1 pending: CPU us a leaf', (of) => of['sequence 1'].cpuMicros],
  ['bare fdatasync, p50: us', (of) => of.flush.medianMicros],
  [
    '64 writers, settled: leaves a second',
    (of) => of['append settled'].perSecond,
    { least: 50_000 },
  ],
  ['64 writers, settled: CPU us a leaf', (of) => of['append settled'].cpuMicros],
  ['64 writers, bare: rows a second', (of) => of.bare.perSecond],
  ['64 writers, bare: CPU us a row', (of) => of.bare.cpuMicros],
  ['64 writers, settled / bare, a second', (of) => of.settledByBare, { least: 0.3 }],
  ['64 writers, later: leaves a second', (of) => of['append later'].perSecond],
  ['64 writers, later: CPU us a leaf', (of) => of['append later'].cpuMicros],
  ['64 writers, later / bare, a second', (of) => of.laterByBare],
  ['inclusion of any leaf, warm: us', (of) => of['prove any'].warmMicros, PROOF_GOAL],
  ['inclusion of any leaf, warm: CPU us', (of) => of['prove any'].warmCpuMicros],
  ['inclusion of any leaf, cold: us', (of) => of['prove any'].coldMicros, PROOF_GOAL],
  ['inclusion of any leaf, cold: CPU us', (of) => of['prove any'].coldCpuMicros],
  ['inclusion of the newest leaf, warm: us', (of) => of['prove newest'].warmMicros, PROOF_GOAL],
  ['inclusion of the newest leaf, warm: CPU us', (of) => of['prove newest'].warmCpuMicros],
  ['inclusion of the newest leaf, cold: us', (of) => of['prove newest'].coldMicros, PROOF_GOAL],
  ['inclusion of the newest leaf, cold: CPU us', (of) => of['prove newest'].coldCpuMicros],
  ['consistency of any two sizes, warm: us', (of) => of.consistency.wallMicros],
  ['receipt of an early leaf: hashes', (of) => of.early.hashes],
  ['receipt of an early leaf: bytes', (of) => of.early.plain.length, RECEIPT_GOAL],
  ['receipt of an early leaf, with tags: bytes', (of) => of.early.tagged.length, RECEIPT_GOAL],
  ['receipt of the newest leaf: hashes', (of) => of.newest.hashes],
  ['receipt of the newest leaf: bytes', (of) => of.newest.plain.length, RECEIPT_GOAL],
  ['receipt of the newest leaf, with tags: bytes', (of) => of.newest.tagged.length, RECEIPT_GOAL],
  ['verification of a receipt: ms', (of) => of.verify.wallMicros / 1_000, { most: 5 }],
  ['verification of a receipt: CPU ms', (of) => of.verify.cpuMicros / 1_000],
  ['start, modules: ms', (of) => of.start.loadMs],
  ['start, open: ms', (of) => of.start.openMs],
  ['start, first append: ms', (of) => of.start.appendMs],
  ['start, first proof: ms', (of) => of.start.proofMs],
  ['start in all: ms', (of) => sumOf(of.start), { most: 1_000 }],
  ['storage, 512 a checkpoint: bytes a leaf', (of) => of.storage[512].file, STORAGE_GOAL],
  ['storage, 64 a checkpoint: bytes a leaf', (of) => of.storage[64].file, STORAGE_GOAL],
  ['storage, 1 a checkpoint: bytes a leaf', (of) => of.storage[1].file],
  ['verification of the whole log: s', (of) => of.verifySeconds],
];

function figuresOf({ slices, starts, ...others }) {
  const ofSlices = Object.entries(slices).map(([name, rounds]) => [name, medians(rounds)]);
  return {
    ...Object.fromEntries(ofSlices),
    ...others,
    start: medians(starts),
    settledByBare: ratioOfRounds(slices['append settled'], slices.bare),
    laterByBare: ratioOfRounds(slices['append later'], slices.bare),
  };
}

/** Bytes a leaf by table; a column for each size of batch, the largest first. */
function storageLines(storage) {
  const batches = Object.keys(storage).reverse();
  const tables = Object.keys(storage[1]).filter((name) => name !== 'file');
  const rows = tables.map((table) => [
    table,
    ...batches.map((batch) => numberText(storage[batch][table])),
  ]);
  const head = [
    'storage by table: bytes a leaf',
    ...batches.map((batch) => `${batch} a checkpoint`),
  ];
  return alignedLines([head, ...rows]);
}

/** The median of the ratios of the rounds. */
function ratioOfRounds(measured, compared) {
  return median(measured.map(({ perSecond }, round) => perSecond / compared[round].perSecond));
}

function sumOf(parts) {
  return Object.values(parts).reduce((sum, part) => sum + part, 0);
}
