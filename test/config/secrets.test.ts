import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadSecrets } from '../../src/config/secrets.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lethe-secrets-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const load = (isStoreEmpty: boolean) =>
  loadSecrets({
    serviceKeyPath: join(directory, 'service.key'),
    isStoreEmpty,
  });

describe('the service key', () => {
  const path = () => join(directory, 'service.key');

  test('when the store is empty, then it is made: 32 bytes, for the owner alone', () => {
    load(true);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readFileSync(path())).toHaveLength(32);
  });

  test('when it exists, then it is read and stays as it is', () => {
    const made = load(true);
    const bytes = readFileSync(path());
    const read = load(false);
    expect(read.serviceKey.use((key) => Buffer.from(key).equals(bytes))).toBe(true);
    expect(made.serviceKey.use((key) => Buffer.from(key).equals(bytes))).toBe(true);
    expect(readFileSync(path()).equals(bytes)).toBe(true);
  });

  test('when it is missing and the store holds data, then nothing is made', () => {
    load(true);
    rmSync(path());
    expect(() => load(false)).toThrow(`${path()} is missing`);
    expect(statSync(path(), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('when others could read it, then it is refused', () => {
    load(true);
    chmodSync(path(), 0o640);
    expect(() => load(true)).toThrow('0600');
  });

  test('when it has another length or is no file, then it is refused', () => {
    writeFileSync(path(), 'short', { mode: 0o600 });
    expect(() => load(true)).toThrow('exactly 32 bytes');
    rmSync(path());
    symlinkSync(directory, path());
    expect(() => load(true)).toThrow('regular file');
  });
});
