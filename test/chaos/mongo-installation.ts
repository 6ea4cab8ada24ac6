import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { primaryOf, throughPort } from '../support/fail-points.js';
import { openWireProxy, type Verdict } from '../support/wire-proxy.js';
import { SteppedClock } from './clock.js';
import { environmentOf, type Installation, readDemo } from './installation.js';
import { OpenTransactions } from './open-transactions.js';
import { runCommand } from './run-command.js';
import { ChaosProcess } from './server.js';
import { waitMs } from './wait.js';

/** What fails now and then in an outage, while the rest passes. */
const LOSSY_SHARE = 0.2;
const OF_THE_DRIVER = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions', '']);
/** WriteConflict, as failCommand makes it. */
const CONFLICT = { ok: 0, errmsg: 'made to fail', code: 112 };

/**
 * Two servers and a key service, with a proxy in front of the database that they share. Their clocks are
 * set together: leases in a database hold among processes whose clocks agree.
 */
export async function installOnMongo(dir: string, mongodbUri: string): Promise<Installation> {
  const named = new URL(mongodbUri);
  named.pathname = `/lethe_chaos_${randomBytes(8).toString('hex')}`;
  const database = named.href;
  let judge: (command: string) => Verdict = () => 'pass';
  const primary = await primaryOf(database);
  const transactions = new OpenTransactions(primary);
  const proxy = await openWireProxy(primary, (command, document) => {
    const verdict = judge(command);
    if (verdict === 'pass' || verdict === 'lose-reply') transactions.note(command, document);
    return verdict;
  });
  const during = async (durationMs: number, judging: typeof judge): Promise<void> => {
    judge = judging;
    await waitMs(durationMs);
    judge = () => 'pass';
  };

  const clock = new SteppedClock(join(dir, 'clock'));
  const common = {
    MONGODB_URI: throughPort(database, proxy.port),
    SERVICE_KEY_PATH: join(dir, 'service.key'),
  };
  const socket = `unix:${join(dir, 'vault.sock')}`;
  const still = new SteppedClock(join(dir, 'clock-still'));
  const keyService = await ChaosProcess.of(
    ['dist/cli/main.js', 'key-service', '--listen', socket],
    { ...common, CHAOS_CLOCK: still.path, DATA_DIR: dir, ROOT_KEY_PATH: join(dir, 'root.key') },
  );
  const environments = [0, 1].map((at) => ({
    ...environmentOf(clock),
    ...common,
    VAULT_URL: socket,
    DATA_DIR: join(dir, `data-${at}`),
  }));
  const servers = await Promise.all(
    environments.map((env) => ChaosProcess.of(['dist/main.js'], env)),
  );
  await keyService.start();
  // One after the other: the first makes the service key and the demo tenant.
  for (const server of servers) await server.start();
  return {
    store: 'mongo',
    servers,
    clock,
    ...readDemo(join(dir, 'data-0')),
    outages: {
      'cut off': (durationMs) => during(durationMs, () => 'close'),
      'replies lost': (durationMs) => during(durationMs, (command) => lossy(command, 'lose-reply')),
      'commands failed': (durationMs) =>
        during(durationMs, (command) => lossy(command, { document: conflict() })),
    },
    command: (...args) => runCommand(args, environments[0]!),
    close: async () => {
      await Promise.all([...servers, keyService].map((process) => process.kill()));
      await proxy.close();
      await transactions.close();
      const connection = await mongoose.createConnection(database).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}

function lossy(command: string, fault: Verdict): Verdict {
  return OF_THE_DRIVER.has(command) || Math.random() > LOSSY_SHARE ? 'pass' : fault;
}

function conflict(): Uint8Array {
  return mongoose.mongo.BSON.serialize(CONFLICT);
}
