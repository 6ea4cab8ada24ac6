import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { type BlockFile, openBlockFile } from '../../src/vault/roots/block-file.js';
import { printSlot } from '../../src/vault/roots/root-slot.js';
import { ShareKeeper } from '../../src/vault/roots/share-keeper.js';
import { noLock } from '../support/share-server.js';

const client = 'ab'.repeat(32);
let parent: string;
let directory: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'lethe-keeper-'));
  directory = join(parent, 'deep', 'shares');
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

function page(epoch: number): Buffer {
  const share = SecretBytes.random(32);
  const slot = { rootId: 'q83vEjRWeJA', epoch, share, shareCount: 1, shareIndex: 0 };
  return printSlot({ ...slot, escrowedUntilMs: 0 }).use((bytes) => Buffer.from(bytes));
}

describe('the share keeper', () => {
  test('when its directory is missing, then it is made for its owner alone', () => {
    new ShareKeeper({ directory, lock: noLock });
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test('when its directory is open to others, then it refuses it', () => {
    chmodSync(parent, 0o750);
    expect(() => new ShareKeeper({ directory: parent, lock: noLock })).toThrow(
      `${parent} is open to others; set its mode to 0700`,
    );
  });

  test('when its directory cannot be made, then the sentence names it', () => {
    writeFileSync(join(parent, 'file'), '');
    const inFile = join(parent, 'file', 'shares');
    expect(() => new ShareKeeper({ directory: inFile, lock: noLock })).toThrow(
      `${inFile} cannot be made (ENOTDIR); name a directory that this user may write to`,
    );
  });

  test('when another process keeps the directory, then it does not start', () => {
    expect(() => new ShareKeeper({ directory, lock: () => undefined })).toThrow(
      `${directory} is kept by another share server; stop that one, or give`,
    );
  });

  test('when it is closed, then calls under way end first, and the lock is released', async () => {
    const order: string[] = [];
    const lock = () => ({ release: () => order.push('released') });
    const open = (path: string, mode: 'existing' | 'new'): BlockFile => {
      const file = openBlockFile(path, mode);
      const close = (): void => {
        order.push('closed');
        file.close();
      };
      return { ...file, close };
    };
    const keeper = new ShareKeeper({ directory, lock, open });
    const staged = keeper.stage(client, page(1));
    await keeper.close();
    expect(order).toEqual(['closed', 'released']);
    expect(await staged).toMatchObject({ kind: 'done' });
  });

  test.each(['', '../secret', 'AB'.repeat(32), 'ab'.repeat(31), `${client}\n`, `${client}/x`])(
    'when a client is called %j, then it is a mistake of the caller',
    async (name) => {
      const keeper = new ShareKeeper({ directory, lock: noLock });
      await expect(keeper.stage(name, page(1))).rejects.toThrow(RangeError);
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  test('when no call is under way, then no file is open', async () => {
    let opened = 0;
    const open = (path: string, mode: 'existing' | 'new'): BlockFile => {
      opened += 1;
      const file = openBlockFile(path, mode);
      const close = (): void => {
        opened -= 1;
        file.close();
      };
      return { ...file, close };
    };
    const keeper = new ShareKeeper({ directory, lock: noLock, open });
    await keeper.stage(client, page(1));
    expect(await keeper.stage(client, page(1))).toMatchObject({ kind: 'conflict' });
    await keeper.wipe(client, 1);
    await keeper.load(client);
    expect(opened).toBe(0);
  });

  test('when calls of one client come at once, then each sees what those before it left', async () => {
    const keeper = new ShareKeeper({ directory, lock: noLock });
    const kinds = await Promise.all([
      keeper.wipe(client, 1),
      keeper.stage(client, page(1)),
      keeper.stage(client, page(2)),
      keeper.stage(client, page(2)),
      keeper.wipe(client, 2),
      keeper.wipe(client, 1),
      keeper.stage(client, page(3)),
    ]);
    expect(kinds.map(({ kind }) => kind)).toEqual([
      'conflict',
      'done',
      'done',
      'conflict',
      'done',
      'conflict',
      'done',
    ]);
  });

  test('when the bytes are no slot, then they are malformed', async () => {
    const keeper = new ShareKeeper({ directory, lock: noLock });
    const broken = page(1);
    broken[33] = (broken[33] ?? 0) ^ 1;
    expect(await keeper.stage(client, broken)).toMatchObject({ kind: 'malformed' });
  });
});
