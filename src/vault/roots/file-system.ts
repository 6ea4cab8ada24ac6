import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type Mount, mountOf } from './mount-table.js';
import type { Preflight } from './root-store.js';

/** What the system says about the place of a file. */
export interface Place {
  /** As the operator wrote it. */
  readonly path: string;
  /** The file, or the nearest folder above it that exists; without symbolic links. */
  readonly realPath: string;
  /** /proc/self/mountinfo; undefined on a system that has none. */
  readonly mountinfo: string | undefined;
  /**
   * /proc/fs/ext4/DEVICE/options of a device `major:minor`, one option a line; undefined when there
   * is none.
   */
  readonly ext4Options: (device: string) => string | undefined;
}

/**
 * Judges whether the file system under a path forgets what is overwritten in place. Reads only what
 * the kernel says; of the disk below (spare blocks of flash, snapshots of a volume or a virtual
 * machine) it knows nothing.
 */
export function judgeFile(path: string): Preflight {
  return judgePlace({
    path,
    realPath: nearestRealPath(path),
    mountinfo: textOf('/proc/self/mountinfo'),
    ext4Options,
  });
}

/** {@link judgeFile} on what the system said. */
export function judgePlace({ path, realPath, mountinfo, ext4Options }: Place): Preflight {
  const mount = mountinfo === undefined ? undefined : mountOf(realPath, mountinfo);
  if (mount === undefined)
    return verdict('doubtful', `${path} is on a file system that this system does not name`);
  if (/^ext[234]$/.test(mount.fileSystem)) return judgeExt(path, mount, ext4Options(mount.device));
  const { verdict: known, because } = judgementOf(mount.fileSystem);
  return verdict(known, `${path} is on ${mount.fileSystem}, ${because}`);
}

/**
 * The kernel leaves data=journal out of mountinfo when it is the default of the file system
 * (`tune2fs -o journal_data`); the options under /proc/fs/ext4 always have it.
 */
function judgeExt(path: string, mount: Mount, options: string | undefined): Preflight {
  const stated = [...mount.options, ...(options?.split('\n') ?? [])];
  const where = `${path} is on ${mount.fileSystem}`;
  if (stated.includes('data=journal'))
    return verdict('keeps', `${where} mounted with data=journal, so its journal keeps old roots`);
  const isStated = options !== undefined || stated.some((option) => option.startsWith('data='));
  if (!isStated && mount.fileSystem !== 'ext2')
    return verdict(
      'doubtful',
      `${where} and /proc/fs/ext4 does not say whether its journal keeps data`,
    );
  return {
    verdict: 'forgets',
    reason: `${where}, which overwrites in place: an overwritten root is gone`,
  };
}

function verdict(verdict: 'doubtful' | 'keeps', sentence: string): Preflight {
  const remedy = 'put it on ext4 without data=journal, or add a second share in ROOT_SHARES';
  return { verdict, reason: `${sentence}: ${remedy}` };
}

interface Judgement {
  readonly fileSystems: readonly string[];
  readonly verdict: 'doubtful' | 'keeps';
  /** Completes "it is on NAME, ". */
  readonly because: string;
}

const JUDGEMENTS: readonly Judgement[] = [
  {
    fileSystems: ['btrfs', 'zfs', 'bcachefs', 'nilfs2', 'f2fs', 'jffs2', 'ubifs'],
    verdict: 'keeps',
    because: 'which writes every change to a new place and leaves the old root where it was',
  },
  {
    fileSystems: ['xfs'],
    verdict: 'doubtful',
    because: 'which overwrites in place only what shares no blocks with a copy (reflink)',
  },
  {
    fileSystems: ['overlay', 'aufs'],
    verdict: 'doubtful',
    because:
      'a container layer, which is lost with the container, copied into images and on a disk not seen from here',
  },
  {
    fileSystems: ['tmpfs', 'ramfs'],
    verdict: 'doubtful',
    because:
      'which loses the root at the next restart of the machine and may have swapped old roots out',
  },
  {
    fileSystems: [
      'nfs',
      'nfs4',
      'cifs',
      'smb3',
      'smbfs',
      '9p',
      'fuse',
      'fuseblk',
      'virtiofs',
      'ceph',
    ],
    verdict: 'doubtful',
    because: 'behind which another machine or program decides where bytes go and what copies stay',
  },
];

const UNKNOWN: Omit<Judgement, 'fileSystems'> = {
  verdict: 'doubtful',
  because: 'which was not examined: it may keep overwritten roots',
};

/** Of `fuse.sshfs` the first part counts. */
function judgementOf(fileSystem: string): Omit<Judgement, 'fileSystems'> {
  const family = fileSystem.split('.', 1)[0] ?? fileSystem;
  return JUDGEMENTS.find(({ fileSystems }) => fileSystems.includes(family)) ?? UNKNOWN;
}

function nearestRealPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    return nearestRealPath(dirname(absolute));
  }
}

function ext4Options(device: string): string | undefined {
  const link = attempt(() => readlinkSync(`/sys/dev/block/${device}`));
  return link === undefined ? undefined : textOf(`/proc/fs/ext4/${basename(link)}/options`);
}

function textOf(path: string): string | undefined {
  return attempt(() => readFileSync(path, 'utf8'));
}

/** Undefined when the kernel does not show it here. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
