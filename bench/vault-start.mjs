// What the start of a vault takes, and what its upper levels hold in memory.
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { median } from './figures.mjs';
import { openStores } from './vault-engine.mjs';

/** Buffers of collected objects are given back by another thread. */
const SETTLE_MS = 100;

/** Opens the vault on its closed store several times. */
export async function measureStart(dir, starts) {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc');
  const stores = await openStores(dir);
  const durationsMs = [];
  const growths = [];
  let heldBytes = 0;
  for (let start = 0; start < starts; start += 1) {
    const bytesBefore = await settledBytes(collectGarbage);
    const startedAtMs = performance.now();
    const owner = await stores.openOwner();
    durationsMs.push(performance.now() - startedAtMs);
    ({ heldBytes } = await owner.tree());
    growths.push((await settledBytes(collectGarbage)) - bytesBefore);
    await owner.close();
  }
  const slots = await stores.rootFile.load();
  const secretBytes = slots.reduce((sum, { share }) => sum + share.lengthBytes, 0);
  for (const { share } of slots) share.wipe();
  await stores.close();
  return { startMs: median(durationsMs), growthBytes: median(growths), heldBytes, secretBytes };
}

/** Heap and external memory once the buffers of what was collected are given back. */
async function settledBytes(collectGarbage) {
  collectGarbage();
  await pause(SETTLE_MS);
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
