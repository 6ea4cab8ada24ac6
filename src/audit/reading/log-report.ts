/** More than these are counted, not listed. */
const LISTED_FINDINGS = 100;

/** Every way in which a log can be wrong. */
const PROBLEMS = {
  LOG_EMPTY: 'The log holds no leaf, so there is nothing that could be verified.',
  CHECKPOINT_MALFORMED: 'The checkpoint is not a signed note of a log.',
  CHECKPOINT_UNSIGNED: 'The checkpoint is signed with no key of those given.',
  CHECKPOINT_SIGNATURE_INVALID: 'A signature of the log under the checkpoint is wrong.',
  COSIGNATURE_INVALID: 'A signature of a witness does not fit its checkpoint.',
  ORIGIN_MISMATCH: 'The checkpoint is of a log with another name than its key.',
  QUORUM_MISSING: 'The checkpoint has not the witnesses that the policy asks for.',
  ENTRIES_MISSING: 'The leaves are missing; what comes after them was not judged.',
  ENTRIES_MALFORMED:
    'The leaves cannot be told apart or are not as many as there must be; what comes after them was not judged.',
  LEAF_INVALID: 'The leaf does not have the form of one, or is not in canonical JSON.',
  TILE_MISSING: 'The hashes are missing.',
  TILE_MISMATCH: 'The hashes are not those of the leaves.',
  ROOT_MISMATCH: 'The checkpoint signs other leaves than these.',
  LOG_KEY_UNANNOUNCED: 'The checkpoint is signed with a key that no leaf announces.',
  KEYS_MISMATCH: 'The list of keys is missing, malformed or lacks a key that a leaf announces.',
  KEPT_INVALID: 'The checkpoint that was kept is not signed with a key of those given.',
  KEPT_FOREIGN: 'The checkpoint that was kept is of another log.',
  LOG_SHORTENED: 'The log holds fewer leaves than the checkpoint that was kept.',
  HISTORY_REWRITTEN: 'The log holds other leaves than those that the kept checkpoint signed.',
  SEGMENT_MISPLACED:
    'The segment does not begin where the one before ends, or does not hold as many leaves as it says.',
  FRONTIER_MISMATCH: 'The stored frontier is not that of the leaves.',
  SEGMENT_ROOT_MISMATCH: 'The checkpoint of the segment signs other leaves than these.',
  NODE_MISSING: 'The stored hash is missing.',
  NODE_MISMATCH: 'The stored hash is not that of the leaves below it.',
  NODE_SURPLUS: 'The stored hash has no leaves below it.',
} as const;

/** What is worth knowing and does not make a log unsound. */
const OBSERVATIONS = {
  TIME_RAN_BACK: 'The leaf says a time more than an hour before that of a leaf before it.',
  LOG_KEY_NOT_GIVEN: 'The leaf announces a key that is not among those given.',
  KEY_NOT_ANNOUNCED_YET: 'The list of keys has one that no leaf announces yet.',
} as const;

/** Stable names. */
export type ProblemCode = keyof typeof PROBLEMS;
export type ObservationCode = keyof typeof OBSERVATIONS;

/** One thing that was found. */
export interface Finding<Code extends string> {
  /** `log` as a whole, `leaf 12`, a path such as `tile/0/000`, `segment 512`, `node 1/0`. */
  readonly place: string;
  readonly code: Code;
  readonly sentence: string;
}

/** All that was found; nothing is wrong when `problemCount` is 0. */
export interface FindingsReport {
  readonly problemCount: number;
  /** The first 100 of them. */
  readonly problems: readonly Finding<ProblemCode>[];
  readonly observationCount: number;
  /** The first 100 of them. */
  readonly observations: readonly Finding<ObservationCode>[];
}

/** Collects what a verification finds. */
export class Findings {
  readonly #problems: Finding<ProblemCode>[] = [];
  readonly #observations: Finding<ObservationCode>[] = [];
  #problemCount = 0;
  #observationCount = 0;

  get isSound(): boolean {
    return this.#problemCount === 0;
  }

  problem(place: string, code: ProblemCode): void {
    this.#problemCount += 1;
    if (this.#problems.length < LISTED_FINDINGS)
      this.#problems.push({ place, code, sentence: PROBLEMS[code] });
  }

  observe(place: string, code: ObservationCode): void {
    this.#observationCount += 1;
    if (this.#observations.length < LISTED_FINDINGS)
      this.#observations.push({ place, code, sentence: OBSERVATIONS[code] });
  }

  report(): FindingsReport {
    return {
      problemCount: this.#problemCount,
      problems: this.#problems,
      observationCount: this.#observationCount,
      observations: this.#observations,
    };
  }
}
