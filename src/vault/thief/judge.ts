import type { Finding, ThiefReport } from './report.js';

/** What a run of the thief proves, given which enrolments live. Lists hold key names. */
export interface Judgement {
  /** Whether something lives and all of it opened: only then do closed ones say something. */
  readonly isCompetent: boolean;
  readonly live: readonly string[];
  /** Live, and in none of the sources. */
  readonly liveMissing: readonly string[];
  /** Live, in the sources, and not opened. */
  readonly liveClosed: readonly string[];
  /** In the sources and neither live nor pending. */
  readonly erased: readonly string[];
  /** Erased, and yet the template opened or the key was found. */
  readonly erasedOpened: readonly string[];
  /** One sentence. */
  readonly verdict: string;
}

/** Key names that are not erased. */
export interface Known {
  readonly liveKeyNames: readonly string[];
  /** Erasures that have not reached the erasure point: these may open or not. */
  readonly pendingKeyNames?: readonly string[];
}

/** Compares by key id, which is the end of a name: a template without a name counts too. */
export function judge(
  { findings }: ThiefReport,
  { liveKeyNames, pendingKeyNames = [] }: Known,
): Judgement {
  const spared = new Set([...liveKeyNames, ...pendingKeyNames].map(keyIdIn));
  const found = new Map(findings.map((finding) => [keyIdIn(finding.keyName), finding]));
  const live = [...new Set(liveKeyNames)];
  const erased = findings.filter(({ keyName }) => !spared.has(keyIdIn(keyName)));
  const lists = {
    live,
    liveMissing: live.filter((name) => !found.has(keyIdIn(name))),
    liveClosed: live.filter((name) => found.get(keyIdIn(name))?.isOpened === false),
    erased: erased.map(({ keyName }) => keyName),
    erasedOpened: erased.filter(isLost).map(({ keyName }) => keyName),
  };
  const { liveMissing, liveClosed } = lists;
  const isCompetent = live.length > 0 && liveMissing.length + liveClosed.length === 0;
  return { isCompetent, ...lists, verdict: verdictOn(lists) };
}

function isLost({ isOpened, isKeyFound }: Finding): boolean {
  return isOpened || isKeyFound;
}

function keyIdIn(keyName: string): string {
  return keyName.slice(keyName.lastIndexOf('.') + 1);
}

function verdictOn({
  live,
  liveMissing,
  liveClosed,
  erased,
  erasedOpened,
}: Omit<Judgement, 'isCompetent' | 'verdict'>): string {
  if (erasedOpened.length > 0)
    return `Not erased: ${erasedOpened.length} of ${erased.length} erased enrolments open.`;
  if (live.length === 0) return 'Nothing is shown: there is no live enrolment that must open.';
  if (liveMissing.length > 0)
    return `Nothing is shown: ${liveMissing.length} of ${live.length} live enrolments are in none of the files; add a dump that is no older than they are.`;
  if (liveClosed.length > 0)
    return `Nothing is shown: ${liveClosed.length} of ${live.length} live enrolments do not open; give every share of the current root, and a dump of the current key nodes.`;
  if (erased.length === 0)
    return `All ${live.length} live enrolments open; the files hold no erased one, so nothing is shown about erasure.`;
  return `Erased: all ${live.length} live enrolments open, and none of the ${erased.length} erased ones.`;
}
