import { parseArgs } from 'node:util';
import { parseCheckpoint } from '../audit/offline/checkpoint.js';
import { nodePrimitives } from '../audit/offline/node-primitives.js';
import { parseNote } from '../audit/offline/note.js';
import { parseVerifierKey, type VerifierKey } from '../audit/offline/verifier-key.js';
import { logDirectory } from '../audit/reading/log-directory.js';
import type { LogSource } from '../audit/reading/log-source.js';
import type { Expectation } from '../audit/reading/signed-head.js';
import { storedLogSource } from '../audit/reading/stored-log-source.js';
import { verifyLogConsistency } from '../audit/reading/verify-consistency.js';
import { type LogReport, verifyLog } from '../audit/reading/verify-log.js';
import { verifyStoredLog } from '../audit/reading/verify-stored-log.js';
import { createLogFetcher } from '../outbound/log-fetcher.js';
import {
  type Application,
  type Command,
  type CommandContext,
  readArguments,
  required,
  UsageError,
} from './command.js';
import { consistencyInWords, counted, logInWords } from './log-words.js';
import { readText } from './read-text.js';
import { readPolicy, readVerifierKeys } from './verifier-keys.js';

const OPTIONS = {
  key: { type: 'string', multiple: true },
  policy: { type: 'string' },
  checkpoint: { type: 'string' },
} as const;

const PLACE = `  DIR|URL                            an export, or the address of a log such as
                                     https://lethe.example.com/log (default: the log in the store)
  --key KEY                          a key of the log: a verifier key name+id+key itself, or a file
                                     with one on each line, as /log/keys serves them; with DIR or URL
                                     always, without them the service's own by default
  --policy FILE                      a C2SP tlog-policy: its logs are trusted besides, its quorum
                                     of witnesses must have cosigned the newest checkpoint
  --checkpoint KEPT                  a file from an earlier \`lethe log checkpoint\``;

export const logVerifyCommands: readonly Command[] = [
  {
    name: 'log verify',
    summary: 'Check a whole log; of an export, that needs no store, no network and no secret.',
    usage: `log verify [DIR|URL] [--key KEY]... [--policy FILE] [--checkpoint KEPT]
${PLACE}:
                                     the log must begin with exactly what it signed
Exits with 0 when the log is sound, 1 when it is not, 2 when it could not be checked.`,
    run: verify,
  },
  {
    name: 'log consistency',
    summary: 'Check from a few hashes that a log still begins with what a checkpoint signed.',
    usage: `log consistency [DIR|URL] --checkpoint KEPT [--key KEY]... [--policy FILE]
${PLACE}
Exits with 0 when it does, 1 when it does not, 2 when it could not be checked.`,
    run: checkConsistency,
  },
];

async function verify(context: CommandContext, args: readonly string[]): Promise<void> {
  const { expectation, report } = await attempt(async () => {
    const { place, expectation: against } = await readVerification(context, args);
    return { expectation: against, report: await verifyPlace(context, place, against) };
  });
  const { problemCount } = report;
  context.print({
    text: logInWords(report, expectation),
    json: { isSound: problemCount === 0, ...report },
  });
  if (problemCount > 0)
    throw new Error(`the log is not sound: ${counted(problemCount, 'problem')}`);
}

async function checkConsistency(context: CommandContext, args: readonly string[]): Promise<void> {
  const report = await attempt(async () => {
    const { place, expectation } = await readVerification(context, args);
    const keptCheckpoint = required('--checkpoint', expectation.keptCheckpoint);
    return await withSource(context, place, (source) =>
      verifyLogConsistency(source, { ...expectation, keptCheckpoint }),
    );
  });
  const { problemCount } = report;
  context.print({
    text: consistencyInWords(report),
    json: { isConsistent: problemCount === 0, ...report },
  });
  if (problemCount > 0)
    throw new Error(
      `the log does not continue the checkpoint: ${counted(problemCount, 'problem')}`,
    );
}

/** What could not be read, the store too, is not a finding. */
async function attempt<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError((error as Error).message, { cause: error });
  }
}

async function readVerification(
  context: CommandContext,
  args: readonly string[],
): Promise<{ place: string | undefined; expectation: Expectation }> {
  const { positionals, values } = readArguments(args, {
    positionals: hasPlace(args) ? ['DIR|URL'] : [],
    options: OPTIONS,
  });
  const [place] = positionals;
  const policy = values.policy === undefined ? undefined : await readPolicy(values.policy);
  const given = await Promise.all((values.key ?? []).map((key) => readVerifierKeys('log', key)));
  const logKeys = [...given.flat(), ...(policy?.logs ?? []).map(({ key }) => key)];
  if (logKeys.length === 0 && place !== undefined)
    throw new UsageError('--key is missing, and no --policy names a log');
  const keptCheckpoint =
    values.checkpoint === undefined ? undefined : readCheckpoint(values.checkpoint);
  return {
    place,
    expectation: {
      logKeys: logKeys.length === 0 ? await ownKeys(await context.open()) : logKeys,
      policy,
      keptCheckpoint,
    },
  };
}

/** Counts positional arguments only; what is wrong with the line, `readArguments` says. */
function hasPlace(args: readonly string[]): boolean {
  const lenient = { args: [...args], options: OPTIONS, allowPositionals: true, strict: false };
  return parseArgs(lenient).positionals.length > 0;
}

async function verifyPlace(
  context: CommandContext,
  place: string | undefined,
  expectation: Expectation,
): Promise<LogReport> {
  if (place !== undefined)
    return await withSource(context, place, (source) => verifyLog(source, expectation));
  const { store } = await context.open();
  return await verifyStoredLog(store.log, expectation);
}

async function withSource<T>(
  context: CommandContext,
  place: string | undefined,
  use: (source: LogSource) => Promise<T>,
): Promise<T> {
  if (place === undefined) {
    const { store } = await context.open();
    return await use(
      storedLogSource({ log: store.log, logKeys: store.logKeys, policy: undefined }),
    );
  }
  if (!/^https?:/i.test(place)) return await use(logDirectory(place));
  const fetcher = createLogFetcher(place);
  try {
    return await use(fetcher);
  } finally {
    await fetcher.close();
  }
}

/** The keys that the service itself signs its log with, as it derives them. */
async function ownKeys({ store, logKeyring }: Application): Promise<readonly VerifierKey[]> {
  const vkeys = (await store.logKeys.list()).map((key) => logKeyring.signerOf(key).vkey);
  const keys = await Promise.all(vkeys.map((vkey) => parseVerifierKey(nodePrimitives, vkey)));
  return keys.flatMap((key) => key ?? []);
}

function readCheckpoint(file: string): string {
  const note = readText(file);
  if (parseCheckpoint(parseNote(note)?.text ?? '') === undefined)
    throw new UsageError(
      `${file} does not hold a checkpoint as \`lethe log checkpoint\` prints it`,
    );
  return note;
}
