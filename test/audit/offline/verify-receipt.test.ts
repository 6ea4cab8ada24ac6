import { describe, expect, test } from '@jest/globals';
import { nodePrimitives } from '../../../src/audit/offline/node-primitives.js';
import { parsePolicy } from '../../../src/audit/offline/policy.js';
import { parseVerifierKey } from '../../../src/audit/offline/verifier-key.js';
import {
  type ReceiptExpectation,
  verifyReceipt,
} from '../../../src/audit/offline/verify-receipt.js';
import { webPrimitives } from '../../../src/audit/offline/web-primitives.js';
import {
  checkpointOf,
  cosigned,
  issueReceipt,
  leafOf,
  type NoteSigner,
  noteSigner,
  type ReceiptPlan,
  sampleClaims,
  sealed,
  signed,
  signerOf,
  testLog,
  testWitness,
} from '../../support/receipts.js';
import vectors from '../../vectors/receipt.json' with { type: 'json' };

const { iat } = sampleClaims();
const second = noteSigner('witness.example/w2', 'witness');
const nextLog = noteSigner(testLog.name, 'log', 'generation 2');
const witnessedAt = (timeSeconds: number, ...by: readonly NoteSigner[]) =>
  by.map((signer) => ({ by: signer, timeSeconds }));

async function keyOf({ vkey }: { vkey: string }) {
  return (await parseVerifierKey(nodePrimitives, vkey))!;
}

/** The report of a receipt, by the key of the test log and whatever else is given. */
async function check(given: string | ReceiptPlan, expected: Partial<ReceiptExpectation> = {}) {
  const receipt = typeof given === 'string' ? given : issueReceipt(given).receipt;
  const logKeys = [await keyOf(testLog)];
  return await verifyReceipt(nodePrimitives, { receipt, logKeys, ...expected });
}

async function policyOf(rule: string) {
  const lines = [testWitness, second].map(({ vkey }, at) => `witness w${at + 1} ${vkey}\n`);
  return await parsePolicy(nodePrimitives, `${lines.join('')}group g ${rule} w1 w2\nquorum g\n`);
}

const refused = (code: string) => ({ isValid: false, code, proven: [], notProven: [] });

describe('the receipt that another program made', () => {
  const { receipt, logKey, witnessKey, claims, witnessedAtSeconds } = vectors;

  test('when it is verified with the keys of log and witness, then it is valid in Node and by WebCrypto', async () => {
    const expectation = {
      receipt,
      logKeys: [await keyOf({ vkey: logKey })],
      witnesses: [await keyOf({ vkey: witnessKey })],
      subject: 'ada.lovelace_1',
    };
    const report = await verifyReceipt(nodePrimitives, expectation);
    expect(report).toEqual({
      isValid: true,
      claims,
      proven: [
        'https://lethe.example.com signed that at 2030-01-01T00:00:00Z it had destroyed the keys of 2 templates of the subject ada.lovelace_1.',
        'This statement is leaf 3 of the log lethe.example.com/log, in a tree of 7 leaves.',
        expect.stringContaining('Nothing in the receipt was changed'),
        'It is about the subject that was expected.',
        'The witness witness.example/w1 saw the log with this leaf at 2030-01-01T00:01:00Z.',
      ],
      notProven: [
        'That nobody had copied the keys or the face before.',
        expect.stringContaining('search them for what the hashes rc and dc are of'),
        'That nothing can be opened yet: until 2030-01-02T00:00:00Z a copy of an earlier root is in escrow.',
        expect.stringContaining('By the witnesses, it was not after 2030-01-01T00:01:00Z.'),
      ],
    });
    expect(await verifyReceipt(webPrimitives, expectation)).toEqual(report);
    expect(witnessedAtSeconds).toBe(Date.parse('2030-01-01T00:01:00Z') / 1000);
  });

  test('when the keys of the vectors sign again what the test issuer makes, then it is the same receipt', () => {
    const log = signerOf('lethe.example.com/log', 'log', Buffer.from(vectors.logSeedHex, 'hex'));
    const witness = signerOf(
      'witness.example/w1',
      'witness',
      Buffer.from(vectors.witnessSeedHex, 'hex'),
    );
    const issued = issueReceipt({
      claims: claims as ReceiptPlan['claims'] & object,
      leavesBefore: vectors.leaves.slice(0, 3),
      leavesBehind: vectors.leaves.slice(4),
      signer: log,
      witnessed: witnessedAt(witnessedAtSeconds, witness),
    });
    expect(leafOf(issued.claims)).toBe(vectors.leaf);
    expect(issued).toMatchObject({ receipt, proof: vectors.proof, note: vectors.note });
  });
});

