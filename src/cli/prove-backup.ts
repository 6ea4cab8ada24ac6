import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { SubjectStore } from '../biometrics/subject-store.js';
import { parseKeyName } from '../vault/key-name.js';
import { type Judgement, judge, type Known } from '../vault/thief/judge.js';
import type { ThiefReport } from '../vault/thief/report.js';
import { Thief } from '../vault/thief/thief.js';
import { type Command, type CommandContext, readArguments, UsageError } from './command.js';

const PAGE = 500;
const MOST_UNFINISHED = 1000;
const MOST_LISTED = 20;

export const proveBackupCommands: readonly Command[] = [
  {
    name: 'prove-backup',
    summary: 'Show that no backup opens what was erased: play the thief who has them all.',
    usage: `prove-backup FILE... [--root FILE]... [--memory FILE]... [--live FILE] [--old-root FILE]...
  FILE...                            everything that a thief could hold: dumps, database files,
                                     logs; folders are searched through; gzip, base64 and hex
                                     are unpacked
  --root FILE                        the current root, every share of it (only read, not locked)
  --memory FILE                      a memory dump, core file or disk image
  --live FILE                        the key names that must open, one a line
                                     (default: the subjects of the store)
  --old-root FILE                    as a control, a root from before the erasures: with it,
                                     erased enrolments must open
Take the dumps after the erasures, and let nothing be enrolled or erased meanwhile.
Exits with 0 when all that lives opens and nothing that was erased, 1 when not (with --old-root
also when the control opens nothing), 2 when it could not be checked.`,
    run: prove,
  },
];

const OPTIONS = {
  root: { type: 'string', multiple: true },
  memory: { type: 'string', multiple: true },
  live: { type: 'string' },
  'old-root': { type: 'string', multiple: true },
} as const;

interface Proof {
  readonly report: ThiefReport;
  readonly judgement: Judgement;
  /** Of the erased enrolments, how many the thief could open besides with an old root. */
  readonly openWithOldRoot: number | undefined;
}

async function prove(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: fileNames(args),
    options: OPTIONS,
  });
  const thief = new Thief();
  try {
    for (const file of positionals.flatMap(filesIn)) await reading(file, () => thief.addFile(file));
    for (const file of values.memory ?? []) await reading(file, () => thief.addMemory(file));
    for (const file of values.root ?? []) await reading(file, () => thief.addSecretFile(file));
    const known =
      values.live === undefined
        ? await knownToStore(context)
        : { liveKeyNames: readNames(values.live) };
    const report = await thief.run();
    const judgement = judge(report, known);
    const openWithOldRoot = await control(thief, values['old-root'] ?? [], known);
    conclude(context, { report, judgement, openWithOldRoot });
  } finally {
    thief.close();
  }
}

/** How many files are named; what is wrong with the line, `readArguments` says. */
function fileNames(args: readonly string[]): readonly string[] {
  const lenient = { args: [...args], options: OPTIONS, allowPositionals: true, strict: false };
  const count = parseArgs(lenient).positionals.length;
  return new Array<string>(Math.max(1, count)).fill('FILE');
}

