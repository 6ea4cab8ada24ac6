import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import {
  isLogLeaf,
  LEAF_LIMIT_BYTES,
  type LogLeaf,
  leafText,
  parseLeaf,
} from '../../src/audit/leaf.js';

const schema: object = JSON.parse(
  readFileSync(new URL('../../schemas/log-leaf.json', import.meta.url), 'utf8'),
);
const isOfSchema = new Ajv2020({ strict: false }).compile(schema);

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'));
const hashes = fc.array(hash, { minLength: 1, maxLength: 16 });
const anyLeaf: fc.Arbitrary<LogLeaf> = fc.record(
  {
    v: fc.constant(2 as const),
    t: fc.maxSafeNat(),
    op: fc.constantFrom('ENROLL', 'SIGN-IN', 'DELETE', 'ERASURE', 'RETENTION', 'LOG-KEY'),
    outcome: fc.constantFrom('created', 'succeeded', 'failed', 'refused'),
    code: fc.constantFrom('NOT_FOUND', 'INTERNAL', 'SESSION_EXPIRED'),
    cm: hash,
    epoch: fc.maxSafeNat(),
    rc: hashes,
    dc: hashes,
    key: hash,
  },
  { requiredKeys: ['v', 't', 'op', 'outcome'] },
);

const HASH = `${'A'.repeat(42)}I`;
const LEAF = { v: 2, t: 1_893_456_000, op: 'VERIFY', outcome: 'failed' } as const;
const TEXT = '{"op":"VERIFY","outcome":"failed","t":1893456000,"v":2}';

describe('a leaf of the log', () => {
  test('when it is written and read, then it is the same, and so is its text', () => {
    fc.assert(
      fc.property(anyLeaf, (leaf) => {
        const text = leafText(leaf);
        expect(parseLeaf(text)).toEqual(leaf);
        expect(leafText(parseLeaf(text)!)).toBe(text);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LEAF_LIMIT_BYTES);
        expect(isOfSchema(leaf)).toBe(true);
      }),
    );
  });

  const refused: [string, unknown][] = [
    ['nothing', null],
    ['a list', []],
    ['a text', 'x'],
    ['no members', {}],
    ['an earlier version', { ...LEAF, v: 1 }],
    ['no outcome', { v: 2, t: 0, op: 'VERIFY' }],
    ['a time as text', { ...LEAF, t: '1893456000' }],
    ['a time in milliseconds with a fraction', { ...LEAF, t: 0.5 }],
    ['a time before 1970', { ...LEAF, t: -1 }],
    ['an unknown operation', { ...LEAF, op: 'ERASE' }],
    ['an unknown outcome', { ...LEAF, outcome: 'done' }],
    ['a sentence as code', { ...LEAF, code: 'Jane was refused' }],
    ['a code that is too long', { ...LEAF, code: 'A'.repeat(65) }],
    ['an e-mail address as commitment', { ...LEAF, cm: 'jane@example.com' }],
    ['a uuid as commitment', { ...LEAF, cm: '550e8400-e29b-41d4-a716-446655440000' }],
    ['a commitment of 31 bytes', { ...LEAF, cm: 'A'.repeat(42) }],
    ['a commitment in another spelling', { ...LEAF, cm: `${'A'.repeat(42)}B` }],
    ['a commitment in hex', { ...LEAF, cm: 'a'.repeat(64) }],
    ['half an epoch', { ...LEAF, epoch: 1.5 }],
    ['an epoch without a number', { ...LEAF, epoch: null }],
    ['an empty list of roots', { ...LEAF, rc: [] }],
    ['too many roots', { ...LEAF, rc: Array.from({ length: 17 }, () => HASH) }],
    ['a root in clear', { ...LEAF, rc: ['root'] }],
    ['keys that are no list', { ...LEAF, dc: HASH }],
    ['a key that is none', { ...LEAF, key: 'ssh-ed25519' }],
    ['a tenant', { ...LEAF, tenantId: 'demo' }],
    ['a subject', { ...LEAF, uuid: '550e8400-e29b-41d4-a716-446655440000' }],
    ['a member without a value', { ...LEAF, code: undefined }],
    ['a member with a name of every object', JSON.parse(`{"__proto__":1,${TEXT.slice(1)}`)],
    ['an inherited member', Object.create(LEAF)],
  ];

  test.each(refused)(
    'when it would hold %s, then it is neither written nor read',
    (_what, value) => {
      expect(isLogLeaf(value)).toBe(false);
      expect(() => leafText((value ?? {}) as LogLeaf)).toThrow(TypeError);
      expect(parseLeaf(JSON.stringify(value ?? null))).toBeUndefined();
    },
  );

  test.each(refused.filter(([what]) => !/without a value|inherited/.test(what)))(
    'when it would hold %s, then the schema refuses it too',
    (_what, value) => {
      expect(isOfSchema(value)).toBe(false);
    },
  );

  test.each([
    ['members in another order', '{"v":2,"t":1893456000,"op":"VERIFY","outcome":"failed"}'],
    ['white space', TEXT.replace(',', ', ')],
    ['white space around it', `${TEXT}\n`],
    ['a member twice', TEXT.replace('{', '{"op":"VERIFY",')],
    ['an escape that is not needed', TEXT.replace('VERIFY', '\\u0056ERIFY')],
    ['a number in another spelling', TEXT.replace('1893456000', '1893456e3')],
    ['a fraction of nothing', TEXT.replace('1893456000', '1893456000.0')],
    ['a negative zero', TEXT.replace('1893456000', '-0')],
    ['a byte order mark', `\ufeff${TEXT}`],
    ['only a part of it', TEXT.slice(0, -1)],
    ['nothing', ''],
    ['another one behind it', TEXT + TEXT],
    ['much white space', TEXT + ' '.repeat(LEAF_LIMIT_BYTES)],
  ])('when a text holds %s, then it is no leaf', (_what, text) => {
    expect(parseLeaf(TEXT)).toEqual(LEAF);
    expect(parseLeaf(text)).toBeUndefined();
  });

  test('when any byte of a leaf is changed, then it is another leaf or none, never the same', () => {
    const bytes = Buffer.from(leafText({ ...LEAF, code: 'NOT_FOUND', cm: HASH, rc: [HASH] }));
    for (let at = 0; at < bytes.byteLength; at += 1)
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1 << bit;
        const text = changed.toString('latin1');
        const leaf = parseLeaf(text);
        if (leaf !== undefined) expect(leafText(leaf)).toBe(text);
      }
  });
});
