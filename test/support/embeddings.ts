import { createHash } from 'node:crypto';

const DIMENSION = 128;

/** An embedding that stands for one face: the same name gives the same face, two names two strangers. */
export function face(name: string): Float32Array {
  return Float32Array.from({ length: DIMENSION }, (_, index) => {
    const hash = createHash('sha256')
      .update(`${name} ${String(index)}`)
      .digest();
    return hash.readInt32LE(0) / 2 ** 31;
  });
}

/** Another picture of a face: the same direction with a little noise. */
export function retaken(of: Float32Array, noise = 0.05): Float32Array {
  const other = face(`noise ${String(of[0])}`);
  return of.map((value, index) => value + noise * (other[index] ?? 0));
}

/** As an in-session call sends it: base64 of little-endian float32. */
export function encoded(embedding: Float32Array): string {
  const bytes = Buffer.alloc(embedding.length * 4);
  embedding.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes.toString('base64');
}
