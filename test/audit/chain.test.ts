import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { extend } from '../../src/audit/chain.js';
import type { AuditEntry } from '../../src/audit/entry.js';
import { checkpointLine, parseLogLine, recordLine } from '../../src/audit/log-line.js';
import { exported, found, testKey, verifyLines } from './sample-log.js';

const id = fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/);
const anyEntry: fc.Arbitrary<AuditEntry> = fc.record(
  {
    v: fc.constant(1 as const),
    at: fc
      .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
      .map((time) => time.toISOString()),
    op: fc.constantFrom('ENROLL', 'VERIFY', 'SIGN-IN', 'DELETE', 'EXPIRE', 'TENANT'),
    outcome: fc.constantFrom('created', 'succeeded', 'failed', 'refused'),
    code: fc.constantFrom('NOT_FOUND', 'INTERNAL', 'SESSION_EXPIRED'),
    tenantId: id,
    clientId: id,
    sessionId: fc.uuid(),
    subject: fc.stringMatching(/^[A-Za-z0-9_-]{43}$/),
  },
  { requiredKeys: ['v', 'at', 'op', 'outcome'] },
);

/** Cuts a list into batches: a new one begins wherever the flag says so. */
function cut<T>(list: readonly T[], isCut: readonly boolean[]): T[][] {
  const batches: T[][] = [];
  for (const [index, item] of list.entries()) {
    const batch = batches.at(-1);
    if (batch === undefined || isCut[index] === true) batches.push([item]);
    else batch.push(item);
  }
  return batches;
}

describe('the audit chain', () => {
  const anyLog = fc.record({
    entries: fc.array(anyEntry, { minLength: 1, maxLength: 12 }),
    one: fc.array(fc.boolean(), { maxLength: 12 }),
    other: fc.array(fc.boolean(), { maxLength: 12 }),
  });

  test('when the same entries come in other batches, then the head is the same and both logs verify', async () => {
    await fc.assert(
      fc.asyncProperty(anyLog, async ({ entries, one, other }) => {
        const first = exported(cut(entries, one));
        const second = exported(cut(entries, other));
        expect(second.heads.at(-1)?.hash).toBe(first.heads.at(-1)?.hash);
        for (const { lines, heads } of [first, second]) {
          const report = await verifyLines(lines);
          expect(found(report)).toEqual([]);
          expect(report).toMatchObject({ entries: entries.length, checkpoints: heads.length });
        }
      }),
      { numRuns: 50 },
    );
  });

  test('when a line is parsed and written again, then it is the same line', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 3 }), (entries) => {
        for (const line of exported([entries]).lines) {
          const parsed = parseLogLine(line);
          if (typeof parsed === 'string') throw new Error(`${parsed}: ${line}`);
          const again =
            parsed.kind === 'record'
              ? recordLine(parsed.record)
              : checkpointLine(parsed.checkpoint);
          expect(again).toBe(line);
        }
      }),
    );
  });

  test('when two entries change places, then the head differs', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntry, anyEntry, async (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b));
        expect(exported([[a, b]]).heads[0]?.hash).not.toBe(exported([[b, a]]).heads[0]?.hash);
      }),
    );
  });

  test('when there is nothing to append, then nothing is signed', () => {
    expect(() => extend(undefined, [], { key: testKey(), nowMs: 0 })).toThrow(RangeError);
  });
});
