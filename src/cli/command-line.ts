import { ServiceError } from '../errors/service-error.js';
import { type Application, type Command, type CommandContext, UsageError } from './command.js';

/** What `lethe` needs of its surroundings. */
interface Surroundings {
  readonly commands: readonly Command[];
  readonly openApplication: () => Promise<Application>;
  /** Each call writes one text, ended by a line feed, to stdout or stderr. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Runs one command line; the exit code: 0 done, 1 failed, 2 bad usage. */
export async function runCommandLine(
  surroundings: Surroundings,
  argv: readonly string[],
): Promise<number> {
  const { commands, out, err } = surroundings;
  const isHelp = argv.some((word) => word === '--help' || word === '-h');
  const isJson = argv.includes('--json');
  const words = argv.filter((word) => !['--help', '-h', '--json'].includes(word));
  const command = find(commands, words);
  if (command === undefined) {
    if (!isHelp && words.length > 0) {
      err(
        `lethe: there is no command ${JSON.stringify(words.slice(0, 2).join(' '))}; lethe --help lists them\n`,
      );
      return 2;
    }
    if (isHelp) out(overview(commands, words));
    else err('lethe: name a command; lethe --help lists them\n');
    return isHelp ? 0 : 2;
  }
  if (isHelp) {
    out(`${command.summary}\n\nUsage: lethe ${command.usage}\n`);
    return 0;
  }
  return await run(surroundings, {
    command,
    isJson,
    args: words.slice(command.name.split(' ').length),
  });
}

function find(commands: readonly Command[], words: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name.split(' ').every((word, index) => words[index] === word));
}

/** Every command, or those of the group that is named. */
function overview(commands: readonly Command[], [group]: readonly string[]): string {
  const named = commands.filter(({ name }) => group !== undefined && name.startsWith(`${group} `));
  const shown = named.length > 0 ? named : commands;
  const width = Math.max(...shown.map(({ name }) => name.length));
  const rows = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return [
    'Usage: lethe COMMAND [ARGUMENTS] [--json] [--help]\n\n',
    ...rows,
    '\nlethe COMMAND --help tells more. The store is found as the server finds it: DATA_DIR, MONGODB_URI.\n',
  ].join('');
}

async function run(
  surroundings: Surroundings,
  { command, isJson, args }: { command: Command; isJson: boolean; args: readonly string[] },
): Promise<number> {
  let opened: Promise<Application> | undefined;
  const context: CommandContext = {
    isJson,
    open: () => (opened ??= surroundings.openApplication()),
    print: ({ text, json }) => {
      surroundings.out(`${isJson ? JSON.stringify(json) : text}\n`);
    },
  };
  try {
    await command.run(context, args);
    return 0;
  } catch (error) {
    surroundings.err(`lethe ${command.name}: ${sentence(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    await closeQuietly(opened);
  }
}

/** An application that never opened has reported its reason already. */
async function closeQuietly(opened: Promise<Application> | undefined): Promise<void> {
  const application = await opened?.catch(() => undefined);
  await application?.close();
}

/** One line that says what is wrong. */
function sentence(error: unknown): string {
  if (error instanceof ServiceError && error.problems.length > 0) {
    return error.problems
      .map(({ pointer, message }) => `${pointer.slice(1)} ${message}`.trim())
      .join('; ');
  }
  return (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ');
}
