import { setTimeout as pause } from 'node:timers/promises';

/** Ends early, without an error, when the signal says so. */
export async function waitMs(durationMs: number, signal?: AbortSignal): Promise<void> {
  await pause(durationMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
}
