import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { guarded, TokenError } from '../../src/store/pkcs11/failures.js';
import { readPin } from '../../src/store/pkcs11/pin.js';

// What needs a token is in test/residue/token-share.test.ts.

const folder = mkdtempSync(join(tmpdir(), 'lethe-pin-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(bytes: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, 'pin');
  rmSync(path, { recursive: true, force: true });
  writeFileSync(path, bytes, { mode });
  chmodSync(path, mode);
  return path;
}

describe('a file with a PIN', () => {
  test.each([
    ['1234', '1234'],
    ['1234\n', '1234'],
    ['1234\r\n', '1234'],
    [' 12 34 \n\n', ' 12 34 \n'],
    ['žluť', 'žluť'],
  ])('when it holds %j, then the PIN is %j', (content, pin) => {
    expect(readPin(file(content))).toBe(pin);
  });

  test.each([
    ['is empty', () => file(''), /is empty/],
    ['holds a line break alone', () => file('\n'), /is empty/],
    ['is too long', () => file('1'.repeat(1025)), /too long/],
    ['is not UTF-8', () => file(Uint8Array.of(0x31, 0xff)), /not UTF-8/],
    ['can be read by others', () => file('1234', 0o640), /set its mode to 0600/],
    ['is missing', () => join(folder, 'nowhere'), /is missing/],
    ['is a folder', () => folder, /must be a regular file/],
    ['is in a file', () => join(file('1234'), 'pin'), /cannot be read \(ENOTDIR\)/],
  ])('when it %s, then the message names it and the remedy', (_what, make, message) => {
    const path = make();
    expect(() => readPin(path)).toThrow(TokenError);
    expect(() => readPin(path)).toThrow(message);
    expect(() => readPin(path)).toThrow(path);
  });
});

describe('what the library of a token answers', () => {
  test.each([
    ['CKR_PIN_INCORRECT', /refused the PIN; put the right one into its file/],
    ['CKR_PIN_LOCKED', /unlock it/],
    ['CKR_DEVICE_REMOVED', /put it back/],
    ['CKR_TOKEN_NOT_PRESENT', /put it back/],
    ['CKR_SESSION_HANDLE_INVALID', /try again/],
    ['CKR_USER_NOT_LOGGED_IN', /try again/],
    ['CKR_SESSION_HANDLE_INVALID:179', /try again/],
    ['CKR_TOKEN_WRITE_PROTECTED', /lift that/],
    ['CKR_DEVICE_MEMORY', /is full/],
    ['CKR_VENDOR_DEFINED', /cannot be used \(CKR_VENDOR_DEFINED\)$/],
  ])('when it is %s, then a sentence names the token and the remedy', (answer, sentence) => {
    const cause = new Error(answer);
    const call = () =>
      guarded('token "x"', () => {
        throw cause;
      });
    expect(call).toThrow(sentence);
    expect(call).toThrow(/^token "x" /);
    expect(call).toThrow(expect.objectContaining({ name: 'TokenFailure', cause }));
  });

  test.each([
    new TypeError('a bug'),
    'a text',
    undefined,
    new TokenError('said CKR_PIN_LOCKED already'),
  ])('when %p is thrown instead, then it is passed on as it is', (thrown) => {
    let caught: unknown = 'nothing';
    try {
      guarded('token "x"', () => {
        throw thrown as Error;
      });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(thrown);
  });
});
