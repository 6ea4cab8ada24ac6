import { connect } from 'node:net';

/** What came back on a socket, up to its end. */
export interface RawAnswer {
  /** Status of the first answer; 0 when there was none. */
  readonly status: number;
  /** Head of the first answer. */
  readonly head: string;
  /** All that follows the first head. */
  readonly body: string;
  readonly text: string;
}

/**
 * Sends exact bytes, which no client library would, and collects what comes until the other side
 * closes or `quietMs` pass without a byte. `pauseMs` lies between the parts.
 */
export async function sendRaw(
  url: string,
  parts: string | Uint8Array | readonly (string | Uint8Array)[],
  { quietMs = 1_000, pauseMs = 0 }: { quietMs?: number; pauseMs?: number } = {},
): Promise<RawAnswer> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve) => {
    socket.setTimeout(quietMs, resolve);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => {
      resolve();
    });
    // A reset is an end too.
    socket.on('error', () => undefined);
  });
  const list = typeof parts === 'string' || parts instanceof Uint8Array ? [parts] : parts;
  for (const part of list) {
    if (socket.writable)
      socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await ended;
  socket.destroy();
  return parse(Buffer.concat(chunks).toString('utf8'));
}

/** A request with a JSON body, byte for byte as given. */
export function rawPost(path: string, body: string, headers: readonly string[] = []): string {
  const length = `Content-Length: ${String(Buffer.byteLength(body, 'latin1'))}`;
  const fixed = [`POST ${path} HTTP/1.1`, 'Host: lethe', 'Content-Type: application/json'];
  return [...fixed, length, 'Connection: close', ...headers, '', body].join('\r\n');
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const head = end === -1 ? text : text.slice(0, end);
  const body = end === -1 ? '' : text.slice(end + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
  return { status, head, body, text };
}
