// A log as the service joins it (src/log-context.ts), without witnesses: SQLite, a sequencer, a reader and
// the checkpoint that is kept beside the database. The same key every time, so that each process can go on.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openKeptHead } from '../dist/audit/kept-head.js';
import { leafText } from '../dist/audit/leaf.js';
import { createLogKeyring, openLogKeys } from '../dist/audit/log-keys.js';
import { Sequencer } from '../dist/audit/sequencer.js';
import { createTreeReader } from '../dist/audit/tree-reader.js';
import { SecretBytes } from '../dist/crypto/secret-bytes.js';
import { systemClock } from '../dist/lib/clock.js';
import { timeOrderedId } from '../dist/lib/ids.js';
import { openSqliteStore } from '../dist/store/sqlite/open.js';
import { say } from '../scripts/process.mjs';

export const ORIGIN = 'lethe.example.com/log';

export async function openLog(dir) {
  const store = await openSqliteStore({ dataDir: dir });
  const { log, logKeys } = store;
  const keyring = createLogKeyring(SecretBytes.take(new Uint8Array(32).fill(1)));
  await openLogKeys({ store, keyring, clock: systemClock, origin: ORIGIN });
  const reader = createTreeReader(log);
  const keptHead = await openKeptHead({ path: join(dir, 'log-head'), log, reader, logKeys });
  const sequencer = new Sequencer({
    ...{ log, keyring, clock: systemClock },
    onExtended: (size) => keptHead.note(size),
    watch: {
      entriesSequenced: () => undefined,
      workerFailed: ({ error }) => say(`the sequencer failed: ${error.message}`),
    },
  });
  return {
    ...{ dir, store, keyring, reader, sequencer },
    /** Appends entries in one transaction, and waits until they are in the log. */
    append: async (entries) => {
      await appendPending(store, entries);
      await sequencer.settle();
    },
    size: async () => (await log.head())?.size ?? 0,
    close: async () => {
      await sequencer.stop();
      await keptHead.close();
      await store.close();
    },
  };
}

/** Makes them pending, durably. */
export async function appendPending(store, entries) {
  await store.transaction(async ({ audit }) => {
    for (const entry of entries) await audit.append(entry);
  });
}

/** The two leaves of a DELETE in turn: of the destruction, with its two tombstone hashes, and of the request. */
export function newEntries(count) {
  return Array.from({ length: count }, (_, at) => {
    const nowMs = Date.now();
    const op = at % 2 === 0 ? erasureMembers() : { op: 'DELETE' };
    const members = { ...op, v: 2, t: Math.floor(nowMs / 1_000), outcome: 'succeeded' };
    return { entryId: timeOrderedId(nowMs), leaf: leafText({ ...members, cm: newHash() }) };
  });
}

/** 32 bytes, base64url. */
export function newHash() {
  return randomBytes(32).toString('base64url');
}

function erasureMembers() {
  return { op: 'ERASURE', epoch: 1_234, rc: [newHash()], dc: [newHash()] };
}
