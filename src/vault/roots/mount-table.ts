/** What is mounted at one place, as proc_pid_mountinfo(5) says it. */
export interface Mount {
  /** `major:minor` of the device. */
  readonly device: string;
  readonly mountPoint: string;
  /** e.g. `ext4` or `fuse.sshfs`. */
  readonly fileSystem: string;
  /** Options of the file system, not of the mount; the kernel leaves out what it takes for usual. */
  readonly options: readonly string[];
}

/**
 * The mount that holds a real path (no symbolic links in it), out of the text of
 * /proc/self/mountinfo: the longest mount point above it, and the last one mounted there. Undefined
 * when the text names none.
 */
export function mountOf(realPath: string, mountinfo: string): Mount | undefined {
  return mountinfo
    .split('\n')
    .map(parseMount)
    .filter((mount) => mount !== undefined)
    .filter(({ mountPoint }) => isUnder(mountPoint, realPath))
    .reduce<Mount | undefined>(
      (best, mount) => (mount.mountPoint.length >= (best?.mountPoint.length ?? 0) ? mount : best),
      undefined,
    );
}

/** `36 35 98:0 /root /point rw,noatime optional:1 - type source rw,options`, or undefined. */
function parseMount(line: string): Mount | undefined {
  const [place = '', content = ''] = line.split(' - ', 2);
  const [, , device, , mountPoint] = place.split(' ');
  const [fileSystem, , options = ''] = content.split(' ');
  if (device === undefined || mountPoint === undefined || !fileSystem) return undefined;
  return { device, mountPoint: unescaped(mountPoint), fileSystem, options: options.split(',') };
}

/** Space, tab, line feed and backslash stand as three octal digits. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function isUnder(mountPoint: string, path: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}
