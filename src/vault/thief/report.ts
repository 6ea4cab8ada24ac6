/** What the thief can do to one enrolment. */
export interface Finding {
  /** As it stands in the corpus; only the key id (22 characters) where the corpus has no name of it. */
  readonly keyName: string;
  /** Whether a template of this key opened. */
  readonly isOpened: boolean;
  /** Whether the enrolment key itself was found, with or without a template. */
  readonly isKeyFound: boolean;
  /** Where the template was found. */
  readonly via?: string;
}

/** What one run of the thief came to. Holds no key and no template. */
export interface ThiefReport {
  readonly sources: number;
  readonly nodes: number;
  readonly templates: number;
  readonly keyNames: number;
  readonly rootSlots: number;
  /** Windows of secret files and of memory, and roots put together from slots, that were tried. */
  readonly seeds: number;
  readonly keysFound: number;
  readonly nodesOpened: number;
  readonly templatesOpened: number;
  readonly rounds: number;
  /** Whether every key was tried on every blob; otherwise, on those that name it. */
  readonly isExhaustive: boolean;
  /** One for each key name, in order of it, and for each opened template that has no name. */
  readonly findings: readonly Finding[];
}
