import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseLeaf } from '../../src/audit/leaf.js';
import {
  detailsCommitment,
  type Happening,
  newEntry,
  type ReviewContent,
  type ReviewSealer,
} from '../../src/audit/reviews/record.js';

const NOW_MS = Date.UTC(2026, 2, 1, 10) + 999;

/** Keeps in clear what it was given to seal. */
function openSealer() {
  const given: { atMs: number; entryId: string; content: ReviewContent }[] = [];
  const reviews: ReviewSealer = {
    seal: (atMs, entryId, content) => {
      given.push({ atMs, entryId, content });
      return { bucket: 'review/2026-03', sealed: Uint8Array.of(given.length) };
    },
  };
  return { given, reviews };
}

function made(happening: Happening, nowMs = NOW_MS) {
  const { given, reviews } = openSealer();
  const entry = newEntry({ clock: { nowMs: () => nowMs }, reviews }, happening);
  return { entry, sealed: given[0]! };
}

const DETAILS = {
  tenantId: 'demo',
  clientId: 'demo-client',
  sessionId: '550e8400-e29b-41d4-a716-446655440000',
  transactionID: 'order 66 of Jane',
  auditTag: 'gdpr',
  deviceInfo: { model: 'phone of Jane', screens: 1, isOld: true },
};

describe('a new entry of the log', () => {
  test('when it is made, then its leaf says what happened, and nothing of who and what', () => {
    const { entry } = made({
      op: 'DELETE',
      outcome: 'refused',
      code: 'SUBJECT_NOT_FOUND',
      ...DETAILS,
    });
    expect(parseLeaf(entry.leaf)).toEqual({
      v: 2,
      t: Date.UTC(2026, 2, 1, 10) / 1_000,
      op: 'DELETE',
      outcome: 'refused',
      code: 'SUBJECT_NOT_FOUND',
      cm: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    });
    expect(entry.entryId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  test('when it is made, then who and what is sealed under the same id, in the bucket of the time', () => {
    const { entry, sealed } = made({ op: 'VERIFY', outcome: 'created', ...DETAILS });
    expect(sealed).toEqual({
      atMs: NOW_MS,
      entryId: entry.entryId,
      content: {
        leaf: entry.leaf,
        k: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
        details: DETAILS,
      },
    });
    expect(entry.review).toEqual({
      entryId: entry.entryId,
      tenantId: 'demo',
      bucket: 'review/2026-03',
      sealed: Uint8Array.of(1),
    });
  });

  test('when the commitment is computed from what was sealed, then it is that of the leaf', () => {
    const { entry, sealed } = made({ op: 'VERIFY', outcome: 'created', ...DETAILS });
    const k = Buffer.from(sealed.content.k, 'base64url');
    const text =
      '{"auditTag":"gdpr","clientId":"demo-client","deviceInfo":{"isOld":true,"model":"phone of Jane","screens":1},"sessionId":"550e8400-e29b-41d4-a716-446655440000","tenantId":"demo","transactionID":"order 66 of Jane"}';
    const commitment = createHmac('sha256', k).update(text).digest('base64url');
    expect(parseLeaf(entry.leaf)?.cm).toBe(commitment);
    expect(detailsCommitment(k, sealed.content.details)).toBe(commitment);
    expect(detailsCommitment(k, { ...DETAILS, auditTag: 'gdpr!' })).not.toBe(commitment);
  });

  test('when the same happens twice, then nobody can tell from the leaves', () => {
    const [one, other] = [1, 2].map(() => made({ op: 'VERIFY', outcome: 'created', ...DETAILS }));
    expect(parseLeaf(one!.entry.leaf)?.cm).not.toBe(parseLeaf(other!.entry.leaf)?.cm);
    expect(one!.sealed.content.k).not.toBe(other!.sealed.content.k);
    expect(one!.entry.leaf).toHaveLength(other!.entry.leaf.length);
  });

  test('when details are whatever they may be, then no word of them is in the leaf', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9]{8,40}$/);
    const details = fc.record({ tenantId: word, transactionID: word, auditTag: word });
    fc.assert(
      fc.property(details, (given) => {
        const { entry } = made({ op: 'ENROLL', outcome: 'succeeded', ...given });
        for (const value of Object.values(given)) expect(entry.leaf).not.toContain(value);
      }),
    );
  });

  test('when nobody was authenticated, then the record belongs to nobody and still has a commitment', () => {
    const { entry, sealed } = made({
      op: 'AUTHENTICATE',
      outcome: 'refused',
      code: 'UNAUTHENTICATED',
      tenantId: undefined,
    });
    expect(Object.keys(entry.review).sort()).toEqual(['bucket', 'entryId', 'sealed']);
    const k = Buffer.from(sealed.content.k, 'base64url');
    expect(parseLeaf(entry.leaf)?.cm).toBe(
      createHmac('sha256', k).update('{}').digest('base64url'),
    );
  });

  test('when two are made one after the other, then their ids sort by time', () => {
    const at = (ms: number) => made({ op: 'TENANT', outcome: 'succeeded' }, ms).entry.entryId;
    expect(at(1_700_000_000_000) < at(1_700_000_000_001)).toBe(true);
  });

  test.each([
    ['an operation that there is not', { op: 'ERASE' as never }],
    ['an outcome that there is not', { outcome: 'done' as never }],
    ['a sentence as code', { code: 'Jane was refused' as never }],
  ])('when it would hold %s, then it is not made and nothing is sealed', (_what, members) => {
    const { given, reviews } = openSealer();
    const deps = { clock: { nowMs: () => NOW_MS }, reviews };
    expect(() => newEntry(deps, { op: 'VERIFY', outcome: 'failed', ...members })).toThrow(
      TypeError,
    );
    expect(given).toEqual([]);
  });
});
