import { expect, test } from '@jest/globals';
import { faultsOf, runShort } from './run-short.js';

const SEED = 'thursday';

test('when everything fails by turns on SQLite, then no event is lost, forged, changed or out of order', async () => {
  const { code, report, progress } = await runShort(['--n', '500', '--seed', SEED]);
  const { violations, endedByItself, open } = report;
  expect({ violations, endedByItself, open, code }).toEqual({
    violations: [],
    endedByItself: 0,
    open: 0,
    code: 0,
  });
  expect(report.delivered + report.refused).toBe(report.owed);
  expect(report.owed).toBeGreaterThan(300);
  expect(report.early).toBeGreaterThan(30);
  const [kills, outages, forward, back, fates] = faultsOf(report);
  // How many there are depends on how quickly the machine starts a server.
  expect(kills).toBeGreaterThanOrEqual(1);
  expect(outages).toBeGreaterThanOrEqual(1);
  expect([forward, back]).not.toContain(0);
  expect(fates).toBeGreaterThan(12);
  expect(progress).toContain(`seed ${SEED}`);
}, 120_000);
