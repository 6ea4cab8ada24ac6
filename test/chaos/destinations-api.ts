import type { Installation } from './installation.js';
import { waitMs } from './wait.js';

const READ_AND_WRITE = ['--scope', 'deliveries:read', '--scope', 'deliveries:write'];
const LIMIT_MS = 20_000;

/**
 * Has deliveries to a destination that had answered 410 begin again. Returns false where the service has
 * no such call: then a 410 refuses its own event only, and nothing waits.
 */
export async function enableDestination(
  { servers, credentials, command }: Installation,
  origin: string,
): Promise<boolean> {
  const clientId = credentials.clientID;
  // A service that knows no such scopes refuses both.
  for (const scopes of [READ_AND_WRITE, READ_AND_WRITE.slice(2)])
    if ((await command('client', 'scope', clientId, ...scopes)) === 0) break;
  const url = `${servers[0]!.url}/v2/destinations`;
  const list = await fetch(url, { headers: { ...credentials } });
  if (list.status !== 200) return false;
  const endMs = performance.now() + LIMIT_MS;
  for (;;) {
    const answer = await fetch(`${url}/enable`, {
      method: 'POST',
      headers: { ...credentials, 'content-type': 'application/json' },
      body: JSON.stringify({ origin }),
    });
    if (answer.ok) return true;
    if (performance.now() > endMs)
      throw new Error(`the destination was not enabled: ${answer.status} ${await answer.text()}`);
    await waitMs(500);
  }
}
