import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { judgeFile, judgePlace } from '../../src/vault/roots/file-system.js';

const ROOT_MOUNT = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard';
const REMEDY = 'put it on ext4 without data=journal, or add a second share in ROOT_SHARES';

/** Judges /var/lib/lethe/root with one more line in mountinfo. */
function judge(line: string, options: string | undefined = 'rw\ndelalloc\ndata=ordered\n') {
  const path = '/var/lib/lethe/root';
  const mountinfo = `${ROOT_MOUNT}\n${line}\n`;
  return judgePlace({ path, realPath: path, mountinfo, ext4Options: () => options });
}

/** A line of mountinfo as the kernel prints it. */
function mounted(fileSystem: string, options = 'rw', mountPoint = '/var/lib/lethe') {
  return `42 27 7:0 / ${mountPoint} rw,relatime shared:5 master:2 - ${fileSystem} /dev/loop0 ${options}`;
}

describe('the judgement of a file system', () => {
  test.each([
    ['ext4', 'rw', 'data=ordered', 'forgets'],
    ['ext4', 'rw', 'data=writeback', 'forgets'],
    ['ext4', 'rw,data=ordered', undefined, 'forgets'],
    ['ext3', 'rw', 'data=ordered', 'forgets'],
    // Without a journal there is no data= at all.
    ['ext4', 'rw', 'nodelalloc', 'forgets'],
    ['ext2', 'rw', undefined, 'forgets'],
    ['ext4', 'rw,nodelalloc,data=journal', 'data=journal', 'keeps'],
    ['ext4', 'rw,nodelalloc,data=journal', undefined, 'keeps'],
    ['ext3', 'rw,data=journal', undefined, 'keeps'],
    // The default that tune2fs sets is left out of mountinfo.
    ['ext4', 'rw,nodioread_nolock,nodelalloc', 'data=journal', 'keeps'],
    ['ext4', 'rw', undefined, 'doubtful'],
  ])(
    'when it is %s with the options %s and /proc/fs/ext4 says %s, then it %s',
    (fileSystem, options, stated, verdict) => {
      const judged = judgePlace({
        path: 'data/root',
        realPath: '/var/lib/lethe/root',
        mountinfo: mounted(fileSystem, options),
        ext4Options: () => stated,
      });
      expect(judged.verdict).toBe(verdict);
      expect(judged.reason).toContain(`data/root is on ${fileSystem}`);
      expect(judged.reason.endsWith(REMEDY)).toBe(verdict !== 'forgets');
    },
  );

  test.each([
    ['btrfs', 'keeps', 'leaves the old root where it was'],
    ['zfs', 'keeps', 'leaves the old root where it was'],
    ['bcachefs', 'keeps', 'leaves the old root where it was'],
    ['nilfs2', 'keeps', 'leaves the old root where it was'],
    ['f2fs', 'keeps', 'leaves the old root where it was'],
    ['jffs2', 'keeps', 'leaves the old root where it was'],
    ['ubifs', 'keeps', 'leaves the old root where it was'],
    ['xfs', 'doubtful', 'reflink'],
    ['overlay', 'doubtful', 'container layer'],
    ['tmpfs', 'doubtful', 'next restart'],
    ['ramfs', 'doubtful', 'next restart'],
    ['nfs', 'doubtful', 'another machine or program'],
    ['nfs4', 'doubtful', 'another machine or program'],
    ['cifs', 'doubtful', 'another machine or program'],
    ['smb3', 'doubtful', 'another machine or program'],
    ['9p', 'doubtful', 'another machine or program'],
    ['fuse.sshfs', 'doubtful', 'another machine or program'],
    ['fuseblk', 'doubtful', 'another machine or program'],
    ['virtiofs', 'doubtful', 'another machine or program'],
    ['vfat', 'doubtful', 'not examined'],
    ['constructor', 'doubtful', 'not examined'],
  ])('when it is %s, then it is %s, with the reason and the remedy', (fileSystem, verdict, why) => {
    const judged = judge(mounted(fileSystem));
    expect(judged.verdict).toBe(verdict);
    expect(judged.reason).toContain(`/var/lib/lethe/root is on ${fileSystem}, `);
    expect(judged.reason).toContain(why);
    expect(judged.reason).toMatch(new RegExp(`: ${REMEDY}$`));
  });

  test('when nothing is mounted closer, then the root file system counts', () => {
    expect(judge('').verdict).toBe('forgets');
    expect(judge(mounted('btrfs', 'rw', '/var/lib/leth')).verdict).toBe('forgets');
    expect(judge(mounted('btrfs', 'rw', '/var/lib/lethe/root.key')).verdict).toBe('forgets');
  });

  test('when the longer mount point stands first, then it counts all the same', () => {
    const mountinfo = [mounted('btrfs'), mounted('xfs', 'rw', '/var'), ROOT_MOUNT].join('\n');
    const path = '/var/lib/lethe/root';
    const { reason } = judgePlace({
      path,
      realPath: path,
      mountinfo,
      ext4Options: () => undefined,
    });
    expect(reason).toContain('btrfs');
  });

  test('when two file systems are mounted on one place, then the last one counts', () => {
    expect(judge(`${mounted('ext4')}\n${mounted('zfs')}`).verdict).toBe('keeps');
    expect(judge(`${mounted('zfs')}\n${mounted('ext4')}`).verdict).toBe('forgets');
  });

  test('when the file itself is a mount point, then that mount counts', () => {
    expect(judge(mounted('btrfs', 'rw', '/var/lib/lethe/root')).verdict).toBe('keeps');
  });

  test('when a mount point holds a space, a tab or a backslash, then it is found by its real name', () => {
    const path = '/srv/my data\t\\1/root';
    const mountinfo = `${ROOT_MOUNT}\n${mounted('btrfs', 'rw', '/srv/my\\040data\\011\\1341')}`;
    const { verdict } = judgePlace({ path, realPath: path, mountinfo, ext4Options: () => '' });
    expect(verdict).toBe('keeps');
  });

  test('when the options of the device are asked for, then it is that of the mount', () => {
    const asked: string[] = [];
    const path = '/var/lib/lethe/root';
    const ext4Options = (device: string) => {
      asked.push(device);
      return undefined;
    };
    judgePlace({
      path,
      realPath: path,
      mountinfo: `${ROOT_MOUNT}\n${mounted('ext4')}`,
      ext4Options,
    });
    expect(asked).toEqual(['7:0']);
  });

  test.each([
    ['is missing', undefined],
    ['is empty', ''],
    ['is not what it should be', 'rootfs / rootfs rw 0 0\n- - -\n'],
  ])('when mountinfo %s, then it is doubtful', (_what, mountinfo) => {
    const path = '/data/root';
    const judged = judgePlace({ path, realPath: path, mountinfo, ext4Options: () => undefined });
    expect(judged.verdict).toBe('doubtful');
    expect(judged.reason).toContain(
      '/data/root is on a file system that this system does not name',
    );
  });
});

describe('the file system of a path', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-judge-'));
  /** The sentence about a path, without its name. */
  const sayingOf = (path: string) => judgeFile(path).reason.replace(path, '');

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('when the file does not exist yet, then it is that of the nearest folder that does', () => {
    expect(sayingOf('/dev/none/of/these/root')).toBe(sayingOf('/dev'));
    expect(sayingOf('/dev')).not.toBe(sayingOf(folder));
  });

  test('when the path leads through a symbolic link, then it is that of the target', () => {
    symlinkSync('/dev', join(folder, 'link'));
    expect(sayingOf(join(folder, 'link/root'))).toBe(sayingOf('/dev'));
  });

  test('when the path is relative, then the sentence names it as it was written', () => {
    expect(judgeFile('no-such-folder/root').reason).toMatch(/^no-such-folder\/root is on /);
  });
});
