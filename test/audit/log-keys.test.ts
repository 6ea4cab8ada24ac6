import { describe, expect, test } from '@jest/globals';
import { extendLog } from '../../src/audit/extend-log.js';
import { parseLeaf } from '../../src/audit/leaf.js';
import { type LogKeyring, openLogKeys, rotateLogKey } from '../../src/audit/log-keys.js';
import { HOUR_MS } from '../../src/lib/clock.js';
import { MemoryLog } from '../support/memory-log.js';
import { expectSoundLog, ORIGIN, signersOf, testKeyring } from './sound-log.js';

const START_MS = Date.UTC(2026, 10, 1);

/** A log with its first key, at a time that the test sets. */
async function openedLog(keyring: LogKeyring = testKeyring()) {
  const store = new MemoryLog();
  const clock = {
    ms: START_MS,
    nowMs() {
      return this.ms;
    },
  };
  const deps = { store, keyring, clock };
  const [first] = await openLogKeys({ ...deps, origin: ORIGIN });
  return { ...deps, deps, first: first! };
}

type Opened = Awaited<ReturnType<typeof openedLog>>;

/** Moves what is pending; returns the vkeys under the checkpoint, in the order of the note. */
async function sequence({ store, keyring, clock }: Opened): Promise<string[]> {
  await store.sequence(100, (state, pending) =>
    extendLog(state, pending, { keyring, nowMs: clock.nowMs() }),
  );
  const { checkpoint = '' } = (await store.head()) ?? {};
  return signersOf(
    checkpoint,
    store.keys.map(({ vkey }) => vkey),
  );
}

async function append({ store, clock }: Opened): Promise<void> {
  const entryId = `${clock.nowMs().toString()}-${store.indexes.size.toString()}`;
  const leaf = '{"op":"VERIFY","outcome":"created","t":1,"v":2}';
  await store.append({ entryId, leaf });
}

function announced(store: MemoryLog): (string | undefined)[] {
  return [...store.pending.values()].map(({ leaf }) => parseLeaf(leaf)?.key);
}

describe('the first key of the log', () => {
  test('when the log is opened for the first time, then it gets a key and the leaf that announces it', async () => {
    const { store, keyring, first } = await openedLog();
    const signer = keyring.derive(1, ORIGIN);
    expect(first).toEqual({ generation: 1, vkey: signer.vkey, createdAtMs: START_MS });
    expect([...store.pending.values()].map(({ leaf }) => parseLeaf(leaf))).toEqual([
      { v: 2, t: START_MS / 1_000, op: 'LOG-KEY', outcome: 'succeeded', key: signer.publicJwk.x },
    ]);
    expect(store.reviews).toEqual([]);
  });

  test('when it is opened again, also under another address, then it keeps its key and its name', async () => {
    const { store, deps, first } = await openedLog();
    expect(await openLogKeys({ ...deps, origin: 'other.example/log' })).toEqual([first]);
    expect(store.pending.size).toBe(1);
  });

  test('when several processes open it at once, then they agree on one key and one leaf', async () => {
    const store = new MemoryLog();
    const clock = { nowMs: () => START_MS };
    const all = await Promise.all(
      ['a.example/log', 'b.example/log', 'a.example/log'].map(async (origin) =>
        openLogKeys({ store, clock, keyring: testKeyring(), origin }),
      ),
    );
    expect(store.keys).toHaveLength(1);
    expect(all).toEqual(all.map(() => store.keys));
    expect(store.pending.size).toBe(1);
  });

  test('when its leaf cannot be kept, then neither is the key', async () => {
    const store = new MemoryLog();
    store.append = async () => {
      throw new Error('the store is away');
    };
    const deps = { store, clock: { nowMs: () => START_MS }, keyring: testKeyring() };
    await expect(openLogKeys({ ...deps, origin: ORIGIN })).rejects.toThrow('the store is away');
    expect(store.keys).toEqual([]);
  });

  test.each([
    '',
    'lethe example/log',
    'lethe+example',
    'lethe\n.example',
    'lethe\u2003x',
    'x'.repeat(256),
  ])('when the log would be named %j, then it is not opened', async (origin) => {
    const store = new MemoryLog();
    const deps = { store, clock: { nowMs: () => START_MS }, keyring: testKeyring() };
    await expect(openLogKeys({ ...deps, origin })).rejects.toThrow(TypeError);
    expect(store.keys).toEqual([]);
  });
});

