/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text of UTF-8 bytes; throws a TypeError when they are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function base64(bytes: Uint8Array): string {
  return view(bytes).toString('base64');
}

export function base64url(bytes: Uint8Array): string {
  return view(bytes).toString('base64url');
}

export function hex(bytes: Uint8Array): string {
  return view(bytes).toString('hex');
}

/**
 * Bytes of padded standard base64, or undefined when the text is not its canonical form
 * (RFC 4648 §3.5: one text per byte string).
 */
export function parseBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** Bytes of unpadded base64url, or undefined when the text is not its canonical form. */
export function parseBase64url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
