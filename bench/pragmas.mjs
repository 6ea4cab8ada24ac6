// Settings of the connection that writes, read back from it: any other would only know its defaults.
import { basename } from 'node:path';
import Database from 'better-sqlite3';

export const SYNCHRONOUS = ['OFF', 'NORMAL', 'FULL', 'EXTRA'];

const writers = new Set();
const { pragma } = Database.prototype;

/** Remembers the connections that set pragmas: those that write. Called at the start alone. */
Database.prototype.pragma = function remember(...args) {
  writers.add(this);
  return pragma.apply(this, args);
};

export function readPragmas({ file, names }) {
  const writer = [...writers].find((database) => basename(database.name) === file);
  return names.map((name) => pragma.call(writer, name, { simple: true }));
}
