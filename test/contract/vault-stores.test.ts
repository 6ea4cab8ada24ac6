import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import type { Installation } from '../../src/vault/installation-store.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { ALL_BYTES, comparable, concurrently, digest, NOW_MS } from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

describe('keys', () => {
  test('when keys are asked for, then they come in that order, with nothing where there is none', async () => {
    const [a, b] = [
      { keyId: randomId(), wrapped: ALL_BYTES },
      { keyId: randomId(), wrapped: new Uint8Array(60).fill(7) },
    ];
    await opened.store.keys.insert(a);
    await opened.store.keys.insert(b);
    const { keys } = await opened.reopen();
    const found = await keys.find([b.keyId, randomId(), a.keyId, b.keyId]);
    expect(comparable(found)).toStrictEqual(
      comparable([b.wrapped, undefined, a.wrapped, b.wrapped]),
    );
    expect(await keys.find([])).toEqual([]);
  });

  test('when keys are removed, then they are gone and the others stay; removing again changes nothing', async () => {
    const { keys } = opened.store;
    const [a, b, c] = [randomId(), randomId(), randomId()];
    for (const keyId of [a, b, c]) await keys.insert({ keyId, wrapped: ALL_BYTES });
    await keys.remove([a, b, randomId()]);
    await keys.remove([a, b]);
    await keys.remove([]);
    const found = await keys.find([a, b, c]);
    expect(found.map((wrapped) => wrapped !== undefined)).toEqual([false, false, true]);
  });
});

describe('the installation', () => {
  function sampleInstallation(): Installation {
    return {
      installationId: randomId(),
      rootKeyCheck: digest(),
      serviceKeyCheck: digest(),
      sealedPayloadKey: ALL_BYTES,
      createdAtMs: NOW_MS,
    };
  }

  test('when there is none, then nothing is found; the first one stands, after the store was opened again', async () => {
    expect(await opened.store.installation.find()).toBeUndefined();
    const first = sampleInstallation();
    expect(comparable(await opened.store.installation.insert(first))).toStrictEqual(
      comparable(first),
    );
    const { installation } = await opened.reopen();
    expect(comparable(await installation.insert(sampleInstallation()))).toStrictEqual(
      comparable(first),
    );
    expect(comparable(await installation.find())).toStrictEqual(comparable(first));
  });

  test('when several processes start at once, then all get the same one', async () => {
    const stood = await concurrently(10, () =>
      opened.store.installation.insert(sampleInstallation()),
    );
    expect(new Set(stood.map((installation) => installation.installationId)).size).toBe(1);
  });
});

describe('the store', () => {
  test('when it is open, then it answers; when it is closed, then it does not', async () => {
    await opened.store.ping();
    const { store } = opened;
    await opened.reopen();
    await expect(store.ping()).rejects.toThrow();
    await expect(store.keys.insert({ keyId: 'a', wrapped: ALL_BYTES })).rejects.toThrow();
  });

  test('when it is closed, then it finishes first what is under way', async () => {
    const ids = Array.from({ length: 10 }, () => randomId());
    const writes = ids.map((keyId) => opened.store.keys.insert({ keyId, wrapped: ALL_BYTES }));
    const { keys } = await opened.reopen();
    await Promise.all(writes);
    expect((await keys.find(ids)).every((wrapped) => wrapped !== undefined)).toBe(true);
  });
});
