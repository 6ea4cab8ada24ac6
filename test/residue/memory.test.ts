import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Probe } from './probe.js';

describe('the scan of a process', () => {
  let probe: Probe;

  beforeAll(() => {
    probe = Probe.start('key-operations.ts', '--expose-gc');
  });

  afterAll(() => probe.stop());

  test('when a key is still held, then it is found', async () => {
    expect(probe.find(await probe.ask('keepKey'))).not.toEqual([]);
  });

  test('when a small Buffer was a key and was overwritten, then a copy is found, also after garbage collection', async () => {
    const key = await probe.ask('useBuffer');
    expect(probe.find(key)).not.toEqual([]);
    await probe.ask('collectGarbage');
    expect(probe.find(key)).not.toEqual([]);
  });

  test("when Node's own decipher opened a node and its output was overwritten, then copies are found, also after garbage collection", async () => {
    const keys = await probe.ask('useDecipher', 20);
    expect(probe.find(keys)).not.toEqual([]);
    await probe.ask('collectGarbage');
    expect(probe.find(keys)).not.toEqual([]);
  });
});

describe('the memory after keys were used and wiped', () => {
  let probe: Probe;

  beforeAll(() => {
    probe = Probe.start('key-operations.ts');
  });

  afterAll(() => probe.stop());

  test.each([
    ['a key authenticated and encrypted something', 'useSecretBytes'],
    ['keys were derived', 'deriveKeys'],
    ['a node was sealed and opened', 'sealAndOpenNode'],
    ['a node did not open', 'openBrokenNode'],
    ['a template was sealed and opened', 'sealAndOpenTemplate'],
    ['a root was computed of its shares', 'computeRoot'],
    ['a slot was printed and parsed', 'printAndParseSlot'],
    ['all of this was done in turns', 'doAll'],
  ])(
    'when %s, once and a thousand times, then no copy is left',
    async (_what, operation) => {
      expect(probe.find(await probe.ask(operation))).toEqual([]);
      expect(probe.find(await probe.ask(operation, 1_000))).toEqual([]);
    },
    120_000,
  );
});

describe('the memory of a whole vault', () => {
  let probe: Probe;

  beforeAll(() => {
    probe = Probe.start('vault-operations.ts');
  });

  afterAll(() => probe.stop());

  test('when people were enrolled, then no copy of their templates is left', async () => {
    expect(probe.find(await probe.ask('enrol', 200))).toEqual([]);
  }, 60_000);

  test('when templates were opened and wiped, then no copy of them is left', async () => {
    expect(probe.find(await probe.ask('open', 20))).toEqual([]);
  }, 60_000);

  test('when one person is erased, then neither the key nor the old root is there, but the live root is', async () => {
    const gone = await probe.ask('erase');
    expect([gone.retiredRoots.length, gone.destroyedKeys.length]).toEqual([1, 1]);
    expect(probe.find(gone)).toEqual([]);
    expect(probe.find(await probe.ask('tellLiveRoot'))).not.toEqual([]);
  }, 60_000);

  test('when a root was live and is retired, then it is gone', async () => {
    const live = await probe.ask('tellLiveRoot');
    const gone = await probe.ask('erase');
    expect(gone.retiredRoots).toEqual(live.retiredRoots);
    expect(probe.find(live)).toEqual([]);
  }, 60_000);

  test('when nodes get new keys, then as many keys are in memory as before: none is left of the old ones', async () => {
    const keysInMemory = async () => {
      const hits = probe.find(await probe.ask('tellDrawn'));
      return new Set(hits.map(({ hash }) => hash)).size;
    };
    const before = await keysInMemory();
    expect(before).toBeGreaterThan(0);
    for (let times = 0; times < 4; times += 1) {
      await probe.ask('erase');
      expect(await keysInMemory()).toBe(before);
    }
  }, 60_000);

  test('when a hundred people are erased, one by one and in batches, then no key and no old root is there', async () => {
    const oneByOne = await probe.ask('erase', 50);
    expect(oneByOne.destroyedKeys).toHaveLength(50);
    expect(probe.find(oneByOne)).toEqual([]);
    const batches = await probe.ask('eraseTen', 5);
    expect(new Set(batches.retiredRoots).size).toBe(5);
    expect(probe.find(batches)).toEqual([]);
  }, 60_000);

  test('when the vault is closed, then the last root and every key that was ever drawn are gone', async () => {
    const all = await probe.ask('close');
    expect(all.retiredRoots).toHaveLength(1);
    expect(all.destroyedKeys.length).toBeGreaterThan(400);
    expect(probe.find(all)).toEqual([]);
  }, 60_000);
});
