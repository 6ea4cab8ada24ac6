import type { SealedTemplate } from '../vault.js';
import { MAX_TEMPLATES } from './wire-methods.js';

/** Half of what a request may have; names and lengths take a fraction of the rest. */
const MAX_TEMPLATE_BYTES = 4 * 1024 * 1024;
const MAX_KEYS = 16_384;

/** Cuts a list of templates into lists that each fit into one `open`, in order. */
export function templateBatches(
  templates: readonly SealedTemplate[],
): readonly (readonly SealedTemplate[])[] {
  const batches: SealedTemplate[][] = [];
  let sizeBytes = 0;
  for (const template of templates) {
    const last = batches.at(-1);
    sizeBytes += template.sealedTemplate.byteLength;
    if (last !== undefined && last.length < MAX_TEMPLATES && sizeBytes <= MAX_TEMPLATE_BYTES) {
      last.push(template);
    } else {
      batches.push([template]);
      sizeBytes = template.sealedTemplate.byteLength;
    }
  }
  return batches;
}

/** Cuts a list of key names into lists that each fit into one `exist`, in order. */
export function keyBatches(keyIds: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(keyIds.length / MAX_KEYS) }, (_, index) =>
    keyIds.slice(index * MAX_KEYS, (index + 1) * MAX_KEYS),
  );
}
