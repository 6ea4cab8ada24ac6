// Loaded into a measured server before its own code; answers questions of the benchmark over IPC.
import { Session } from 'node:inspector/promises';
import { readPragmas } from './pragmas.mjs';
import { answerQuestions } from './processes.mjs';

let profiler;

answerQuestions({
  cpuMicros: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  pragmas: readPragmas,
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
