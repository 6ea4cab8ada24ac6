import { listenForShares } from '../http/share-server.js';
import { SECOND_MS } from '../lib/clock.js';
import { ShareKeeper } from '../vault/roots/share-keeper.js';
import {
  type Command,
  type CommandContext,
  readArguments,
  required,
  wholeNumber,
} from './command.js';
import { readText } from './read-text.js';

const STOP_GRACE_MS = 10 * SECOND_MS;

/** `lethe share-server`: keeps shares of roots for Lethe services on other machines; opens no store. */
export const shareServerCommands: readonly Command[] = [
  {
    name: 'share-server',
    summary: 'Keep shares of the erasable roots of Lethe services on other machines.',
    usage: `share-server --dir DIR --cert FILE --key FILE --client-ca FILE [--host H] [--port P]
  --dir DIR             where the shares are, one file for each client; outside of every backup,
                        snapshot and copy-on-write file system, or nothing is erased
  --cert FILE           certificate of this server (PEM, with those between it and its authority)
  --key FILE            its private key (PEM)
  --client-ca FILE      the authority (PEM) that signs the certificates of clients; use one for this
                        purpose alone: whoever it signs may keep a share here
  --host H              address to listen on (default 127.0.0.1)
  --port P              port to listen on, 0 for any free one (default 8443)
Runs until SIGINT or SIGTERM. A core dump would keep shares, and Node cannot forbid it: run
\`ulimit -c 0\` before, or set LimitCORE=0 in systemd, and let the machine not swap.`,
    run: serve,
  },
];

async function serve(context: CommandContext, args: readonly string[]): Promise<void> {
  const { dir, host, port, tls } = read(args);
  // Loaded when needed, so that --help answers without the database library.
  const { lockFile } = await import('../store/sqlite/data-dir.js');
  const keeper = new ShareKeeper({ directory: dir, lock: lockFile });
  try {
    const listener = await listening({ host, port }, async () =>
      listenForShares({
        shares: keeper,
        tls,
        host,
        port,
        report: (sentence) => console.error(`lethe share-server ${sentence}`),
      }),
    );
    const stopped = stopSignal();
    const address = host.includes(':') ? `[${host}]` : host;
    const url = `https://${address}:${listener.port.toString()}`;
    context.print({ text: `listening on ${url}`, json: { url } });
    await stopped;
    await listener.close(STOP_GRACE_MS);
  } finally {
    await keeper.close();
  }
}

function read(args: readonly string[]) {
  const { values } = readArguments(args, {
    positionals: [],
    options: {
      dir: { type: 'string' },
      cert: { type: 'string' },
      key: { type: 'string' },
      'client-ca': { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8443' },
    },
  });
  return {
    dir: required('--dir', values.dir),
    tls: {
      cert: readText(required('--cert', values.cert)),
      key: readText(required('--key', values.key)),
      clientCa: readText(required('--client-ca', values['client-ca'])),
    },
    host: values.host,
    port: wholeNumber(values.port, { name: '--port', min: 0, max: 65_535 }),
  };
}

/** What TLS and the network say becomes one sentence with the remedy. */
async function listening<T>(
  at: { host: string; port: number },
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    const { code = 'unknown error', syscall } = cause as NodeJS.ErrnoException;
    throw new Error(
      syscall === undefined
        ? `the certificate, its key or the client authority is not PEM or they do not fit together (${code}); name the right files`
        : `${at.host} port ${at.port.toString()} cannot be listened on (${code}); choose another --host or --port`,
      { cause },
    );
  }
}

async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve();
      });
    }
  });
}
