import type { SecretBytes } from '../crypto/secret-bytes.js';
import type { SealedTemplate, Vault } from '../vault/vault.js';
import { similarity } from './embedding.js';
import type { Subject, SubjectStore } from './subject-store.js';

const PAGE_SIZE = 256;
const TOP_K = 5;

/** An embedding that was just captured, with its model. */
export interface Probe {
  readonly model: string;
  readonly embedding: SecretBytes;
}

/** A subject and how much the probe looks like it, -1 to 1. */
export interface Candidate {
  readonly uuid: string;
  readonly confidence: number;
}

interface Deps {
  readonly subjects: SubjectStore;
  readonly vault: Vault;
}

/**
 * Compares 1:1. Undefined when there is nothing to compare with: the subject is gone, its template
 * is of another model, or its key no longer exists.
 */
export async function compare(
  deps: Deps,
  subject: Subject,
  probe: Probe,
): Promise<number | undefined> {
  if (subject.state !== 'live' || subject.enrolment.model !== probe.model) return undefined;
  const [confidence] = await score(deps.vault, [subject], probe);
  return confidence;
}

/**
 * Searches 1:N: opens every live template of the tenant and model, one page after the other, and
 * returns the best candidates, best first.
 */
export async function search(
  deps: Deps,
  tenantId: string,
  probe: Probe,
): Promise<readonly Candidate[]> {
  let best: readonly Candidate[] = [];
  let afterUuid = '';
  for (;;) {
    const page = await deps.subjects.scan({
      tenantId,
      model: probe.model,
      afterUuid,
      limit: PAGE_SIZE,
    });
    const scores = await score(deps.vault, page, probe);
    const candidates = page.flatMap((subject, index) => {
      const confidence = scores[index];
      return confidence === undefined ? [] : [{ uuid: subject.uuid, confidence }];
    });
    best = [...best, ...candidates].sort((a, b) => b.confidence - a.confidence).slice(0, TOP_K);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_SIZE) return best;
    afterUuid = last.uuid;
    await yieldToOthers();
  }
}

async function score(
  vault: Vault,
  subjects: readonly Subject[],
  probe: Probe,
): Promise<readonly (number | undefined)[]> {
  const templates = await vault.open(subjects.map(sealedTemplate));
  return templates.map((template) => {
    if (template === undefined) return undefined;
    const confidence = similarity(probe.embedding, template);
    template.wipe();
    return confidence;
  });
}

function sealedTemplate(subject: Subject): SealedTemplate {
  const { tenantId, uuid, enrolment } = subject;
  return { tenantId, uuid, keyId: enrolment.keyId, sealedTemplate: enrolment.sealedTemplate };
}

/** A long scan lets other requests in between two pages. */
async function yieldToOthers(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
