import { beforeEach, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { hex } from '../../src/lib/bytes.js';
import { printSlot, type RootSlot } from '../../src/vault/roots/root-slot.js';
import { RootStoreError } from '../../src/vault/roots/root-store.js';
import { createTokenShare } from '../../src/vault/roots/token-share.js';
import { MemoryToken, MemoryTokenFailure } from '../support/memory-token.js';

let token: MemoryToken;
let store: ReturnType<typeof createTokenShare>;

beforeEach(() => {
  token = new MemoryToken();
  store = createTokenShare(token);
});

function slotOf(epoch: number): RootSlot {
  return {
    rootId: 'q83vEjRWeJA',
    shareCount: 2,
    shareIndex: 1,
    epoch,
    escrowedUntilMs: 1_700_000_000_000,
    share: SecretBytes.random(32),
  };
}

function shareHex(slot: RootSlot): string {
  return slot.share.use(hex);
}

function valueOf(slot: RootSlot): Uint8Array {
  return printSlot(slot).use((bytes) => Uint8Array.from(bytes.subarray(0, 96)));
}

async function epochs(): Promise<number[] | undefined> {
  return (await store.load())?.map(({ epoch }) => epoch);
}

describe('the life of a share in a token', () => {
  test('when nothing was written, then there is nothing to load and nothing to wipe', async () => {
    expect(await store.load()).toBeUndefined();
    await expect(store.wipe({ epoch: 1 })).rejects.toThrow(/does not hold epoch 1/);
  });

  test('when a slot is staged, then exactly it is loaded, out of 96 bytes', async () => {
    const slot = slotOf(7);
    await store.stage(slot);
    const [loaded] = (await store.load())!;
    expect({ ...loaded, share: shareHex(loaded!) }).toEqual({ ...slot, share: shareHex(slot) });
    expect([...token.objects.values()].map(({ byteLength }) => byteLength)).toEqual([96]);
  });

  test('when a higher one is staged, then both are loaded, the higher first', async () => {
    await store.stage(slotOf(1));
    await store.stage(slotOf(2 ** 40));
    expect(await epochs()).toEqual([2 ** 40, 1]);
  });

  test('when all but one are wiped, then that one is left, and wiping again changes nothing', async () => {
    const slots = [slotOf(1), slotOf(2)];
    for (const slot of slots) await store.stage(slot);
    await store.wipe({ epoch: 2 });
    await store.wipe({ epoch: 2 });
    expect((await store.load())!.map(shareHex)).toEqual([shareHex(slots[1]!)]);
  });

  test('when the lower one is kept, then the higher one is destroyed', async () => {
    for (const epoch of [1, 2]) await store.stage(slotOf(epoch));
    await store.wipe({ epoch: 1 });
    expect(await epochs()).toEqual([1]);
  });

  test('when an epoch is not there, then wiping all but it wipes nothing', async () => {
    for (const epoch of [1, 2]) await store.stage(slotOf(epoch));
    await expect(store.wipe({ epoch: 3 })).rejects.toThrow(
      new RootStoreError('token "memory" does not hold epoch 3; nothing was wiped'),
    );
    expect(await epochs()).toEqual([2, 1]);
  });

  test('when the store is closed, then so is the token', async () => {
    await store.close();
    expect(token.isClosed).toBe(true);
  });

  test('when all is done, then no secret that went to the token or came from it is left', async () => {
    for (const epoch of [1, 2]) await store.stage(slotOf(epoch));
    await store.wipe({ epoch: 2 });
    for (const { share } of (await store.load())!) share.wipe();
    expect(token.lent.length).toBeGreaterThan(5);
    for (const secret of token.lent) expect(() => secret.use(hex)).toThrow(/wiped/);
  });
});

describe('an object that is no share', () => {
  const garbage = [
    ['empty', () => new Uint8Array(0)],
    ['cut short', () => valueOf(slotOf(9)).subarray(0, 95)],
    ['longer', () => Uint8Array.of(...valueOf(slotOf(9)), 0)],
    ['a whole page', () => printSlot(slotOf(9)).use((bytes) => Uint8Array.from(bytes))],
    [
      'changed by one bit',
      () => valueOf(slotOf(9)).map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
    ],
    ['random', () => SecretBytes.random(96).use((bytes) => Uint8Array.from(bytes))],
  ] as const;

  test.each(garbage)('when it is %s, then it is passed over, and wiped', async (_what, make) => {
    token.put(make());
    await store.stage(slotOf(3));
    expect(await epochs()).toEqual([3]);
    await store.wipe({ epoch: 3 });
    expect(token.objects.size).toBe(1);
  });

  test.each(garbage)(
    'when it is %s and nothing else is there, then that is an error',
    async (_what, make) => {
      token.put(make());
      await expect(store.load()).rejects.toThrow(/^token "memory" holds no whole root slot/);
      await expect(store.load()).rejects.toBeInstanceOf(RootStoreError);
    },
  );
});

describe('two processes with one token', () => {
  test.each([1, 4, 5])('when epoch 5 is there, then epoch %i is refused', async (epoch) => {
    await store.stage(slotOf(5));
    const before = [...token.objects.keys()];
    await expect(store.stage(slotOf(epoch))).rejects.toThrow(/another process has used this root/);
    expect([...token.objects.keys()]).toEqual(before);
  });

  test.each([6, 7])(
    'when another writes epoch %i while epoch 6 is written, then the later one takes its own back',
    async (epoch) => {
      await store.stage(slotOf(5));
      const theirs = slotOf(epoch);
      token.onStep = (step) => {
        if (step !== 'create') return;
        token.onStep = () => undefined;
        token.put(valueOf(theirs));
      };
      await expect(store.stage(slotOf(6))).rejects.toThrow(/another process has used this root/);
      const [highest, lower] = (await store.load())!;
      expect(shareHex(highest!)).toBe(shareHex(theirs));
      expect(lower?.epoch).toBe(5);
    },
  );

  test('when two shares have the same epoch, then neither is loaded nor wiped', async () => {
    for (const epoch of [5, 6, 6]) token.put(valueOf(slotOf(epoch)));
    await expect(store.load()).rejects.toThrow(/two shares of the same epoch/);
    await expect(store.wipe({ epoch: 6 })).rejects.toThrow(/two shares of the same epoch/);
    expect(token.objects.size).toBe(3);
  });
});

describe('a token that does not keep its word', () => {
  test('when it did not keep what it took, then staging fails', async () => {
    token.forgetsToCreate = true;
    await expect(store.stage(slotOf(1))).rejects.toThrow(/did not keep the share/);
  });

  test('when it still shows what it destroyed, then wiping fails', async () => {
    for (const epoch of [1, 2]) await store.stage(slotOf(epoch));
    token.forgetsToDestroy = true;
    await expect(store.wipe({ epoch: 2 })).rejects.toThrow(/still shows an object/);
  });

  test.each(['list', 'read', 'create', 'destroy'] as const)(
    'when it fails to %s, then its sentence is the error, and the next try goes on from there',
    async (failing) => {
      await store.stage(slotOf(1));
      const failure = new MemoryTokenFailure('token "memory" ended the session; try again');
      token.onStep = (step) => {
        if (step === failing) throw failure;
      };
      const outcome = async () => {
        await store.stage(slotOf(2));
        await store.wipe({ epoch: 2 });
      };
      await expect(outcome()).rejects.toThrow(new RootStoreError(failure.message));
      await expect(outcome()).rejects.toBeInstanceOf(RootStoreError);
      token.onStep = () => undefined;
      expect(await epochs()).toContain(1);
      await store.stage(slotOf(3));
      await store.wipe({ epoch: 3 });
      expect(await epochs()).toEqual([3]);
    },
  );

  test('when the second read fails, then the share of the first is wiped', async () => {
    for (const epoch of [1, 2]) await store.stage(slotOf(epoch));
    let reads = 0;
    token.onStep = (step) => {
      if (step !== 'read') return;
      reads += 1;
      if (reads === 2) throw new MemoryTokenFailure('token "memory" is not there any more');
    };
    await expect(store.load()).rejects.toThrow(/not there any more/);
    for (const secret of token.lent) expect(() => secret.use(hex)).toThrow(/wiped/);
  });

  test('when something else goes wrong, then it is not taken for a failure of the token', async () => {
    token.onStep = () => {
      throw new TypeError('a bug');
    };
    await expect(store.load()).rejects.toThrow(new TypeError('a bug'));
  });
});

describe('what a token promises', () => {
  const inFiles = { verdict: 'doubtful', reason: /in files/ };
  test.each([
    {
      ...{ makers: 'Acme, HSM 9000', isHardware: true },
      ...{ verdict: 'forgets', reason: /rests on the word of its maker/ },
    },
    {
      ...{ makers: 'Acme, Soft 9000', isHardware: false },
      ...{ verdict: 'doubtful', reason: /does not claim to be hardware/ },
    },
    { makers: 'SoftHSM project, SoftHSM v2', isHardware: false, ...inFiles },
    { makers: 'SoftHSM project, SoftHSM v2', isHardware: true, ...inFiles },
    { makers: 'Infineon, SLB9672, TPM2.0 Cryptoki', isHardware: true, ...inFiles },
    { makers: 'IBM, CCA, openCryptoki', isHardware: true, ...inFiles },
  ])('when it is $makers, hardware $isHardware, then it is $verdict', async (row) => {
    Object.assign(token, { makers: row.makers, isHardware: row.isHardware });
    const judged = await store.preflight();
    expect(judged.verdict).toBe(row.verdict);
    expect(judged.reason).toMatch(row.reason);
    expect(judged.reason).toContain(`token "memory" (${row.makers})`);
    expect(token.objects.size).toBe(0);
  });
});
