import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { judgeFile } from '../../src/vault/roots/file-system.js';
import { rootKeyOf } from '../../src/vault/roots/root-key.js';
import { type RootSlot, SHARE_BYTES } from '../../src/vault/roots/root-slot.js';
import type { RootStore } from '../../src/vault/roots/root-store.js';
import { keyTombstone, rootTombstone } from './answering.js';
import { type DiskOptions, LoopDisk } from './loop-disk.js';
import { RenamedFile } from './renamed-file.js';
import type { Hit, Tombstones } from './scanner.js';
import { openVault, rootFileIn } from './whole-vault.js';

const ROTATIONS = 50;

let disk: LoopDisk;

afterEach(() => {
  disk.remove();
});

function roots(hashes: readonly string[]): Tombstones {
  return { retiredRoots: hashes, destroyedKeys: [] };
}

/** How many different secrets were found. */
function count(hits: readonly Hit[]): number {
  return new Set(hits.map(({ hash }) => hash)).size;
}

/** Tombstones of the shares and roots of every epoch, in order: the last two are the current ones. */
async function rotate(store: Pick<RootStore, 'stage' | 'wipe'>): Promise<string[]> {
  const hashes: string[] = [];
  for (let epoch = 1; epoch <= ROTATIONS + 1; epoch += 1) {
    const share = SecretBytes.random(SHARE_BYTES);
    const root = rootKeyOf([share]);
    hashes.push(rootTombstone(root), rootTombstone(share));
    root.wipe();
    await store.stage(slotOf(share, epoch));
    await store.wipe({ epoch });
    share.wipe();
  }
  return hashes;
}

function slotOf(share: SecretBytes, epoch: number): RootSlot {
  const rootId = 'q83vEjRWeJA';
  return { rootId, shareCount: 1, shareIndex: 0, epoch, escrowedUntilMs: 0, share };
}

/** Rotates the root in a file on a disk made so; returns what is left on it. */
async function rotateOn(options: DiskOptions) {
  disk = new LoopDisk(options);
  const store = rootFileIn(disk.folder);
  const { verdict } = await store.preflight();
  const hashes = await rotate(store);
  await store.close();
  disk.unmount();
  return {
    verdict,
    retired: count(disk.find(roots(hashes.slice(0, -2)))),
    current: count(disk.find(roots(hashes.slice(-2)))),
  };
}

describe('what is on the disk after 50 changes of the root', () => {
  test.each<[string, DiskOptions]>([
    ['ext4 as it comes', {}],
    ['ext4 with data=writeback', { mount: 'data=writeback' }],
    ['ext4 without a journal', { mkfs: ['-O', '^has_journal'] }],
    ['ext4 with blocks of 1 KiB', { mkfs: ['-b', '1024'] }],
    ['ext3', { fileSystem: 'ext3' }],
    ['ext2', { fileSystem: 'ext2' }],
  ])('when the file is on %s, then no old root, and the current one', async (_name, options) => {
    expect(await rotateOn(options)).toEqual({ verdict: 'forgets', retired: 0, current: 1 });
  });

  test.each<[string, DiskOptions]>([
    ['by its mount', { mount: 'data=journal' }],
    ['by its own default', { tune2fs: ['-o', 'journal_data'] }],
  ])(
    'when ext4 journals data %s, then it is judged to keep, and the old roots are there',
    async (_name, options) => {
      const { verdict, retired, current } = await rotateOn(options);
      expect([verdict, current]).toEqual(['keeps', 1]);
      expect(retired).toBeGreaterThan(ROTATIONS / 2);
    },
  );

  test('when the file is written anew and renamed, then the old roots are there', async () => {
    disk = new LoopDisk();
    const path = join(disk.folder, 'root');
    expect(judgeFile(path).verdict).toBe('forgets');
    const hashes = await rotate(new RenamedFile(path));
    disk.unmount();
    expect(count(disk.find(roots(hashes.slice(0, -2))))).toBeGreaterThan(ROTATIONS / 2);
    expect(count(disk.find(roots(hashes.slice(-2))))).toBe(1);
  });
});

describe('what is on the disk of a whole vault after 15 of 30 enrolments were erased', () => {
  test('when it is searched for old roots, their shares and destroyed keys, then there are none', async () => {
    disk = new LoopDisk();
    const shares: string[] = [];
    const vault = await openVault(disk.folder, noting(rootFileIn(disk.folder), shares));
    const keyIds: string[] = [];
    for (let person = 0; person < 30; person += 1) {
      const plaintext = SecretBytes.random(2_048);
      keyIds.push((await vault.seal(ownerOf(person), plaintext)).keyId);
      plaintext.wipe();
    }
    const gone: Tombstones[] = [];
    for (const keyId of keyIds.slice(0, 15)) gone.push(await vault.shred([keyId]));
    await vault.close();

    const planted = SecretBytes.random(32);
    const plantedHash = keyTombstone(planted);
    planted.use((bytes) => {
      writeFileSync(join(disk.folder, 'planted'), bytes);
    });
    planted.wipe();
    disk.unmount();

    const retiredRoots = gone.flatMap((each) => each.retiredRoots);
    const destroyedKeys = gone.flatMap((each) => each.destroyedKeys);
    expect([retiredRoots.length, destroyedKeys.length]).toEqual([15, 15]);
    expect(shares).toHaveLength(16);
    expect(
      disk.find({ retiredRoots: [...retiredRoots, ...shares.slice(0, -1)], destroyedKeys }),
    ).toEqual([]);
    expect(count(disk.find(roots(shares.slice(-1))))).toBe(1);
    expect(disk.find({ retiredRoots: [], destroyedKeys: [plantedHash] })).toHaveLength(1);
  });
});

function ownerOf(person: number) {
  return { tenantId: 'tenant', uuid: `person-${person}` };
}

/** Notes the tombstone of every share that is staged: on the disk is the share, not the root. */
function noting(store: RootStore, shares: string[]): RootStore {
  return {
    name: store.name,
    preflight: () => store.preflight(),
    load: () => store.load(),
    stage: (slot) => {
      shares.push(rootTombstone(slot.share));
      return store.stage(slot);
    },
    wipe: (except) => store.wipe(except),
    close: () => store.close(),
  };
}
