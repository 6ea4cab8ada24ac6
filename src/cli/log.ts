import { rotateLogKey } from '../audit/log-keys.js';
import { exportLog } from '../audit/reading/export-log.js';
import { printKeyList } from '../audit/reading/key-list.js';
import { storedLogSource } from '../audit/reading/stored-log-source.js';
import { HOUR_MS, isoTime } from '../lib/clock.js';
import {
  type Application,
  type Command,
  type CommandContext,
  readArguments,
  required,
  wholeNumber,
} from './command.js';
import { logVerifyCommands } from './log-verify.js';
import { readPolicy } from './verifier-keys.js';

const DEFAULT_OVERLAP_HOURS = '168';

export const logCommands: readonly Command[] = [
  {
    name: 'log export',
    summary: 'Write the log into a directory, as it is served: any web server can serve it too.',
    usage: `log export --out DIR
  --out DIR                          a new directory, or one with an earlier export of this log,
                                     which is continued; \`checkpoint\` is written last`,
    run: write,
  },
  ...logVerifyCommands,
  {
    name: 'log checkpoint',
    summary: 'Print the newest checkpoint of the log, for auditors to keep.',
    usage: 'log checkpoint',
    run: showCheckpoint,
  },
  {
    name: 'log keys',
    summary: 'Print the public keys of the log, newest first.',
    usage: 'log keys',
    run: showKeys,
  },
  {
    name: 'log rotate',
    summary: 'Bring the next key of the log into use.',
    usage: `log rotate [--overlap-hours N]
  --overlap-hours N                  how long the present key signs beside the next one, 0 to 8760
                                     (default: 168): until then, give the next one to those who verify
It cannot be taken back. A running service uses the key from its next checkpoint on.`,
    run: rotate,
  },
];

async function write(context: CommandContext, args: readonly string[]): Promise<void> {
  const { values } = readArguments(args, { positionals: [], options: { out: { type: 'string' } } });
  const directory = required('--out', values.out);
  const source = await publishedLog(await context.open());
  const { size } = await exportLog(source, directory);
  const text = `The log is in ${directory}: ${size} ${size === 1 ? 'leaf' : 'leaves'}.`;
  context.print({ text, json: { directory, size } });
}

async function showCheckpoint(context: CommandContext, args: readonly string[]): Promise<void> {
  readArguments(args, { positionals: [], options: {} });
  const checkpoint = await (await publishedLog(await context.open())).checkpoint();
  // What is printed gets the line feed back that a note ends with.
  context.print({ text: checkpoint.replace(/\n$/, ''), json: { checkpoint } });
}

async function showKeys(context: CommandContext, args: readonly string[]): Promise<void> {
  readArguments(args, { positionals: [], options: {} });
  const { store } = await context.open();
  const keys = await store.logKeys.list();
  if (keys.length === 0) throw new Error('the log has no key yet: start the service once');
  const rows = keys.toReversed().map(({ generation, vkey, createdAtMs, signsUntilMs }) => ({
    generation,
    vkey,
    createdAt: isoTime(createdAtMs),
    ...(signsUntilMs !== undefined && { signsUntil: isoTime(signsUntilMs) }),
  }));
  context.print({ text: printKeyList(keys).replace(/\n$/, ''), json: { keys: rows } });
}

async function rotate(context: CommandContext, args: readonly string[]): Promise<void> {
  const { values } = readArguments(args, {
    positionals: [],
    options: { 'overlap-hours': { type: 'string' } },
  });
  const hours = wholeNumber(values['overlap-hours'] ?? DEFAULT_OVERLAP_HOURS, {
    ...{ name: '--overlap-hours', min: 0, max: 8_760 },
  });
  const { store, logKeyring: keyring, clock } = await context.open();
  const key = await rotateLogKey({ store, keyring, clock }, { overlapMs: hours * HOUR_MS });
  const { generation, vkey, createdAtMs } = key;
  const overlapUntil = isoTime(createdAtMs + hours * HOUR_MS);
  context.print({
    text: [
      `The log is now signed with key ${generation}:`,
      vkey,
      `The key before it signs beside it until ${overlapUntil}.`,
    ].join('\n'),
    json: { generation, vkey, overlapUntil },
  });
}

/** As the service publishes it: what its own policy asks for included. */
async function publishedLog({ store, config }: Application) {
  const path = config.log.witnessPolicyPath;
  const policy = path === undefined ? undefined : await readPolicy(path);
  return storedLogSource({ log: store.log, logKeys: store.logKeys, policy });
}
