import { timingSafeEqual } from 'node:crypto';
import { sha256 } from './hash.js';

/** Whether two byte strings are equal, in time that tells nothing of where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/** Whether two texts are equal, in time that depends on neither their content nor their length difference. */
export function equalTexts(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}
