import { type Arrival, FINAL_EVENT, isAcknowledged, type Message } from './arrivals.js';

/** What the client knows of a session. */
export interface KnownSession {
  readonly ref: string;
  readonly sessionId?: string;
  /**
   * owed: its end was acknowledged, or seen. optional: its event may have been dropped, because its
   * subject was deleted, or nobody knows whether it exists. open: it has not ended.
   */
  readonly duty: 'owed' | 'optional' | 'open';
  /**
   * A repeated request may have begun a second session when the first was interrupted: a DELETE goes on
   * by itself after a crash, but without the Idempotency-Key that it came with.
   */
  readonly mayRunTwice?: boolean;
}

export type ViolationKind =
  | 'lost'
  | 'wrong signature'
  | 'out of order'
  | 'second webhook-id'
  | 'other body'
  | 'shared webhook-id'
  | 'wrong session'
  | 'not owed'
  | 'redirect followed';

export interface Violation {
  readonly kind: ViolationKind;
  readonly ref: string;
  readonly detail: string;
}

export interface Verdict {
  readonly owed: number;
  /** Of those owed: verified, and acknowledged by the receiver. */
  readonly delivered: number;
  /** Of those owed: answered with 410 and not delivered. */
  readonly refused: number;
  /** Requests that reached a receiver. */
  readonly attempts: number;
  /** Acknowledged more than once, with the same webhook-id and the same body. */
  readonly duplicates: number;
  /** Sessions that nobody was told of, beside one that the same request began: each has its event. */
  readonly ranTwice: number;
  readonly violations: readonly Violation[];
}

type Read = Arrival & { readonly ref: string; readonly message: Message };

/** Compares what is owed with the logs of the receivers, each in the order of its arrivals. */
export function judge(known: readonly KnownSession[], arrivals: readonly Arrival[]): Verdict {
  const read = arrivals.filter(isRead);
  const secondRuns = secondRunsIn(known, read);
  const sessions = [...known, ...secondRuns];
  const secondRefs = new Map(secondRuns.map(({ ref, sessionId }) => [sessionId, ref]));
  const byRef = grouped(read, ({ ref, message }) => secondRefs.get(message.sessionId) ?? ref);
  const of = ({ ref }: KnownSession): readonly Read[] => byRef.get(ref) ?? [];

  const owed = sessions.filter(({ duty }) => duty === 'owed');
  const missing = owed.filter((session) => !isDelivered(of(session)));
  const refused = missing.filter((session) => isRefused(of(session)));
  const lost = missing.filter((session) => !refused.includes(session));
  return {
    owed: owed.length,
    delivered: owed.length - missing.length,
    refused: refused.length,
    attempts: arrivals.length,
    duplicates: duplicatesIn(read),
    ranTwice: secondRuns.length,
    violations: [
      ...lost.map((session) => violation('lost', session.ref, lossDetail(session, of(session)))),
      ...sessions.flatMap((session) => sessionProblems(session, of(session))),
      ...notAskedFor(sessions, byRef),
      ...sharedIds(byRef),
      ...arrivals
        .filter(({ fate }) => fate === 'redirect followed')
        .map(({ ref = '?' }) => violation('redirect followed', ref, 'a 302 was followed')),
    ],
  };
}

/** The other sessions that events told of where there may be one, as sessions of their own. */
function secondRunsIn(
  known: readonly KnownSession[],
  arrivals: readonly Read[],
): readonly KnownSession[] {
  const mayRunTwice = new Map(
    known.flatMap((session) => (session.mayRunTwice === true ? [[session.ref, session]] : [])),
  );
  const ids = new Map<string, string>();
  for (const { ref, message } of arrivals) {
    const session = mayRunTwice.get(ref);
    if (session?.sessionId !== undefined && session.sessionId !== message.sessionId)
      ids.set(message.sessionId, ref);
  }
  return [...ids].map(([sessionId, ref]) => ({
    ref: `${ref}, ${sessionId}`,
    sessionId,
    duty: 'optional',
  }));
}