/** The file itself, or the regular files in a folder and below. */
function filesIn(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function reading(file: string, read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Not 1: a script must be able to tell a bad backup from one that could not be checked. */
function unreadable(file: string, error: unknown): UsageError {
  if (error instanceof RangeError) return new UsageError(error.message);
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return new UsageError(`${file} cannot be read (${code})`);
}

function readNames(file: string): readonly string[] {
  const lines = readLines(file);
  const wrongAt = lines.findIndex((line) => line !== '' && parseKeyName(line) === undefined);
  if (wrongAt >= 0) {
    throw new UsageError(
      `line ${wrongAt + 1} of ${file} is not a key name, such as the keyId of an enrolment`,
    );
  }
  return lines.filter((line) => line !== '');
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * The live subjects of every tenant, and what may open or not: those whose erasure has not come to its
 * end, and the keys of buckets, of
 * review records for example.
 */
async function knownToStore(context: CommandContext): Promise<Known> {
  const { store, config } = await context.open();
  const liveKeyNames: string[] = [];
  for (const { tenantId } of await store.access.listTenants())
    for (const model of Object.keys(config.models))
      for await (const keyName of keyNamesOf(store.subjects, { tenantId, model }))
        liveKeyNames.push(keyName);
  const unfinished = await store.erasures.findUnfinished(MOST_UNFINISHED);
  const pendingKeyNames = unfinished.flatMap(({ intent }) => intent?.keyIds ?? []);
  const bucketKeyNames = (await store.bucketKeys.list()).map(({ keyId }) => keyId);
  return { liveKeyNames, pendingKeyNames: [...pendingKeyNames, ...bucketKeyNames] };
}

async function* keyNamesOf(
  subjects: SubjectStore,
  of: { tenantId: string; model: string },
): AsyncGenerator<string> {
  for (let afterUuid: string | undefined = ''; afterUuid !== undefined; ) {
    const page = await subjects.scan({ ...of, afterUuid, limit: PAGE });
    yield* page.map(({ enrolment }) => enrolment.keyId);
    afterUuid = page.at(-1)?.uuid;
  }
}

async function control(
  thief: Thief,
  oldRoots: readonly string[],
  known: Known,
): Promise<number | undefined> {
  if (oldRoots.length === 0) return undefined;
  for (const file of oldRoots) await reading(file, () => thief.addSecretFile(file));
  return judge(await thief.run(), known).erasedOpened.length;
}

function conclude(context: CommandContext, proof: Proof): void {
  const { isCompetent, live, erased, erasedOpened } = proof.judgement;
  context.print({ text: inWords(proof), json: inJson(proof) });
  if (erasedOpened.length > 0) throw new Error('erased enrolments open');
  if (live.length === 0)
    throw new UsageError('there is no live enrolment to show that the search finds anything');
  if (!isCompetent) throw new Error('not every live enrolment opens');
  if (proof.openWithOldRoot === 0 && erased.length > 0)
    throw new Error('the control failed: with the old root no erased enrolment opens');
}

function inJson({ report, judgement, openWithOldRoot }: Proof): object {
  const { findings, ...counts } = report;
  const { verdict, isCompetent, erasedOpened, liveMissing } = judgement;
  const erased = new Set(judgement.erased);
  return {
    isProved: isCompetent && erasedOpened.length === 0,
    verdict,
    ...counts,
    openWithOldRoot,
    missing: liveMissing,
    subjects: findings.map((finding) => ({ ...finding, isErased: erased.has(finding.keyName) })),
  };
}

function inWords({ report, judgement, openWithOldRoot }: Proof): string {
  const { erased, erasedOpened, verdict } = judgement;
  const rest = erasedOpened.length - MOST_LISTED;
  const tried = report.isExhaustive ? 'each on every blob' : 'each on the blobs that name it';
  return [
    `Searched ${counted(report.sources, 'file')}: ${counted(report.nodes, 'sealed key node')}, ${counted(report.templates, 'sealed template')}, ${counted(report.keyNames, 'key name')}, ${counted(report.rootSlots, 'root slot')}.`,
    `Tried ${counted(report.seeds, 'window')} of secrets and ${counted(report.keysFound, 'key')}, ${tried}: ${counted(report.nodesOpened, 'node')} and ${counted(report.templatesOpened, 'template')} opened.`,
    ...erasedOpened.slice(0, MOST_LISTED).map((keyName) => `Opens although erased: ${keyName}`),
    ...(rest > 0 ? [`and ${rest} more`] : []),
    verdict,
    ...(openWithOldRoot === undefined
      ? []
      : [`Control: with the old root ${openWithOldRoot} of ${erased.length} erased would open.`]),
  ].join('\n');
}

function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
