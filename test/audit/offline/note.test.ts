import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { utf8 } from '../../../src/audit/offline/bytes.js';
import { nodePrimitives } from '../../../src/audit/offline/node-primitives.js';
import {
  isKeyName,
  noteWith,
  parseNote,
  parseSignatureLine,
  signatureLine,
} from '../../../src/audit/offline/note.js';
import { parseVerifierKey } from '../../../src/audit/offline/verifier-key.js';
import { noteSigner, signed } from '../../support/receipts.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };

const { signedNote, poem, cosigned, witnessed } = vectors;
const line = (name = 'a', length = 1) =>
  signatureLine({ name, keyId: '00000001', signature: new Uint8Array(length) });

describe('the examples of C2SP', () => {
  test('when the note of the example is verified with its key, then the signature holds', async () => {
    const note = parseNote(signedNote.note)!;
    const key = (await parseVerifierKey(nodePrimitives, signedNote.vkey))!;
    const { name, keyId, signature } = note.signatures[0]!;
    expect([note.text, name, keyId]).toEqual([
      'This is an example message.\n',
      'example.com/foo',
      '530d903a',
    ]);
    const { publicKey } = key;
    const message = utf8(note.text);
    expect(nodePrimitives.verifyEd25519({ publicKey, message, signature })).toBe(true);
  });

  test('when a note has empty lines, then its text ends before the last of them', () => {
    const note = parseNote(poem.note)!;
    expect(note.text).toMatch(/^Ognuno .*\n\ned è subito sera\.\n$/s);
    expect(note.signatures).toMatchObject([
      { name: 'quasimodo.example/salvatore', keyId: '367ba04b' },
    ]);
  });

  test.each([signedNote, poem, cosigned, witnessed])(
    'when a published note is printed again, then it is the same ($source)',
    ({ note }) => {
      const { text, signatures } = parseNote(note)!;
      expect(noteWith(text, signatures.map(signatureLine))).toBe(note);
    },
  );
});

describe('a note', () => {
  test('when any note is printed and read, then nothing is lost', () => {
    const names = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter(isKeyName);
    const signatures = fc.array(
      fc.record({
        name: names,
        keyId: fc.constantFrom('00000000', 'ffffffff', 'c74f20a3'),
        signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
      }),
      { minLength: 1, maxLength: 64 },
    );
    const text = fc
      .string({ unit: fc.constantFrom(...Array.from('aé\n— €')), maxLength: 20 })
      .map((start) => `${start}\n`);
    fc.assert(
      fc.property(text, signatures, (given, lines) => {
        const note = noteWith(given, lines.map(signatureLine));
        const parsed = parseNote(note)!;
        expect(parsed.text).toBe(given);
        expect(noteWith(parsed.text, parsed.signatures.map(signatureLine))).toBe(note);
      }),
    );
  });

  test('when any byte of a signed note is changed, then it is refused, or the signature does not hold', () => {
    const signer = noteSigner('log.example', 'log');
    const text = 'log.example\n1\n\nbody\n';
    const bytes = Buffer.from(noteWith(text, [signed(signer, text)]));
    for (let at = 0; at < bytes.length; at += 1) {
      for (const bit of [0x01, 0x20]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= bit;
        const note = parseNote(changed.toString());
        const holds = note?.signatures.some(
          ({ name, keyId, signature }) =>
            name === signer.name &&
            keyId === signer.keyId &&
            Buffer.from(signer.sign(utf8(note.text))).equals(signature),
        );
        expect(holds ?? false).toBe(false);
      }
    }
  });

  test('when it has 64 signatures, then it is read; with one more, not', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, at) => line(at.toString()));
    expect(parseNote(noteWith('text\n', lines(64)))?.signatures).toHaveLength(64);
    expect(parseNote(noteWith('text\n', lines(65)))).toBeUndefined();
  });

  test('when it is longer than 64 KiB of UTF-8, then it is refused', () => {
    const note = (text: string) => noteWith(`${text}\n`, [line()]);
    const room = 65_536 - utf8(note('')).length;
    expect(parseNote(note('a'.repeat(room)))).toBeDefined();
    expect(parseNote(note('a'.repeat(room + 1)))).toBeUndefined();
    expect(parseNote(note('é'.repeat(room / 2 + 1)))).toBeUndefined();
  });

  test('when 16 signatures are as long as those of ML-DSA-44, then it is read', () => {
    const lines = Array.from({ length: 16 }, () => line('pq.example', 2_428));
    expect(parseNote(noteWith('text\n', lines))?.signatures).toHaveLength(16);
  });

  test.each([
    ['nothing', ''],
    ['no signature', 'text\n'],
    ['an empty line, but no signature', 'text\n\n'],
    ['no empty line', `text\n${line()}`],
    ['no text', `\n${line()}`],
    ['no line feed at the end', noteWith('text\n', [line()]).slice(0, -1)],
    ['something behind the signatures', `${noteWith('text\n', [line()])}more\n`],
    ['an empty line at the end', `${noteWith('text\n', [line()])}\n`],
    ['carriage returns', noteWith('text\r\n', [line()])],
    ['a tab', noteWith('te\txt\n', [line()])],
    ['a zero byte', noteWith('te\0xt\n', [line()])],
    ['half a surrogate pair', noteWith('te\ud800xt\n', [line()])],
    ['a hyphen for the dash', noteWith('text\n', [line().replace('—', '-')])],
    ['two spaces behind the dash', noteWith('text\n', [line().replace('— ', '—  ')])],
    ['a space at the end of a line', noteWith('text\n', [line().replace('\n', ' \n')])],
    ['a plus in the name', noteWith('text\n', [line('a+b')])],
    ['a no-break space in the name', noteWith('text\n', [line('a\u00a0b')])],
    ['an ideographic space in the name', noteWith('text\n', [line('a\u3000b')])],
    ['no name', noteWith('text\n', [line('')])],
    ['a key id without signature', noteWith('text\n', ['— a AAAAAQ==\n'])],
    ['base64 without padding', noteWith('text\n', ['— a AAAAAQA\n'])],
    ['base64 of another spelling', noteWith('text\n', ['— a AAAAAQB=\n'])],
  ])('when it has %s, then it is refused', (_what, note) => {
    expect(parseNote(note)).toBeUndefined();
  });
});

describe('a signature line', () => {
  test('when it is read, then it is what was printed', () => {
    const signature = { name: 'wé.example/1', keyId: '0a0b0c0d', signature: utf8('signature') };
    expect(parseSignatureLine(signatureLine(signature))).toEqual(signature);
  });

  test.each([
    ['without line feed', line().slice(0, -1)],
    ['with two line feeds', `${line()}\n`],
    ['and another one', `${line()}${line()}`],
    ['with a control character', line('a\u0001')],
  ])('when it comes %s, then it is refused', (_what, text) => {
    expect(parseSignatureLine(text)).toBeUndefined();
  });

  test.each(['', 'c74f20a', 'C74F20A3', 'c74f20a3ff'])(
    'when the key id is "%s", then none is printed',
    (keyId) => {
      expect(() => signatureLine({ name: 'a', keyId, signature: utf8('s') })).toThrow('8 hex');
    },
  );
});
