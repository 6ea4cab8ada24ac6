import { randomUUID } from 'node:crypto';

/** A random UUID (version 4, 122 random bits): names what must not be guessed. */
export function randomId(): string {
  return randomUUID();
}

/**
 * An id that sorts by the time of its making: UUID version 7 (RFC 9562 §5.7), 48 bits of
 * milliseconds and 74 random bits. Names rows that are read back in order.
 */
export function timeOrderedId(atMs: number): string {
  const time = atMs.toString(16).padStart(12, '0');
  // Behind its version number, version 4 is random bits in the same form.
  const random = randomUUID().slice(15);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random}`;
}
