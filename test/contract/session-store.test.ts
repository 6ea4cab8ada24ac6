import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import type { EndState, Session } from '../../src/sessions/session.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import {
  ALL_BYTES,
  comparable,
  concurrently,
  DIFFICULT_TEXT,
  NOW_MS,
  sampleSession,
} from './samples.js';

let opened: TestStore;

beforeAll(async () => {
  opened = await openTestStore();
});

afterAll(async () => {
  await opened.destroy();
});

async function insert(members: Partial<Session> = {}): Promise<Session> {
  const session = sampleSession(members);
  await opened.store.sessions.insert(session);
  return session;
}

async function insertEnded(members: Partial<Session> = {}): Promise<Session> {
  return await insert({ state: 'SUCCESS', endedAtMs: NOW_MS, ...members });
}

function idsOf(sessions: readonly Session[]): string[] {
  return sessions.map((session) => session.sessionId).toSorted();
}

describe('insert and find', () => {
  test('when a session has every member, then it is found as it was given after the store was opened again', async () => {
    const session = await insertEnded({
      type: 'SIGN-IN',
      spelledType: DIFFICULT_TEXT,
      uuid: DIFFICULT_TEXT,
      erasureId: randomId(),
      failureUrl: 'https://app.example/failed?x=ü',
      auditTag: DIFFICULT_TEXT,
      transactionID: DIFFICULT_TEXT,
      callbackOrigin: `https://${DIFFICULT_TEXT}`,
      sealedCallback: ALL_BYTES,
    });
    const { sessions } = await opened.reopen();
    expect(comparable(await sessions.find(session.sessionId))).toStrictEqual(comparable(session));
  });

  test('when a session has only the members that it must have, then no others appear', async () => {
    const session = await insert();
    expect(comparable(await opened.store.sessions.find(session.sessionId))).toStrictEqual(
      comparable(session),
    );
  });

  test('when there is no such session, then nothing is found', async () => {
    expect(await opened.store.sessions.find(randomId())).toBeUndefined();
  });
});

describe('changes of state', () => {
  test('when a created session is started, then it is in progress', async () => {
    const { sessionId } = await insert();
    expect(await opened.store.sessions.markStarted(sessionId)).toBe(true);
    expect(await opened.store.sessions.markStarted(sessionId)).toBe(false);
    expect((await opened.store.sessions.find(sessionId))?.state).toBe('IN_PROGRESS');
  });

  test('when an ended or unknown session is started, then nothing changes', async () => {
    const session = await insertEnded();
    expect(await opened.store.sessions.markStarted(session.sessionId)).toBe(false);
    expect(await opened.store.sessions.markStarted(randomId())).toBe(false);
    expect(comparable(await opened.store.sessions.find(session.sessionId))).toStrictEqual(
      comparable(session),
    );
  });

  test.each(['CREATED', 'IN_PROGRESS'] as const)(
    'when a session that is %s ends, then it is returned as it is afterwards',
    async (state) => {
      const { sessions } = opened.store;
      const session = await insert({ state, uuid: randomId() });
      const ended = await sessions.end(session.sessionId, { state: 'FAILED', endedAtMs: NOW_MS });
      const expected = { ...session, state: 'FAILED', endedAtMs: NOW_MS };
      expect(comparable(ended)).toStrictEqual(comparable(expected));
      expect(comparable(await sessions.find(session.sessionId))).toStrictEqual(
        comparable(expected),
      );
    },
  );

  test('when a session ends with a uuid, then it is about that subject; with null, then about none', async () => {
    const { sessions } = opened.store;
    const end = { state: 'SUCCESS', endedAtMs: NOW_MS } as const;
    const uuid = randomId();
    const found = await insert();
    expect((await sessions.end(found.sessionId, { ...end, uuid }))?.uuid).toBe(uuid);
    const forgotten = await insert({ uuid });
    expect(await sessions.end(forgotten.sessionId, { ...end, uuid: null })).not.toHaveProperty(
      'uuid',
    );
    expect(await sessions.find(forgotten.sessionId)).not.toHaveProperty('uuid');
  });

  test('when an ended or unknown session is ended again, then nothing is returned and nothing changes', async () => {
    const { sessions } = opened.store;
    const session = await insertEnded({ uuid: randomId() });
    const again = { state: 'CANCELED', endedAtMs: NOW_MS + 1, uuid: null } as const;
    expect(await sessions.end(session.sessionId, again)).toBeUndefined();
    expect(await sessions.end(randomId(), again)).toBeUndefined();
    expect(comparable(await sessions.find(session.sessionId))).toStrictEqual(comparable(session));
  });

  test('when many end one session at once, then one of them does, and the session is as that one said', async () => {
    const { sessions } = opened.store;
    const { sessionId } = await insert();
    const states: EndState[] = ['SUCCESS', 'FAILED', 'EXPIRED', 'CANCELED'];
    const ended = await concurrently(20, (index) =>
      sessions.end(sessionId, { state: states[index % 4]!, endedAtMs: NOW_MS + index }),
    );
    const winners = ended.filter((session) => session !== undefined);
    expect(winners).toHaveLength(1);
    expect(comparable(await sessions.find(sessionId))).toStrictEqual(comparable(winners[0]));
  });

  test('when a session is started while it ends, then it stays ended', async () => {
    const { sessions } = opened.store;
    const { sessionId } = await insert();
    await Promise.all([
      sessions.markStarted(sessionId),
      sessions.end(sessionId, { state: 'SUCCESS', endedAtMs: NOW_MS }),
      sessions.markStarted(sessionId),
    ]);
    expect((await sessions.find(sessionId))?.state).toBe('SUCCESS');
  });
});