function notAskedFor(
  sessions: readonly KnownSession[],
  byRef: ReadonlyMap<string, readonly Read[]>,
): readonly Violation[] {
  const refs = new Set(sessions.map(({ ref }) => ref));
  return [...byRef.keys()]
    .filter((ref) => !refs.has(ref))
    .map((ref) => violation('not owed', ref, 'nobody asked for it'));
}

function isRead(arrival: Arrival): arrival is Read {
  return arrival.message !== undefined;
}

function isFinal({ message }: Read): boolean {
  return message.event === FINAL_EVENT;
}

function isDelivered(arrivals: readonly Read[]): boolean {
  return arrivals.some(
    (arrival) => isFinal(arrival) && isAcknowledged(arrival) && arrival.message.signature === 'ok',
  );
}

function isRefused(arrivals: readonly Read[]): boolean {
  return arrivals.some((arrival) => isFinal(arrival) && arrival.answered === 410);
}

function duplicatesIn(arrivals: readonly Read[]): number {
  const acknowledged = arrivals.filter(isAcknowledged);
  return acknowledged.length - new Set(acknowledged.map(({ message }) => message.webhookId)).size;
}

function lossDetail({ sessionId }: KnownSession, arrivals: readonly Read[]): string {
  const fates = arrivals.map(({ fate }) => fate).join(', ');
  return `session ${sessionId ?? '?'}, ${arrivals.length} attempts read (${fates})`;
}

function sessionProblems(session: KnownSession, arrivals: readonly Read[]): readonly Violation[] {
  const { ref } = session;
  const problems: Violation[] = [];
  for (const { message, fate } of arrivals) {
    if (message.signature !== 'ok')
      problems.push(violation('wrong signature', ref, `${message.signature} (${fate})`));
    if (session.sessionId !== undefined && message.sessionId !== session.sessionId)
      problems.push(
        violation('wrong session', ref, `${message.sessionId}, not ${session.sessionId}`),
      );
  }
  if (session.duty === 'open' && arrivals.some(isFinal))
    problems.push(violation('not owed', ref, 'the session has not ended'));
  const firstFinal = arrivals.findIndex(isFinal);
  const late = firstFinal === -1 ? [] : arrivals.slice(firstFinal).filter((of) => !isFinal(of));
  for (const { message } of late)
    problems.push(violation('out of order', ref, `${message.event} after ${FINAL_EVENT}`));
  return [...problems, ...identityProblems(ref, arrivals)];
}

/** One webhook-id for each event of a session, and one body for each webhook-id. */
function identityProblems(ref: string, arrivals: readonly Read[]): readonly Violation[] {
  const byEvent = grouped(arrivals, ({ message }) => message.event);
  const byId = grouped(arrivals, ({ message }) => message.webhookId);
  return [
    ...differing(byEvent, ({ webhookId }) => webhookId).map(([event, ids]) =>
      violation('second webhook-id', ref, `${event}: ${ids.join(', ')}`),
    ),
    ...differing(byId, ({ bodyHash }) => bodyHash).map(([webhookId, hashes]) =>
      violation('other body', ref, `${webhookId}: ${hashes.join(', ')}`),
    ),
  ];
}

/** The groups whose messages do not all have the same value, with their values. */
function differing(
  groups: ReadonlyMap<string, readonly Read[]>,
  valueOf: (message: Message) => string,
): readonly (readonly [string, readonly string[]])[] {
  return [...groups]
    .map(([key, arrivals]) => {
      const values = new Set(arrivals.map(({ message }) => valueOf(message)));
      return [key, [...values]] as const;
    })
    .filter(([, values]) => values.length > 1);
}

function sharedIds(byRef: ReadonlyMap<string, readonly Read[]>): readonly Violation[] {
  const byId = grouped([...byRef.values()].flat(), ({ message }) => message.webhookId);
  return [...byId].flatMap(([webhookId, arrivals]) => {
    const [first = '', ...others] = new Set(arrivals.map(({ ref }) => ref));
    return others.length === 0
      ? []
      : [violation('shared webhook-id', first, `${webhookId}: also of ${others.join(', ')}`)];
  });
}

function violation(kind: ViolationKind, ref: string, detail: string): Violation {
  return { kind, ref, detail };
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
