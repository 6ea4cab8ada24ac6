import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { allowsHost, isHostEntry } from '../../src/access/host-list.js';

describe('an entry', () => {
  test.each([
    'example.com',
    'hooks.example.com',
    'a_b.example.com',
    'localhost',
    'xn--bcher-kva.example',
    '*.example.com',
    '*.xn--bcher-kva.example',
    '8.8.8.8',
    '[2001:db8::1]',
  ])('when it is %s, then it is accepted', (entry) => {
    expect(isHostEntry(entry)).toBe(true);
  });

  test.each([
    '',
    '*',
    '*.',
    '*.*.example.com',
    'a.*.example.com',
    '*example.com',
    '.example.com',
    'example.com.',
    '*.example.com.',
    'Example.com',
    'bücher.example',
    'example.com:443',
    'https://example.com',
    'example.com/path',
    'user@example.com',
    'example.com?x',
    'example.com#x',
    'exa mple.com',
    ' example.com',
    'example.com\n',
    'a%2eb',
    '127.1',
    '2130706433',
    '0x7f.1',
    '127.0.0.1.',
    '*.8.8.8.8',
    '*.0.0.1',
    '2001:db8::1',
    '[2001:DB8::1]',
    '[2001:db8:0::1]',
    '*.[2001:db8::1]',
    `${'a'.repeat(252)}.com`,
  ])('when it is "%s", then it is refused', (entry) => {
    expect(isHostEntry(entry)).toBe(false);
  });

  test('when it is accepted and no wildcard, then the host of its URL is allowed by it', () => {
    fc.assert(
      fc.property(fc.webAuthority({ withPort: false }), (host) => {
        if (isHostEntry(host)) {
          expect(allowsHost([host], new URL(`https://${host}/`).hostname)).toBe(true);
        }
      }),
    );
  });
});

describe('a list of hosts', () => {
  const list = ['hooks.example.com', '*.example.org', '8.8.8.8', '[2001:db8::1]'];

  test.each([
    'https://hooks.example.com/',
    'https://HOOKS.EXAMPLE.COM:8443/x',
    'https://a.example.org/',
    'https://a.b.c.example.org/',
    'https://8.8.8.8/',
    'https://134744072/',
    'https://[2001:DB8:0:0::1]/',
  ])('when the URL is %s, then its host is allowed', (url) => {
    expect(allowsHost(list, new URL(url).hostname)).toBe(true);
  });

  test.each([
    'https://example.com/',
    'https://x.hooks.example.com/',
    'https://hooks.example.com.evil.example/',
    'https://evilhooks.example.com/',
    'https://example.org/',
    'https://badexample.org/',
    'https://a.example.org.evil.example/',
    'https://hooks.example.com./',
    'https://a.example.org./',
    'https://8.8.8.9/',
    'https://[2001:db8::2]/',
    'https://evil.example/?hooks.example.com',
    'https://evil.example/#.example.org',
    'https://hooks.example.com@evil.example/',
  ])('when the URL is %s, then its host is not allowed', (url) => {
    expect(allowsHost(list, new URL(url).hostname)).toBe(false);
  });

  test('when it is empty, then any host is allowed', () => {
    expect(allowsHost([], 'anything.example')).toBe(true);
  });
});
