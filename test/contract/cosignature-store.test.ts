import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Cosignature } from '../../src/audit/log-store.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { concurrently, DIFFICULT_TEXT } from './samples.js';

let opened: TestStore;

beforeEach(async () => {
  opened = await openTestStore();
});

afterEach(async () => {
  await opened.destroy();
});

function cosignature(size: number, witness: string, line = `— ${witness} x\n`): Cosignature {
  return { size, witness, line };
}

test('when witnesses cosign, then what they said is read by size, then witness, from a size on, after the store was opened again', async () => {
  const { log } = opened.store;
  expect(await log.readCosignatures(0, 10)).toEqual([]);
  expect(await log.findLargestCosigned()).toBeUndefined();
  const given = [
    cosignature(10, 'b'),
    cosignature(9, 'b'),
    cosignature(10, 'a'),
    cosignature(100, DIFFICULT_TEXT, DIFFICULT_TEXT),
  ];
  for (const one of given) await log.addCosignature(one);
  const reopened = (await opened.reopen()).log;
  const [second, first, third, last] = given;
  expect(await reopened.readCosignatures(0, 10)).toStrictEqual([first, third, second, last]);
  expect(await reopened.readCosignatures(10, 2)).toStrictEqual([third, second]);
  expect(await reopened.readCosignatures(101, 2)).toEqual([]);
  expect(await reopened.findLargestCosigned()).toBe(100);
});

test('when a witness cosigns a size again, then the first cosignature stays', async () => {
  const { log } = opened.store;
  await log.addCosignature(cosignature(5, 'a'));
  await concurrently(5, (index) => log.addCosignature(cosignature(5, 'a', `again ${index}`)));
  expect(await log.readCosignatures(5, 10)).toStrictEqual([cosignature(5, 'a')]);
});
