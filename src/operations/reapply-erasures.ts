import type { Subject, SubjectName } from '../biometrics/subject-store.js';
import { recordIntent } from '../erasure/purge.js';
import { VaultError } from '../vault/vault-error.js';
import { completeErasure } from './complete-erasure.js';
import type { OperationDeps } from './deps.js';

const PAGE_SIZE = 500;

type Deps = Pick<OperationDeps, 'store' | 'vault'>;

/** What a database says of its subjects, beside what the root still knows. */
export interface RestoreReport {
  readonly subjects: number;
  /** Subjects whose key does not exist: erased since the backup was made from which they came back. */
  readonly withoutKey: number;
}

/**
 * Makes the users' data agree with the root before anything is served. A database that was put back
 * from a backup holds subjects that were erased since: their keys do not exist, so they cannot come
 * back, and what is left of them is removed again. Looks only when the root is ahead of what the
 * database recorded. Throws {@link VaultError} when no subject at all has its key, because then it is
 * more likely that the key tree is the wrong one.
 */
export async function reapplyErasures(deps: OperationDeps): Promise<void> {
  const roots = await deps.vault.roots();
  const reflected = new Map(
    (await deps.store.reflectedRoots.list()).map(({ rootId, epoch }) => [rootId, epoch]),
  );
  if (roots.every(({ rootId, epoch }) => epoch <= (reflected.get(rootId) ?? 0))) return;
  const report = await compareWithRoot(deps);
  if (report.withoutKey > 0 && report.withoutKey === report.subjects)
    throw new VaultError(
      `none of the ${report.subjects.toString()} subjects in the database has its key: put back the key tree that belongs to it, or, if all of them were erased since this backup, run lethe restore-check --apply`,
    );
  await removeWithoutKey(deps);
  for (const root of roots) await deps.store.reflectedRoots.reflect(root);
}

/** Notes that every erasure so far has its record in the database; cheap when nothing was erased. */
export async function reflectErasures(deps: Deps): Promise<void> {
  const reflected = await deps.store.reflectedRoots.list();
  for (const root of await deps.vault.roots()) {
    const known = reflected.find(({ rootId }) => rootId === root.rootId);
    if (root.epoch > (known?.epoch ?? 0)) await deps.store.reflectedRoots.reflect(root);
  }
}

/** Counts; changes nothing. */
export async function compareWithRoot(deps: Deps): Promise<RestoreReport> {
  let subjects = 0;
  let withoutKey = 0;
  for await (const { page, gone } of subjectPages(deps)) {
    subjects += page.length;
    withoutKey += gone.length;
  }
  return { subjects, withoutKey };
}

/** Completes the erasure of every subject whose key does not exist; returns how many there were. */
export async function removeWithoutKey(deps: OperationDeps): Promise<number> {
  let removed = 0;
  for await (const { gone } of subjectPages(deps)) {
    for (const subject of gone) await completeForgotten(deps, subject);
    removed += gone.length;
  }
  return removed;
}

/** Completes the erasure of a subject whose key does not exist any more. Repeatable. */
export async function completeForgotten(deps: OperationDeps, subject: Subject): Promise<void> {
  const name = { tenantId: subject.tenantId, uuid: subject.uuid };
  const erasure = await deps.store.transaction((stores) => recordIntent(deps, stores, name));
  if (erasure === undefined) return;
  await completeErasure(deps, erasure);
}

async function* subjectPages(
  deps: Deps,
): AsyncGenerator<{ page: readonly Subject[]; gone: readonly Subject[] }> {
  let after: SubjectName | undefined;
  for (;;) {
    const page = await deps.store.subjects.scanAll({ after, limit: PAGE_SIZE });
    const exist = await deps.vault.exist(page.map(({ enrolment }) => enrolment.keyId));
    yield { page, gone: page.filter((_, at) => exist[at] === false) };
    after = page.at(-1);
    if (page.length < PAGE_SIZE) return;
  }
}