describe('a receipt', () => {
  test('when nothing but the key of the log is known, then it is valid, and it says what that does not show', async () => {
    const { isValid, code, proven, notProven } = await check({});
    expect({ isValid, code }).toEqual({ isValid: true, code: undefined });
    expect(proven).toHaveLength(3);
    expect(notProven).toEqual([
      'That nobody had copied the keys or the face before.',
      expect.stringContaining('holds no hashes'),
      expect.stringContaining('the clock of the operator'),
      expect.stringContaining('no witness that you named'),
    ]);
  });

  test('when it stands at any place of trees of up to 20 leaves, then it is valid', async () => {
    for (let size = 1; size <= 20; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const others = Array.from({ length: size - 1 }, (_, at) => `leaf ${at}`);
        const [leavesBefore, leavesBehind] = [others.slice(0, index), others.slice(index)];
        expect((await check({ leavesBefore, leavesBehind })).isValid).toBe(true);
      }
    }
  });

  test('when any bit of it is changed, then it is not valid', async () => {
    const { receipt } = issueReceipt({ witnessed: witnessedAt(iat, testWitness) });
    const bytes = Buffer.from(receipt);
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 1; bit < 0x80; bit *= 2) {
        bytes[at]! ^= bit;
        expect((await check(bytes.toString('latin1'))).isValid).toBe(false);
        bytes[at]! ^= bit;
      }
    }
    expect((await check(bytes.toString('latin1'))).isValid).toBe(true);
  });

  test('when it is no receipt, then that is said', async () => {
    for (const text of ['', 'x', 'a.b.c', '{}', '\u0000', 'é'.repeat(9_000)])
      expect(await check(text)).toMatchObject(refused('RECEIPT_MALFORMED'));
  });

  test('when its key is not among those given, then it is refused', async () => {
    expect(await check({ signer: nextLog })).toMatchObject(refused('KEY_UNKNOWN'));
    expect(await check({}, { logKeys: [] })).toMatchObject(refused('KEY_UNKNOWN'));
  });

  test('when another key signed it under the key id of the log, then it is refused', async () => {
    const { receipt } = issueReceipt();
    const input = receipt.slice(0, receipt.lastIndexOf('.'));
    expect(await check(sealed(input, nextLog))).toMatchObject(refused('SIGNATURE_INVALID'));
  });

  test('when the key of a witness has signed it, then it is refused', async () => {
    const logKeys = [await keyOf(testLog), await keyOf(testWitness)];
    const plan = { signer: testWitness, origin: testLog.name, logSigners: [testLog] };
    expect(await check(plan, { logKeys })).toMatchObject(refused('KEY_UNKNOWN'));
  });

  test.each([
    ['is none', () => 'x'],
    ['has an extra', (proof: string) => proof.replace('\nindex', '\nextra AAAA\nindex')],
    ['has no checkpoint', (proof: string) => proof.slice(0, proof.indexOf('\n\n') + 2)],
    ['ends with more', (proof: string) => `${proof}x\n`],
  ])('when its proof %s, then it is refused', async (_what, changeProof) => {
    expect(await check({ changeProof })).toMatchObject(refused('PROOF_MALFORMED'));
  });

  test.each([
    ['names another index', (proof: string) => proof.replace('index 3', 'index 2')],
    ['names an index behind the tree', (proof: string) => proof.replace('index 3', 'index 6')],
    ['lacks a hash', (proof: string) => proof.replace(/(index 3\n).*\n/, '$1')],
    ['has a hash more', (proof: string) => proof.replace(/(index 3\n)(.*\n)/, '$1$2$2')],
    [
      'has its hashes in another order',
      (proof: string) => proof.replace(/(index 3\n)(.*\n)(.*\n)/, '$1$3$2'),
    ],
  ])('when its proof %s, then it is not in the log', async (_what, changeProof) => {
    expect(await check({ changeProof })).toMatchObject(refused('NOT_INCLUDED'));
  });

  test.each([
    { iss: 'https://other.example.com' },
    { aud: 'other' },
    { jti: '01932e7c-5c00-7abc-8def-0123456789ac' },
    { iat: iat - 1 },
    { sub: 'bob' },
    { sid: '01932e7c-5c00-7abc-8def-0123456789ab' },
    { txn: 'other' },
    { auditTag: 'other' },
    { scope: { templates: 2, sessions: 2, webhooks: 0 } },
    { epoch: 8 },
    { irrecoverableBy: iat },
    { rc: [Buffer.alloc(32).toString('base64url')] },
    { dc: [Buffer.alloc(32).toString('base64url')] },
    { k: Buffer.alloc(32).toString('base64url') },
  ])(
    'when the log key signs %j, which the leaf does not say, then it is not in the log',
    async (change) => {
      const leaf = leafOf(sampleClaims());
      const claims = sampleClaims(change);
      expect(await check({ claims, leaf })).toMatchObject(refused('NOT_INCLUDED'));
      expect((await check({ claims })).isValid).toBe(true);
    },
  );

  test('when the checkpoint is not signed, signed wrongly or of another log, then it is refused', async () => {
    const other = noteSigner('other.example/log', 'log');
    const unsigned = { logSigners: [other] };
    expect(await check(unsigned)).toMatchObject(refused('CHECKPOINT_UNSIGNED'));
    const changeProof = (proof: string) => proof.replace('\n6\n', '\n7\n');
    expect(await check({ changeProof })).toMatchObject(refused('CHECKPOINT_SIGNATURE_INVALID'));
    const foreign = { origin: 'other.example/log' };
    expect(await check(foreign)).toMatchObject(refused('ORIGIN_MISMATCH'));
    const logKeys = [await keyOf(testLog), await keyOf(other)];
    const twoLogs = { signer: testLog, logSigners: [other], origin: other.name };
    expect(await check(twoLogs, { logKeys })).toMatchObject(refused('ORIGIN_MISMATCH'));
  });

  test('when the checkpoint is a note without tree, then it is refused', async () => {
    const changeProof = (proof: string) =>
      proof.replace(`${testLog.name}\n6\n`, `${testLog.name}\nx\n`);
    expect(await check({ changeProof })).toMatchObject(refused('PROOF_MALFORMED'));
  });

  test('when the key was rotated, then the older key and both together verify it', async () => {
    const plan = { logSigners: [nextLog, testLog] };
    expect((await check(plan)).isValid).toBe(true);
    const both = [await keyOf(nextLog), await keyOf(testLog)];
    expect((await check(plan, { logKeys: both })).isValid).toBe(true);
    const newer = [await keyOf(nextLog)];
    expect(await check(plan, { logKeys: newer })).toMatchObject(refused('KEY_UNKNOWN'));
    expect((await check({ ...plan, signer: nextLog }, { logKeys: newer })).isValid).toBe(true);
  });
});

