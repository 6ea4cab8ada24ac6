import { randomBytes, randomUUID } from 'node:crypto';

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
  const random = randomBytes(10).toString('hex');
  const variant = ((Number.parseInt(random.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return [
    time.slice(0, 8),
    time.slice(8, 12),
    `7${random.slice(0, 3)}`,
    `${variant}${random.slice(4, 7)}`,
    random.slice(7, 19),
  ].join('-');
}
