import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const HEADER_BYTES = 16;
/** After header, flags and the kind of the first section. */
const DOCUMENT_AT = HEADER_BYTES + 4 + 1;
/** After the size of the document and the type of its first member. */
const COMMAND_NAME_AT = DOCUMENT_AT + 4 + 1;
const OP_MSG = 2013;

/** What happens to a command: it passes, or one of these. */
export type Verdict =
  | 'pass'
  /** The connection closes before the command reaches the server. */
  | 'close'
  /** The command takes effect and the connection closes in the place of the reply. */
  | 'lose-reply'
  /** This answer in the place of the server's; the command does not reach it. */
  | { readonly document: Uint8Array };

export interface WireProxy {
  readonly port: number;
  close(): Promise<void>;
}

/** Stands between a driver and a MongoDB server and asks what is to become of every command (BSON). */
export async function openWireProxy(
  target: { host: string; port: number },
  judge: (command: string, document: Uint8Array) => Verdict,
): Promise<WireProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    const lost = new Set<number>();
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on(
      'data',
      eachMessage((message) => {
        const verdict = judge(commandOf(message), message.subarray(DOCUMENT_AT));
        const requestId = message.readInt32LE(4);
        if (verdict === 'lose-reply') lost.add(requestId);
        if (verdict === 'close') near.destroy();
        else if (typeof verdict === 'object') near.write(reply(requestId, verdict.document));
        else far.write(message);
      }),
    );
    far.on(
      'data',
      eachMessage((message) => {
        if (lost.has(message.readInt32LE(8))) near.destroy();
        else near.write(message);
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Cuts a stream into wire messages: each begins with its length. */
function eachMessage(take: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER_BYTES && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}

function commandOf(message: Buffer): string {
  if (message.readInt32LE(12) !== OP_MSG) return '';
  return message.toString('latin1', COMMAND_NAME_AT, message.indexOf(0, COMMAND_NAME_AT));
}

/** A command as a driver sends it, to the reply that it gets; for what no driver lets one send. */
export async function sendCommand(
  target: { host: string; port: number },
  document: Uint8Array,
): Promise<void> {
  const socket = connect(target);
  try {
    socket.write(messageOf(document, 0));
    await once(socket, 'data');
  } finally {
    socket.destroy();
  }
}

function reply(requestId: number, document: Uint8Array): Buffer {
  return messageOf(document, requestId);
}

function messageOf(document: Uint8Array, responseTo: number): Buffer {
  const start = Buffer.alloc(DOCUMENT_AT);
  start.writeInt32LE(start.length + document.length, 0);
  start.writeInt32LE(responseTo, 8);
  start.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([start, document]);
}
