import { rmSync, writeFileSync } from 'node:fs';
import { decryptWith, encryptTo } from '../crypto/jwe.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { DAY_MS, isoTime, systemClock } from '../lib/clock.js';
import { copyRoot, restoreRoot } from '../vault/roots/escrow.js';
import {
  type Command,
  type CommandContext,
  readArguments,
  required,
  UsageError,
  wholeNumber,
} from './command.js';
import { readText } from './read-text.js';
import type { Keys, RootStores } from './surroundings.js';

interface Openers {
  readonly openKeys: () => Promise<Keys>;
  readonly openRootStores: () => Promise<RootStores>;
}

export const rootCommands = ({ openKeys, openRootStores }: Openers): readonly Command[] => [
  {
    name: 'root escrow',
    summary: 'Make a copy of the root, encrypted and with an expiry, for the loss of its store.',
    usage: `root escrow --days N --recipient FILE --out FILE
  --days N                           how long the copy may exist, 1 to 366, or as long as an earlier
                                     copy; until then every DELETE says that it can still be undone
                                     (irrecoverableBy)
  --recipient FILE                   public key (PEM: RSA, EC or X25519) that the copy is encrypted to
  --out FILE                         where the copy goes, a JWE; it must not exist yet
Run it while no server runs. Destroy every copy when it has expired: no software can do that.`,
    run: (context, args) => escrow(context, args, openKeys),
  },
  {
    name: 'root restore',
    summary: 'Put an escrowed root back where its store was lost.',
    usage: `root restore --from FILE --private-key FILE
  --from FILE                        what \`lethe root escrow\` made
  --private-key FILE                 private key (PEM) of its recipient
The stores that ROOT_KEY_PATH and ROOT_SHARES name must be empty. An expired copy is refused. Works
with a key tree of the time of the escrow: with an older root, a newer key tree does not open.`,
    run: (context, args) => restore(context, args, openRootStores),
  },
];

async function escrow(
  context: CommandContext,
  args: readonly string[],
  openKeys: Openers['openKeys'],
): Promise<void> {
  const { values } = readArguments(args, {
    positionals: [],
    options: {
      days: { type: 'string' },
      recipient: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const days = wholeNumber(required('--days', values.days), { name: '--days', min: 1, max: 366 });
  const recipient = readText(required('--recipient', values.recipient));
  const out = required('--out', values.out);
  const untilMs = systemClock.nowMs() + days * DAY_MS;
  // Made before anything is changed: a wrong key or a file that exists is no reason for a new root.
  await encryptTo(recipient, new Uint8Array(1)).catch((cause: unknown) => {
    throw new UsageError(`${values.recipient ?? ''} holds no public key`, { cause });
  });
  createFile(out);
  try {
    const until = isoTime(await writeCopy(openKeys, { recipient, untilMs, out }));
    context.print({
      text: `The root is escrowed in ${out} until ${until}. Until then a DELETE is not final for whoever has that copy.`,
      json: { file: out, until },
    });
  } catch (error) {
    rmSync(out);
    throw error;
  }
}

async function writeCopy(
  openKeys: Openers['openKeys'],
  to: { recipient: string; untilMs: number; out: string },
): Promise<number> {
  const keys = await openKeys();
  try {
    const untilMs = await keys.vault.allowCopyUntil(to.untilMs);
    const copy = await copyRoot(keys.rootStores);
    try {
      writeFileSync(to.out, await copy.use((bytes) => encryptTo(to.recipient, bytes)));
      return untilMs;
    } finally {
      copy.wipe();
    }
  } finally {
    await keys.close();
  }
}

async function restore(
  context: CommandContext,
  args: readonly string[],
  openRootStores: Openers['openRootStores'],
): Promise<void> {
  const { values } = readArguments(args, {
    positionals: [],
    options: { from: { type: 'string' }, 'private-key': { type: 'string' } },
  });
  const from = required('--from', values.from);
  const privateKey = readText(required('--private-key', values['private-key']));
  const opened = await decryptWith(privateKey, readText(from).trim());
  if (opened === undefined) throw new Error(`${from} does not open with this private key`);
  const copy = SecretBytes.take(opened);
  const rootStores = await openRootStores();
  try {
    await restoreRoot(copy, { stores: rootStores.stores, nowMs: systemClock.nowMs() });
  } finally {
    copy.wipe();
    await rootStores.close();
  }
  const names = rootStores.stores.map(({ name }) => name);
  context.print({ text: `The root is in ${names.join(', ')}.`, json: { stores: names } });
}

function createFile(path: string): void {
  try {
    writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === 'EEXIST' ? `${path} exists already` : `${path} cannot be made (${code})`,
    );
  }
}
