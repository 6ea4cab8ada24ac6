// Run by receivers.ts in a process of its own, with test/support/typescript-hooks.mjs. Its argument is a
// JSON object (see ReceiverTask). Sends the ports of its destinations to its parent, and obeys.

import { openSync, writeSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answerAs, type Pending, type Stage } from './answer-as.js';
import type { Arrival } from './arrivals.js';
import { connectionFate, type Destination, type Fate, requestFate } from './destinations.js';
import { createReader, type Keys } from './read-message.js';

export interface ReceiverTask {
  readonly seed: string;
  readonly destinations: readonly Destination[];
  readonly logPath: string;
  readonly keys: Keys;
  readonly toleranceSeconds: number;
}

/** calm: from now on everybody answers. enable: those that were gone are back. */
export type Order = 'calm' | 'enable';

export interface Listening {
  readonly ports: Readonly<Record<string, number>>;
}

const task = JSON.parse(process.argv[2] ?? '') as ReceiverTask;
const log = openSync(task.logPath, 'a', 0o600);
const readMessage = createReader(task.keys, task.toleranceSeconds);
const startedAtMs = performance.now();
/** What hangs, until it is let go. */
const pending: Pending = new Set();
const seen = new Map<string, number>();
let isCalm = false;
let isEnabled = false;

function note(arrival: Arrival): void {
  writeSync(log, `${JSON.stringify(arrival)}\n`);
}

function next(counted: string): number {
  const ordinal = seen.get(counted) ?? 0;
  seen.set(counted, ordinal + 1);
  return ordinal;
}

function fateOf(destination: Destination, ref: string): Fate {
  const ordinal = next(ref);
  if (destination.mood === 'gone') return isEnabled ? 'answer 200' : 'answer 410';
  if (isCalm) return 'answer 200';
  const sinceStartMs = performance.now() - startedAtMs;
  return requestFate({ seed: task.seed, destination }, { ref, ordinal, sinceStartMs });
}

function onConnection(destination: Destination, socket: Socket): void {
  socket.on('error', () => undefined);
  const ordinal = next(destination.name);
  const fate = isCalm ? undefined : connectionFate({ seed: task.seed, destination }, ordinal);
  if (fate === undefined) return;
  note({ destination: destination.name, fate });
  socket.destroy();
}

function onRequest(destination: Destination): RequestListener {
  return (request, response) => {
    const [, kind, ref = '?'] = (request.url ?? '').split('/');
    const where = { ref, destination: destination.name };
    if (kind !== 'hook') {
      note({ ...where, fate: 'redirect followed' });
      response.writeHead(404).end();
      return;
    }
    const fate = fateOf(destination, ref);
    if (fate === 'reset before reading') {
      note({ ...where, fate });
      request.socket.resetAndDestroy();
      return;
    }
    receive(request, response, { where, fate }).catch(() => request.socket.destroy());
  };
}

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { where, fate }: { where: { ref: string; destination: string }; fate: Fate },
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const message = await readMessage(request.headers, Buffer.concat(chunks));
  const stage: Stage = { response, ref: where.ref, pending };
  // The log is first: what was acknowledged must be in it.
  answerAs(fate, stage, (answered) => {
    note({ ...where, fate, ...(answered !== undefined && { answered }), message });
  });
}

async function listen(destination: Destination): Promise<readonly [string, number]> {
  const server = createServer({ keepAliveTimeout: 60_000 }, onRequest(destination));
  server.on('connection', (socket: Socket) => {
    onConnection(destination, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [destination.name, (server.address() as AddressInfo).port];
}

process.on('message', (order: Order) => {
  if (order === 'enable') isEnabled = true;
  isCalm = true;
  for (const letGo of pending) letGo();
});
process.on('disconnect', () => process.exit());

const ports = Object.fromEntries(await Promise.all(task.destinations.map(listen)));
process.send?.({ ports } satisfies Listening);
