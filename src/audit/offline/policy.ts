import type { Primitives } from './primitives.js';
import { type KeyType, parseVerifierKey, type VerifierKey } from './verifier-key.js';

const POLICY_LIMIT_CHARACTERS = 262_144;
/** The name of the quorum that asks for nobody. */
const NOBODY = 'none';
const NUMBER = /^[1-9]\d{0,5}$/;
/** Tab, and all but control characters. */
const ALLOWED_LINE = /^[^\u0000-\u0008\u000a-\u001f\u007f]*$/;

/** Which logs and witnesses are trusted, and how many of them it takes (C2SP tlog-policy). */
export interface Policy {
  readonly logs: readonly { readonly key: VerifierKey; readonly url?: string }[];
  readonly witnesses: readonly {
    /** Known in the policy only. */
    readonly name: string;
    readonly key: VerifierKey;
    readonly url?: string;
  }[];
  /** Whether it is enough that the witnesses with these verifier keys, as text, have cosigned. */
  isQuorum(witnessVkeys: ReadonlySet<string>): boolean;
}

/** A policy that cannot be used; the message names the line. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  /** From 1; 0 stands for the policy as a whole. */
  readonly line: number;

  constructor(line: number, sentence: string) {
    super(line === 0 ? sentence : `line ${line}: ${sentence}`);
    this.line = line;
  }
}

interface Group {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

interface Draft {
  readonly primitives: Primitives;
  readonly logs: Policy['logs'][number][];
  readonly witnesses: Policy['witnesses'][number][];
  /** In the order of their lines: members come before their group. */
  readonly groups: Group[];
  readonly publicKeys: Set<string>;
  /** Names of witnesses and groups. */
  readonly names: Set<string>;
  readonly members: Set<string>;
  quorum?: string;
}

/** One line; what is wrong with it is thrown as one sentence. */
type Reader = (draft: Draft, items: readonly string[]) => Promise<void> | void;

const READERS = new Map<string, Reader>([
  ['log', readLog],
  ['witness', readWitness],
  ['group', readGroup],
  ['quorum', readQuorum],
]);

/** What is wrong with a line, before its number is known. */
class LineFault extends Error {}

/**
 * Reads a policy; the last line may lack its line feed. Keys are Ed25519: 0x01 of logs, 0x04 of
 * witnesses. Throws {@link PolicyError}.
 *
 * ```text
 * log example.com/log+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
 * witness W1 witness.example/w1+…
 * witness W2 witness.example/w2+… https://witness.example/w2
 * group both all W1 W2
 * quorum both
 * ```
 */
export async function parsePolicy(primitives: Primitives, text: string): Promise<Policy> {
  if (text.length > POLICY_LIMIT_CHARACTERS) throw new PolicyError(0, 'the policy is too long');
  const draft: Draft = {
    primitives,
    ...{ logs: [], witnesses: [], groups: [] },
    ...{ publicKeys: new Set(), names: new Set(), members: new Set() },
  };
  for (const [index, line] of text.split('\n').entries()) {
    try {
      await readLine(draft, line);
    } catch (error) {
      if (error instanceof LineFault) throw new PolicyError(index + 1, error.message);
      throw error;
    }
  }
  const { logs, witnesses, groups, quorum } = draft;
  if (quorum === undefined) throw new PolicyError(0, 'the policy has no line `quorum`');
  return { logs, witnesses, isQuorum: (vkeys) => hasWitnessed(draft, quorum, vkeys, groups) };
}

async function readLine(draft: Draft, line: string): Promise<void> {
  if (!ALLOWED_LINE.test(line))
    throw new LineFault('a control character, such as a carriage return');
  const [keyword = '', ...items] = line.split(/[ \t]+/).filter((item) => item !== '');
  if (keyword === '' || keyword.startsWith('#')) return;
  const read = READERS.get(keyword);
  if (read === undefined) throw new LineFault('it begins with none of log, witness, group, quorum');
  await read(draft, items);
}

async function readLog(draft: Draft, [vkey, url, ...surplus]: readonly string[]): Promise<void> {
  if (surplus.length > 0) throw new LineFault('a log has a key and at most one address');
  const key = await readKey(draft, 'log', vkey);
  draft.logs.push({ key, ...(url !== undefined && { url }) });
}

async function readWitness(
  draft: Draft,
  [name, vkey, url, ...surplus]: readonly string[],
): Promise<void> {
  if (surplus.length > 0)
    throw new LineFault('a witness has a name, a key and at most one address');
  const named = define(draft, name);
  const key = await readKey(draft, 'witness', vkey);
  draft.witnesses.push({ name: named, key, ...(url !== undefined && { url }) });
}

function readGroup(draft: Draft, [name, rule = '', ...members]: readonly string[]): void {
  if (members.length === 0) throw new LineFault('a group has a name, a threshold and members');
  for (const member of members) {
    if (!draft.names.has(member)) throw new LineFault('a member is not defined on a line before');
    if (draft.members.has(member)) throw new LineFault('a member was a member before');
    draft.members.add(member);
  }
  const shorthand = new Map([
    ['any', '1'],
    ['all', members.length.toString()],
  ]);
  const threshold = shorthand.get(rule) ?? rule;
  if (!NUMBER.test(threshold) || Number(threshold) > members.length)
    throw new LineFault('the threshold is neither any, all nor a number of members');
  draft.groups.push({ name: define(draft, name), threshold: Number(threshold), members });
}

function readQuorum(draft: Draft, [name = '', ...surplus]: readonly string[]): void {
  if (draft.quorum !== undefined) throw new LineFault('there is more than one quorum');
  if (surplus.length > 0 || (name !== NOBODY && !draft.names.has(name)))
    throw new LineFault('the quorum is neither none nor one name that is defined on a line before');
  draft.quorum = name;
}

function define({ names }: Draft, name: string | undefined): string {
  if (name === undefined || name === NOBODY) throw new LineFault('a name is missing');
  if (names.has(name)) throw new LineFault('the name is taken');
  names.add(name);
  return name;
}

async function readKey(draft: Draft, type: KeyType, vkey = ''): Promise<VerifierKey> {
  const key = await parseVerifierKey(draft.primitives, vkey);
  if (key?.type !== type) throw new LineFault(`the key is not the Ed25519 key of a ${type}`);
  const place = `${type} ${key.publicKey.join()}`;
  if (draft.publicKeys.has(place))
    throw new LineFault(`there is a ${type} with the same key before`);
  draft.publicKeys.add(place);
  return key;
}

function hasWitnessed(
  { witnesses }: Draft,
  quorum: string,
  vkeys: ReadonlySet<string>,
  groups: readonly Group[],
): boolean {
  const cosigning = witnesses.filter(({ key }) => vkeys.has(key.vkey));
  const witnessed = new Set([NOBODY, ...cosigning.map(({ name }) => name)]);
  for (const { name, threshold, members } of groups)
    if (members.filter((member) => witnessed.has(member)).length >= threshold) witnessed.add(name);
  return witnessed.has(quorum);
}
