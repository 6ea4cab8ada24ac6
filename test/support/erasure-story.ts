import { copyFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { face } from './embeddings.js';
import type { TestLethe, TestTenant } from './lethe.js';

/** More than one leaf of a key tree holds. */
const CROWD = 66;

/** What became of every enrolment of the story, by the name of its key. */
export interface ErasureStory {
  readonly liveKeyNames: readonly string[];
  /** Of buckets: what they seal is no template, so the thief cannot tell whether it opens. */
  readonly otherKeyNames: readonly string[];
  /** In order: bob's first key, cem's, dia's, and those of the tenant that ended. */
  readonly erasedKeyNames: readonly string[];
}

/**
 * Enrols, verifies, deletes and enrols again over HTTP for two tenants, and ends all keys of one of
 * them. Copies the root to `oldRootPath` before the first erasure, and calls `look` after each step.
 */
export async function tellErasures(
  lethe: TestLethe,
  { oldRootPath, look }: { oldRootPath: string; look: () => Promise<void> },
): Promise<ErasureStory> {
  const staying = await lethe.tenant();
  const leaving = await lethe.tenant();
  await enrolAll(lethe, staying, ['ann', 'bob', 'cem', 'dia']);
  await look();
  await enrolAll(lethe, leaving, ['eve', 'fay']);
  await look();
  await enrolAll(
    lethe,
    staying,
    Array.from({ length: CROWD }, (_, index) => `crowd-${index.toString()}`),
  );
  expect(await lethe.verifies(staying, 'bob', face('bob'))).toBe(true);
  await look();
  const before = await keyNames(lethe);
  copyFileSync(rootPathOf(lethe), oldRootPath);

  await erase(lethe, staying, 'bob');
  await look();
  await enrolAll(lethe, staying, ['bob']);
  expect(await lethe.verifies(staying, 'bob', face('bob'))).toBe(true);
  await look();
  await erase(lethe, staying, 'cem');
  await look();
  await lethe.context.vault.shredScope({ tenantId: leaving.tenantId });
  expect(await lethe.verifies(leaving, 'eve', face('eve'))).toBe(false);
  await look();
  await enrolAll(lethe, staying, ['gil']);
  await erase(lethe, staying, 'dia');
  expect(await lethe.verifies(staying, 'ann', face('ann'))).toBe(true);
  await look();

  const erased = [
    ...['bob', 'cem', 'dia'].map((uuid) => `${staying.tenantId}/${uuid}`),
    ...['eve', 'fay'].map((uuid) => `${leaving.tenantId}/${uuid}`),
  ].map((subject) => before.get(subject) ?? '');
  const live = [...(await keyNames(lethe))]
    .filter(([subject]) => subject.startsWith(staying.tenantId))
    .map(([, keyName]) => keyName);
  expect(live).toHaveLength(CROWD + 3);
  expect(new Set([...live, ...erased]).size).toBe(live.length + erased.length);
  const bucketKeys = await lethe.context.store.bucketKeys.list();
  return {
    liveKeyNames: live,
    otherKeyNames: bucketKeys.map(({ keyId }) => keyId),
    erasedKeyNames: erased,
  };
}

/** The file with the root of a service that keeps it in one. */
export function rootPathOf(lethe: TestLethe): string {
  const [share] = lethe.context.config.vault.shares;
  if (share?.kind !== 'file') throw new Error('the root is not in a file');
  return share.path;
}

async function enrolAll(
  lethe: TestLethe,
  tenant: TestTenant,
  uuids: readonly string[],
): Promise<void> {
  await Promise.all(uuids.map(async (uuid) => lethe.enroll(tenant, uuid, face(uuid))));
}

async function erase(lethe: TestLethe, tenant: TestTenant, uuid: string): Promise<void> {
  const answer = await lethe.create(tenant, { type: 'DELETE', uuid });
  expect(answer).toMatchObject({ status: 200, body: { status: 'success' } });
  expect(await lethe.verifies(tenant, uuid, face(uuid))).toBe(false);
}

/** Of every subject, as `tenant/uuid`. */
async function keyNames(lethe: TestLethe): Promise<ReadonlyMap<string, string>> {
  const subjects = await lethe.context.store.subjects.scanAll({ after: undefined, limit: 1_000 });
  return new Map(
    subjects.map(({ tenantId, uuid, enrolment }) => [`${tenantId}/${uuid}`, enrolment.keyId]),
  );
}
