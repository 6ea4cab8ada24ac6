import { beforeEach, describe, expect, test } from '@jest/globals';
import { extendLog } from '../../src/audit/extend-log.js';
import { createLogKeyring } from '../../src/audit/log-keys.js';
import { verifyReceipt } from '../../src/audit/offline/in-node.js';
import { createReceipts, type ErasureFacts, type Receipts } from '../../src/audit/receipts.js';
import { createTreeReader } from '../../src/audit/tree-reader.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { StoredReceipt } from '../../src/erasure/erasure-store.js';
import { MemoryLog } from '../support/memory-log.js';

const ORIGIN = 'log.example/log';
const NOW_MS = 1_893_456_000_000;
const HASH = 'A'.repeat(43);
const FACTS: ErasureFacts = {
  tenantId: 'acme',
  erasureId: '01a210dc-ac49-7ada-a97b-86af76e12b4d',
  uuid: 'ada',
  asked: { sessionId: '6a509de5-3ea9-41a4-8c55-6240fcfd1f71', auditTag: 'asked' },
  scope: { templates: 1, sessions: 2, webhooks: 3 },
  roots: [{ rootId: 'r', epoch: 42 }],
  retiredRoots: [HASH],
  destroyedKeys: [HASH],
  irrecoverableAtMs: undefined,
};
const keyring = createLogKeyring(SecretBytes.take(new Uint8Array(32).fill(1)));
const vkeyOf = (generation: number) => keyring.derive(generation, ORIGIN).vkey;

let log: MemoryLog;
let shredded: Set<string>;

/** Seals nothing: what is sealed and when it ends is tested with the review records. */
const reviews = {
  sealIn: (_atMs: number, _entryId: string, sealed: Uint8Array) => ({ bucket: 'month', sealed }),
  openIn: async ({ bucket, sealed }: { bucket: string; sealed: Uint8Array }) =>
    shredded.has(bucket) ? undefined : sealed,
};

beforeEach(() => {
  log = new MemoryLog();
  log.keys.push({ generation: 1, vkey: vkeyOf(1), createdAtMs: 0 });
  shredded = new Set();
});

/** As a process has them that has just been started. */
function freshReceipts(): Receipts {
  return createReceipts({
    ...{ log, logKeys: log.logKeys, keyring, reviews, policy: undefined },
    reader: createTreeReader(log),
    clock: { nowMs: () => NOW_MS },
    issuer: 'https://lethe.example',
  });
}

async function sequence(): Promise<void> {
  await log.sequence(100, (state, pending) =>
    extendLog(state, pending, { keyring, nowMs: NOW_MS }),
  );
}

async function other(count: number): Promise<void> {
  for (let added = 0; added < count; added += 1)
    await log.append(freshReceipts().draft(FACTS).entry);
}

/** An erasure among others, with its place in the log. */
async function logged(facts = FACTS): Promise<StoredReceipt> {
  await other(3);
  const { entry, stored } = freshReceipts().draft(facts);
  await log.append(entry);
  await other(2);
  await sequence();
  return stored;
}

describe('the receipt of an erasure', () => {
  test('when it is issued, then it verifies and says what was erased', async () => {
    const receipt = (await freshReceipts().issue(await logged())) ?? '';
    const report = await verifyReceipt({ receipt, logKeys: [vkeyOf(1)], subject: 'ada' });
    expect(report).toMatchObject({
      isValid: true,
      claims: {
        ...{ iss: 'https://lethe.example', aud: 'acme', jti: FACTS.erasureId, sub: 'ada' },
        ...{ sid: FACTS.asked?.sessionId, auditTag: 'asked', iat: NOW_MS / 1_000, epoch: 42 },
        ...{ scope: FACTS.scope, rc: [HASH], dc: [HASH] },
      },
    });
    expect(report.claims).not.toHaveProperty('txn');
    expect(report.claims).not.toHaveProperty('irrecoverableBy');
  });

  test('when an earlier root is in escrow, or nothing is known of the destruction, then it says just that', async () => {
    const facts = { ...FACTS, asked: undefined, retiredRoots: [], destroyedKeys: [] };
    const stored = await logged({ ...facts, irrecoverableAtMs: NOW_MS + 1_500 });
    const receipt = (await freshReceipts().issue(stored)) ?? '';
    const { claims, isValid } = await verifyReceipt({ receipt, logKeys: [vkeyOf(1)] });
    expect([isValid, claims?.irrecoverableBy]).toEqual([true, NOW_MS / 1_000 + 2]);
    for (const absent of ['sid', 'rc', 'dc']) expect(claims).not.toHaveProperty(absent);
  });

  test('when it is issued again, by whichever process and however the log has grown, then the bytes are the same', async () => {
    const stored = await logged();
    const receipts = freshReceipts();
    const first = await receipts.issue(stored);
    expect(await receipts.issue(stored)).toBe(first);
    await other(300);
    await sequence();
    expect(await receipts.issue(stored)).toBe(first);
    expect(await freshReceipts().issue(stored)).toBe(first);
  });

  test('when the key was rotated since, then the receipt is still of the key that signed its checkpoint', async () => {
    const stored = await logged();
    const before = await freshReceipts().issue(stored);
    log.keys[0] = { ...log.keys[0]!, signsUntilMs: NOW_MS - 1 };
    log.keys.push({ generation: 2, vkey: vkeyOf(2), createdAtMs: NOW_MS });
    expect(await freshReceipts().issue(stored)).toBe(before);
    const receipt = (await freshReceipts().issue(await logged())) ?? '';
    expect((await verifyReceipt({ receipt, logKeys: [vkeyOf(2)] })).isValid).toBe(true);
  });
});

describe('no receipt', () => {
  test('when the leaf has no place yet, then it is UNAVAILABLE, and there later', async () => {
    const { entry, stored } = freshReceipts().draft(FACTS);
    await log.append(entry);
    const receipts = freshReceipts();
    await expect(receipts.issue(stored)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await sequence();
    expect(await receipts.issue(stored)).toEqual(expect.any(String));
  });

  test('when the bucket of its claims was shredded, then there is none, also where it was issued before', async () => {
    const stored = await logged();
    const receipts = freshReceipts();
    expect(await receipts.issue(stored)).toEqual(expect.any(String));
    shredded.add('month');
    expect(await receipts.issue(stored)).toBeUndefined();
  });

  test('when the stored log was changed, then none is handed out that would not verify', async () => {
    const stored = await logged();
    const [segment] = log.segments;
    const bundle = Uint8Array.from(segment?.bundle ?? []);
    // Another leaf than its own, which is made anew: entries of one millisecond are in random order.
    const isFirst = (await log.findIndex(stored.entryId)) === 0;
    bundle[isFirst ? bundle.length - 3 : 40]! ^= 1;
    log.segments[0] = { ...segment!, bundle };
    await expect(freshReceipts().issue(stored)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('when the checkpoint is signed with no key of the log, then none is handed out', async () => {
    const stored = await logged();
    log.keys[0] = { generation: 2, vkey: vkeyOf(2), createdAtMs: 0 };
    await expect(freshReceipts().issue(stored)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
