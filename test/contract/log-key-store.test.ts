import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { LogKey } from '../../src/audit/log-store.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { comparable, concurrently, DIFFICULT_TEXT, NOW_MS } from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

function key(generation: number, members: Partial<LogKey> = {}): LogKey {
  return {
    generation,
    vkey: `log+0000000${String(generation)}+key`,
    createdAtMs: NOW_MS,
    ...members,
  };
}

test('when keys are inserted, then they are listed oldest first as they were given, after the store was opened again', async () => {
  const { logKeys } = opened.store;
  expect(await logKeys.list()).toEqual([]);
  const keys = [key(2, { vkey: DIFFICULT_TEXT }), key(10), key(1, { signsUntilMs: NOW_MS + 9 })];
  for (const inserted of keys) expect(await logKeys.insert(inserted)).toBe(true);
  const listed = await (await opened.reopen()).logKeys.list();
  expect(comparable(listed)).toStrictEqual(comparable([keys[2], keys[0], keys[1]]));
});

test('when a generation is there, then another key of it is not inserted and the first one stays', async () => {
  const { logKeys } = opened.store;
  await logKeys.insert(key(1));
  expect(await logKeys.insert(key(1, { vkey: 'other' }))).toBe(false);
  expect(await logKeys.list()).toStrictEqual([key(1)]);
});

test('when many insert the same generation at once, then one of them does', async () => {
  const { logKeys } = opened.store;
  const inserted = await concurrently(10, (index) =>
    logKeys.insert(key(1, { createdAtMs: NOW_MS + index })),
  );
  expect(inserted.filter(Boolean)).toHaveLength(1);
  const [standing] = await logKeys.list();
  expect(standing?.createdAtMs).toBe(NOW_MS + inserted.indexOf(true));
});

test('when a key retires, then it alone has an end, which a repetition moves, and an unknown one is not made', async () => {
  const { logKeys } = opened.store;
  await logKeys.insert(key(1));
  await logKeys.insert(key(2));
  await logKeys.retire(1, NOW_MS + 5);
  await logKeys.retire(1, NOW_MS + 6);
  await logKeys.retire(3, NOW_MS + 7);
  expect(await logKeys.list()).toStrictEqual([key(1, { signsUntilMs: NOW_MS + 6 }), key(2)]);
});
