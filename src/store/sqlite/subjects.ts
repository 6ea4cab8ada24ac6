import type { Enrolment, Subject, SubjectStore } from '../../biometrics/subject-store.js';
import { insertInto } from './insert.js';
import type { Runner } from './runner.js';

type SubjectRow = Omit<Subject, 'enrolment'> & Enrolment;

const INSERT = insertInto<SubjectRow>(
  'subjects',
  {
    tenantId: true,
    uuid: true,
    state: true,
    keyId: true,
    model: true,
    sealedTemplate: true,
    enrolledAtMs: true,
  },
  'ON CONFLICT DO NOTHING',
);
const FIND = 'SELECT * FROM subjects WHERE tenantId = ? AND uuid = ?';
const BEGIN_ERASURE = `
  UPDATE subjects SET state = 'erasing'
  WHERE tenantId = ? AND uuid = ? AND state = 'live' RETURNING *`;
const REMOVE = 'DELETE FROM subjects WHERE tenantId = ? AND uuid = ?';
const SCAN = `
  SELECT * FROM subjects WHERE tenantId = ? AND model = ? AND state = 'live' AND uuid > ?
  ORDER BY uuid LIMIT ?`;
const SCAN_ALL = `
  SELECT * FROM subjects WHERE (tenantId, uuid) > (?, ?) ORDER BY tenantId, uuid LIMIT ?`;
const COUNT = 'SELECT count(*) AS subjects FROM subjects WHERE tenantId = ?';

export function subjectStore(runner: Runner): SubjectStore {
  return {
    find: ({ tenantId, uuid }) =>
      runner.read((sql) => fromRow(sql.get<SubjectRow>(FIND, tenantId, uuid))),
    insert: ({ enrolment, ...subject }) =>
      runner.write((sql) => {
        const inserted = sql.run(INSERT.text, ...INSERT.values({ ...subject, ...enrolment }));
        return inserted === 1 ? 'inserted' : 'exists';
      }),
    beginErasure: ({ tenantId, uuid }) =>
      runner.write((sql) => fromRow(sql.get<SubjectRow>(BEGIN_ERASURE, tenantId, uuid))),
    remove: ({ tenantId, uuid }) =>
      runner.write((sql) => {
        sql.run(REMOVE, tenantId, uuid);
      }),
    scan: ({ tenantId, model, afterUuid, limit }) =>
      runner.read((sql) =>
        sql.all<SubjectRow>(SCAN, tenantId, model, afterUuid, limit).map(toSubject),
      ),
    scanAll: ({ after = { tenantId: '', uuid: '' }, limit }) =>
      runner.read((sql) =>
        sql.all<SubjectRow>(SCAN_ALL, after.tenantId, after.uuid, limit).map(toSubject),
      ),
    count: (tenantId) =>
      runner.read((sql) => sql.get<{ subjects: number }>(COUNT, tenantId)?.subjects ?? 0),
  };
}

function fromRow(row: SubjectRow | undefined): Subject | undefined {
  return row === undefined ? undefined : toSubject(row);
}

function toSubject(row: SubjectRow): Subject {
  const { tenantId, uuid, state, ...enrolment } = row;
  return { tenantId, uuid, state, enrolment };
}
