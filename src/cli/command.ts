import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { LogKeyring } from '../audit/log-keys.js';
import type { ReviewSealer } from '../audit/reviews/record.js';
import type { Config } from '../config/config.js';
import type { Commitments } from '../crypto/commitment.js';
import type { Sealer } from '../crypto/sealer.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import type { SigningKey } from '../crypto/signing-key.js';
import type { Clock } from '../lib/clock.js';
import type { Store } from '../operations/unit-of-work.js';

/** What commands use of the joined application: the part of `context.ts` that needs no server. */
export interface Application {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly pepper: SecretBytes;
  readonly commitments: Commitments;
  /** Signs webhooks and results. */
  readonly signingKey: SigningKey;
  /** The keys that sign the log and receipts. */
  readonly logKeyring: LogKeyring;
  readonly reviews: ReviewSealer;
  readonly clock: Clock;
  readonly config: Config;
  close(): Promise<void>;
}

/** What a command is given besides its arguments. */
export interface CommandContext {
  /** Opens the store once, when the command first needs it; it is closed after the command. */
  open(): Promise<Application>;
  /** Writes a result to stdout: the text, or with --json the value as one line of JSON. */
  print(result: { readonly text: string; readonly json: unknown }): void;
  readonly isJson: boolean;
}

/** One row of the command table in `main.ts`. */
export interface Command {
  /** One or two words: `tenant create`. */
  readonly name: string;
  readonly summary: string;
  /** What --help says: the first line is the synopsis, then the options. */
  readonly usage: string;
  /** Arguments are those after the name, without --json and --help. What it throws exits with 1. */
  run(context: CommandContext, args: readonly string[]): Promise<void>;
}

/** A command line that does not fit the usage: one sentence; exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true; strict: true }>
>['values'];

/**
 * Reads options and exactly the positional arguments that are named. Throws {@link UsageError}.
 */
export function readArguments<const O extends Options>(
  args: readonly string[],
  expected: { positionals: readonly string[]; options: O },
): { positionals: readonly string[]; values: Parsed<O> } {
  const { positionals, values } = parsed(args, expected.options);
  const missing = expected.positionals[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  const surplus = positionals[expected.positionals.length];
  if (surplus !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(surplus)}`);
  return { positionals, values };
}

function parsed<O extends Options>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new UsageError(sentence.replaceAll('\n', ' '));
  }
}

/** A whole number within a range. Throws {@link UsageError}. */
export function wholeNumber(
  text: string,
  range: { name: string; min: number; max: number },
): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max) return value;
  const limits = `${range.min.toString()} to ${range.max.toString()}`;
  throw new UsageError(`${range.name} must be a whole number from ${limits}`);
}

/** The value of an option that must be given. Throws {@link UsageError}. */
export function required(option: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`${option} is missing`);
  return value;
}
