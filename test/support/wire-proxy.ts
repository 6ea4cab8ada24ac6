import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const HEADER_BYTES = 16;
/** Header, flags, the kind of the first section, the size of its document, the type of its first member. */
const COMMAND_NAME_AT = HEADER_BYTES + 4 + 1 + 4 + 1;
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

/** Stands between a driver and a MongoDB server and asks what is to become of every command. */
export async function openWireProxy(
  target: { host: string; port: number },
  judge: (command: string) => Verdict,
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
        const verdict = judge(commandOf(message));
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

function reply(requestId: number, document: Uint8Array): Buffer {
  const start = Buffer.alloc(HEADER_BYTES + 5);
  start.writeInt32LE(start.length + document.length, 0);
  start.writeInt32LE(requestId, 8);
  start.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([start, document]);
}
