import { type ListenOn, serveVault } from '../http/key-service.js';
import { SECOND_MS } from '../lib/clock.js';
import { parseVaultAddress, printVaultAddress } from '../vault/service/vault-address.js';
import { createVaultService } from '../vault/service/vault-service.js';
import type { Vault } from '../vault/vault.js';
import { describeError } from '../watch/describe-error.js';
import {
  type Command,
  type CommandContext,
  readArguments,
  required,
  UsageError,
} from './command.js';
import { readText } from './read-text.js';

const STOP_GRACE_MS = 15 * SECOND_MS;

/** A vault that this process owns. */
interface Keys {
  readonly vault: Vault;
  /** Resolves when another process has taken over the root. */
  readonly whenFenced: Promise<Error>;
  close(): Promise<void>;
}

type OpenKeys = (options: { mayAddRoot: boolean }) => Promise<Keys>;

export const keyServiceCommands = (openKeys: OpenKeys): readonly Command[] => [
  {
    name: 'key-service',
    summary: 'Own the root and the keys, and seal and open for other processes.',
    usage: `key-service --listen unix:PATH
       lethe key-service --listen https://HOST:PORT --cert FILE --key FILE --client-ca FILE
  --listen unix:PATH                 a socket that only this user may connect to, e.g.
                                     unix:/run/lethe/vault.sock
  --listen https://HOST:PORT         TLS, for callers that show a certificate
  --cert FILE, --key FILE            certificate and private key of the key service, PEM
  --client-ca FILE                   the authority of the callers, PEM: whoever it signs may open
                                     and destroy everything, so let it sign nobody else
  --new-root                         this service gets a root of its own, beside those that the
                                     database knows: to divide the tenants among several services
Where database and root are, it learns as the server does: MONGODB_URI or DATA_DIR, ROOT_KEY_PATH.
Ends on SIGINT or SIGTERM, after the calls that are under way.
GET /health/ready at the same address answers 200 while something can be opened.`,
    run: (context, args) => run(context, args, openKeys),
  },
];

async function run(
  context: CommandContext,
  args: readonly string[],
  openKeys: OpenKeys,
): Promise<void> {
  const { values } = readArguments(args, {
    positionals: [],
    options: {
      listen: { type: 'string' },
      cert: { type: 'string' },
      key: { type: 'string' },
      'client-ca': { type: 'string' },
      'new-root': { type: 'boolean', default: false },
    },
  });
  const listenOn = readListenOn(values);
  const stopped = stopSignal();
  const opened = await openKeys({ mayAddRoot: values['new-root'] });
  try {
    const service = createVaultService(opened.vault, report);
    const listener = await listening(listenOn, async () =>
      serveVault(service, { listenOn, report }),
    );
    const address = printVaultAddress(
      'tls' in listenOn ? { host: listenOn.host, port: listener.port } : listenOn,
    );
    context.print({ text: `listening on ${address}`, json: { listening: address } });
    const fence = await Promise.race([stopped, opened.whenFenced]);
    await listener.close(STOP_GRACE_MS);
    if (fence !== undefined) throw fence;
  } finally {
    await opened.close();
  }
}

interface Options {
  readonly listen?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly 'client-ca'?: string | undefined;
}

function readListenOn(options: Options): ListenOn {
  if (options.listen === undefined) throw new UsageError('--listen is missing');
  const address = parseVaultAddress(options.listen);
  if (address === undefined) {
    throw new UsageError(
      '--listen must be unix: with an absolute path of at most 107 bytes, or https:// with a host and a port',
    );
  }
  if ('host' in address) {
    const [cert, key, clientCa] = (['cert', 'key', 'client-ca'] as const).map((name) =>
      readText(required(`--${name}`, options[name])),
    ) as [string, string, string];
    return { ...address, tls: { cert, key, clientCa } };
  }
  if (options.cert ?? options.key ?? options['client-ca'])
    throw new UsageError('--cert, --key and --client-ca go with https:// only');
  return address;
}

/** What TLS and the network say becomes one sentence with the remedy. */
async function listening<T>(listenOn: ListenOn, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    if ('socketPath' in listenOn) throw cause;
    const { code = 'unknown error', syscall } = cause as NodeJS.ErrnoException;
    throw new Error(
      syscall === undefined
        ? `the certificate, its key or the client authority is not PEM or they do not fit together (${code}); name the right files`
        : `${printVaultAddress(listenOn)} cannot be listened on (${code}); choose another --listen`,
      { cause },
    );
  }
}

/** Says where an error came from without its message, which may hold anything. */
function report(error: unknown): void {
  console.error(JSON.stringify({ event: 'key-service.failed', ...describeError(error) }));
}

/** A second signal does not end the process while the first one is being heeded. */
async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        resolve();
      });
    }
  });
}
