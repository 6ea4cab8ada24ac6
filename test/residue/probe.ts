import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type MemoryHit, scanMemory } from './process-memory.js';
import type { Tombstones } from './scanner.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * A process that does what it is asked to by a line, answers with a line and then stands still, so
 * that its memory can be read as it is at that moment.
 */
export class Probe {
  get pid() {
    return this.#child.pid!;
  }
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess, answers: AsyncIterator<string>) {
    this.#child = child;
    this.#answers = answers;
  }

  /** Starts a script of this folder, e.g. `key-operations.ts`. */
  static start(script: string, ...nodeOptions: readonly string[]): Probe {
    const child = spawn(
      process.execPath,
      [...nodeOptions, '--import', './test/support/typescript-hooks.mjs', `test/residue/${script}`],
      { cwd: ROOT, env: { PATH: process.env['PATH'] ?? '' }, stdio: ['pipe', 'pipe', 'inherit'] },
    );
    return new Probe(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
  }

  /** The tombstones of the keys that the operation made and destroyed. */
  async ask(operation: string, times = 1): Promise<Tombstones> {
    this.#child.stdin?.write(`${operation} ${times}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error(`the process ended instead of answering to ${operation}`);
    return JSON.parse(answer.value) as Tombstones;
  }

  /** Every copy in the memory of the process, at any address. */
  find(tombstones: Tombstones): MemoryHit[] {
    if (this.#child.pid === undefined) throw new Error('the process did not start');
    return scanMemory(this.#child.pid, tombstones, { strideBytes: 1 });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}
