import { SecretBytes } from '../crypto/secret-bytes.js';
import { ServiceError } from '../errors/service-error.js';
import { parseBase64 } from '../lib/bytes.js';

const FLOAT_BYTES = 4;

/** Below this norm the direction of a vector is noise. */
const SMALLEST_NORM = 1e-6;

/**
 * Reads an embedding: canonical base64 of `dimension` little-endian IEEE 754 float32 values.
 * Returns it L2-normalised, `4 · dimension` bytes in the platform's byte order; the caller wipes it.
 * Throws INVALID_EMBEDDING on another length, NaN, infinity or a zero vector.
 */
export function parseEmbedding(text: string, dimension: number): SecretBytes {
  const bytes = parseBase64(text);
  if (bytes?.byteLength !== dimension * FLOAT_BYTES) throw new ServiceError('INVALID_EMBEDDING');
  const input = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const buffer = new ArrayBuffer(bytes.byteLength);
  const values = new Float32Array(buffer);
  for (let index = 0; index < dimension; index += 1)
    values[index] = input.getFloat32(index * FLOAT_BYTES, true);
  bytes.fill(0);
  const norm = Math.sqrt(dot(values, values));
  if (!(norm >= SMALLEST_NORM && Number.isFinite(norm))) {
    values.fill(0);
    throw new ServiceError('INVALID_EMBEDDING');
  }
  for (let index = 0; index < dimension; index += 1) values[index] = (values[index] ?? 0) / norm;
  return SecretBytes.own(buffer);
}

/** Cosine similarity of two normalised embeddings of one model, -1 to 1. */
export function similarity(a: SecretBytes, b: SecretBytes): number {
  return a.use((left) => b.use((right) => dot(floats(left), floats(right))));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / FLOAT_BYTES);
}
