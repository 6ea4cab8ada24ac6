import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { type Hit, type Read, Scanner, type Tombstones } from './scanner.js';

const PAGE_BYTES = 4_096;
/** Of the 64 bits for a page the last says that it is in memory, the one before that it is swapped out. */
const PRESENT_OR_SWAPPED_BITS = 62n;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A part of the address space that the process can write. */
interface Mapping extends Range {
  /** A file, `[heap]`, `[stack]`, or empty for anonymous memory. */
  readonly name: string;
}

/** A hit in memory; its offset is an address. */
export interface MemoryHit extends Hit {
  readonly mapping: string;
}

/**
 * Looks for tombstones in everything that a process of the same user can write: heaps, stacks, data
 * of libraries (proc(5): maps, pagemap and mem). Stops the process meanwhile.
 */
export function scanMemory(
  pid: number,
  tombstones: Tombstones,
  options: { strideBytes: number },
): MemoryHit[] {
  const scanner = new Scanner(tombstones, options);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  process.kill(pid, 'SIGSTOP');
  try {
    const read: Read = (into, address) => readPages(memory, into, address);
    return writableMappings(pid).flatMap((mapping) =>
      usedRanges(pid, mapping).flatMap((range) =>
        scanner.scan(read, range).map((hit) => ({ ...hit, mapping: mapping.name })),
      ),
    );
  } finally {
    process.kill(pid, 'SIGCONT');
    closeSync(memory);
  }
}

function writableMappings(pid: number): Mapping[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, from, to, name] = /^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
    if (from === undefined || to === undefined) return [];
    return [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16), name: name ?? '' }];
  });
}

/** The parts of a mapping that were ever written: they are in memory or swapped out. */
function usedRanges(pid: number, { from, to }: Range): Range[] {
  const entries = new BigUint64Array((to - from) / PAGE_BYTES);
  const pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
  readSync(
    pagemap,
    entries,
    0,
    entries.byteLength,
    (from / PAGE_BYTES) * entries.BYTES_PER_ELEMENT,
  );
  closeSync(pagemap);
  const ranges: { from: number; to: number }[] = [];
  entries.forEach((entry, page) => {
    if (entry >> PRESENT_OR_SWAPPED_BITS === 0n) return;
    const start = from + page * PAGE_BYTES;
    const last = ranges.at(-1);
    if (last?.to === start) last.to += PAGE_BYTES;
    else ranges.push({ from: start, to: start + PAGE_BYTES });
  });
  return ranges;
}

/** A page that went before the process stopped counts as zeros: those behind it are still looked at. */
function readPages(memory: number, into: Uint8Array, address: number): number {
  for (let done = 0; done < into.byteLength; ) {
    try {
      done += readSync(memory, into, done, into.byteLength - done, address + done);
    } catch {
      const end = done + PAGE_BYTES - ((address + done) % PAGE_BYTES);
      into.fill(0, done, end);
      done = end;
    }
  }
  return into.byteLength;
}
