import type { ChaosReport } from './chaos.js';

const SHOWN_VIOLATIONS = 50;

/** Whether anything happened that must not. */
export function isFlawless({ violations, endedByItself, owed }: ChaosReport): boolean {
  return violations.length === 0 && endedByItself === 0 && owed > 0;
}

/** The table of a run. */
export function reportLines(
  report: ChaosReport,
  run: { store: string; seed: string },
): readonly string[] {
  const { faults } = report;
  const violated = (kind: string): number =>
    report.violations.filter((violation) => violation.kind === kind).length;
  const rows: readonly (readonly [string, string | number])[] = [
    ['seed', run.seed],
    ['store', run.store],
    ['sessions', report.sessions],
    ['events owed', report.owed],
    ['  delivered', report.delivered],
    ['  refused with 410', report.refused],
    ['  LOST', violated('lost')],
    ['wrong signature', violated('wrong signature')],
    ['out of order', violated('out of order')],
    ['other violations', report.violations.length - sumOf(violated)],
    ['sessions that did not end', report.open],
    ['sessions that may have no event', report.optional],
    ['attempts that reached a receiver', report.attempts],
    ['of them session.started', report.early],
    ['duplicates, same id and body', report.duplicates],
    ['DELETEs begun twice with one key', report.ranTwice],
    ['kills', faults.kills],
    ['starts that failed, the store away', report.failedStarts],
    ['ended without a kill', report.endedByItself],
    ...Object.entries(faults.outages).map(([way, count]) => [`store ${way}`, count] as const),
    ['clock set forward', faults.stepsForward],
    ['clock set back', faults.stepsBack],
    ['seconds of chaos', report.chaosSeconds.toFixed(0)],
    ['seconds until all was delivered', report.drainSeconds.toFixed(0)],
    ['destination enabled after 410', report.isEnabledAgain ? 'yes' : 'not offered'],
  ];
  return [
    ...tableOf(rows),
    ...['', 'what became of a request at a receiver'],
    ...tableOf(Object.entries(report.fates)),
    ...['', 'what the client was answered'],
    ...tableOf(Object.entries(report.answers).sort()),
    ...violationLines(report),
  ];
}

function sumOf(violated: (kind: string) => number): number {
  return violated('lost') + violated('wrong signature') + violated('out of order');
}

function violationLines({ violations }: ChaosReport): readonly string[] {
  const shown = violations.slice(0, SHOWN_VIOLATIONS);
  const more = violations.length - shown.length;
  return [
    ...(shown.length > 0 ? [''] : []),
    ...shown.map(({ kind, ref, detail }) => `VIOLATION  ${kind}: ${ref}: ${detail}`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
}

function tableOf(rows: readonly (readonly [string, string | number])[]): readonly string[] {
  const width = Math.max(...rows.map(([name]) => name.length), 0);
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value.toString()}`);
}
