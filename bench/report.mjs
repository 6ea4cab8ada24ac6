// The text that the benchmark prints.
import { alignedLines, medians } from './figures.mjs';
import { SYNCHRONOUS } from './pragmas.mjs';

const GOAL = 4;
const COMPARED = 'full Express echo';
const ROWS = [
  'ENROLL create',
  'ENROLL submit',
  'VERIFY create',
  'VERIFY submit',
  'DELETE',
  'DELETE, webhook unsent',
  'Express echo',
  COMPARED,
];

const NOTES = [
  'CPU us: of the server process, all its threads, for each request, from the first request until nothing',
  '  is left to do: audit entries chained and signed, webhooks signed, sent and recorded.',
  'x full: that CPU time by the one of the full Express echo with as many clients.',
  'DELETE, webhook unsent: another Lethe whose delivery worker does not run; its outbox is written.',
  'Lethe: dist/main.js with its defaults (LOG_LEVEL info, lines to a file). Express echo: Express 5, express.json,',
  '  the body back; full: helmet and express-rate-limit as well. Neither writes a log. Same request bytes for all.',
];

/** @param run what was measured: `slices` maps a row and its clients to the figures of each round. */
export function reportLines({ startedAt, plan, machine, pragmas, slices }) {
  const [journalMode, synchronous] = pragmas;
  const counts = Object.keys(plan.lethe).map(Number);
  const figures = (row, clients) => medians(slices.get(`${row} ${clients}`));
  const rows = ROWS.flatMap((row) =>
    counts
      .filter((clients) => slices.has(`${row} ${clients}`))
      .map((clients) => rowOf(row, clients, figures(row, clients), figures(COMPARED, clients))),
  );
  const head = ['', 'clients', 'req/s', 'p50 ms', 'p99 ms', 'CPU us', 'x full'];
  return [
    `npm run bench, ${startedAt.toISOString()}: medians of ${plan.rounds} rounds, interleaved, every other one reversed`,
    ...machine,
    `SQLite: journal_mode=${journalMode}, synchronous=${SYNCHRONOUS[synchronous]} (read back from the connection that writes)`,
    '',
    ...alignedLines([head, ...rows]),
    '',
    ...NOTES,
    '',
    ratioLine(slices, 'DELETE', `goal: at most ${GOAL.toFixed(1)}`),
    ratioLine(slices, 'DELETE, webhook unsent', 'without sending the webhook'),
  ];
}

function rowOf(row, clients, { perSecond, p50Ms, p99Ms, cpuMicros }, compared) {
  return [
    row,
    String(clients),
    perSecond.toFixed(0),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    cpuMicros.toFixed(0),
    (cpuMicros / compared.cpuMicros).toFixed(2),
  ];
}

/** The medians by each other; in brackets the least and the greatest ratio of one round. */
function ratioLine(slices, row, note) {
  const measured = slices.get(`${row} 64`).map(({ cpuMicros }) => cpuMicros);
  const compared = slices.get(`${COMPARED} 64`).map(({ cpuMicros }) => cpuMicros);
  const ratios = measured.map((cpuMicros, round) => cpuMicros / compared[round]);
  const [least, greatest] = [Math.min(...ratios), Math.max(...ratios)];
  const ratio =
    medians(slices.get(`${row} 64`)).cpuMicros / medians(slices.get(`${COMPARED} 64`)).cpuMicros;
  return `${row} / ${COMPARED}, CPU at 64 clients: ${ratio.toFixed(2)} (rounds ${least.toFixed(2)} to ${greatest.toFixed(2)}; ${note})`;
}
