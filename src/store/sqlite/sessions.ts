import type { Session } from '../../sessions/session.js';
import type { SessionStore } from '../../sessions/session-store.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

const INSERT = insertInto<Session>('sessions', {
  sessionId: true,
  tenantId: true,
  clientId: true,
  type: true,
  spelledType: true,
  state: true,
  uuid: true,
  erasureId: true,
  redirectURL: true,
  failureUrl: true,
  auditTag: true,
  transactionID: true,
  sentEvents: true,
  callbackOrigin: true,
  sealedCallback: true,
  nonce: true,
  createdAtMs: true,
  expiresAtMs: true,
  endedAtMs: true,
});

// Open is what has not ended; the table checks that the state agrees.
const FIND = 'SELECT * FROM sessions WHERE sessionId = ?';
const MARK_STARTED = `
  UPDATE sessions SET state = 'IN_PROGRESS' WHERE sessionId = ? AND state = 'CREATED'`;
const END = `
  UPDATE sessions SET state = ?, endedAtMs = ?, uuid = iif(?, ?, uuid)
  WHERE sessionId = ? AND endedAtMs IS NULL RETURNING *`;
const FIND_EXPIRED = `
  SELECT * FROM sessions WHERE endedAtMs IS NULL AND expiresAtMs <= ?
  ORDER BY expiresAtMs LIMIT ?`;
const FIND_OPEN_OF_SUBJECT = `
  SELECT * FROM sessions
  WHERE tenantId = ? AND uuid = ? AND endedAtMs IS NULL AND type <> 'DELETE'`;
const FIND_OPEN_OF_ERASURE = `
  SELECT * FROM sessions WHERE erasureId = ? AND endedAtMs IS NULL AND type = 'DELETE'`;
const FORGET_SUBJECT = `
  UPDATE sessions SET uuid = NULL, auditTag = NULL, transactionID = NULL
  WHERE tenantId = ? AND uuid = ? AND endedAtMs IS NOT NULL RETURNING sessionId`;
const REMOVE_ENDED = `
  DELETE FROM sessions WHERE rowid IN (
    SELECT rowid FROM sessions WHERE endedAtMs < ? ORDER BY endedAtMs LIMIT ?)`;

export function sessionStore(runner: Runner): SessionStore {
  return {
    insert: (session) =>
      runner.write((sql) => {
        sql.run(INSERT.text, ...INSERT.values(session));
      }),
    find: (sessionId) => runner.read((sql) => sql.get<Session>(FIND, sessionId)),
    markStarted: (sessionId) => runner.write((sql) => sql.run(MARK_STARTED, sessionId) === 1),
    end: (sessionId, { state, endedAtMs, uuid }) =>
      runner.write((sql) => {
        const isUuidGiven = uuid === undefined ? 0 : 1;
        return sql.get<Session>(END, state, endedAtMs, isUuidGiven, uuid, sessionId);
      }),
    findExpired: (nowMs, limit) =>
      runner.read((sql) => sql.all<Session>(FIND_EXPIRED, nowMs, limit)),
    findOpenOfSubject: ({ tenantId, uuid }) =>
      runner.read((sql) => sql.all<Session>(FIND_OPEN_OF_SUBJECT, tenantId, uuid)),
    findOpenOfErasure: (erasureId) =>
      runner.read((sql) => sql.all<Session>(FIND_OPEN_OF_ERASURE, erasureId)),
    forgetSubject: ({ tenantId, uuid }) =>
      runner.write((sql) =>
        sql
          .all<Pick<Session, 'sessionId'>>(FORGET_SUBJECT, tenantId, uuid)
          .map((row) => row.sessionId),
      ),
    removeEndedBefore: (beforeMs, limit) =>
      runner.write((sql) => sql.run(REMOVE_ENDED, beforeMs, limit)),
  };
}
