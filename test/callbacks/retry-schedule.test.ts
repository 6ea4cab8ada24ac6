import { describe, expect, test } from '@jest/globals';
import { followUp } from '../../src/callbacks/retry-schedule.js';
import type { SendResult } from '../../src/callbacks/webhook-sender.js';

const delaysMs = [0, 5_000, 300_000];
const schedule = { delaysMs, random: () => 0.5 };
const endedAtMs = 1_000_000;

function after(result: SendResult, attempts = 1): object {
  return followUp(schedule, { attempts, endedAtMs, result });
}

describe('after an attempt', () => {
  test.each([200, 201, 202, 204, 299])('when %d was answered, then it is delivered', (status) => {
    expect(after({ kind: 'answered', status })).toEqual({ state: 'delivered' });
  });

  test.each([199, 300, 301, 302, 307, 400, 401, 404, 429, 500, 503])(
    'when %d was answered, then it is tried again after the next delay',
    (status) => {
      const next = { state: 'pending', dueAtMs: endedAtMs + 5_000 };
      expect(after({ kind: 'answered', status })).toEqual(next);
    },
  );

  test('when there was no answer, then it is tried again', () => {
    const failed = { kind: 'failed', code: 'TIMEOUT' } as const;
    expect(after(failed, 2)).toEqual({ state: 'pending', dueAtMs: endedAtMs + 300_000 });
  });

  test('when 410 was answered, then it has failed', () => {
    expect(after({ kind: 'answered', status: 410 })).toEqual({ state: 'failed' });
  });

  test('when the receiver asks for no further attempt, then it has failed, unless it took the event', () => {
    const answer = (status: number) => after({ kind: 'answered', status, isAborted: true });
    expect([answer(500), answer(302)]).toEqual([{ state: 'failed' }, { state: 'failed' }]);
    expect(answer(204)).toEqual({ state: 'delivered' });
  });

  test('when the schedule is exhausted, then it has failed, or was delivered at the last', () => {
    expect(after({ kind: 'answered', status: 500, retryAfterSeconds: 1 }, 3)).toEqual({
      state: 'failed',
    });
    expect(after({ kind: 'answered', status: 200 }, 3)).toEqual({ state: 'delivered' });
  });

  test('when Retry-After asks for a longer pause, then it is kept, up to a day', () => {
    const answer = (retryAfterSeconds: number): object =>
      after({ kind: 'answered', status: 429, retryAfterSeconds });
    expect(answer(60)).toEqual({ state: 'pending', dueAtMs: endedAtMs + 60_000 });
    expect(answer(1)).toEqual({ state: 'pending', dueAtMs: endedAtMs + 5_000 });
    expect(answer(99_999_999)).toEqual({ state: 'pending', dueAtMs: endedAtMs + 86_400_000 });
  });

  test('when chance decides, then the delay stays within a tenth and is spread', () => {
    const dueWith = (chance: number): number => {
      const next = followUp(
        { delaysMs, random: () => chance },
        { attempts: 2, endedAtMs, result: { kind: 'failed', code: 'CONNECT' } },
      );
      return next.state === 'pending' ? next.dueAtMs - endedAtMs : Number.NaN;
    };
    expect([0, 0.25, 0.5, 0.75, 1].map(dueWith)).toEqual([
      270_000, 285_000, 300_000, 315_000, 330_000,
    ]);
  });
});
