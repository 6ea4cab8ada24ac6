// How long something takes, and how much of the processor.

/** Milliseconds. */
export async function timed(work) {
  const startedAtMs = performance.now();
  await work();
  return performance.now() - startedAtMs;
}

/** Wall and CPU time in microseconds, the latter of the whole process, all its threads. */
export async function spent(work) {
  const before = process.cpuUsage();
  const durationMs = await timed(work);
  const { user, system } = process.cpuUsage(before);
  return { cpuMicros: user + system, wallMicros: durationMs * 1_000 };
}

/** The same for one of many calls, on average. */
export async function perCall(items, call) {
  const total = await spent(async () => {
    for (const item of items) await call(item);
  });
  return perPart(total, items.length);
}

/** What was spent on one of so many. */
export function perPart({ cpuMicros, wallMicros }, parts) {
  return { cpuMicros: cpuMicros / parts, wallMicros: wallMicros / parts };
}
