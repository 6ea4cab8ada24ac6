import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credentials } from '../support/lethe.js';
import type { SteppedClock } from './clock.js';
import type { Keys } from './read-message.js';
import type { ChaosProcess } from './server.js';

/** One Lethe with its store, as it stands in front of the chaos. */
export interface Installation {
  readonly store: 'sqlite' | 'mongo';
  /** Those that are killed in turn; each answers the whole API. */
  readonly servers: readonly ChaosProcess[];
  /** Of all servers. */
  readonly clock: SteppedClock;
  readonly credentials: Credentials;
  readonly keys: Keys;
  /** Ways in which the store fails, and how to make it fail for a while. */
  readonly outages: Readonly<Record<string, (durationMs: number) => Promise<void>>>;
  /** Runs `lethe` with these arguments; its exit code. */
  command(...args: readonly string[]): Promise<number>;
  /** Ends all processes and removes what they stored. */
  close(): Promise<void>;
}

/**
 * The 24 attempts take half a minute at least, longer than any spell of a receiver: what is not
 * delivered was forgotten, not given up.
 */
const SCHEDULE = '0,0.05,0.1,0.2,0.5,0.5,1,1,1,1,2,2,2,2,2,2,2,2,2,2,2,2,2,2';

export function environmentOf(clock: SteppedClock): Record<string, string> {
  return {
    CHAOS_CLOCK: clock.path,
    LOG_LEVEL: 'error',
    PRIVATE_CALLBACK_CIDRS: '127.0.0.1/32',
    ALLOWED_HTTP_CALLBACKS: '1',
    DELIVERY_SCHEDULE_SECONDS: SCHEDULE,
    // The client asks again and again.
    DELETE_RATE_LIMIT: '100000',
    AUTH_FAILURE_RATE_LIMIT: '1000000',
  };
}

/** What the first start wrote for the demo tenant. */
export function readDemo(dataDir: string): { credentials: Credentials; keys: Keys } {
  const text = readFileSync(join(dataDir, 'demo-credentials.json'), 'utf8');
  const { apiKey, clientID, clientSecret, webhookSecret, webhookPublicKey } = JSON.parse(
    text,
  ) as Record<'apiKey' | 'clientID' | 'clientSecret', string> & Keys;
  return {
    credentials: { x_api_key: apiKey, clientID, clientSecret },
    keys: { webhookSecret, webhookPublicKey },
  };
}