describe('the subject of a receipt', () => {
  test('when it is the one that is expected, then that is proven; another, or another spelling, is refused', async () => {
    const { isValid, proven } = await check({}, { subject: 'ada' });
    expect([isValid, proven.some((sentence) => sentence.includes('expected'))]).toEqual([
      true,
      true,
    ]);
    for (const subject of ['bob', 'Ada', 'ada ', ''])
      expect(await check({}, { subject })).toMatchObject(refused('SUBJECT_MISMATCH'));
  });
});

describe('the witnesses of a receipt', () => {
  test('when every one that is asked for has cosigned, then it is valid, else not', async () => {
    const witnesses = [await keyOf(testWitness), await keyOf(second)];
    const both = { witnessed: witnessedAt(iat + 9, testWitness, second) };
    const { proven, notProven } = await check(both, { witnesses });
    expect(proven.filter((sentence) => sentence.startsWith('The witness '))).toHaveLength(2);
    expect(notProven.join()).not.toContain('no witness');
    for (const witnessed of [[], witnessedAt(iat, testWitness), witnessedAt(iat, second)])
      expect(await check({ witnessed }, { witnesses })).toMatchObject(refused('WITNESS_MISSING'));
  });

  test('when the quorum of the policy has cosigned, then it is valid, else not', async () => {
    const one = { witnessed: witnessedAt(iat, second) };
    const { proven } = await check(one, { policy: await policyOf('any') });
    expect(proven).toContain('These witnesses are a quorum of the policy.');
    expect(await check(one, { policy: await policyOf('all') })).toMatchObject(
      refused('QUORUM_MISSING'),
    );
    expect(await check({}, { policy: await policyOf('any') })).toMatchObject(
      refused('QUORUM_MISSING'),
    );
  });

  test('when the policy asks for nobody, then no quorum is claimed', async () => {
    const policy = await parsePolicy(nodePrimitives, `log ${testLog.vkey}\nquorum none\n`);
    const { isValid, proven } = await check({}, { policy });
    expect([isValid, proven.join().includes('quorum')]).toEqual([true, false]);
  });

  test('when a policy and witnesses are given, then both must be content', async () => {
    const given = { policy: await policyOf('any'), witnesses: [await keyOf(testWitness)] };
    const first = { witnessed: witnessedAt(iat, testWitness) };
    expect((await check(first, given)).isValid).toBe(true);
    const other = { witnessed: witnessedAt(iat, second) };
    expect(await check(other, given)).toMatchObject(refused('WITNESS_MISSING'));
  });

  test('when strangers have cosigned, then they vouch for nothing', async () => {
    const { isValid, proven } = await check({ witnessed: witnessedAt(iat, second) });
    expect([isValid, proven.length]).toEqual([true, 3]);
  });

  test('when a known witness has cosigned something else, then it is refused', async () => {
    const witnesses = [await keyOf(testWitness)];
    const forged = cosigned(testWitness, 'other\n', iat);
    const changeProof = (proof: string) => `${proof}${forged}`;
    expect(await check({ changeProof }, { witnesses })).toMatchObject(
      refused('COSIGNATURE_INVALID'),
    );
  });

  test.each([
    [300, true],
    [301, false],
  ])(
    'when it is dated %d s after it was witnessed, then valid is %s',
    async (lateness, isValid) => {
      const witnesses = [await keyOf(testWitness), await keyOf(second)];
      const witnessed = [
        ...witnessedAt(iat - lateness, testWitness),
        ...witnessedAt(iat + 1_000, second),
      ];
      const report = await check({ witnessed }, { witnesses });
      expect(report).toMatchObject(isValid ? { isValid } : refused('DATED_AFTER_WITNESS'));
    },
  );

  test('when a witness names a time beyond every calendar, then the report says it all the same', async () => {
    const witnesses = [await keyOf(testWitness)];
    const witnessed = witnessedAt(Number.MAX_SAFE_INTEGER, testWitness);
    const { isValid, proven } = await check({ witnessed }, { witnesses });
    expect([isValid, proven.join().includes('second 9007199254740991 after 1970')]).toEqual([
      true,
      true,
    ]);
  });
});

