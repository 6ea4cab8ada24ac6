import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** One request as it arrived, byte for byte. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/**
 * What the receiver does with a request: answers a status, never answers, resets the connection
 * (before or after the head of the answer), sends a body without end, or lets one drip.
 */
export type Behaviour =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly delayMs?: number;
      /** Answers not before this has resolved. */
      readonly after?: Promise<unknown>;
    }
  | 'hang'
  | 'reset'
  | 'cut'
  | 'huge'
  | 'drip'
  | 'garbage';

export interface Receiver {
  /** `http://127.0.0.1:port` or `https://localhost:port`. */
  readonly origin: string;
  /** The origin and the path `/webhook`. */
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** TCP connections accepted so far, those open now, and bytes written to the largest answer. */
  connections(): number;
  openConnections(): number;
  bytesAnswered(): number;
  /** From now on; a function is asked for each request. */
  behave(behaviour: Behaviour | ((request: Received) => Behaviour)): void;
  /** Resolves when `count` requests have arrived; rejects after `timeoutMs`. */
  waitFor(count: number, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** A real webhook receiver on loopback; with `tls` it speaks https. Answers 200 until told otherwise. */
export async function startReceiver(options: { tls?: ServerOptions } = {}): Promise<Receiver> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const watchers = new Set<() => void>();
  let connections = 0;
  let bytesAnswered = 0;
  let chosen: Behaviour | ((request: Received) => Behaviour) = { status: 200 };

  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      bytesAnswered = Math.max(bytesAnswered, socket.bytesWritten);
    });
  });
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const arrived: Received = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        body: Buffer.concat(chunks),
      };
      received.push(arrived);
      for (const watcher of watchers) watcher();
      answer(response, typeof chosen === 'function' ? chosen(arrived) : chosen);
    });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const origin =
    options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;

  return {
    origin,
    url: `${origin}/webhook`,
    port,
    received,
    connections: () => connections,
    openConnections: () => sockets.size,
    bytesAnswered: () =>
      Math.max(bytesAnswered, ...[...sockets].map((socket) => socket.bytesWritten)),
    behave: (behaviour) => {
      chosen = behaviour;
    },
    waitFor: (count, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (received.length < count) return;
          watchers.delete(check);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          watchers.delete(check);
          reject(new Error(`${received.length} of ${count} requests arrived`));
        }, timeoutMs);
        watchers.add(check);
        check();
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, behaviour: Behaviour): void {
  if (typeof behaviour === 'object') {
    const { status, headers, delayMs = 0, after = Promise.resolve() } = behaviour;
    void after.then(() => {
      setTimeout(() => response.writeHead(status, headers).end('ok'), delayMs);
    });
    return;
  }
  const socket = response.socket;
  if (behaviour === 'reset') {
    socket?.resetAndDestroy();
  } else if (behaviour === 'garbage') {
    socket?.end('this is not http\r\n\r\n');
  } else if (behaviour === 'cut') {
    response.writeHead(200, { 'content-length': '100' }).write('half');
    setTimeout(() => socket?.resetAndDestroy(), 50);
  } else if (behaviour === 'drip') {
    response.writeHead(200).write('.');
    const timer = setInterval(() => response.write('.'), 100);
    response.on('close', () => {
      clearInterval(timer);
    });
  } else if (behaviour === 'huge') {
    response.writeHead(200);
    const chunk = Buffer.alloc(65_536, '.');
    const pour = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', pour);
    pour();
  }
}