describe('queries', () => {
  test('when sessions are expired, then the open ones are found, oldest first, at most the limit', async () => {
    const { sessions } = opened.store;
    const [third, first, second] = [
      await insert({ expiresAtMs: 3_000 }),
      await insert({ expiresAtMs: 1_000, state: 'IN_PROGRESS' }),
      await insert({ expiresAtMs: 2_000 }),
    ];
    await insert({ expiresAtMs: 3_001 });
    await insertEnded({ expiresAtMs: 500 });
    const expired = await sessions.findExpired(3_000, 10);
    expect(expired.map((session) => session.sessionId)).toEqual(
      [first, second, third].map((session) => session.sessionId),
    );
    expect(await sessions.findExpired(3_000, 2)).toHaveLength(2);
    expect(comparable(expired[0])).toStrictEqual(comparable(first));
  });

  test('when a subject has open sessions, then those are found that are not DELETE sessions', async () => {
    const subject = { tenantId: randomId(), uuid: randomId() };
    const open = [await insert(subject), await insert({ ...subject, state: 'IN_PROGRESS' })];
    await insert({ ...subject, type: 'DELETE' });
    await insertEnded(subject);
    await insert({ ...subject, tenantId: randomId() });
    await insert({ ...subject, uuid: randomId() });
    expect(idsOf(await opened.store.sessions.findOpenOfSubject(subject))).toEqual(idsOf(open));
  });

  test('when DELETE sessions wait for an erasure, then the open ones are found', async () => {
    const erasureId = randomId();
    const waiting = [
      await insert({ erasureId, type: 'DELETE' }),
      await insert({ erasureId, type: 'DELETE', state: 'IN_PROGRESS' }),
    ];
    await insertEnded({ erasureId, type: 'DELETE' });
    await insert({ erasureId: randomId(), type: 'DELETE' });
    const { sessions } = opened.store;
    expect(idsOf(await sessions.findOpenOfErasure(erasureId))).toEqual(idsOf(waiting));
    expect(await sessions.findOpenOfErasure(randomId())).toEqual([]);
  });
});

describe('forgetting a subject', () => {
  test('when a subject is forgotten, then its ended sessions lose what points to it, and their ids are returned', async () => {
    const { sessions } = opened.store;
    const subject = { tenantId: randomId(), uuid: randomId() };
    const told = { auditTag: 'tag', transactionID: 'transaction' };
    const ended = [
      await insertEnded({ ...subject, ...told }),
      await insertEnded({ ...subject, state: 'FAILED' }),
    ];
    const others = [
      await insert({ ...subject, ...told }),
      await insertEnded({ ...subject, ...told, tenantId: randomId() }),
      await insertEnded({ ...subject, ...told, uuid: randomId() }),
    ];
    const forgotten = await sessions.forgetSubject(subject);
    expect(forgotten.toSorted()).toEqual(idsOf(ended));
    for (const session of ended) {
      const { uuid, auditTag, transactionID, ...rest } = session;
      expect(comparable(await sessions.find(session.sessionId))).toStrictEqual(comparable(rest));
    }
    for (const session of others) {
      expect(comparable(await sessions.find(session.sessionId))).toStrictEqual(comparable(session));
    }
    expect(await sessions.forgetSubject(subject)).toEqual([]);
  });
});

describe('removal', () => {
  test('when old sessions are removed, then at most the limit go, and only those that ended before', async () => {
    const { sessions } = opened.store;
    const old = [1_000, 2_000, 3_000].map((endedAtMs) => insertEnded({ endedAtMs }));
    const ids = idsOf(await Promise.all(old));
    const kept = [await insertEnded({ endedAtMs: 4_000 }), await insert({ createdAtMs: 1_000 })];
    expect(await sessions.removeEndedBefore(4_000, 2)).toBe(2);
    expect(await sessions.removeEndedBefore(4_000, 2)).toBe(1);
    expect(await sessions.removeEndedBefore(4_000, 2)).toBe(0);
    for (const sessionId of ids) expect(await sessions.find(sessionId)).toBeUndefined();
    for (const { sessionId } of kept) expect(await sessions.find(sessionId)).toBeDefined();
  });
});
