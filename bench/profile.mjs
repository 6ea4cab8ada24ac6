import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

/** Writes a CPU profile of this process while it does the work. */
export async function profile(path, work) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await work();
  const { profile: found } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(path, JSON.stringify(found));
}
