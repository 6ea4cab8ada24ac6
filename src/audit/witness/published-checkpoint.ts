import type { LogSegment, LogStore } from '../log-store.js';
import type { Policy } from '../offline/policy.js';
import { firstWithQuorum, newestWithQuorum } from './quorum-search.js';

/** More than there are witnesses of one checkpoint. */
const COSIGNATURES_OF_ONE = 256;

interface Deps {
  readonly log: LogStore;
  readonly policy?: Policy | undefined;
}

/** A checkpoint as it is given out. */
export interface PublishedCheckpoint {
  readonly size: number;
  /** Signed note, with the cosignatures of the policy's witnesses in the order of the policy. */
  readonly note: string;
}

/**
 * The newest checkpoint that has the quorum of the policy (as `newestWithQuorum` finds it); the newest
 * of all when none has it or there is no policy. Undefined while the log is empty. The same state gives
 * the same bytes.
 */
export async function newestCheckpoint(deps: Deps): Promise<PublishedCheckpoint | undefined> {
  const { log, policy } = deps;
  const head = await log.head();
  if (head === undefined) return undefined;
  if (policy === undefined || isContent(policy)) return await published(deps, head);
  const size = await newestWithQuorum({ log, policy });
  return await published(deps, (await checkpointOf(log, size)) ?? head);
}

/**
 * The first checkpoint that covers the leaf with this index and has the quorum of the policy; when none
 * has, or there is no policy, the first that covers the leaf at all. Undefined when the log ends before
 * the leaf. The same state gives the same bytes; once there is one with the quorum, it stays.
 */
export async function checkpointCovering(
  deps: Deps,
  index: number,
): Promise<PublishedCheckpoint | undefined> {
  const { log, policy } = deps;
  const first = await log.findCheckpoint(index);
  if (first === undefined) return undefined;
  if (policy === undefined || isContent(policy)) return await published(deps, first);
  const size = await firstWithQuorum({ log, policy }, first.size);
  return await published(deps, (await checkpointOf(log, size)) ?? first);
}

/** Whether a policy is content without any witness. */
function isContent(policy: Policy): boolean {
  return policy.isQuorum(new Set());
}

type Found = Pick<LogSegment, 'size' | 'checkpoint'>;

/** The checkpoint of exactly this size. */
async function checkpointOf(log: LogStore, size: number | undefined): Promise<Found | undefined> {
  if (size === undefined || size === 0) return undefined;
  const found = await log.findCheckpoint(size - 1);
  return found?.size === size ? found : undefined;
}

async function published(
  { log, policy }: Deps,
  { size, checkpoint }: Found,
): Promise<PublishedCheckpoint> {
  if (policy === undefined) return { size, note: checkpoint };
  const found = await log.readCosignatures(size, COSIGNATURES_OF_ONE);
  const lines = policy.witnesses.map(
    ({ key }) => found.find((one) => one.size === size && one.witness === key.vkey)?.line ?? '',
  );
  return { size, note: checkpoint + lines.join('') };
}
