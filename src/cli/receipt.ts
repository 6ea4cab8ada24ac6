import { createReadStream } from 'node:fs';
import { nodePrimitives } from '../audit/offline/node-primitives.js';
import { parseReceipt } from '../audit/offline/receipt.js';
import type { ReceiptReport } from '../audit/offline/receipt-report.js';
import { verifyReceipt } from '../audit/offline/verify-receipt.js';
import { type Command, type CommandContext, readArguments, UsageError } from './command.js';
import { readText, unreadable } from './read-text.js';
import { readPolicy, readVerifierKeys } from './verifier-keys.js';

/** Of an answer or a webhook that holds a receipt, and of anything else that is read for one. */
const INPUT_LIMIT_BYTES = 1_048_576;

export const receiptCommands: readonly Command[] = [
  {
    name: 'receipt verify',
    summary: 'Check the receipt of a deletion; needs no store, no network and no secret.',
    usage: `receipt verify FILE [--key KEY]... [--policy FILE] [--witness KEY]...
                      [--checkpoint KEPT] [--subject UUID]
  FILE                               the receipt, or the JSON of an answer or a webhook with a
                                     member "receipt"; - reads stdin
  --key KEY                          a key of the log: a verifier key name+id+key itself, or a file
                                     with one on each line, as /log/keys serves them
  --policy FILE                      a C2SP tlog-policy: its logs are trusted besides, its quorum
                                     of witnesses must have cosigned
  --witness KEY                      a key, or a file of keys, of witnesses that must all have
                                     cosigned
  --checkpoint KEPT                  a file with an earlier or later checkpoint of the log
  --subject UUID                     whom the receipt should be about
Exits with 0 when the receipt is valid, 1 when it is not, 2 when it could not be checked.`,
    run: verify,
  },
  {
    name: 'receipt proof',
    summary: 'Print the C2SP tlog-proof of a receipt, unchecked, for other programs.',
    usage: `receipt proof FILE
  FILE                               as for \`lethe receipt verify\``,
    run: printProof,
  },
];

async function verify(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals, values } = readArguments(args, {
    positionals: ['FILE'],
    options: {
      key: { type: 'string', multiple: true },
      policy: { type: 'string' },
      witness: { type: 'string', multiple: true },
      checkpoint: { type: 'string' },
      subject: { type: 'string' },
    },
  });
  const policy = values.policy === undefined ? undefined : await readPolicy(values.policy);
  const given = await Promise.all((values.key ?? []).map((key) => readVerifierKeys('log', key)));
  const logKeys = [...given.flat(), ...(policy?.logs ?? []).map(({ key }) => key)];
  if (logKeys.length === 0) throw new UsageError('--key is missing, and no --policy names a log');
  const witnesses = await Promise.all(
    (values.witness ?? []).map((key) => readVerifierKeys('witness', key)),
  );
  const keptCheckpoint = values.checkpoint === undefined ? undefined : readText(values.checkpoint);
  const report = await verifyReceipt(nodePrimitives, {
    receipt: await readReceipt(String(positionals[0])),
    ...{ logKeys, witnesses: witnesses.flat(), policy, keptCheckpoint },
    subject: values.subject,
  });
  context.print({ text: inWords(report), json: report });
  if (!report.isValid) throw new Error('the receipt is not valid');
}

async function printProof(context: CommandContext, args: readonly string[]): Promise<void> {
  const { positionals } = readArguments(args, { positionals: ['FILE'], options: {} });
  const file = String(positionals[0]);
  const receipt = parseReceipt(await readReceipt(file));
  if (receipt === undefined)
    throw new UsageError(`${file} does not hold a receipt as Lethe writes it`);
  const { proof } = receipt;
  context.print({ text: proof.replace(/\n$/, ''), json: { proof } });
}

/** The receipt itself, or the member `receipt` of a JSON object. */
async function readReceipt(file: string): Promise<string> {
  const content = (await readInput(file)).trim();
  if (!content.startsWith('{')) return content;
  const receipt = memberOf(content);
  if (typeof receipt === 'string') return receipt;
  throw new UsageError(`${file} is no JSON with a text "receipt"`);
}

function memberOf(json: string): unknown {
  try {
    return (JSON.parse(json) as { receipt?: unknown }).receipt;
  } catch {
    return undefined;
  }
}

async function readInput(file: string): Promise<string> {
  const stream: AsyncIterable<Uint8Array> = file === '-' ? process.stdin : createReadStream(file);
  const chunks: Uint8Array[] = [];
  let lengthBytes = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      lengthBytes += chunk.byteLength;
      if (lengthBytes > INPUT_LIMIT_BYTES) break;
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  if (lengthBytes > INPUT_LIMIT_BYTES)
    throw new UsageError(`${file} is longer than any answer that holds a receipt`);
  return Buffer.concat(chunks).toString('utf8');
}

function inWords({ isValid, code, sentence, proven, notProven }: ReceiptReport): string {
  if (!isValid) return `The receipt is not valid: ${String(code)}: ${String(sentence)}`;
  return [
    'The receipt is valid.',
    ...['', 'Proven:', ...proven.map((line) => `- ${line}`)],
    ...['', 'Not proven:', ...notProven.map((line) => `- ${line}`)],
  ].join('\n');
}
