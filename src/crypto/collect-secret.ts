import { SecretBytes } from './secret-bytes.js';

/**
 * Collects a body of exactly `lengthBytes` bytes from a stream that nobody has read from. Each chunk
 * is zeroed as it comes: `for await` and `read()` would join chunks into copies that nobody can
 * wipe. Rejects when the stream fails or holds more or fewer bytes; then what came is wiped.
 */
export async function collectSecret(
  stream: NodeJS.ReadableStream,
  lengthBytes: number,
): Promise<SecretBytes> {
  const body = SecretBytes.own(new ArrayBuffer(lengthBytes));
  let endBytes = 0;

  function take(chunk: Uint8Array): void {
    if (endBytes + chunk.byteLength <= lengthBytes) {
      body.use((bytes) => {
        bytes.set(chunk, endBytes);
      });
    }
    endBytes += chunk.byteLength;
    chunk.fill(0);
  }

  try {
    await new Promise<void>((resolve, reject) => {
      stream.on('data', take);
      stream.once('end', resolve);
      stream.once('error', reject);
      stream.once('close', () => {
        reject(new Error('the body was cut off'));
      });
    });
    if (endBytes !== lengthBytes) throw new Error('the body is not as long as announced');
    return body;
  } catch (error) {
    stream.removeListener('data', take);
    body.wipe();
    throw error;
  }
}
