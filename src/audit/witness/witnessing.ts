import { type Clock, MINUTE_MS, SECOND_MS } from '../../lib/clock.js';
import type { LogHead, LogStore } from '../log-store.js';
import type { Policy } from '../offline/policy.js';
import type { TreeReader } from '../tree-reader.js';
import { createWitnessClient } from './submission.js';
import type { WitnessChannel } from './witness-channel.js';
import { type LaneTiming, WitnessLane, type WitnessWatch } from './witness-lane.js';

/** More than there are witnesses of one checkpoint. */
const COSIGNATURES_OF_ONE = 256;

/** How often the log is looked at without being woken, and how witnesses that fail are asked again. */
interface WitnessingTiming extends LaneTiming {
  readonly pollMs: number;
}

const TIMING: WitnessingTiming = {
  pollMs: 10 * SECOND_MS,
  retryMs: SECOND_MS,
  maxRetryMs: MINUTE_MS,
};

interface Deps {
  readonly log: LogStore;
  readonly reader: Pick<TreeReader, 'consistencyProof'>;
  /** Its witnesses that have an address are asked. */
  readonly policy: Policy;
  readonly channel: WitnessChannel;
  readonly clock: Clock;
  readonly watch: WitnessWatch;
  readonly timing?: Partial<WitnessingTiming>;
}

/** Gets the heads of the log cosigned by the witnesses of a policy (C2SP tlog-witness). */
export interface Witnessing {
  /** Begins with the present head, then keeps looking. */
  start(): void;
  /** Gives up what is under way; its cosignatures are asked for again after the next start. */
  stop(): Promise<void>;
  /** The log has grown to this size. */
  wake(size: number): void;
  /**
   * Resolves when a checkpoint of at least this size has the quorum of the policy, or after `limitMs`;
   * never rejects.
   */
  settle(size: number, limitMs: number): Promise<void>;
}

/**
 * Several processes may do so on one store: they ask more than once, and keep the first answer.
 *
 * All witnesses are asked about one and the same head until it has the quorum or nobody is left whose
 * answer is awaited; only then about the newest. If each were asked about whatever is newest when its
 * turn comes, a log that grows all the time might never have two witnesses under one checkpoint.
 */
export function createWitnessing(deps: Deps): Witnessing {
  const { log, policy, watch } = deps;
  const timing = { ...TIMING, ...deps.timing };
  const stopping = new AbortController();
  const waiters = new Set<{ readonly size: number; readonly resolve: () => void }>();
  const lanes = policy.witnesses.flatMap(({ key, url }) => {
    if (url === undefined) return [];
    const client = createWitnessClient({ ...deps, key, url });
    return [
      new WitnessLane({ client, log, watch, timing, stopping: stopping.signal, onFree: stepSoon }),
    ];
  });
  let poll: NodeJS.Timeout | undefined;
  let target: LogHead | undefined;
  /** Whether there may be a newer head than the target. */
  let isOutdated = true;
  /** The largest size that is known to have the quorum. */
  let settledSize = policy.isQuorum(new Set()) ? Number.POSITIVE_INFINITY : 0;
  let lastStep: Promise<void> = Promise.resolve();

  /** One step after the other, because each reads the store between two looks at the lanes. */
  function stepSoon(cosignedSize?: number): void {
    lastStep = lastStep.then(async () => {
      try {
        await step(cosignedSize);
      } catch (error) {
        watch.workerFailed({ worker: 'witnessing', error });
      }
    });
  }

  async function step(cosignedSize: number | undefined): Promise<void> {
    if (stopping.signal.aborted || poll === undefined) return;
    if (cosignedSize !== undefined) await noteCosignatures(cosignedSize);
    if (isOutdated && isRoundOver()) await beginRound();
    for (const lane of lanes) if (target !== undefined) lane.offer(target);
  }

  function isRoundOver(): boolean {
    if (target === undefined || target.size <= settledSize) return true;
    const { size } = target;
    return !lanes.some((lane) => lane.isAsking(size));
  }

  async function beginRound(): Promise<void> {
    isOutdated = false;
    try {
      const head = await log.head();
      if (head === undefined) return;
      await noteCosignatures(head.size);
      target = head;
    } catch (error) {
      isOutdated = true;
      throw error;
    }
  }

  /** Learns who has cosigned this size, in answer to this process or another one. */
  async function noteCosignatures(size: number): Promise<void> {
    const found = await log.readCosignatures(size, COSIGNATURES_OF_ONE);
    const vkeys = new Set(found.filter((one) => one.size === size).map(({ witness }) => witness));
    for (const lane of lanes) if (vkeys.has(lane.vkey)) lane.noteDone(size);
    if (!policy.isQuorum(vkeys)) return;
    settledSize = Math.max(settledSize, size);
    for (const waiter of waiters) if (waiter.size <= settledSize) waiter.resolve();
  }

  function wake(): void {
    isOutdated = true;
    stepSoon();
  }

  return {
    start: () => {
      poll ??= setInterval(wake, timing.pollMs).unref();
      wake();
    },
    stop: async () => {
      clearInterval(poll);
      stopping.abort();
      for (const waiter of waiters) waiter.resolve();
      await lastStep;
      await Promise.all(lanes.map((lane) => lane.stop()));
    },
    wake: (size) => {
      if (size > (target?.size ?? 0)) wake();
    },
    settle: async (size, limitMs) => {
      if (size <= settledSize || stopping.signal.aborted) return;
      wake();
      await new Promise<void>((resolve) => {
        const waiter = { size, resolve: done };
        const timer = setTimeout(done, limitMs);
        function done(): void {
          clearTimeout(timer);
          waiters.delete(waiter);
          resolve();
        }
        waiters.add(waiter);
      });
    },
  };
}
