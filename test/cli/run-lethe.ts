import type { Application, Command } from '../../src/cli/command.js';
import { runCommandLine } from '../../src/cli/command-line.js';
import type { Accounts } from '../access/memory-accounts.js';

/** One run of the command line on accounts in memory. */
export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** How often the store was opened and closed. */
  readonly opened: number;
  readonly closed: number;
}

export async function runLethe(
  { commands, accounts }: { commands: readonly Command[]; accounts: Accounts },
  ...argv: string[]
): Promise<Run> {
  const run = { stdout: '', stderr: '', opened: 0, closed: 0 };
  const application = {
    ...accounts.deps,
    config: { models: accounts.deps.models },
    close: () => {
      run.closed += 1;
      return Promise.resolve();
    },
  } as unknown as Application;
  const exitCode = await runCommandLine(
    {
      commands,
      openApplication: () => {
        run.opened += 1;
        return Promise.resolve(application);
      },
      out: (text) => {
        run.stdout += text;
      },
      err: (text) => {
        run.stderr += text;
      },
    },
    argv,
  );
  return { exitCode, ...run };
}
