import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { lockFile } from '../../src/store/sqlite/data-dir.js';
import { type BlockFile, openBlockFile } from '../../src/vault/roots/block-file.js';
import { RootFile } from '../../src/vault/roots/root-file.js';
import { printSlot, type RootSlot } from '../../src/vault/roots/root-slot.js';
import { RootStoreError } from '../../src/vault/roots/root-store.js';
import { Ended, SimulatedDisk } from './simulated-disk.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILE_BYTES = 8192;
const SLOT_BYTES = 4096;
const SECTORS = 8;
const noLock = () => ({ release: () => undefined });

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-root-'));
  path = join(dir, 'root.key');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const shareOf = (epoch: number): Buffer => createHash('sha256').update(`${epoch}`).digest();

function slot(epoch: number, changes: Partial<RootSlot> = {}): RootSlot {
  const share = SecretBytes.take(Uint8Array.from(shareOf(epoch)));
  const rootId = 'q83vEjRWeJA';
  return { rootId, shareCount: 1, shareIndex: 0, epoch, escrowedUntilMs: 0, share, ...changes };
}

const printed = (of: RootSlot): Buffer => printSlot(of).use((bytes) => Buffer.from(bytes));

function open(options: { open?: SimulatedDisk['open'] } = {}): RootFile {
  return new RootFile({ path, lock: noLock, ...options });
}

/** The epochs that the file holds, each with the share that belongs to it. */
async function epochs(file = open()): Promise<number[] | undefined> {
  const slots = await file.load();
  for (const { epoch, share } of slots ?? [])
    expect(share.use((bytes) => Buffer.from(bytes).equals(shareOf(epoch)))).toBe(true);
  return slots?.map(({ epoch }) => epoch);
}

/** A file that went through so many epochs. */
async function fileAt(epoch: number, file = open()): Promise<RootFile> {
  for (let next = 1; next <= epoch; next += 1) {
    await file.stage(slot(next));
    await file.wipe({ epoch: next });
  }
  return file;
}

/** A whole share, or a part of one that would shorten a search for the rest. */
function holdsShare(bytes: Buffer, epoch: number): boolean {
  const share = shareOf(epoch);
  return Array.from({ length: 25 }, (_, at) => share.subarray(at, at + 8)).some((part) =>
    bytes.includes(part),
  );
}

