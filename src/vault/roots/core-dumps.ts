import { readFileSync } from 'node:fs';

/** What the kernel says about core dumps of this process. */
export interface CoreDumpSettings {
  /** /proc/self/limits. */
  readonly limits: string;
  /** /proc/sys/kernel/core_pattern: a file name, or `|` and a program. */
  readonly pattern: string;
}

/**
 * Whether a crash of this process leaves no core dump, in which every live key would stand: its soft
 * limit "Max core file size" is 0 bytes. Undefined when that cannot be known: on a system without
 * /proc, or where dumps go to a program: to it Linux hands them at a limit of 0 too (fs/coredump.c), so that the
 * program decides (systemd-coredump and apport drop the dump). A limit of 1 byte (`LimitCORE=1` in
 * systemd) is off in every case.
 */
export function coreDumpsAreOff(): boolean | undefined {
  try {
    return areOff({
      limits: readFileSync('/proc/self/limits', 'utf8'),
      pattern: readFileSync('/proc/sys/kernel/core_pattern', 'utf8'),
    });
  } catch {
    return undefined;
  }
}

/** {@link coreDumpsAreOff} on what the kernel said. */
export function areOff({ limits, pattern }: CoreDumpSettings): boolean | undefined {
  const softLimit = /^Max core file size +(\d+|unlimited) /m.exec(limits)?.[1];
  if (softLimit === undefined) return undefined;
  if (softLimit === '1') return true;
  if (softLimit !== '0') return false;
  return pattern.startsWith('|') ? undefined : true;
}
