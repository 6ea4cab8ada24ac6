import { createLogger, format, transports } from 'winston';
import { type Clock, isoTime } from '../lib/clock.js';
import { filterFields, type LogFields } from './log-fields.js';

/** From the most to the least severe; each includes those before it. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Writes lines of JSON, one for each event. */
export interface Log {
  write(level: LogLevel, fields: LogFields): void;
  /** Resolves when the stream has passed on every line that was written before. */
  flush(): Promise<void>;
}

/**
 * The only logger. A process that ends by itself, or after `flush`, loses no line; one that calls
 * process.exit at once may lose what a slow reader of a pipe has not taken yet.
 */
export function createLog(deps: {
  level: LogLevel;
  stream: NodeJS.WritableStream;
  clock: Clock;
}): Log {
  const logger = createLogger({
    level: deps.level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: format.printf(({ level, fields }) => {
      const at = isoTime(deps.clock.nowMs());
      return JSON.stringify({ at, level, ...filterFields(fields as LogFields) });
    }),
    transports: [new transports.Stream({ stream: deps.stream, eol: '\n' })],
  });
  return {
    write: (level, fields) => {
      if (logger.isLevelEnabled(level)) logger.log({ level, message: fields.event, fields });
    },
    flush: async () => {
      // The first line waits in the logger until the pipe to its transport runs.
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise<void>((resolve) => {
        deps.stream.write('', () => {
          resolve();
        });
      });
    },
  };
}
