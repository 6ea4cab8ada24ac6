import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.js';
import { waitMs } from './wait.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLOCK = fileURLToPath(new URL('clock-preload.mjs', import.meta.url));
const START_LIMIT_MS = 60_000;
const RESTART_LIMIT_MS = 120_000;
const KEPT_OUTPUT = 20_000;

/** Nobody outlives this process. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A built program of Lethe as an operator runs it; killed and started again as often as one likes. */
export class ChaosProcess {
  readonly port: number;
  /** How often it ended without being killed, after it had said that it listens. */
  endedByItself = 0;
  /** How often it did not come up, because the store was away. */
  failedStarts = 0;
  readonly #argv: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, argv: readonly string[], env: Record<string, string>) {
    this.port = port;
    this.#argv = argv;
    this.#env = env;
  }

  static async of(argv: readonly string[], env: Record<string, string>): Promise<ChaosProcess> {
    return new ChaosProcess(await freePort(), argv, env);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The end of what it wrote. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Waits for its `listening on` line; throws what it wrote when it ends before. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import', CLOCK, ...this.#argv], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        PORT: this.port.toString(),
        PUBLIC_URL: this.url,
        ...this.#env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('close', () => running.delete(child));
    const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
    let output = '';
    try {
      await new Promise<void>((resolve, reject) => {
        child.once('close', (code) => {
          reject(new Error(`${this.#argv.join(' ')} ended with ${String(code)}: ${output}`));
        });
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => {
            output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
            this.#output = output;
            if (output.includes('listening on')) resolve();
          });
      });
    } finally {
      clearTimeout(limit);
    }
    this.#child = child;
    child.once('close', () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.endedByItself += 1;
    });
  }

  /** Starts it as an init system does: again, when the store is away. */
  async restart(): Promise<void> {
    const endMs = performance.now() + RESTART_LIMIT_MS;
    for (;;) {
      try {
        await this.start();
        return;
      } catch (error) {
        this.failedStarts += 1;
        if (performance.now() > endMs) throw error;
      }
      await waitMs(500);
    }
  }

  /** Ends it at once, as a power failure would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}
