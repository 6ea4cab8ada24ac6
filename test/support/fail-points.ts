import mongoose from 'mongoose';
import { openWireProxy, type Verdict } from './wire-proxy.js';

/**
 * How an armed command fails. `closed` and the error codes are those of MongoDB's failCommand fail
 * point, without labels; with `reply lost` the command has taken effect.
 */
export type Fault = 'closed' | 'reply lost' | 112 | 11_000;

/**
 * Makes MongoDB fail for those that connect through `uri`, and for nobody else, so that tests may
 * share a server which need not be started with test commands.
 */
export interface FailPoints {
  readonly uri: string;
  /** The next `times` commands of these names fail; takes the place of what was armed before. */
  arm(point: { commands: readonly string[]; fault: Fault; times: number }): void;
  /** Lets everything pass; returns how many commands failed since it was armed. */
  disarm(): number;
  /** Names of the commands since the last call, each once. */
  takeCommands(): readonly string[];
  close(): Promise<void>;
}

/** Opens a way to the primary of the replica set at `uri`, in the same database. */
export async function openFailPoints(uri: string): Promise<FailPoints> {
  const seen = new Set<string>();
  let armed: Parameters<FailPoints['arm']>[0] = { commands: [], fault: 112, times: 0 };
  let hits = 0;

  function judge(command: string): Verdict {
    seen.add(command);
    if (hits >= armed.times || !armed.commands.includes(command)) return 'pass';
    hits++;
    if (armed.fault === 'closed') return 'close';
    if (armed.fault === 'reply lost') return 'lose-reply';
    const failure = { ok: 0, errmsg: 'made to fail by a test', code: armed.fault };
    return { document: mongoose.mongo.BSON.serialize(failure) };
  }

  const proxy = await openWireProxy(await primaryOf(uri), judge);
  return {
    uri: throughPort(uri, proxy.port),
    arm(point) {
      armed = point;
      hits = 0;
    },
    disarm() {
      armed = { ...armed, times: 0 };
      return hits;
    },
    takeCommands() {
      const names = [...seen];
      seen.clear();
      return names;
    },
    close: () => proxy.close(),
  };
}

export async function primaryOf(uri: string): Promise<{ host: string; port: number }> {
  const connection = await mongoose.createConnection(uri).asPromise();
  try {
    const hello = await connection.getClient().db('admin').command({ hello: 1 });
    const address = new URL(`tcp://${String(hello['me'])}`);
    return { host: address.hostname, port: Number(address.port) };
  } finally {
    await connection.close();
  }
}

/** After a lost connection the driver looks for its server again at once, not after half a second. */
export function throughPort(uri: string, port: number): string {
  const url = new URL(uri);
  url.host = `127.0.0.1:${port.toString()}`;
  url.searchParams.delete('replicaSet');
  url.searchParams.set('directConnection', 'true');
  url.searchParams.set('minHeartbeatFrequencyMS', '10');
  return url.href;
}
