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
    rootKeyPath: join(directory, 'root.key'),
    serviceKeyPath: join(directory, 'service.key'),
    isStoreEmpty,
  });

describe('the key files', () => {
  test('when the store is empty, then both are made: 32 different bytes each, for the owner alone', () => {
    load(true);
    const files = ['root.key', 'service.key'].map((name) => join(directory, name));
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
    const [root, service] = files.map((file) => readFileSync(file));
    expect([root?.length, service?.length]).toEqual([32, 32]);
    expect(root?.equals(service ?? Buffer.alloc(0))).toBe(false);
  });

  test('when they exist, then they are read and stay as they are', () => {
    const made = load(true);
    const bytes = readFileSync(join(directory, 'root.key'));
    const read = load(false);
    expect(read.rootKey.use((key) => Buffer.from(key).equals(bytes))).toBe(true);
    expect(made.rootKey.use((key) => Buffer.from(key).equals(bytes))).toBe(true);
    expect(readFileSync(join(directory, 'root.key')).equals(bytes)).toBe(true);
  });

  test.each(['root.key', 'service.key'])(
    'when %s is missing and the store holds data, then nothing is made',
    (name) => {
      load(true);
      rmSync(join(directory, name));
      expect(() => load(false)).toThrow(`${join(directory, name)} is missing`);
      expect(statSync(join(directory, name), { throwIfNoEntry: false })).toBeUndefined();
    },
  );

  test('when others could read one, then it is refused', () => {
    load(true);
    chmodSync(join(directory, 'root.key'), 0o640);
    expect(() => load(true)).toThrow('0600');
  });

  test('when one has another length or is no file, then it is refused', () => {
    writeFileSync(join(directory, 'root.key'), 'short', { mode: 0o600 });
    expect(() => load(true)).toThrow('exactly 32 bytes');
    rmSync(join(directory, 'root.key'));
    symlinkSync(directory, join(directory, 'root.key'));
    expect(() => load(true)).toThrow('regular file');
  });
});
