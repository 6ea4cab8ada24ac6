import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DestinationPools } from '../../src/outbound/destination-pools.js';
import { type Receiver, startReceiver } from '../support/receiver.js';

let receivers: Receiver[];

beforeEach(async () => {
  receivers = await Promise.all([startReceiver(), startReceiver(), startReceiver()]);
});
afterEach(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
});

async function post(pools: DestinationPools, receiver: Receiver | undefined): Promise<number> {
  return await pools.use(receiver?.origin ?? '', async (pool) => {
    const { statusCode, body } = await pool.request({ method: 'POST', path: '/', body: 'x' });
    await body.dump();
    return statusCode;
  });
}

test('when there are more destinations than pools, then the one used longest ago is closed', async () => {
  const pools = new DestinationPools({}, 2);
  const [a, b, c] = receivers;
  for (const receiver of [a, b, a, c]) expect(await post(pools, receiver)).toBe(200);
  for (const receiver of [a, c, b]) expect(await post(pools, receiver)).toBe(200);
  expect(receivers.map((receiver) => receiver.connections())).toEqual([1, 2, 1]);
  await pools.destroy();
});

test('when a pool is in use, then it is not closed for another', async () => {
  const pools = new DestinationPools({}, 1);
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
