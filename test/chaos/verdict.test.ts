import { describe, expect, test } from '@jest/globals';
import type { Arrival, Message } from './arrivals.js';
import { judge, type KnownSession } from './verdict.js';

const SESSIONS: readonly KnownSession[] = ['a', 'b', 'c', 'd', 'e'].map((ref) => ({
  ref,
  sessionId: `session-${ref}`,
  duty: 'owed',
}));

function message(ref: string, of: Partial<Message> = {}): Message {
  return {
    webhookId: `id-${ref}`,
    sessionId: `session-${ref}`,
    event: 'session.ended',
    bodyHash: `body-${ref}`,
    signature: 'ok',
    ...of,
  };
}

function arrival(ref: string, of: Partial<Message> = {}, answered = 200): Arrival {
  const fate = `answer ${answered}`;
  return { ref, destination: 'flaky-1', fate, answered, message: message(ref, of) };
}

/** What a flawless service causes: misbehaviour of receivers, attempts again, and an early event. */
const FLAWLESS: readonly Arrival[] = [
  { destination: 'flaky-1', fate: 'hang up at once' },
  { ref: 'a', destination: 'flaky-1', fate: 'reset before reading' },
  arrival('a', { event: 'session.started', webhookId: 'id-a-0', bodyHash: 'started-a' }, 500),
  arrival('a', { event: 'session.started', webhookId: 'id-a-0', bodyHash: 'started-a' }),
  arrival('a', {}, 500),
  arrival('a'),
  arrival('a'),
  arrival('b'),
  arrival('c'),
  arrival('d'),
  arrival('e'),
];

/** The logs with one arrival changed, removed, or added at the end. */
function planted(change: { without?: string; added?: Arrival; first?: Arrival }): Arrival[] {
  return [
    ...(change.first ? [change.first] : []),
    ...FLAWLESS.filter(({ ref }) => ref !== change.without),
    ...(change.added ? [change.added] : []),
  ];
}

function found(arrivals: readonly Arrival[], sessions = SESSIONS): readonly string[] {
  return judge(sessions, arrivals).violations.map(({ kind, ref }) => `${kind}: ${ref}`);
}

describe('the verdict', () => {
  test('when nothing is wrong, then it counts and finds nothing', () => {
    expect(judge(SESSIONS, FLAWLESS)).toEqual({
      owed: 5,
      delivered: 5,
      refused: 0,
      attempts: 11,
      duplicates: 1,
      ranTwice: 0,
      violations: [],
    });
  });

  test('when an event never came, then it is lost', () => {
    expect(found(planted({ without: 'c' }))).toEqual(['lost: c']);
  });

  test('when an event came and was never acknowledged, then it is lost', () => {
    const hung = { ...arrival('c'), fate: 'hang' };
    delete (hung as { answered?: number }).answered;
    expect(found(planted({ without: 'c', added: hung }))).toEqual(['lost: c']);
    expect(found(planted({ without: 'c', added: arrival('c', {}, 302) }))).toEqual(['lost: c']);
  });

  test('when only an earlier event of the session came, then its end is lost', () => {
    const started = arrival('c', { event: 'session.started' });
    expect(found(planted({ without: 'c', added: started }))).toEqual(['lost: c']);
  });

  test('when a signature is wrong, then it is found, even beside a good one', () => {
    const forged = arrival('c', { signature: 'v1: SIGNATURE_INVALID' });
    expect(found(planted({ added: forged }))).toEqual(['wrong signature: c']);
    expect(found(planted({ without: 'c', added: forged }))).toEqual([
      'lost: c',
      'wrong signature: c',
    ]);
  });

  test('when an event comes after the last one of its session, then the order is wrong', () => {
    const started = { event: 'session.started', webhookId: 'id-c-0', bodyHash: 'started-c' };
    expect(found(planted({ added: arrival('c', started) }))).toEqual(['out of order: c']);
    expect(found(planted({ first: arrival('c', started) }))).toEqual([]);
  });

  test('when a duplicate has another webhook-id, then it is found', () => {
    const second = arrival('c', { webhookId: 'id-other' });
    expect(found(planted({ added: second }))).toEqual(['second webhook-id: c']);
  });

  test('when a duplicate has another body, then it is found', () => {
    expect(found(planted({ added: arrival('c', { bodyHash: 'x' }) }))).toEqual(['other body: c']);
  });

  test('when two sessions share a webhook-id, then it is found', () => {
    const shared = arrival('c', { webhookId: 'id-b' });
    expect(found(planted({ without: 'c', added: shared }))).toContain('shared webhook-id: b');
  });

  test('when an event tells of another session, then it is found', () => {
    const strayed = arrival('c', { sessionId: 'session-d' });
    expect(found(planted({ without: 'c', added: strayed }))).toEqual(['wrong session: c']);
  });

  test('when a request may have run twice, then the other session has an event of its own', () => {
    const twice = SESSIONS.map(
      (of): KnownSession => (of.ref === 'c' ? { ...of, mayRunTwice: true } : of),
    );
    const other = { sessionId: 'session-other', webhookId: 'id-other', bodyHash: 'body-other' };
    const run = planted({ added: arrival('c', other) });
    expect(judge(twice, run)).toMatchObject({ delivered: 5, ranTwice: 1, violations: [] });
    expect(found([...run, arrival('c', { ...other, webhookId: 'id-third' })], twice)).toEqual([
      'second webhook-id: c, session-other',
    ]);
    expect(found(planted({ without: 'c', added: arrival('c', other) }), twice)).toEqual([
      'lost: c',
    ]);
    expect(found(run)).toContain('wrong session: c');
  });

  test('when a session is open or unknown, then nothing may come', () => {
    const open = SESSIONS.map(
      (of): KnownSession => (of.ref === 'c' ? { ...of, duty: 'open' } : of),
    );
    expect(found(FLAWLESS, open)).toEqual(['not owed: c']);
    expect(found(FLAWLESS, SESSIONS.slice(1))).toEqual(['not owed: a']);
  });

  test('when a redirect was followed, then it is found', () => {
    const followed = { ref: 'c', destination: 'flaky-1', fate: 'redirect followed' };
    expect(found(planted({ added: followed }))).toEqual(['redirect followed: c']);
  });

  test('when a receiver refused with 410, then the event is refused and not lost', () => {
    const gone = planted({ without: 'c', added: arrival('c', {}, 410) });
    expect(judge(SESSIONS, gone)).toMatchObject({ delivered: 4, refused: 1, violations: [] });
    const enabled = judge(SESSIONS, [...gone, arrival('c')]);
    expect(enabled).toMatchObject({ delivered: 5, refused: 0, violations: [] });
  });

  test('when an event is optional, then it may come or not', () => {
    const optional = SESSIONS.map(
      (of): KnownSession => (of.ref === 'c' ? { ...of, duty: 'optional' } : of),
    );
    expect(found(FLAWLESS, optional)).toEqual([]);
    expect(found(planted({ without: 'c' }), optional)).toEqual([]);
  });
});
