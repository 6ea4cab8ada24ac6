import type { Finding } from '../audit/reading/log-report.js';
import type { Expectation } from '../audit/reading/signed-head.js';
import type { ConsistencyReport } from '../audit/reading/verify-consistency.js';
import type { LogReport } from '../audit/reading/verify-log.js';
import { isoTime, SECOND_MS } from '../lib/clock.js';

/** The last second that a date can name (ECMA-262). */
const LAST_SECOND = 8_640_000_000_000;

/** What a verification of a whole log found, for people. */
export function logInWords(report: LogReport, { policy, keptCheckpoint }: Expectation): string {
  const { origin, leaves, fromSeconds, toSeconds } = report;
  const extent = `${counted(leaves, 'leaf', 'leaves')}${origin === undefined ? '' : ` of ${origin}`} from ${timeText(fromSeconds)} to ${timeText(toSeconds)}`;
  if (report.problemCount > 0)
    return [`Read ${extent}.`, ...problemLines(report), ...observationLines(report)].join('\n');
  return [
    `The log is sound: ${extent}.`,
    `Shown: every leaf is as the checkpoint signs it, by ${report.signedBy.join(', ')}.`,
    ...(policy === undefined ? [] : [witnessLine(report)]),
    keptCheckpoint === undefined
      ? 'Not shown: that it was not written anew or cut off; give --checkpoint one kept earlier.'
      : 'Shown: it begins with exactly the leaves of the checkpoint that was kept.',
    ...observationLines(report),
  ].join('\n');
}

/** What a check for consistency found, for people. */
export function consistencyInWords(report: ConsistencyReport): string {
  const { origin, fromSize, toSize, problemCount } = report;
  if (problemCount > 0) return problemLines(report).join('\n');
  return `The log ${String(origin)} with ${counted(toSize ?? 0, 'leaf', 'leaves')} begins with exactly the ${String(fromSize)} of the checkpoint that was kept.`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

type Findings = Pick<LogReport, 'problemCount' | 'problems' | 'observationCount' | 'observations'>;

function problemLines({ problems, problemCount }: Findings): readonly string[] {
  const rest = problemCount - problems.length;
  return [...problems.map(line), ...(rest > 0 ? [`and ${counted(rest, 'problem')} more`] : [])];
}

function observationLines({ observations, observationCount }: Findings): readonly string[] {
  const rest = observationCount - observations.length;
  return [
    ...observations.map((found) => `observed: ${line(found)}`),
    ...(rest > 0 ? [`and ${counted(rest, 'observation')} more`] : []),
  ];
}

function line({ place, code, sentence }: Finding<string>): string {
  return `${place}: ${code}: ${sentence}`;
}

function witnessLine({ cosignedBy }: LogReport): string {
  const witnesses = cosignedBy.map(
    ({ witness, timeSeconds }) => `${witness.split('+')[0] ?? ''} at ${timeText(timeSeconds)}`,
  );
  return `Shown: the witnesses of the policy have seen this checkpoint: ${witnesses.join(', ')}.`;
}

/** A log can say any second. */
function timeText(seconds: number | undefined): string {
  if (seconds === undefined) return 'none';
  return seconds > LAST_SECOND ? `second ${seconds}` : isoTime(seconds * SECOND_MS);
}
