import { Writable } from 'node:stream';
import { createWatch, type Watch } from '../../src/watch/events.js';

/** The real watch at its most talkative level, with all that it writes. */
export function capturedLog(): { readonly watch: Watch; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  return { watch: createWatch({ level: 'debug', stream }), text: () => chunks.join('') };
}
