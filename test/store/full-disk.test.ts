import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { LogStore } from '../../src/audit/log-store.js';
import type { Stores } from '../../src/operations/unit-of-work.js';
import { Connection } from '../../src/store/sqlite/connection.js';
import { createPrivateFile } from '../../src/store/sqlite/data-dir.js';
import { logStore } from '../../src/store/sqlite/log.js';
import { directRunner } from '../../src/store/sqlite/runner.js';
import { prepareSchema } from '../../src/store/sqlite/schema.js';
import { storesOn } from '../../src/store/sqlite/stores.js';
import { WriteQueue } from '../../src/store/sqlite/write-queue.js';
import {
  leavesOf,
  sampleEntryIds,
  sampleExtension,
  samplePending,
  sampleReview,
} from '../contract/samples.js';

let directory: string;
let writer: Connection;
let reader: Connection;
let queue: WriteQueue;
let stores: Stores;
let log: LogStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lethe-full-'));
  const path = join(directory, 'full.db');
  createPrivateFile(path);
  writer = new Connection(path, { isReadOnly: false });
  prepareSchema(writer);
  reader = new Connection(path, { isReadOnly: true });
  queue = new WriteQueue(writer);
  const runner = directRunner({ reader, writer, queue });
  stores = storesOn(runner);
  log = logStore(runner);
  leaveRoom(20);
});

afterEach(async () => {
  await queue.close();
  reader.close();
  writer.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Lets the database grow by so many pages of 4,096 bytes. */
function leaveRoom(pages: number): void {
  writer.pragma(`max_page_count = ${Number(writer.pragma('page_count')) + pages}`);
}

test('when the disk gets full while entries are appended, then each fails with UNAVAILABLE and leaves nothing, or is there with its review record', async () => {
  const entries = sampleEntryIds(400).map((entryId) => ({
    ...samplePending(entryId),
    review: sampleReview({ entryId }),
  }));
  const outcomes = await Promise.allSettled(entries.map((entry) => stores.audit.append(entry)));
  const stored = entries.filter((_, index) => outcomes[index]?.status === 'fulfilled');
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(stored.length).toBeGreaterThan(0);
  expect(failures.length).toBeGreaterThan(0);
  for (const { reason } of failures) expect(reason).toMatchObject({ code: 'UNAVAILABLE' });

  const listed = await stores.reviews.list({ tenantId: 'tenant', limit: 1_000 });
  expect(listed.map(({ entryId }) => entryId).reverse()).toEqual(
    stored.map(({ entryId }) => entryId),
  );
  leaveRoom(1_000);
  expect(await log.sequence(1_000, sampleExtension)).toBe(stored.length);
  expect(leavesOf(await log.readSegments(0, 10))).toEqual(stored.map(({ leaf }) => leaf));
});

test('when the disk gets full while entries are moved, then the run fails with UNAVAILABLE and a later one moves them all', async () => {
  const ids = sampleEntryIds(100);
  await Promise.all(ids.map((entryId) => stores.audit.append(samplePending(entryId))));
  const failing = log.sequence(1_000, (state, pending) => {
    const { segment, nodes } = sampleExtension(state, pending);
    return { segment: { ...segment, checkpoint: 'x'.repeat(200_000) }, nodes };
  });
  await expect(failing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await log.head()).toBeUndefined();
  expect(await log.findIndex(ids[0]!)).toBeUndefined();

  leaveRoom(1_000);
  expect(await log.sequence(1_000, sampleExtension)).toBe(100);
  expect(await log.findIndex(ids[99]!)).toBe(99);
});
