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
  readonly violations: readonly Violation[];
}

type Read = Arrival & { readonly ref: string; readonly message: Message };

/** Compares what is owed with the logs of the receivers, each in the order of its arrivals. */
export function judge(sessions: readonly KnownSession[], arrivals: readonly Arrival[]): Verdict {
  const byRef = grouped(arrivals.filter(isRead), ({ ref }) => ref);
  const refs = new Set(sessions.map(({ ref }) => ref));
  const owed = sessions.filter(({ duty }) => duty === 'owed');
  const missing = owed.filter(({ ref }) => !isDelivered(byRef.get(ref) ?? []));
  const refused = missing.filter(({ ref }) => isRefused(byRef.get(ref) ?? []));
  const lost = missing.filter((session) => !refused.includes(session));
  return {
    owed: owed.length,
    delivered: owed.length - missing.length,
    refused: refused.length,
    attempts: arrivals.length,
    duplicates: duplicatesIn([...byRef.values()].flat()),
    violations: [
      ...lost.map(({ ref, sessionId }) =>
        violation('lost', ref, lossDetail(sessionId, byRef.get(ref))),
      ),
      ...sessions.flatMap((session) => sessionProblems(session, byRef.get(session.ref) ?? [])),
      ...[...byRef.keys()]
        .filter((ref) => !refs.has(ref))
        .map((ref) => violation('not owed', ref, 'nobody asked for it')),
      ...sharedIds(byRef),
      ...arrivals
        .filter(({ fate }) => fate === 'redirect followed')
        .map(({ ref = '?' }) => violation('redirect followed', ref, 'a 302 was followed')),
    ],
  };
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

function lossDetail(sessionId: string | undefined, arrivals: readonly Read[] = []): string {
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
