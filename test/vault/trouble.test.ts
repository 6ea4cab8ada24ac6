import { expect, test } from '@jest/globals';
import { RootStoreError } from '../../src/vault/roots/root-store.js';
import { Trouble } from '../../src/vault/tree/trouble.js';

const failing = async () => {
  throw new RootStoreError('root.key is on a full disk');
};

test('when nothing went wrong, then nothing is tried', async () => {
  await new Trouble().recheck();
});

test('when many ask at once whether the trouble is over, then it is tried once, and again only for who asks later', async () => {
  const trouble = new Trouble();
  let tries = 0;
  let isOver = false;
  const retry = async () => {
    tries += 1;
    await new Promise(setImmediate);
    if (!isOver) await failing();
  };
  await expect(trouble.watch(failing, { retry })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => trouble.recheck()));
  expect(new Set(asked.map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(tries).toBe(1);
  isOver = true;
  await Promise.all(Array.from({ length: 20 }, () => trouble.recheck()));
  expect(tries).toBe(2);
  await trouble.recheck();
  expect(tries).toBe(2);
});
