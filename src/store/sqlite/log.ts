import type {
  Cosignature,
  LogExtension,
  LogHead,
  LogNode,
  LogSegment,
  LogStore,
  PendingEntry,
} from '../../audit/log-store.js';
import { timePrefix } from '../entry-ids.js';
import { requireFit } from '../log-extension.js';
import type { Sql } from './connection.js';
import { insertInto } from './insert.js';
import { readLogKeys } from './log-keys.js';
import type { Runner } from './runner.js';
import { uuidBytes } from './uuid-bytes.js';

const HEAD = `
  SELECT size, frontier, checkpoint FROM logSegments
  WHERE start = (SELECT max(start) FROM logSegments)`;
const PENDING = 'SELECT entryId, leaf FROM pendingEntries ORDER BY entryId LIMIT ?';
// These two reach as far as what was read: the oldest were read, and nobody else writes meanwhile.
const PLACE_PENDING = `
  INSERT INTO logEntries (entryId, leafIndex)
  SELECT ${uuidBytes('entryId')}, ? - 1 + row_number() OVER (ORDER BY entryId)
  FROM pendingEntries ORDER BY entryId LIMIT ?`;
const REMOVE_PENDING = 'DELETE FROM pendingEntries WHERE entryId <= ?';
const INSERT_SEGMENT = insertInto<LogSegment>('logSegments', {
  start: true,
  size: true,
  frontier: true,
  checkpoint: true,
  bundle: true,
});
const INSERT_NODE = 'INSERT INTO logNodes (level, nodeIndex, hash) VALUES (?, ?, ?)';

const FIND_INDEX = `SELECT leafIndex FROM logEntries WHERE entryId = ${uuidBytes('?')}`;
// The bundle, which is long, comes last in its row and is not read.
const CHECKPOINT = `
  SELECT size, checkpoint FROM logSegments
  WHERE start = (SELECT max(start) FROM logSegments WHERE start <= ?) AND size > ?`;
const SEGMENTS = `
  SELECT * FROM logSegments
  WHERE start >= (SELECT max(start) FROM logSegments WHERE start <= ?) AND size > ?
  ORDER BY start LIMIT ?`;
const NODES = `
  SELECT level, nodeIndex AS "index", hash FROM logNodes
  WHERE level = ? AND nodeIndex >= ? ORDER BY nodeIndex LIMIT ?`;
const FORGET_ENTRIES = `
  DELETE FROM logEntries WHERE entryId IN (
    SELECT entryId FROM logEntries WHERE entryId < ${uuidBytes('?')} ORDER BY entryId LIMIT ?)`;

const ADD_COSIGNATURE = insertInto<Cosignature>(
  'cosignatures',
  { size: true, witness: true, line: true },
  'ON CONFLICT DO NOTHING',
);
const COSIGNATURES = 'SELECT * FROM cosignatures WHERE size >= ? ORDER BY size, witness LIMIT ?';
const LARGEST_COSIGNED = 'SELECT max(size) AS size FROM cosignatures';

type Covering = Pick<LogSegment, 'size' | 'checkpoint'>;

export function logStore(runner: Runner): LogStore {
  return {
    sequence: (limit, extend) =>
      runner.write((sql) => {
        const pending = sql.all<PendingEntry>(PENDING, limit);
        if (pending.length === 0) return 0;
        const head = sql.get<LogHead>(HEAD);
        const extension = extend({ head, keys: readLogKeys(sql) }, pending);
        requireFit(extension, { head, count: pending.length });
        store(sql, extension, pending);
        return pending.length;
      }),
    head: () => runner.read((sql) => sql.get<LogHead>(HEAD)),
    findIndex: (entryId) =>
      runner.read((sql) => sql.get<{ leafIndex: number }>(FIND_INDEX, entryId)?.leafIndex),
    findCheckpoint: (index) => runner.read((sql) => sql.get<Covering>(CHECKPOINT, index, index)),
    readSegments: (fromIndex, limit) =>
      runner.read((sql) => sql.all<LogSegment>(SEGMENTS, fromIndex, fromIndex, limit)),
    readNodes: ({ level, index }, limit) =>
      runner.read((sql) => sql.all<LogNode>(NODES, level, index, limit)),
    forgetEntriesBefore: (beforeMs, limit) =>
      runner.write((sql) => sql.run(FORGET_ENTRIES, timePrefix(beforeMs), limit)),
    addCosignature: (cosignature) =>
      runner.write((sql) => {
        sql.run(ADD_COSIGNATURE.text, ...ADD_COSIGNATURE.values(cosignature));
      }),
    readCosignatures: (fromSize, limit) =>
      runner.read((sql) => sql.all<Cosignature>(COSIGNATURES, fromSize, limit)),
    findLargestCosigned: () =>
      runner.read((sql) => sql.get<{ size?: number }>(LARGEST_COSIGNED)?.size),
  };
}

function store(sql: Sql, { segment, nodes }: LogExtension, pending: readonly PendingEntry[]): void {
  sql.run(PLACE_PENDING, segment.start, pending.length);
  sql.run(REMOVE_PENDING, pending.at(-1)?.entryId);
  sql.run(INSERT_SEGMENT.text, ...INSERT_SEGMENT.values(segment));
  for (const { level, index, hash } of nodes) sql.run(INSERT_NODE, level, index, hash);
}
