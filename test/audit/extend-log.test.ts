import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { extendLog, LogDamagedError } from '../../src/audit/extend-log.js';
import type { LogKeyring } from '../../src/audit/log-keys.js';
import type { LogHead, LogKey, LogSegment, PendingEntry } from '../../src/audit/log-store.js';
import { checkpointText } from '../../src/audit/offline/checkpoint.js';
import { noteWith, parseNote, signatureLine } from '../../src/audit/offline/note.js';
import { hex, utf8 } from '../../src/lib/bytes.js';
import {
  expectSoundLog,
  firstKey,
  frontierHex,
  ORIGIN,
  signersOf,
  testKeyring,
} from './sound-log.js';

const pendingOf = (...leaves: readonly string[]): PendingEntry[] =>
  leaves.map((leaf, index) => ({ entryId: index.toString(), leaf }));

let keyring: LogKeyring;
let keys: readonly LogKey[];

beforeEach(() => {
  keyring = testKeyring();
  keys = [firstKey(keyring)];
});

function extend(head: LogHead | undefined, leaves: readonly string[]): LogSegment {
  return extendLog({ head, keys }, pendingOf(...leaves), { keyring, nowMs: 0 }).segment;
}

/** Segments with these leaves, each on top of the one before. */
function logOf(...batches: readonly (readonly string[])[]): LogSegment[] {
  const segments: LogSegment[] = [];
  for (const leaves of batches) segments.push(extend(segments.at(-1), leaves));
  return segments;
}