describe('another service key', () => {
  test('when the service key is not the one of the database, then the log is not opened', async () => {
    const { deps, first } = await openedLog();
    const opening = openLogKeys({ ...deps, keyring: testKeyring(2), origin: ORIGIN });
    await expect(opening).rejects.toThrow(`the log key ${first.vkey} in the database`);
  });

  test('when the service key is not the one of the database, then nothing is appended and no key rotates', async () => {
    const opened = await openedLog();
    const foreign = { ...opened.deps, keyring: testKeyring(2) };
    await expect(rotateLogKey(foreign, { overlapMs: 0 })).rejects.toThrow('service.key');
    await expect(sequence({ ...opened, ...foreign })).rejects.toThrow('service.key');
    expect(opened.store.keys).toEqual([opened.first]);
    expect(await opened.store.head()).toBeUndefined();
  });

  test.each([
    ['the name', (vkey: string) => vkey.replace('log.', 'fog.')],
    ['the id', (vkey: string) => vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    ['the key', (vkey: string) => `${vkey.slice(0, -4)}AAAA`],
    ['everything', () => ''],
  ])('when %s of a stored key was changed, then it signs nothing', async (_what, change) => {
    const { keyring, first } = await openedLog();
    const changed = { ...first, vkey: change(first.vkey) };
    expect(changed.vkey).not.toBe(first.vkey);
    expect(() => keyring.signerOf(changed)).toThrow('service.key');
    expect(() => keyring.signersAt([changed], START_MS)).toThrow('service.key');
  });

  test('when the generation of a stored key was changed, then it signs nothing', async () => {
    const { keyring, first } = await openedLog();
    expect(() => keyring.signerOf({ ...first, generation: 2 })).toThrow('service.key');
  });

  test('when keyrings differ, then so do all their keys; when they do not, then no key does', () => {
    const vkeys = (number: number) =>
      [1, 2, 3].map((generation) => testKeyring(number).derive(generation, ORIGIN).vkey);
    expect(vkeys(1)).toEqual(vkeys(1));
    expect(new Set([...vkeys(1), ...vkeys(2)]).size).toBe(6);
  });
});

describe('the rotation of the log key', () => {
  test('when the key is rotated, then old and new sign, newest first, until the overlap is over', async () => {
    const opened = await openedLog();
    const { store, deps, clock, first } = opened;
    expect(await sequence(opened)).toEqual([first.vkey]);

    clock.ms += HOUR_MS;
    const second = await rotateLogKey(deps, { overlapMs: HOUR_MS });
    const signsUntilMs = clock.ms + HOUR_MS;
    expect(second).toMatchObject({ generation: 2, createdAtMs: clock.ms });
    expect(store.keys).toEqual([{ ...first, signsUntilMs }, second]);
    expect(announced(store)).toEqual([opened.keyring.signerOf(second).publicJwk.x]);
    expect(await sequence(opened)).toEqual([second.vkey, first.vkey]);

    clock.ms = signsUntilMs - 1;
    await append(opened);
    expect(await sequence(opened)).toEqual([second.vkey, first.vkey]);

    clock.ms = signsUntilMs;
    await append(opened);
    expect(await sequence(opened)).toEqual([second.vkey]);
    expect(expectSoundLog(store.segments, store.keys)).toHaveLength(4);
  });

  test('when there is no overlap, then the old key signs nothing more', async () => {
    const opened = await openedLog();
    await sequence(opened);
    const second = await rotateLogKey(opened.deps, { overlapMs: 0 });
    expect(await sequence(opened)).toEqual([second.vkey]);
  });

  test('when the key is rotated twice within the overlap, then three keys sign', async () => {
    const opened = await openedLog();
    const second = await rotateLogKey(opened.deps, { overlapMs: HOUR_MS });
    const third = await rotateLogKey(opened.deps, { overlapMs: HOUR_MS });
    expect(await sequence(opened)).toEqual([third.vkey, second.vkey, opened.first.vkey]);
  });

  test('when two rotate at once, then one follows the other', async () => {
    const opened = await openedLog();
    const made = await Promise.all([
      rotateLogKey(opened.deps, { overlapMs: 0 }),
      rotateLogKey(opened.deps, { overlapMs: 0 }),
    ]);
    expect(made.map(({ generation }) => generation)).toEqual([2, 3]);
    expect(opened.store.keys.map(({ signsUntilMs }) => signsUntilMs)).toEqual([
      START_MS,
      START_MS,
      undefined,
    ]);
  });

  test('when its leaf cannot be kept, then the old key stays the newest', async () => {
    const { store, deps, first } = await openedLog();
    store.append = async () => {
      throw new Error('the store is away');
    };
    await expect(rotateLogKey(deps, { overlapMs: 0 })).rejects.toThrow('the store is away');
    expect(store.keys).toEqual([first]);
  });

  test('when the log was never opened, then there is nothing to rotate and nobody who signs', async () => {
    const deps = { store: new MemoryLog(), keyring: testKeyring(), clock: { nowMs: () => 0 } };
    await expect(rotateLogKey(deps, { overlapMs: 0 })).rejects.toThrow('the log has no key');
    expect(() => testKeyring().signersAt([], 0)).toThrow('the log has no key');
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'when the overlap is %d ms, then nothing is rotated',
    async (overlapMs) => {
      const { store, deps, first } = await openedLog();
      await expect(rotateLogKey(deps, { overlapMs })).rejects.toThrow(RangeError);
      expect(store.keys).toEqual([first]);
    },
  );
});
