import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { ALL_BYTES, comparable, concurrently, DIFFICULT_TEXT, sampleBucketKey } from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

describe('keys of buckets', () => {
  test('when keys are inserted, then they are listed as they were given, after the store was opened again', async () => {
    const { bucketKeys } = opened.store;
    expect(await bucketKeys.list()).toEqual([]);
    const keys = [
      sampleBucketKey({ bucket: 'review/2027-02', keyId: DIFFICULT_TEXT }),
      sampleBucketKey({ sealedKey: ALL_BYTES }),
    ];
    for (const key of keys) expect(await bucketKeys.insert(key)).toBe(true);
    const listed = await (await opened.reopen()).bucketKeys.list();
    expect(comparable(listed)).toStrictEqual(comparable([keys[1], keys[0]]));
  });

  test('when a bucket has a key, then another one is not inserted; of many at once one is', async () => {
    const { bucketKeys } = opened.store;
    const names = Array.from({ length: 10 }, () => randomId());
    const inserted = await concurrently(10, (index) =>
      bucketKeys.insert(sampleBucketKey({ keyId: names[index]! })),
    );
    expect(inserted.filter(Boolean)).toHaveLength(1);
    expect(await bucketKeys.insert(sampleBucketKey())).toBe(false);
    const listed = await bucketKeys.list();
    expect(listed.map(({ keyId }) => keyId)).toEqual([names[inserted.indexOf(true)]]);
  });

  test('when a key is removed, again too, then it is gone and its bucket can have a new one', async () => {
    const { bucketKeys } = opened.store;
    await bucketKeys.insert(sampleBucketKey());
    await bucketKeys.insert(sampleBucketKey({ bucket: 'callback/2027-01-31' }));
    await bucketKeys.remove('review/2027-01');
    await bucketKeys.remove('review/2027-01');
    expect((await bucketKeys.list()).map(({ bucket }) => bucket)).toEqual(['callback/2027-01-31']);
    expect(await bucketKeys.insert(sampleBucketKey())).toBe(true);
  });
});