describe('extending the log', () => {
  test('when leaves are appended, then the segment holds them under a checkpoint that the key signed', () => {
    const segments = logOf(['a', 'b'], ['c'], ['d', 'e', 'f', 'g']);
    expect(expectSoundLog(segments, keys)).toEqual(Array.from('abcdefg'));
    expect(segments.map(({ start, size }) => [start, size])).toEqual([
      [0, 2],
      [2, 3],
      [3, 7],
    ]);
    expect(hex(segments[2]!.frontier)).toBe(frontierHex(Array.from('abcdefg').map(utf8)));
  });

  test('when the same leaves come in other batches, then the end of the log is the same', () => {
    const leaves = fc.array(fc.string({ unit: 'binary', maxLength: 5 }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(leaves, fc.array(fc.nat(40), { maxLength: 6 }), (all, cuts) => {
        const ends = [
          ...new Set([...cuts.filter((cut) => cut > 0 && cut < all.length), all.length]),
        ];
        const batches = ends
          .sort((a, b) => a - b)
          .map((end, index, sorted) => all.slice(sorted[index - 1] ?? 0, end));
        const [one] = logOf(all).slice(-1);
        const [other] = logOf(...batches).slice(-1);
        expect(other?.checkpoint).toBe(one?.checkpoint);
        expect(hex(other!.frontier)).toBe(hex(one!.frontier));
      }),
      { numRuns: 50 },
    );
  });

  test('when two leaves change places, then the checkpoint is another one', () => {
    expect(logOf(['a', 'b'])[0]?.checkpoint).not.toBe(logOf(['b', 'a'])[0]?.checkpoint);
  });

  test('when 256 leaves are full, then their node comes with the segment that completed them', () => {
    const leaves = Array.from({ length: 255 }, (_, index) => index.toString());
    const state = { head: extend(undefined, leaves), keys };
    const next = extendLog(state, pendingOf('255', '256'), { keyring, nowMs: 0 });
    const { nodes, segment } = next;
    expect(nodes.map(({ level, index }) => ({ level, index }))).toEqual([{ level: 1, index: 0 }]);
    expect(hex(nodes[0]!.hash)).toBe(hex(segment.frontier).slice(0, 64));
  });

  test('when there is nothing to append, then nothing is signed', () => {
    expect(() => extend(undefined, [])).toThrow(RangeError);
  });

  test('when a leaf is longer than a bundle can hold, then nothing is signed', () => {
    expect(() => extend(undefined, ['x'.repeat(65_536)])).toThrow(RangeError);
  });

  test('when the log has no key, then nothing is signed', () => {
    keys = [];
    expect(() => extend(undefined, ['a'])).toThrow('the log has no key');
  });

  test('when the keys have different names, then nothing is signed', () => {
    const other = { ...firstKey(keyring), generation: 2 };
    keys = [firstKey(keyring), { ...other, vkey: keyring.derive(2, 'other.example/log').vkey }];
    keys = keys.map((key) => ({ ...key, signsUntilMs: 1 }));
    expect(() => extend(undefined, ['a'])).toThrow(LogDamagedError);
  });
});

describe('the head that the log is extended from', () => {
  let head: LogSegment;

  beforeEach(() => {
    head = logOf(['a', 'b'], ['c', 'd', 'e'])[1]!;
  });

  /** Once by the process that made the head, and once by one that has never seen it. */
  function expectRefused(changed: LogHead): void {
    expect(() => extend(changed, ['f'])).toThrow(LogDamagedError);
    // What was refused is refused again, and did not spoil the true head.
    expect(() => extend(changed, ['f'])).toThrow(LogDamagedError);
    expect(extend(head, ['f']).size).toBe(6);
    keyring = testKeyring();
    expect(() => extend(changed, ['f'])).toThrow(LogDamagedError);
  }

  /** A checkpoint like the one of the head, with something else in it or other signers. */
  function signed(
    changes: { origin?: string; size?: number; rootHash?: Uint8Array; by?: LogKeyring } = {},
  ): string {
    const [, , root = ''] = head.checkpoint.split('\n');
    const text = checkpointText({
      origin: ORIGIN,
      size: 5,
      rootHash: Buffer.from(root, 'base64'),
      ...changes,
    });
    const { keyId, sign } = (changes.by ?? keyring).derive(1, ORIGIN);
    return noteWith(text, [signatureLine({ name: ORIGIN, keyId, signature: sign(utf8(text)) })]);
  }

  test('when another process made it with the same key, then the log goes on from it', () => {
    expect(signed()).toBe(head.checkpoint);
    const own = extend(head, ['f']);
    keyring = testKeyring();
    expect(extend(head, ['f'])).toEqual(own);
    expect(extend(own, ['g']).size).toBe(7);
  });

  test('when any byte of the frontier was changed, then it is refused', () => {
    for (let at = 0; at < head.frontier.byteLength; at += 1) {
      const frontier = Uint8Array.from(head.frontier);
      frontier[at]! ^= 1 << (at % 8);
      expect(() => extend({ ...head, frontier }, ['f'])).toThrow(LogDamagedError);
    }
    expectRefused({ ...head, frontier: Uint8Array.from(head.frontier).reverse() });
  });

  test('when any byte of the checkpoint was changed, then it is refused', () => {
    const bytes = Buffer.from(head.checkpoint);
    for (let at = 0; at < bytes.byteLength; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      const checkpoint = changed.toString();
      expect(() => extend({ ...head, checkpoint }, ['f'])).toThrow(LogDamagedError);
    }
  });

  test('when the checkpoint was cut anywhere, then it is refused', () => {
    for (let end = 0; end < head.checkpoint.length; end += 1) {
      const checkpoint = head.checkpoint.slice(0, end);
      expect(() => extend({ ...head, checkpoint }, ['f'])).toThrow(LogDamagedError);
    }
  });

  const cases: [string, () => Partial<LogHead>][] = [
    ['the size was changed', () => ({ size: 6 })],
    ['the size is as large but stands for another tree', () => ({ size: 3 })],
    ['the size is no number', () => ({ size: Number.NaN })],
    ['the frontier is of another size', () => ({ frontier: head.frontier.subarray(32) })],
    ['the frontier is missing', () => ({ frontier: new Uint8Array(0) })],
    ['the checkpoint is an older one', () => ({ checkpoint: logOf(['a', 'b'])[0]!.checkpoint })],
    [
      'the checkpoint is of other leaves',
      () => ({ checkpoint: logOf(Array.from('abcdx'))[0]!.checkpoint }),
    ],
    [
      'frontier and checkpoint are of different leaves',
      () => {
        const { frontier } = logOf(Array.from('abcdx'))[0]!;
        return { frontier };
      },
    ],
    [
      'the checkpoint is signed with a foreign key',
      () => ({ checkpoint: signed({ by: testKeyring(2) }) }),
    ],
    [
      'the whole log was made with a foreign key',
      () => {
        const foreign = testKeyring(2);
        const state = { head: undefined, keys: [firstKey(foreign)] };
        return extendLog(state, pendingOf(...Array.from('abcde')), { keyring: foreign, nowMs: 0 })
          .segment;
      },
    ],
    [
      'our key signed another root',
      () => ({ checkpoint: signed({ rootHash: new Uint8Array(32) }) }),
    ],
    ['our key signed another size', () => ({ checkpoint: signed({ size: 4 }) })],
    [
      'our key signed for another log',
      () => ({ checkpoint: signed({ origin: 'other.example/log' }) }),
    ],
    [
      'our key signed more lines',
      () => {
        const text = `${parseNote(head.checkpoint)!.text}extension\n`;
        const { keyId, sign } = keyring.derive(1, ORIGIN);
        const signature = sign(utf8(text));
        return { checkpoint: noteWith(text, [signatureLine({ name: ORIGIN, keyId, signature })]) };
      },
    ],
    [
      'a wrong signature of our key stands beside the right one',
      () => {
        const { keyId } = keyring.derive(1, ORIGIN);
        const wrong = signatureLine({ name: ORIGIN, keyId, signature: new Uint8Array(64) });
        return { checkpoint: head.checkpoint + wrong };
      },
    ],
    [
      'a signature of our key is too short',
      () => {
        const { keyId } = keyring.derive(1, ORIGIN);
        const short = signatureLine({ name: ORIGIN, keyId, signature: new Uint8Array(63) });
        return { checkpoint: noteWith(parseNote(head.checkpoint)!.text, [short]) };
      },
    ],
    ['the checkpoint is no note', () => ({ checkpoint: 'x' })],
  ];

  test.each(cases)('when %s, then nothing is appended', (_what, change) => {
    expectRefused({ ...head, ...change() });
  });

  test('when somebody else signed it too, then that is passed over', () => {
    const line = signatureLine({
      name: 'other.example',
      keyId: '01020304',
      signature: new Uint8Array(64),
    });
    expect(extend({ ...head, checkpoint: head.checkpoint + line }, ['f']).size).toBe(6);
  });

  test('when it was signed with a key that has signed its last, then the log goes on under the new one', () => {
    const second = { ...firstKey(keyring), generation: 2, vkey: keyring.derive(2, ORIGIN).vkey };
    keys = [{ ...firstKey(keyring), signsUntilMs: 0 }, second];
    keyring = testKeyring();
    const next = extend(head, ['f']);
    expect(
      signersOf(
        next.checkpoint,
        keys.map(({ vkey }) => vkey),
      ),
    ).toEqual([second.vkey]);
    expect(extend(next, ['g']).size).toBe(7);
  });

  test('when the key that signed it is not among the keys any more, then nothing is appended', () => {
    keys = [{ ...firstKey(keyring), generation: 2, vkey: keyring.derive(2, ORIGIN).vkey }];
    keyring = testKeyring();
    expect(() => extend(head, ['f'])).toThrow(LogDamagedError);
  });
});
