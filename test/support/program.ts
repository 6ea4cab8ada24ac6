import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Longer than a key service waits for the claim of one that was killed. */
const START_LIMIT_MS = 45_000;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What of Lethe runs in a process of its own, from its sources, and with this environment alone. */
interface Start {
  /** The source file, from the root of the repository, and its arguments. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A process that has said that it listens. */
export class Program {
  /** Its exit code, once it has ended; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once('close', resolve);
    });
  }

  /** Waits for its `listening on` line; throws an Error with all that it wrote when it ends before. */
  static async start({ argv, env }: Start): Promise<Program> {
    const child = spawn(
      process.execPath,
      ['--import', './test/support/typescript-hooks.mjs', ...argv],
      { cwd: ROOT, env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const program = new Program(child);
    const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
    await new Promise<void>((resolve, reject) => {
      child.once('close', (code) => {
        reject(new Error(`${argv.join(' ')} ended with ${String(code)}: ${program.output}`));
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          program.#output += chunk.toString();
          if (program.output.includes('listening on')) resolve();
        });
      }
    }).finally(() => {
      clearTimeout(limit);
    });
    return program;
  }

  /** All that it has written to stdout and stderr. */
  get output(): string {
    return this.#output;
  }

  /** Lets it do nothing, as a virtual machine that is paused does, until `resume`. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends the process at once, as a power failure would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Asks the process to stop and returns its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return await this.ended;
  }
}
