import type { SubjectName } from '../biometrics/subject-store.js';
import { invalidAt } from '../errors/service-error.js';
import type { OperationDeps } from './deps.js';
import { completeForgotten } from './reapply-erasures.js';

const PAGE_SIZE = 500;

/**
 * Destroys the keys of all subjects of a tenant at once, then removes what is left of each. The
 * tenant itself stays, for its audit log. Irreversible; may be repeated. Returns how many subjects
 * were removed. Refuses while a client of the tenant could still enrol somebody.
 */
export async function eraseTenant(deps: OperationDeps, tenantId: string): Promise<number> {
  const clients = await deps.store.access.listClients(tenantId);
  if (clients.some(({ revokedAtMs }) => revokedAtMs === undefined))
    throw invalidAt('/tenantId', 'has clients that could still enrol people; revoke them first');
  await deps.vault.shredScope({ tenantId });
  let removed = 0;
  let after: SubjectName = { tenantId, uuid: '' };
  for (;;) {
    const page = await deps.store.subjects.scanAll({ after, limit: PAGE_SIZE });
    const own = page.filter((subject) => subject.tenantId === tenantId);
    for (const subject of own) await completeForgotten(deps, subject);
    removed += own.length;
    const last = own.at(-1);
    if (last === undefined || own.length < PAGE_SIZE) return removed;
    after = last;
  }
}
