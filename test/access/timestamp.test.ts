import { describe, expect, test } from '@jest/globals';
import { checkTimestamp } from '../../src/access/timestamp.js';
import { NOW_MS } from './memory-accounts.js';

const NOW_S = NOW_MS / 1_000;

function check(text: string): void {
  checkTimestamp(['X-Timestamp', text], NOW_MS);
}

describe('checkTimestamp', () => {
  test('when the header is absent, then the request passes', () => {
    expect(() => {
      checkTimestamp(['Host', 'a'], NOW_MS);
    }).not.toThrow();
  });

  test.each([
    ['seconds', 0, NOW_S],
    ['seconds, 300 s late', -300, NOW_S - 300],
    ['seconds, 300 s early', 300, NOW_S + 300],
    ['milliseconds', 0, NOW_MS],
    ['milliseconds, 300 s late', -300, NOW_MS - 300_000],
    ['milliseconds, 300 s early', 300, NOW_MS + 300_000],
  ])('when it is in %s, then the request passes', (_, __, value) => {
    expect(() => {
      check(value.toString());
    }).not.toThrow();
  });

  test.each([
    NOW_S - 301,
    NOW_S + 301,
    NOW_MS - 300_001,
    NOW_MS + 300_001,
    0,
    1,
    999_999_999_999_999,
  ])('when it is %d, outside the window, then it is stale', (value) => {
    expect(() => {
      check(value.toString());
    }).toThrow(expect.objectContaining({ code: 'STALE_TIMESTAMP' }));
  });

  test.each([
    '',
    ' ',
    '-1',
    '+1',
    '1.5',
    '0x10',
    '1e9',
    'now',
    '2026-09-13T12:26:40Z',
    '9'.repeat(16),
  ])('when it is %j, then the header is invalid', (text) => {
    expect(() => {
      check(text);
    }).toThrow(
      expect.objectContaining({
        code: 'INVALID_HEADER',
        problems: [expect.objectContaining({ pointer: '/headers/X-Timestamp' })],
      }),
    );
  });

  test('when it is given twice, then equal values pass and different ones are invalid', () => {
    const now = NOW_S.toString();
    expect(() => {
      checkTimestamp(['X-Timestamp', now, 'x-timestamp', now], NOW_MS);
    }).not.toThrow();
    expect(() => {
      checkTimestamp(['X-Timestamp', now, 'x-timestamp', (NOW_S + 1).toString()], NOW_MS);
    }).toThrow(expect.objectContaining({ code: 'INVALID_HEADER' }));
  });
});
