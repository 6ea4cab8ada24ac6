import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Pool } from 'undici';
import { DestinationPools } from '../../src/outbound/destination-pools.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { until } from '../support/until.js';

let receivers: Receiver[];

beforeEach(async () => {
  receivers = await Promise.all([startReceiver(), startReceiver(), startReceiver()]);
});
afterEach(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
});

async function post(
  pools: DestinationPools,
  receiver: Receiver | undefined,
  identity = '',
): Promise<number> {
  const origin = receiver?.origin ?? '';
  const destination = { name: `${origin} ${identity}`, open: () => new Pool(origin) };
  return await pools.use(destination, async (pool) => {
    const { statusCode, body } = await pool.request({ method: 'POST', path: '/', body: 'x' });
    await body.dump();
    return statusCode;
  });
}

test('when there are more destinations than pools, then the one used longest ago is closed', async () => {
  const pools = new DestinationPools(2);
  const [a, b, c] = receivers;
  for (const receiver of [a, b, a, c]) expect(await post(pools, receiver)).toBe(200);
  for (const receiver of [a, c, b]) expect(await post(pools, receiver)).toBe(200);
  expect(receivers.map((receiver) => receiver.connections())).toEqual([1, 2, 1]);
  await pools.destroy();
});

test('when a pool is in use, then it is not closed for another', async () => {
  const pools = new DestinationPools(1);
  const [a, b] = receivers;
  a?.behave('hang');
  const hanging = post(pools, a).then(
    () => 'answered',
    () => 'ended',
  );
  await a?.waitFor(1);
  for (let count = 0; count < 3; count += 1) expect(await post(pools, b)).toBe(200);
  let isOver = false;
  void hanging.then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isOver).toBe(false);
  await pools.destroy();
  expect(await hanging).toBe('ended');
});

test('when one origin has several names, then each has connections of its own', async () => {
  const pools = new DestinationPools(10);
  const [a] = receivers;
  for (const identity of ['one', 'two', 'one', 'two']) await post(pools, a, identity);
  expect(a?.connections()).toBe(2);
  expect(pools.size).toBe(2);
  await pools.destroy();
});

test('when there are many destinations, then those that nobody uses are few', async () => {
  const pools = new DestinationPools(8);
  const [a] = receivers;
  const names = Array.from({ length: 40 }, (_, index) => index.toString());
  await Promise.all(names.map(async (name) => post(pools, a, name)));
  expect(pools.size).toBeLessThanOrEqual(8);
  await pools.destroy();
});

test('when nobody has used a pool for a while, then it is closed and forgotten', async () => {
  const pools = new DestinationPools(10, 150);
  const [a, b] = receivers;
  await post(pools, a);
  await post(pools, b);
  for (let count = 0; count < 4; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 75));
    await post(pools, b);
  }
  expect(pools.size).toBe(1);
  await until(() => {
    expect(a?.openConnections()).toBe(0);
  });
  expect(b?.connections()).toBe(1);
  await until(() => {
    expect(pools.size).toBe(0);
  });
  expect(await post(pools, a)).toBe(200);
  await pools.destroy();
});

test('when a pool is in use for longer than the idle time, then it stays', async () => {
  const pools = new DestinationPools(10, 50);
  const [a] = receivers;
  a?.behave({ status: 200, delayMs: 300 });
  expect(await post(pools, a)).toBe(200);
  expect(a?.connections()).toBe(1);
  await pools.destroy();
});

test('when a pool cannot be opened, then that use fails and no pool is kept', async () => {
  const pools = new DestinationPools(10);
  const open = (): Pool => {
    throw new Error('no key');
  };
  await expect(pools.use({ name: 'x', open }, async () => 1)).rejects.toThrow('no key');
  expect(pools.size).toBe(0);
});
