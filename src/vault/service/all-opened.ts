import type { SecretBytes } from '../../crypto/secret-bytes.js';

type Opened = readonly (SecretBytes | undefined)[];

/**
 * Waits for several calls of `open`, one list for each. When one fails, the templates of the others
 * are wiped before its error is thrown.
 */
export async function allOpened(calls: readonly Promise<Opened>[]): Promise<readonly Opened[]> {
  const settled = await Promise.allSettled(calls);
  const opened = settled.flatMap((call) => (call.status === 'fulfilled' ? [call.value] : []));
  const failed = settled.find((call) => call.status === 'rejected');
  if (failed === undefined) return opened;
  for (const plaintext of opened.flat()) plaintext?.wipe();
  throw failed.reason;
}
