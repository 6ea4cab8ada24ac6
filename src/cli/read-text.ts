import { readFileSync } from 'node:fs';
import { UsageError } from './command.js';

/** The text of a file that an option or argument names; throws {@link UsageError}. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Not 1: a script must be able to tell a bad finding from what could not be checked. */
export function unreadable(file: string, error: unknown): UsageError {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return new UsageError(`${file} cannot be read (${code})`);
}
