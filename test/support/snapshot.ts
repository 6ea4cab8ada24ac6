import type { Context } from '../../src/context.js';

/** What the ports show of a tenant: for comparing before and after. */
export async function everythingStored(
  { store, vault }: Pick<Context, 'store' | 'vault'>,
  tenantId: string,
): Promise<{ subjects: unknown; keyIds: readonly string[]; unfinished: unknown }> {
  const subjects = await store.subjects.scan({
    tenantId,
    model: 'dlib-resnet-v1',
    afterUuid: '',
    limit: 10_000,
  });
  const keyIds = subjects.map(({ enrolment }) => enrolment.keyId);
  const exist = await vault.exist(keyIds);
  if (exist.includes(false)) throw new Error('a live subject has no key');
  return { subjects, keyIds, unfinished: await store.erasures.findUnfinished(100) };
}