describe('a root file', () => {
  test('when it was never written, then it holds nothing and loading makes no file', async () => {
    expect(await epochs()).toBeUndefined();
    expect(readdirSync(dir)).toEqual([]);
  });

  test('when a slot is staged, then it stands beside the one before, until that is wiped', async () => {
    const file = open();
    await file.stage(slot(1));
    expect(await epochs(file)).toEqual([1]);
    await file.stage(slot(7));
    expect(await epochs(file)).toEqual([7, 1]);
    await file.wipe({ epoch: 7 });
    await file.wipe({ epoch: 7 });
    expect(await epochs(file)).toEqual([7]);
    await file.close();
    expect(await epochs()).toEqual([7]);
  });

  test('when a staged slot is not committed, then it can be wiped, and the next one stands where it was', async () => {
    const file = await fileAt(1);
    await file.stage(slot(2));
    await file.wipe({ epoch: 1 });
    expect(await epochs(file)).toEqual([1]);
    await file.stage(slot(3));
    expect(await epochs(file)).toEqual([3, 1]);
  });

  test('when a slot carries more than its share, then all of it is read again', async () => {
    const rest = { shareCount: 3, shareIndex: 2, escrowedUntilMs: 1_795_000_000_000 };
    await open().stage(slot(5, rest));
    expect(await open().load()).toMatchObject([{ ...rest, epoch: 5, rootId: 'q83vEjRWeJA' }]);
  });

  test('when it lives long, then it stays one file of 8192 bytes in its place, for its owner alone', async () => {
    const file = new RootFile({ path, lock: lockFile });
    await file.stage(slot(1));
    const { ino, mode, size } = statSync(path);
    expect([mode & 0o777, size]).toEqual([0o600, FILE_BYTES]);
    for (let epoch = 2; epoch < 20; epoch += 1) {
      await file.stage(slot(epoch));
      await file.wipe({ epoch });
      expect(statSync(path)).toMatchObject({ ino, mode, size });
      expect(readdirSync(dir).sort()).toEqual(['root.key', 'root.key.lock']);
    }
    await file.close();
  });

  test('when an epoch was wiped, then no part of its share is anywhere in the file', async () => {
    const file = await fileAt(1);
    expect(holdsShare(readFileSync(path), 1)).toBe(true);
    for (let epoch = 2; epoch < 6; epoch += 1) {
      await file.stage(slot(epoch));
      expect(holdsShare(readFileSync(path), epoch - 1)).toBe(true);
      await file.wipe({ epoch });
      for (let gone = 1; gone < epoch; gone += 1)
        expect(holdsShare(readFileSync(path), gone)).toBe(false);
    }
  });

  test('when an epoch is wiped, then the page is overwritten with bytes that differ each time', async () => {
    const file = await fileAt(2);
    const pages = new Set<string>();
    for (let time = 0; time < 3; time += 1) {
      await file.wipe({ epoch: 2 });
      pages.add(readFileSync(path).subarray(0, SLOT_BYTES).toString('hex'));
    }
    expect(pages.size).toBe(3);
  });

  test('when the epoch is not higher, then nothing is staged', async () => {
    const file = await fileAt(3);
    for (const epoch of [3, 2])
      await expect(file.stage(slot(epoch))).rejects.toThrow(
        `${path} is at epoch 3 already: another process has used this root; stop it and start again`,
      );
    await file.stage(slot(4));
    await expect(file.stage(slot(4))).rejects.toThrow(RootStoreError);
    expect(await epochs(file)).toEqual([4, 3]);
  });

  test('when the epoch to keep is not there, then nothing is wiped', async () => {
    await expect(open().wipe({ epoch: 1 })).rejects.toThrow(
      `${path} does not hold epoch 1; nothing was wiped`,
    );
    const file = await fileAt(1);
    await file.stage(slot(2));
    const before = readFileSync(path);
    await expect(file.wipe({ epoch: 3 })).rejects.toThrow('does not hold epoch 3');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('when it is judged, then nothing is made', async () => {
    expect(['forgets', 'doubtful', 'keeps']).toContain((await open().preflight()).verdict);
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('a root file that is not as it should be', () => {
  const write = (content: Uint8Array | string) => writeFileSync(path, content, { mode: 0o600 });
  const refused = async (sentence: string) => {
    for (const attempt of [() => open().load(), () => open().stage(slot(9))]) {
      const error = await attempt().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RootStoreError);
      expect((error as Error).message).toContain(`${path} ${sentence}`);
    }
  };

  test.each([0o640, 0o604, 0o660])('when its mode is %p, then it is refused', async (mode) => {
    await (await fileAt(1)).close();
    chmodSync(path, mode);
    await refused('can be read by others; set its mode to 0600');
  });

  test('when it has a hard link, then it is refused', async () => {
    await (await fileAt(1)).close();
    linkSync(path, join(dir, 'copy'));
    await refused('has another hard link, by which an old root could be kept; remove the link');
  });

  test('when it is a symbolic link, then it is refused, also when that leads nowhere', async () => {
    const target = join(dir, 'target');
    symlinkSync(target, path);
    await refused('must be a regular file, not a link or a folder; name the file');
    writeFileSync(target, printed(slot(1)), { mode: 0o600 });
    await refused('must be a regular file, not a link or a folder; name the file');
    unlinkSync(path);
    mkdirSync(path);
    await refused('must be a regular file, not a link or a folder; name the file');
  });

  test('when its folder does not exist, then the sentence says so', async () => {
    path = join(dir, 'nowhere', 'root.key');
    await expect(open().stage(slot(1))).rejects.toThrow(
      `${path} cannot be made: its folder does not exist`,
    );
    expect(() => new RootFile({ path, lock: lockFile })).toThrow(
      `${path} cannot be made: its folder does not exist`,
    );
  });

  test.each([
    ['one slot', () => printed(slot(1))],
    ['a byte more', () => Buffer.concat([printed(slot(1)), Buffer.alloc(SLOT_BYTES + 1)])],
    ['a text', () => Buffer.from('root')],
    ['a byte less', () => Buffer.concat([printed(slot(1)), Buffer.alloc(SLOT_BYTES - 1)])],
    ['many zeros', () => Buffer.alloc(FILE_BYTES + 1)],
  ])('when it holds %s, then its length is refused', async (_what, content) => {
    write(content());
    await refused('must hold exactly 8192 bytes: it is not a root file of this release');
  });

  test.each([
    ['random bytes', () => Buffer.alloc(FILE_BYTES, 'damage')],
    [
      'zeros after a damaged slot',
      () => Buffer.concat([Buffer.alloc(SLOT_BYTES, 1), Buffer.alloc(SLOT_BYTES)]),
    ],
  ])('when it holds %s, then it has no whole slot', async (_what, content) => {
    write(content());
    const before = readFileSync(path);
    await refused('holds no whole root slot: it is damaged or not a root file');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('when the current slot is damaged and the other one wiped, then it has no whole slot', async () => {
    await (await fileAt(2)).close();
    const bytes = readFileSync(path);
    bytes[SLOT_BYTES + 40]! ^= 1;
    write(bytes);
    await refused('holds no whole root slot');
  });

  test('when the current slot is zeros and the other one stands, then the other one is read', async () => {
    const file = await fileAt(1);
    await file.stage(slot(2));
    const bytes = readFileSync(path);
    bytes.fill(0, 0, SLOT_BYTES);
    write(bytes);
    expect(await epochs()).toEqual([2]);
  });

  test.each([
    ['EACCES', 'cannot be read and written by this user'],
    ['EROFS', 'is on a read-only file system; mount it for writing'],
    ['ELOOP', 'is a symbolic link; name the file itself'],
    ['EMFILE', 'cannot be used (EMFILE)'],
  ])('when it does not open because of %s, then the sentence says so', async (code, sentence) => {
    await (await fileAt(1)).close();
    const failing = open({
      open: () => {
        throw Object.assign(new Error('open'), { code });
      },
    });
    for (const attempt of [failing.load(), failing.stage(slot(2)), failing.wipe({ epoch: 1 })])
      await expect(attempt).rejects.toThrow(`${path} ${sentence}`);
    expect(await epochs()).toEqual([1]);
  });

  test.each([
    ['EIO', 'write', 'the disk reports an error; replace it'],
    ['EIO', 'sync', 'the disk reports an error; replace it'],
    ['ENOSPC', 'write', 'does not fit on its full disk; make room and try again'],
    ['EROFS', 'write', 'is on a read-only file system'],
  ] as const)(
    'when %s meets a %s, then the sentence says so and the old slot stands',
    async (code, step, sentence) => {
      await (await fileAt(1)).close();
      let isBroken = false;
      const failing = open({
        open: (...of): BlockFile => {
          const file = openBlockFile(...of);
          const fail = () => {
            if (isBroken) throw Object.assign(new Error(step), { code });
          };
          return {
            ...file,
            write: (bytes, atByte) => {
              if (step === 'write') fail();
              file.write(bytes, atByte);
            },
            sync: () => {
              if (step === 'sync') fail();
              file.sync();
            },
          };
        },
      });
      expect(await epochs(failing)).toEqual([1]);
      isBroken = true;
      const staged = await failing.stage(slot(2)).catch((error: unknown) => error);
      expect(staged).toBeInstanceOf(RootStoreError);
      expect((staged as Error).message).toContain(`${path} `);
      expect((staged as Error).message).toContain(sentence);
      await expect(failing.wipe({ epoch: 1 })).rejects.toThrow(sentence);
      isBroken = false;
      expect(await epochs()).toContain(1);
    },
  );
});

describe('the owner of a root file', () => {
  test('when another one is in this process, then the second is refused until the first is closed', async () => {
    const first = new RootFile({ path, lock: lockFile });
    const again = () => new RootFile({ path, lock: lockFile });
    expect(again).toThrow(
      `${path} is in use by another process, and a root has one owner; stop that one, or give this one VAULT_URL`,
    );
    await first.close();
    await again().close();
  });

  test('when another process owns it, then it is refused, and free when that is killed', async () => {
    const child = spawn(
      process.execPath,
      [
        ...['--import', './test/support/typescript-hooks.mjs', '--input-type=module', '--eval'],
        `import { lockFile } from './src/store/sqlite/data-dir.ts';
         if (lockFile(process.argv[1])) console.log('locked');
         setInterval(() => undefined, 60_000);`,
        path,
      ],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] } },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(() => new RootFile({ path, lock: lockFile })).toThrow('is in use by another process');
    await killed(child);
    const file = await fileAt(1, new RootFile({ path, lock: lockFile }));
    expect(await epochs(file)).toEqual([1]);
    await file.close();
  });
});

async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

describe('a root file when the power fails', () => {
  /** Ends the process before the n-th step from now on. */
  function endAtStep(disk: SimulatedDisk, n: number): void {
    let left = n;
    disk.onStep = () => {
      if (left-- === 0) throw new Ended();
    };
  }

  /** The first so many, all but the first so many, and each one alone. */
  function survivors(sectors: number): ((sector: number) => boolean)[] {
    const all = Array.from({ length: sectors + 1 }, (_, at) => at);
    return [
      ...all.map((end) => (sector: number) => sector < end),
      ...all.map((start) => (sector: number) => sector >= start),
      ...all.map((only) => (sector: number) => sector === only),
      ...all.map((lost) => (sector: number) => sector !== lost),
    ];
  }

  /** Does the work, ends it before each of its steps, and lets the power fail in every way. */
  async function outcomes(
    prepare: (disk: SimulatedDisk) => Promise<RootFile>,
    work: (file: RootFile) => Promise<unknown>,
  ): Promise<Set<string>> {
    const seen = new Set<string>();
    for (let step = 0, isEnded = true; isEnded; step += 1) {
      rmSync(path, { force: true });
      const disk = new SimulatedDisk(path);
      const file = await prepare(disk);
      endAtStep(disk, step);
      isEnded = await work(file).then(
        () => false,
        (error: unknown) => error instanceof Ended || Promise.reject(error as Error),
      );
      disk.onStep = () => undefined;
      await file.close();
      const comeBack = disk.snapshot();
      for (const survives of survivors(disk.pendingSectors)) {
        comeBack();
        disk.failPower(survives);
        const held = await epochs(open({ open: disk.open }));
        seen.add(held ? JSON.stringify(held) : 'never written');
      }
    }
    return seen;
  }

  const at = (epoch: number) => async (disk: SimulatedDisk) =>
    await fileAt(epoch, open({ open: disk.open }));

  const staged = async (disk: SimulatedDisk) => {
    const file = await at(2)(disk);
    await file.stage(slot(3));
    return file;
  };

  /** The process that staged was killed before its sync: another one sees what is not on the disk. */
  const stagedInCache = async (disk: SimulatedDisk) => {
    const file = await at(2)(disk);
    disk.onStep = (step) => {
      if (step === 'sync') throw new Ended();
    };
    await expect(file.stage(slot(3))).rejects.toThrow(Ended);
    disk.onStep = () => undefined;
    expect(disk.pendingSectors).toBe(SECTORS);
    await file.close();
    return open({ open: disk.open });
  };

  test('when it happens while the first slot is staged, then the file is as good as new or holds the slot', async () => {
    const seen = await outcomes(
      async (disk) => open({ open: disk.open }),
      (file) => file.stage(slot(1)),
    );
    expect(seen).toEqual(new Set(['never written', '[1]']));
  });

  test('when the making of the file was interrupted, then the next process goes on with it', async () => {
    for (const content of [0, SLOT_BYTES, FILE_BYTES].map((length) => Buffer.alloc(length))) {
      writeFileSync(path, content, { mode: 0o600 });
      expect(await epochs()).toBeUndefined();
      await expect(open().wipe({ epoch: 1 })).rejects.toThrow('does not hold epoch 1');
      const file = await fileAt(2);
      expect(await epochs(file)).toEqual([2]);
      expect(statSync(path).size).toBe(FILE_BYTES);
      await file.close();
    }
  });

  test('when it happens while a slot is staged, then the old state or the new one is there', async () => {
    const seen = await outcomes(at(2), (file) => file.stage(slot(3)));
    expect(seen).toEqual(new Set(['[2]', '[3,2]']));
  });

  test('when it happens while the old slot is wiped, then the new one is there', async () => {
    const seen = await outcomes(staged, (file) => file.wipe({ epoch: 3 }));
    expect(seen).toEqual(new Set(['[3,2]', '[3]']));
  });

  test('when it happens while a slot that was not committed is wiped, then the old one is there', async () => {
    const seen = await outcomes(staged, (file) => file.wipe({ epoch: 2 }));
    expect(seen).toEqual(new Set(['[3,2]', '[2]']));
  });

  test('when it happens while a slot is read that is not on the disk yet, then the old state or the new one is there', async () => {
    const seen = await outcomes(stagedInCache, (file) => file.load());
    expect(seen).toEqual(new Set(['[2]', '[3,2]']));
  });

  test('when a slot was read, then it is on the disk, before anything is wiped on its account', async () => {
    const seen = await outcomes(stagedInCache, async (file) => {
      await file.load();
      await file.wipe({ epoch: 3 });
    });
    expect(seen).toEqual(new Set(['[2]', '[3,2]', '[3]']));
    const disk = new SimulatedDisk(path);
    rmSync(path);
    const file = await stagedInCache(disk);
    await file.load();
    disk.failPower(() => false);
    expect(await epochs()).toEqual([3, 2]);
  });

  test('when a sync failed, which the system forgets, then the slot is written again before it is believed', async () => {
    const disk = new SimulatedDisk(path);
    const file = await at(2)(disk);
    disk.onStep = (step) => {
      if (step !== 'sync') return;
      disk.forgetPending();
      throw Object.assign(new Error('sync'), { code: 'EIO' });
    };
    await expect(file.stage(slot(3))).rejects.toThrow('the disk reports an error');
    await expect(file.load()).rejects.toThrow('the disk reports an error');
    disk.onStep = () => undefined;
    expect(await epochs(file)).toEqual([3, 2]);
    await file.wipe({ epoch: 3 });
    disk.failPower(() => false);
    expect(await epochs()).toEqual([3]);
  });
});
