import type { VerifierKey } from '../audit/offline/verifier-key.js';
import { openStateFiles, WitnessStateError } from '../audit/witness/state-file.js';
import { createWitness } from '../audit/witness/witness.js';
import { SECOND_MS, systemClock } from '../lib/clock.js';
import { describeError } from '../watch/describe-error.js';
import {
  type Command,
  type CommandContext,
  readArguments,
  required,
  UsageError,
  wholeNumber,
} from './command.js';
import { readPolicy, readVerifierKeys } from './verifier-keys.js';
import { openWitnessKey } from './witness-key.js';

const STOP_GRACE_MS = 10 * SECOND_MS;

/** `lethe witness`: cosigns logs of Lethe services that others run; opens no store. */
export const witnessCommands: readonly Command[] = [
  {
    name: 'witness key',
    summary: 'Print the verifier key of a witness, for the policies of others.',
    usage: `witness key --name NAME --state DIR
  --name NAME           name of the witness, e.g. witness.example.com/w1
  --state DIR           where its key is; made when there is none`,
    run: printKey,
  },
  {
    name: 'witness',
    summary: 'Cosign the checkpoints of logs as long as they only grow (C2SP tlog-witness).',
    usage: `witness --name NAME --state DIR --log KEY... [--policy FILE] [--host H] [--port P]
  --name NAME           name of the witness, e.g. witness.example.com/w1; a key keeps one name
  --state DIR           where its key and the latest checkpoint of each log are: no older copy may
                        ever be put in its place, for the witness would cosign a log that was cut short
  --log KEY             a log, by a verifier key name+id+key of it, or by a file with one on each
                        line, as /log/keys serves them; repeat it for other logs and newer keys
  --policy FILE         a C2SP tlog-policy: its logs are known besides
  --host H              address to listen on (default 127.0.0.1)
  --port P              port to listen on, 0 for any free one (default 4000)
Runs until SIGINT or SIGTERM. It speaks plain HTTP: put a proxy with a certificate before it, for a log
asks a witness over https only, unless both are on one machine.`,
    run: serve,
  },
];

async function printKey(context: CommandContext, args: readonly string[]): Promise<void> {
  const { values } = readArguments(args, {
    positionals: [],
    options: { name: { type: 'string' }, state: { type: 'string' } },
  });
  const { vkey } = (await openWitnessKey(identity(values))).key;
  context.print({ text: vkey, json: { vkey } });
}

async function serve(context: CommandContext, args: readonly string[]): Promise<void> {
  const { name, directory, logs, host, port } = await read(args);
  const cosigner = await openWitnessKey({ name, directory });
  // Loaded when needed, so that --help answers without the database library.
  const { lockFile } = await import('../store/sqlite/data-dir.js');
  const { serveWitness } = await import('../http/witness-server.js');
  const state = openStateFiles({ directory, witness: cosigner.key, lock: lockFile });
  try {
    const witness = createWitness({ cosigner, logs, state, clock: systemClock });
    const listener = await listening({ host, port }, () =>
      serveWitness({ witness, host, port, report }),
    );
    const stopped = stopSignal();
    const address = host.includes(':') ? `[${host}]` : host;
    const url = `http://${address}:${listener.port.toString()}`;
    const { vkey } = cosigner.key;
    context.print({ text: `${vkey}\nlistening on ${url}`, json: { vkey, url } });
    await stopped;
    await listener.close(STOP_GRACE_MS);
  } finally {
    state.close();
  }
}

async function read(args: readonly string[]) {
  const { values } = readArguments(args, {
    positionals: [],
    options: {
      name: { type: 'string' },
      state: { type: 'string' },
      log: { type: 'string', multiple: true },
      policy: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '4000' },
    },
  });
  const port = wholeNumber(values.port, { name: '--port', min: 0, max: 65_535 });
  return { ...identity(values), logs: await readLogs(values), host: values.host, port };
}

function identity(values: { name?: string | undefined; state?: string | undefined }) {
  return { name: required('--name', values.name), directory: required('--state', values.state) };
}

async function readLogs(values: {
  log?: readonly string[] | undefined;
  policy?: string | undefined;
}): Promise<readonly VerifierKey[]> {
  const given = await Promise.all((values.log ?? []).map((key) => readVerifierKeys('log', key)));
  const policy = values.policy === undefined ? undefined : await readPolicy(values.policy);
  const logs = [...given.flat(), ...(policy?.logs ?? []).map(({ key }) => key)];
  if (logs.length === 0) throw new UsageError('--log is missing, and no --policy names a log');
  return logs;
}

async function listening<T>(
  at: { host: string; port: number },
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    throw new Error(
      `${at.host} port ${at.port.toString()} cannot be listened on (${code}); choose another --host or --port`,
      { cause },
    );
  }
}

/** What is not foreseen is told without its message, which may hold anything. */
function report(error: unknown): void {
  console.error(
    error instanceof WitnessStateError
      ? `lethe witness: ${error.message}`
      : JSON.stringify({ event: 'witness.failed', ...describeError(error) }),
  );
}

async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve();
      });
    }
  });
}
