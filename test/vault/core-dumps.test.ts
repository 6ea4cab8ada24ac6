import { describe, expect, test } from '@jest/globals';
import { areOff } from '../../src/vault/roots/core-dumps.js';

const withSoftLimit = (limit: string) =>
  [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max stack size            8388608              unlimited            bytes     ',
    `Max core file size        ${limit.padEnd(20)} unlimited            bytes     `,
    'Max resident set          unlimited            unlimited            bytes     ',
  ].join('\n');

describe('core dumps', () => {
  test.each([
    ['0', 'core', true],
    ['0', '/var/cores/%e.%p', true],
    ['0', '|/usr/lib/systemd/systemd-coredump %P', undefined],
    ['1', 'core', true],
    ['1', '|/usr/share/apport/apport %p', true],
    ['1048576', 'core', false],
    ['unlimited', 'core', false],
    ['unlimited', '|/usr/share/apport/apport %p', false],
  ])('when the soft limit is %s and they go to %s, then off is %s', (limit, pattern, expected) => {
    expect(areOff({ limits: withSoftLimit(limit), pattern })).toBe(expected);
  });

  test('when the kernel says nothing of core files, then it is not known', () => {
    expect(areOff({ limits: 'Max open files 1024 1024 files\n', pattern: 'core' })).toBeUndefined();
  });
});
