import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DaySeals, openDaySeals, type SealContext } from '../../src/callbacks/day-sealer.js';
import { SealBroken } from '../../src/crypto/seal.js';
import type { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { utf8, utf8Text } from '../../src/lib/bytes.js';
import { DAY_MS } from '../../src/lib/clock.js';
import { parseKeyName } from '../../src/vault/key-name.js';
import { ReviewWorld } from '../audit/reviews-world.js';
import { concurrently, sampleExtension } from '../contract/samples.js';
import { MemoryVault } from '../support/memory-vault.js';

const TODAY = 'callback/2026-11-25';
const TOMORROW = 'callback/2026-11-26';
const KEPT_DAYS = 36;
/** So many days after the end of today. */
const END_MS = Date.UTC(2026, 10, 26) + KEPT_DAYS * DAY_MS;
const CONTEXT: SealContext = { kind: 'callback', id: 'session' };

let world: ReviewWorld;

beforeEach(async () => {
  world = await ReviewWorld.at(2026, 11, 25);
  world.clock.atMs += DAY_MS / 2;
});
afterEach(async () => {
  await world.destroy();
});

/** One more process on the same store. */
async function open(parts: Partial<Parameters<typeof openDaySeals>[0]> = {}): Promise<DaySeals> {
  const { store, vault, clock } = world;
  return await openDaySeals({ store, vault, clock, ...parts });
}

const seal = (seals: DaySeals, text: string, context = CONTEXT) =>
  seals.seal(world.clock.atMs, context, utf8(text));

async function textIn(seals: DaySeals, sealed: Uint8Array, context = CONTEXT) {
  const opened = await seals.open(sealed, context);
  return opened && utf8Text(opened);
}

/** The day that sealed bytes name. */
const dayOf = (sealed: Uint8Array) =>
  Buffer.from(sealed)
    .subarray(1, 1 + sealed[0]!)
    .toString();

/** The same bytes, said to be of another day. */
function moved(sealed: Uint8Array, bucket: string): Uint8Array {
  const rest = sealed.subarray(1 + sealed[0]!);
  return Buffer.concat([Uint8Array.of(bucket.length), Buffer.from(bucket), rest]);
}

const liveOf = (secrets: readonly SecretBytes[]) => secrets.filter(isLive).length;

function isLive(secret: SecretBytes): boolean {
  try {
    return secret.use(() => true);
  } catch {
    return false;
  }
}

describe('what is sealed for a day', () => {
  test('when it is sealed, then it names its day and opens to what it was, in another process too', async () => {
    const seals = await open();
    const sealed = seal(seals, 'Bearer s3cret');
    expect(dayOf(sealed)).toBe(TODAY);
    expect(Buffer.from(sealed).includes('s3cret')).toBe(false);
    for (const process of [seals, await open()])
      expect(await textIn(process, sealed)).toBe('Bearer s3cret');
  });

  test('when it is of another session, kind or day, or was changed, then it does not open', async () => {
    const seals = await open();
    const sealed = seal(seals, 'text');
    const changed = sealed.map((byte, at) => (at === sealed.length - 1 ? byte ^ 1 : byte));
    const attempts: [Uint8Array, SealContext][] = [
      [sealed, { ...CONTEXT, id: 'another' }],
      [sealed, { ...CONTEXT, kind: 'webhook' }],
      [moved(sealed, TOMORROW), CONTEXT],
      [moved(sealed, 'review/2026-11'), CONTEXT],
      [moved(sealed, 'service'), CONTEXT],
      [moved(sealed, ''), CONTEXT],
      [changed, CONTEXT],
      [sealed.subarray(0, 30), CONTEXT],
      [sealed.subarray(0, 5), CONTEXT],
      [new Uint8Array(), CONTEXT],
    ];
    for (const [bytes, context] of attempts)
      await expect(seals.open(bytes, context)).rejects.toThrow(SealBroken);
  });

  test('when midnight has passed, then the next day is sealed in without a call of the vault', async () => {
    const seals = await open();
    world.clock.atMs = Date.UTC(2026, 10, 26) - 1;
    expect(dayOf(seal(seals, 'late'))).toBe(TODAY);
    world.clock.atMs += 1;
    world.keyTree.end();
    const sealed = seal(seals, 'early');
    expect(dayOf(sealed)).toBe(TOMORROW);
    expect(await textIn(seals, sealed)).toBe('early');
  });

  test('when many processes begin at once, then all have the same keys', async () => {
    const processes = await concurrently(8, () => open());
    expect(await world.buckets()).toEqual([TODAY, TOMORROW]);
    const sealed = processes.map((process) => seal(process, 'text'));
    for (const process of processes)
      for (const bytes of sealed) expect(await textIn(process, bytes)).toBe('text');
  });

  test('when review records are kept beside it, then neither ends the keys of the other', async () => {
    const seals = await open();
    const reviews = await world.open();
    const sealed = seal(seals, 'text');
    const record = await world.happen(reviews);
    world.clock.atMs = END_MS;
    await seals.shredOutdated(END_MS, KEPT_DAYS);
    expect(await textIn(seals, sealed)).toBeUndefined();
    expect(await reviews.open(record)).toBeDefined();
    const later = seal(seals, 'later');
    world.clock.atMs += DAY_MS;
    expect(await reviews.shredOutdated(END_MS + 900 * DAY_MS, 12)).not.toHaveLength(0);
    expect(await textIn(await open(), later)).toBe('later');
  });
});

describe('a day key that is not in memory', () => {
  test('when the vault is away, then what is in memory serves for some days, and then nothing is sealed', async () => {
    const seals = await open();
    const sealed = seal(seals, 'text');
    world.keyTree.end();
    world.clock.atMs += 6 * DAY_MS;
    expect(dayOf(seal(seals, 'late'))).toBe(TOMORROW);
    world.clock.atMs += DAY_MS;
    expect(() => seal(seals, 'too late')).toThrow('there is no key for callbacks and webhooks');
    expect(await textIn(seals, sealed)).toBe('text');
  });

  test('when the vault cannot be asked for it, then opening fails, and works once the vault answers', async () => {
    const vault = new MemoryVault(1);
    const sealed = seal(await open({ vault }), 'text');
    world.clock.atMs += 10 * DAY_MS;
    const seals = await open({ vault });
    vault.fault = new Error('the vault is away');
    await expect(seals.open(sealed, CONTEXT)).rejects.toThrow('the vault is away');
    vault.fault = undefined;
    expect(await textIn(seals, sealed)).toBe('text');
  });

  test('when the clock steps back, then a later day is sealed in until the keys are prepared', async () => {
    const seals = await open();
    world.clock.atMs -= 3 * DAY_MS;
    const sealed = seal(seals, 'before');
    expect(dayOf(sealed)).toBe(TOMORROW);
    await seals.prepare();
    expect(dayOf(seal(seals, 'after'))).toBe('callback/2026-11-22');
    expect(await textIn(await open(), sealed)).toBe('before');
  });

  test('when the clock steps back by years, then nothing is sealed for years, and the keys are prepared first', async () => {
    const seals = await open();
    world.clock.atMs -= 1_000 * DAY_MS;
    expect(() => seal(seals, 'text')).toThrow('there is no key for callbacks and webhooks');
    await seals.prepare();
    expect(dayOf(seal(seals, 'text'))).toBe('callback/2024-02-29');
  });

  test('when many days are opened, one after the other and at once, then few of their keys stay in memory', async () => {
    const vault = new MemoryVault(1);
    const sealed: [string, Uint8Array][] = [];
    for (let day = 0; day < 40; day += 1) {
      const seals = await open({ vault });
      sealed.push([`day ${day}`, seal(seals, `day ${day}`)]);
      seals.close();
      world.clock.atMs += DAY_MS;
    }
    const seals = await open({ vault });
    expect(liveOf(vault.plaintexts)).toBe(2);
    for (const [text, bytes] of sealed) expect(await textIn(seals, bytes)).toBe(text);
    expect(liveOf(vault.plaintexts)).toBe(16);
    await Promise.all(
      sealed.map(async ([text, bytes]) => {
        expect(await textIn(seals, bytes)).toBe(text);
      }),
    );
    expect(liveOf(vault.plaintexts)).toBe(16);

    const calls = vault.calls.length;
    expect(dayOf(seal(seals, 'now'))).toBe('callback/2027-01-04');
    await seals.prepare();
    expect(vault.calls).toHaveLength(calls);
    seals.close();
    expect(liveOf(vault.plaintexts)).toBe(0);
  });
});

describe('the retention of a day', () => {
  let seals: DaySeals;
  let sealed: Uint8Array;
  /** Of the day after. */
  let kept: Uint8Array;

  beforeEach(begin);

  async function begin(): Promise<void> {
    seals = await open();
    sealed = seal(seals, 'of today');
    world.clock.atMs += DAY_MS;
    await seals.prepare();
    kept = seal(seals, 'of tomorrow');
    world.clock.atMs = END_MS;
    await seals.prepare();
  }

  const shred = (by = seals) => by.shredOutdated(world.clock.atMs, KEPT_DAYS);
  const texts = async (by = seals) => [await textIn(by, sealed), await textIn(by, kept)];

  test('when it has not passed to the last millisecond, then nothing ends', async () => {
    world.clock.atMs -= 1;
    expect(await shred()).toEqual([]);
    expect(await texts()).toEqual(['of today', 'of tomorrow']);
  });

  test('when it has passed, then the day ends, the others stay, and the log does not tell', async () => {
    expect(await shred()).toEqual([TODAY]);
    for (const process of [seals, await open()])
      expect(await texts(process)).toEqual([undefined, 'of tomorrow']);
    expect(await world.buckets()).not.toContain(TODAY);
    expect(await world.store.log.sequence(10, sampleExtension)).toBe(0);
  });

  test('when it is repeated, by many processes at once too, then nothing more happens', async () => {
    const processes = await concurrently(3, () => open());
    await Promise.all([...processes, seals].map(shred));
    expect(await shred()).toEqual([]);
    for (const process of [...processes, seals])
      expect(await texts(process)).toEqual([undefined, 'of tomorrow']);
  });

  test('when another process has shredded the day, then its key is wiped here at the next run', async () => {
    const vault = new MemoryVault(1);
    world.clock.atMs = Date.UTC(2026, 8, 1);
    const here = await open({ vault });
    const there = await open({ vault });
    const live = () => vault.plaintexts.slice(0, 4).map(isLive);
    expect(live()).toEqual([true, true, true, true]);
    world.clock.atMs = Date.UTC(2026, 11, 1);
    expect(await shred(there)).toEqual(['callback/2026-09-01', 'callback/2026-09-02']);
    expect(live()).toEqual([true, true, false, false]);
    await shred(here);
    expect(live()).toEqual([false, false, false, false]);
  });

  test('when a clock that ran ahead shreds the days in use, then new keys are there at once', async () => {
    await seals.shredOutdated(END_MS + 100 * DAY_MS, KEPT_DAYS);
    const fresh = seal(seals, 'new');
    expect(await texts()).toEqual([undefined, undefined]);
    expect(await textIn(await open(), fresh)).toBe('new');
  });

  test('when somebody has every node ever stored and the root of today, then he does not get the key that ended', async () => {
    const nameOf = async (bucket: string) => parseKeyName(await world.keyIdOf(bucket))!.keyId;
    const [ended, live] = [await nameOf(TODAY), await nameOf(TOMORROW)];
    const before = world.keyTree.stolenKeyIds();
    expect([before.has(ended), before.has(live)]).toEqual([true, true]);
    await shred();
    const after = world.keyTree.stolenKeyIds();
    expect([after.has(ended), after.has(live)]).toEqual([false, true]);
  });

  test('when the row of its key comes back from a backup, then nothing opens, and it is removed again', async () => {
    const keys = await world.store.bucketKeys.list();
    await shred();
    await world.store.bucketKeys.insert(keys.find(({ bucket }) => bucket === TODAY)!);
    const restored = await open();
    expect(await texts(restored)).toEqual([undefined, 'of tomorrow']);
    expect(await shred(restored)).toEqual([TODAY]);
    expect(await world.buckets()).not.toContain(TODAY);
  });

  test('when a backup came back that did not know of the day, then its key is destroyed all the same', async () => {
    const keyId = await world.keyIdOf(TODAY);
    await world.store.bucketKeys.remove(TODAY);
    world.clock.atMs -= 1;
    await shred();
    expect(await world.vault.exist([keyId])).toEqual([true]);
    world.clock.atMs += 1;
    expect(await shred()).toEqual([]);
    expect(await world.vault.exist([keyId])).toEqual([false]);
  });

  test('when it runs again, then the vault is not asked again for days that it has settled', async () => {
    const { vault } = world;
    const asked: string[] = [];
    const process = await open({
      vault: {
        ...vault,
        shredScope: async (scope) => {
          if ('bucket' in scope) asked.push(scope.bucket);
          return await vault.shredScope(scope);
        },
      },
    });
    await shred(process);
    expect(asked).toHaveLength(366);
    expect(new Set(asked).size).toBe(366);
    await shred(process);
    expect(asked).toHaveLength(366);
    world.clock.atMs += DAY_MS;
    await shred(process);
    expect(asked.slice(366)).toEqual([TOMORROW]);
  });

  test.each([0, 1, 2, 3])(
    'when the process ends at step %d of it, then the row stands for as long as the key may, and the next one finishes',
    async (lastStep) => {
      let left = lastStep;
      const step = () => {
        if (left-- === 0) throw new Error('the process ended');
      };
      const { store, vault } = world;
      const crashing = await open({
        store: {
          bucketKeys: {
            ...store.bucketKeys,
            remove: async (bucket) => {
              step();
              await store.bucketKeys.remove(bucket);
              step();
            },
          },
        },
        vault: {
          ...vault,
          shredScope: async (scope) => {
            step();
            const shredded = await vault.shredScope(scope);
            step();
            return shredded;
          },
        },
      });
      await expect(shred(crashing)).rejects.toThrow('the process ended');
      const isRowLeft = (await world.buckets()).includes(TODAY);
      const isOpen = (await textIn(await open(), sealed)) !== undefined;
      expect({ isRowLeft, isOpen }).toEqual({ isRowLeft: lastStep < 3, isOpen: lastStep === 0 });

      const next = await open();
      expect(await shred(next)).toEqual(isRowLeft ? [TODAY] : []);
      expect(await texts(next)).toEqual([undefined, 'of tomorrow']);
      expect(await world.buckets()).not.toContain(TODAY);
    },
  );
});
