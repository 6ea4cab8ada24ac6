import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import mongoose from 'mongoose';

const HEADER_BYTES = 16;
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

/** A server that says hello as it is told and does nothing else. */
export async function openHelloServer(
  hello: object,
): Promise<{ address: string; close(): Promise<void> }> {
  const document = mongoose.mongo.BSON.serialize({
    isWritablePrimary: true,
    ismaster: true,
    maxBsonObjectSize: 16_777_216,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    logicalSessionTimeoutMinutes: 30,
    minWireVersion: 0,
    maxWireVersion: 21,
    ...hello,
    ok: 1,
  });
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (message) => {
      if (typeof message !== 'string') socket.write(answer(message, document));
    });
    server.once('closing', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port.toString()}`,
    async close() {
      server.emit('closing');
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(request: Buffer, document: Uint8Array): Buffer {
  const isQuery = request.readInt32LE(12) === OP_QUERY;
  const start = Buffer.alloc(HEADER_BYTES + (isQuery ? 20 : 5));
  start.writeInt32LE(start.length + document.length, 0);
  start.writeInt32LE(request.readInt32LE(4), 8);
  start.writeInt32LE(isQuery ? OP_REPLY : OP_MSG, 12);
  if (isQuery) start.writeInt32LE(1, HEADER_BYTES + 16);
  return Buffer.concat([start, document]);
}
