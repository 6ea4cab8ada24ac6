import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Arrival, readArrivals } from './arrivals.js';
import { DESTINATIONS } from './destinations.js';
import type { Keys } from './read-message.js';
import type { Listening, Order, ReceiverTask } from './receiver-process.js';

const PROCESSES = 2;
const HOOKS = fileURLToPath(new URL('../support/typescript-hooks.mjs', import.meta.url));
const PROCESS = fileURLToPath(new URL('receiver-process.ts', import.meta.url));

/** The receivers, in processes of their own that live as long as this one. */
export class Receivers {
  readonly #children: readonly ChildProcess[];
  readonly #logPaths: readonly string[];
  readonly #ports: Readonly<Record<string, number>>;

  private constructor(parts: {
    children: readonly ChildProcess[];
    logPaths: readonly string[];
    ports: Readonly<Record<string, number>>;
  }) {
    this.#children = parts.children;
    this.#logPaths = parts.logPaths;
    this.#ports = parts.ports;
  }

  static async start(options: {
    seed: string;
    dir: string;
    keys: Keys;
    toleranceSeconds: number;
  }): Promise<Receivers> {
    const { dir, ...common } = options;
    const tasks = Array.from({ length: PROCESSES }, (_, process): ReceiverTask => {
      const destinations = DESTINATIONS.filter((_of, at) => at % PROCESSES === process);
      return { ...common, destinations, logPath: join(dir, `receiver-${process}.log`) };
    });
    const children = tasks.map((task) =>
      fork(PROCESS, [JSON.stringify(task)], { execArgv: ['--import', HOOKS] }),
    );
    const listening = await Promise.all(children.map(portsOf));
    return new Receivers({
      children,
      logPaths: tasks.map(({ logPath }) => logPath),
      ports: Object.assign({}, ...listening) as Record<string, number>,
    });
  }

  origin(destination: string): string {
    return `http://127.0.0.1:${this.#ports[destination] ?? 0}`;
  }

  order(order: Order): void {
    for (const child of this.#children) child.send(order);
  }

  arrivals(): readonly Arrival[] {
    return this.#logPaths.flatMap((path) => [...readArrivals(path)]);
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

async function portsOf(child: ChildProcess): Promise<Listening['ports']> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a receiver ended');
  });
  const [listening] = (await Promise.race([once(child, 'message'), ended])) as [Listening];
  return listening.ports;
}
