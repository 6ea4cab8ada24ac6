import { createPublicKey } from 'node:crypto';
import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { VerificationKeys } from '../audit/checkpoint.js';
import { exportLog } from '../audit/export.js';
import { parseKeys } from '../audit/keys.js';
import { checkpointLine, parseLogLine } from '../audit/log-line.js';
import type { Checkpoint } from '../audit/log-store.js';
import { type LogReport, verifyLog } from '../audit/verify.js';
import { type Command, type CommandContext, readArguments, UsageError } from './command.js';
import { readText, unreadable } from './read-text.js';

export const logCommands: readonly Command[] = [
  {
    name: 'log export',
    summary: 'Write the audit log as lines of JSON, for `lethe log verify`.',
    usage: `log export [--out FILE]
  --out FILE                         replaced when the export is complete (default: stdout)`,
    run: write,
  },
  {
    name: 'log verify',
    summary: 'Check an exported audit log; needs no store, no network and no secret.',
    usage: `log verify [FILE] [--keys KEYS] [--checkpoint KEPT]
  FILE                               an export; - reads stdin (default: the log in the store)
  --keys KEYS                        the public keys: a file with what /.well-known/jwks.json
                                     serves, or a verifier key name+id+key itself;
                                     with FILE always, without it the service's own by default
  --checkpoint KEPT                  a file from an earlier \`lethe log checkpoint\`: the log must
                                     begin with exactly what it signed
Exits with 0 when the log is sound, 1 when it is not, 2 when it could not be checked.`,
    run: verify,
  },
  {
    name: 'log checkpoint',
    summary: 'Print the signed head of the audit log, for auditors to keep.',
    usage: 'log checkpoint',
    run: showCheckpoint,
  },
];

async function write(context: CommandContext, args: readonly string[]): Promise<void> {
  const { values } = readArguments(args, { positionals: [], options: { out: { type: 'string' } } });
  const { store } = await context.open();
  const lines = Readable.from(exportLog(store.log));
  if (values.out === undefined) {
    await pipeline(lines, process.stdout, { end: false });
    return;
  }
  const unfinished = `${values.out}.${process.pid.toString()}.unfinished`;
  try {
    await pipeline(lines, createWriteStream(unfinished, { flags: 'wx' }));
    renameSync(unfinished, values.out);
  } finally {
    rmSync(unfinished, { force: true });
  }
  context.print({ text: `The audit log is in ${values.out}.`, json: { file: values.out } });
}

const VERIFY_OPTIONS = { keys: { type: 'string' }, checkpoint: { type: 'string' } } as const;

async function verify(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: hasFile(args) ? ['FILE'] : [],
    options: VERIFY_OPTIONS,
  });
  const keys =
    values.keys === undefined ? await ownKeys(context, positionals[0]) : readKeys(values.keys);
  const kept = values.checkpoint === undefined ? undefined : readCheckpoint(values.checkpoint);
  const report = await verifyLog(await openLog(context, positionals[0]), { keys, kept });
  const { problemCount } = report;
  context.print({ text: inWords(report, kept), json: { isSound: problemCount === 0, ...report } });
  if (problemCount > 0)
    throw new Error(`the log is not sound: ${counted(problemCount, 'problem')}`);
}

async function showCheckpoint(context: CommandContext, args: readonly string[]): Promise<void> {
  readArguments(args, { positionals: [], options: {} });
  const { store } = await context.open();
  const head = await store.log.head();
  if (head === undefined) throw new Error('the audit log is empty');
  const text = checkpointLine(head);
  // Parsed back, so that both forms are the line that `log verify --checkpoint` reads.
  context.print({ text, json: JSON.parse(text) as unknown });
}

/** Counts positional arguments only; what is wrong with the line, `readArguments` says. */
function hasFile(args: readonly string[]): boolean {
  const lenient = {
    args: [...args],
    options: VERIFY_OPTIONS,
    allowPositionals: true,
    strict: false,
  };
  return parseArgs(lenient).positionals.length > 0;
}

async function openLog(
  context: CommandContext,
  file: string | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  if (file === undefined) {
    const { store } = await context.open();
    return Readable.from(exportLog(store.log)).map((line: string) => Buffer.from(line));
  }
  return file === '-' ? process.stdin : readChunks(file);
}

async function* readChunks(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** The service's own key, for its own log; a file is judged by keys that the auditor brings. */
async function ownKeys(
  context: CommandContext,
  file: string | undefined,
): Promise<VerificationKeys> {
  if (file !== undefined) throw new UsageError('--keys is missing');
  const { signingKey } = await context.open();
  return new Map([[signingKey.kid, createPublicKey(signingKey.privateKey)]]);
}

function readKeys(given: string): VerificationKeys {
  const keys = parseKeys(given) ?? parseKeys(readText(given));
  if (keys === undefined) throw new UsageError(`${given} holds no Ed25519 public key`);
  return keys;
}

function readCheckpoint(file: string): Checkpoint {
  const line = parseLogLine(readText(file).replace(/\n$/, ''));
  if (typeof line === 'string' || line.kind !== 'checkpoint') {
    throw new UsageError(
      `${file} does not hold a checkpoint as \`lethe log checkpoint\` prints it`,
    );
  }
  return line.checkpoint;
}

function inWords(report: LogReport, kept: Checkpoint | undefined): string {
  const { entries, checkpoints, from = 'none', to = 'none', problems, problemCount } = report;
  const extent = `${counted(entries, 'entry', 'entries')} from ${from} to ${to}, ${counted(checkpoints, 'checkpoint')}`;
  if (problemCount > 0) {
    const rest = problemCount - problems.length;
    return [
      `Read ${extent}.`,
      ...problems.map(
        ({ line, code, sentence }) =>
          `${line === 0 ? 'log' : `line ${line.toString()}`}: ${code}: ${sentence}`,
      ),
      ...(rest > 0 ? [`and ${counted(rest, 'problem')} more`] : []),
    ].join('\n');
  }
  return [
    `The log is sound: ${extent}.`,
    'Shown: no entry was changed, removed from between others or moved, and the last one is signed.',
    kept === undefined
      ? 'Not shown: that nothing was cut off after a checkpoint; give --checkpoint one kept earlier.'
      : `Shown: it begins with exactly the ${counted(kept.size, 'entry', 'entries')} of the checkpoint that was kept.`,
  ].join('\n');
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toString()} ${count === 1 ? one : many}`;
}