describe('a checkpoint that was kept', () => {
  const leaves = ['a', 'b', 'c', leafOf(sampleClaims()), 'd', 'e'];
  const noteOf = (of: readonly string[], by = testLog, origin = testLog.name) => {
    const text = checkpointOf(origin, of);
    return `${text}\n${signed(by, text)}`;
  };

  test('when it is of the same tree, then the log is the same', async () => {
    const { isValid, proven } = await check({}, { keptCheckpoint: noteOf(leaves) });
    expect([isValid, proven.at(-1)]).toEqual([
      true,
      'The log is the one of the checkpoint that was kept.',
    ]);
  });

  test('when it is of the same size and another root, then the log was rewritten', async () => {
    const keptCheckpoint = noteOf(leaves.with(0, 'other'));
    expect(await check({}, { keptCheckpoint })).toMatchObject(refused('HISTORY_REWRITTEN'));
  });

  test.each([
    ['smaller', leaves.slice(0, 4), 4],
    ['larger', [...leaves, 'f'], 7],
  ])('when it is %s, then what was not checked is said', async (_what, of, size) => {
    const { isValid, proven, notProven } = await check({}, { keptCheckpoint: noteOf(of) });
    expect([isValid, proven.join().includes('kept')]).toEqual([true, false]);
    expect(notProven.at(-1)).toBe(
      `That the log agrees with the checkpoint that was kept, of ${size} leaves: \`lethe log consistency\` checks it.`,
    );
  });

  test.each([
    ['none', 'x'],
    ['not signed by the log', noteOf(leaves, nextLog)],
    ['of another log', noteOf(leaves, noteSigner('b', 'log'), 'b')],
    ['signed wrongly', noteOf(leaves).replace('\n6\n', '\n5\n')],
  ])('when it is %s, then nothing can be said', async (_what, keptCheckpoint) => {
    const logKeys = [await keyOf(testLog), await keyOf(noteSigner('b', 'log'))];
    expect(await check({}, { keptCheckpoint, logKeys })).toMatchObject(refused('KEPT_INVALID'));
  });
});

test('when a receipt is refused, then there is a sentence that ends with a full stop', async () => {
  const { sentence } = await check('x');
  expect(sentence).toMatch(/^The .*\.$/);
});
