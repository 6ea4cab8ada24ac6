import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isAuditEntry } from '../../src/audit/entry.js';
import { parseKeys } from '../../src/audit/keys.js';
import { createLineSplitter, type Line } from '../../src/audit/line-splitter.js';
import { newEntry } from '../../src/audit/record.js';
import vectors from '../vectors/audit-chain.json' with { type: 'json' };
import { testKey } from './sample-log.js';

describe('a new audit entry', () => {
  const deps = { clock: { nowMs: () => Date.UTC(2026, 2, 1, 10) } };

  test('when it is made, then it has the time, its members and nothing that is undefined', () => {
    const { entry, entryId } = newEntry(deps, {
      op: 'DELETE',
      outcome: 'refused',
      code: 'SUBJECT_NOT_FOUND',
      tenantId: 'demo',
      sessionId: undefined,
    });
    expect(entry).toStrictEqual({
      v: 1,
      at: '2026-03-01T10:00:00.000Z',
      op: 'DELETE',
      outcome: 'refused',
      code: 'SUBJECT_NOT_FOUND',
      tenantId: 'demo',
    });
    expect(entryId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('when two are made one after the other, then their ids sort by time', () => {
    const at = (ms: number) =>
      newEntry({ clock: { nowMs: () => ms } }, { op: 'TENANT', outcome: 'succeeded' }).entryId;
    expect(at(1_700_000_000_000) < at(1_700_000_000_001)).toBe(true);
  });

  test.each([
    ['an e-mail address as tenant', { tenantId: 'jane@example.com' }],
    ['a uuid in clear as subject', { subject: '550e8400-e29b-41d4-a716-446655440000' }],
    ['free text as session', { sessionId: 'the session of Jane' }],
    ['a sentence as code', { code: 'Jane was refused' as never }],
    ['a member that entries do not have', { name: 'Jane' }],
  ])('when it would hold %s, then it is not made', (_what, members) => {
    expect(() => newEntry(deps, { op: 'VERIFY', outcome: 'failed', ...members })).toThrow(
      TypeError,
    );
  });

  test.each([
    null,
    [],
    'x',
    {},
    { v: 1, at: '2026-03-01T10:00:00Z', op: 'VERIFY', outcome: 'failed' },
    { v: 2, at: '2026-03-01T10:00:00.000Z', op: 'VERIFY', outcome: 'failed' },
    { v: 1, at: '2026-02-30T10:00:00.000Z', op: 'VERIFY', outcome: 'failed' },
    { v: 1, at: '2026-03-01T10:00:00.000Z', op: 'ERASE', outcome: 'failed' },
    { v: 1, at: '2026-03-01T10:00:00.000Z', op: 'VERIFY' },
    JSON.parse(
      '{"v":1,"at":"2026-03-01T10:00:00.000Z","op":"VERIFY","outcome":"failed","__proto__":1}',
    ),
  ])('when a value is %j, then it is not an entry', (value) => {
    expect(isAuditEntry(value)).toBe(false);
  });
});

describe('public keys', () => {
  const { publicJwk, kid } = testKey();
  const goVkey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';

  test('when a set holds keys of other kinds too, then the Ed25519 keys are taken, by thumbprint', () => {
    const rsa = { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'x' };
    const set = { keys: [rsa, null, 7, { ...publicJwk, kid: 'another name' }] };
    expect([...(parseKeys(JSON.stringify(set))?.keys() ?? [])]).toEqual([kid]);
  });

  test('when a verifier key was made by another program, then it is read', () => {
    expect(parseKeys(goVkey)?.size).toBe(1);
    expect(parseKeys(`${vectors.vkey}\n`)?.has(vectors.jwks.keys[0]?.kid ?? '')).toBe(true);
  });

  test.each([
    ['nothing', ''],
    ['no key', '{"keys":[]}'],
    ['no JSON', '{"keys":'],
    ['no set', '{"keys":{}}'],
    ['a key that is too short', JSON.stringify({ keys: [{ ...publicJwk, x: 'AAAA' }] })],
    ['another name', goVkey.replace('Peter', 'Petra')],
    ['another id', goVkey.replace('c74f', 'c74e')],
    ['another key', goVkey.replace('10TW', '10TX')],
    ['another algorithm', goVkey.replace('+AR', '+BB')],
    ['two lines', `${goVkey}\n${goVkey}`],
  ])('when the text holds %s, then there are no keys', (_what, text) => {
    expect(parseKeys(text)).toBeUndefined();
  });
});

describe('the line splitter', () => {
  function split(chunks: readonly Uint8Array[], limitBytes = 8): Line[] {
    const splitter = createLineSplitter(limitBytes);
    return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()];
  }

  test('when the chunks are cut anywhere, then the lines are the same', () => {
    const text = fc.array(fc.constantFrom('a', 'ä', '\n', '\r', '', '01234567', '012345678'));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200)), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(''));
        const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort(
          (a, b) => a - b,
        );
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(split(chunks)).toEqual(split([bytes]));
      }),
    );
  });

  test('when a line is longer than the limit, then it alone is refused', () => {
    expect(split([Buffer.from('12345678\n123456789\nx\n')])).toEqual([
      { number: 1, text: '12345678' },
      { number: 2, fault: 'LINE_TOO_LONG' },
      { number: 3, text: 'x' },
    ]);
  });

  test('when the last line has no end or bytes are not UTF-8, then that is said', () => {
    expect(split([Uint8Array.of(0xff, 0x0a, 0x61)])).toEqual([
      { number: 1, fault: 'LINE_MALFORMED' },
      { number: 2, fault: 'LINE_UNFINISHED' },
    ]);
  });

  test('when a chunk is reused by its sender, then what was held of it stays', () => {
    const splitter = createLineSplitter(8);
    const chunk = Buffer.from('ab');
    expect([...splitter.push(chunk)]).toEqual([]);
    chunk.fill(0x7a);
    expect([...splitter.push(Buffer.from('c\n'))]).toEqual([{ number: 1, text: 'abc' }]);
  });
});
