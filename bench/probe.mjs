// Loaded into a measured server before its own code; answers questions of the benchmark over IPC.
import { Session } from 'node:inspector/promises';
import { basename } from 'node:path';
import Database from 'better-sqlite3';
import { answerQuestions } from './processes.mjs';

const writers = new Set();
const { pragma } = Database.prototype;

/** Remembers the connections that set pragmas: those that write. Called at the start alone. */
Database.prototype.pragma = function remember(...args) {
  writers.add(this);
  return pragma.apply(this, args);
};

let profiler;

answerQuestions({
  cpuMicros: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /** Settings of the service's own connection, read back: others would only know their defaults. */
  pragmas: ({ file, names }) => {
    const writer = [...writers].find((database) => basename(database.name) === file);
    return names.map((name) => pragma.call(writer, name, { simple: true }));
  },
  startProfile: async () => {
    profiler = new Session();
    profiler.connect();
    await profiler.post('Profiler.enable');
    await profiler.post('Profiler.start');
  },
  stopProfile: async () => {
    const { profile } = await profiler.post('Profiler.stop');
    profiler.disconnect();
    return JSON.stringify(profile);
  },
});

// The questions alone keep no server alive.
process.channel?.unref();
