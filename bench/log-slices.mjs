// What is measured of the log, slice by slice.
import { extendLog } from '../dist/audit/extend-log.js';
import { verifyReceipt } from '../dist/audit/offline/in-node.js';
import { createTreeReader } from '../dist/audit/tree-reader.js';
import { median } from './figures.mjs';
import { appendPending, newEntries } from './log-engine.mjs';
import { perCall, perPart, spent } from './timing.mjs';

const NO_SIGNATURE = new Uint8Array(64);

/** The engine alone on the end of the log, in memory: with its signatures, and without what they cost. */
export async function extendOnly({ log, plan }, batch) {
  const leaves = batch === 1 ? plan.engineAlone : plan.engineBatched;
  const pending = newEntries(leaves);
  const state = { head: await log.store.log.head(), keys: await log.store.logKeys.list() };
  const extendWith = (keyring) => {
    const nowMs = Date.now();
    // The first extension checks a head that was stored; those that follow know their own.
    let { segment: head } = extendLog(state, pending.slice(0, 1), { keyring, nowMs });
    return spent(async () => {
      for (let done = 0; done < leaves; done += batch) {
        const more = pending.slice(done, done + batch);
        ({ segment: head } = extendLog({ ...state, head }, more, { keyring, nowMs }));
      }
    });
  };
  const signed = perPart(await extendWith(log.keyring), leaves);
  const unsigned = perPart(await extendWith(unsigning(log.keyring)), leaves);
  return { signedCpuMicros: signed.cpuMicros, cpuMicros: unsigned.cpuMicros };
}

/** From pending to durably in the log, so many leaves under a checkpoint. */
export async function sequenceOnly({ log, plan }, batch) {
  const batches = batch === 1 ? plan.alone : plan.sequenced / batch;
  const total = { cpuMicros: 0, wallMicros: 0 };
  for (let done = 0; done < batches; done += 1) {
    await appendPending(log.store, newEntries(batch));
    addTo(total, await spent(() => log.sequencer.settle()));
  }
  return perPart(total, batches * batch);
}

/** Each writer waits until its leaf is in the log before it appends the next. */
export async function appendSettled({ log, plan }) {
  return await writeAll(plan, newEntries, async (entry) => {
    await log.store.audit.append(entry);
    await log.sequencer.settle();
  });
}

/** Each writer waits until its leaf is durably pending; ends when all are in the log. */
export async function appendLater({ log, plan }) {
  const append = (entry) => log.store.audit.append(entry);
  return await writeAll(plan, newEntries, append, () => log.sequencer.settle());
}

/** Each writer inserts as many bytes as the others append. */
export async function insertBare({ bare, plan }) {
  const rows = (count) => newEntries(count).map(({ entryId, leaf }) => Buffer.from(entryId + leaf));
  return await writeAll(plan, rows, bare.insert);
}

/** Bare flushes of the disk that the log is on: without them the rates mean little. */
export async function flushOnly({ flush, plan }) {
  const flushesMs = Array.from({ length: plan.alone }, flush);
  return { medianMicros: median(flushesMs) * 1_000 };
}

/** Of leaves anywhere: with every tile in memory, and with nothing in memory. */
export async function proveAny({ log, plan }) {
  const size = plan.leaves;
  const indexes = (count) => Array.from({ length: count }, () => Math.floor(Math.random() * size));
  const warm = await perCall(indexes(plan.warm), (index) =>
    log.reader.inclusionProof({ index, size }),
  );
  const cold = await perCall(indexes(plan.cold), (index) =>
    createTreeReader(log.store.log).inclusionProof({ index, size }),
  );
  return warmAndCold(warm, cold);
}

/** Of the leaf that was appended just before, by a reader that proved the ones before, and by a new one. */
export async function proveNewest({ log, plan }) {
  const warm = { cpuMicros: 0, wallMicros: 0 };
  const cold = { cpuMicros: 0, wallMicros: 0 };
  for (let done = 0; done < plan.alone; done += 1) {
    await log.append(newEntries(1));
    const size = await log.size();
    const newest = { index: size - 1, size };
    addTo(warm, await spent(() => log.reader.inclusionProof(newest)));
    addTo(cold, await spent(() => createTreeReader(log.store.log).inclusionProof(newest)));
  }
  return warmAndCold(perPart(warm, plan.alone), perPart(cold, plan.alone));
}

/** Between any two sizes, with every tile in memory. */
export async function proveConsistency({ log, plan }) {
  const pairs = Array.from({ length: plan.warm }, () => {
    const [fromSize, toSize] = [anySize(plan), anySize(plan)].sort((a, b) => a - b);
    return { fromSize, toSize };
  });
  return await perCall(pairs, (pair) => log.reader.consistencyProof(pair));
}

/** The receipt with the longest proof, against the key of the log and the policy, all as texts. */
export async function verifyOne({ texts, plan }) {
  const copies = Array.from({ length: plan.verified }, () => texts);
  return await perCall(copies, async (copy) => {
    const { isValid, code } = await verifyReceipt(copy);
    if (!isValid) throw new Error(`the receipt is not valid: ${code}`);
  });
}

/**
 * Writes items by so many writers: each takes the next one when its last is done, so that they are written
 * in the order of their making, as in a service.
 */
async function writeAll({ writers, each }, makeItems, write, finish = async () => undefined) {
  const items = makeItems(writers * each);
  const total = await spent(async () => {
    let next = 0;
    const writer = async () => {
      while (next < items.length) {
        next += 1;
        await write(items[next - 1]);
      }
    };
    await Promise.all(Array.from({ length: writers }, writer));
    await finish();
  });
  const { cpuMicros, wallMicros } = perPart(total, items.length);
  return { perSecond: 1_000_000 / wallMicros, cpuMicros };
}

/** The keyring with signers that do not sign. The stored head is still checked with the real ones. */
function unsigning(keyring) {
  return {
    ...keyring,
    signersAt: (keys, nowMs) =>
      keyring.signersAt(keys, nowMs).map((signer) => ({ ...signer, sign: () => NO_SIGNATURE })),
  };
}

function warmAndCold(warm, cold) {
  return {
    ...{ warmMicros: warm.wallMicros, warmCpuMicros: warm.cpuMicros },
    ...{ coldMicros: cold.wallMicros, coldCpuMicros: cold.cpuMicros },
  };
}

function addTo(total, { cpuMicros, wallMicros }) {
  total.cpuMicros += cpuMicros;
  total.wallMicros += wallMicros;
}

function anySize({ leaves }) {
  return 1 + Math.floor(Math.random() * leaves);
}
