import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { utf8, utf8Text } from '../../lib/bytes.js';
import { parseSlot, printSlot, type RootSlot, SLOT_BYTES } from './root-slot.js';
import { type Preflight, type RootStore, RootStoreError } from './root-store.js';
import type {
  OpenShareChannel,
  ShareAnswer,
  ShareCall,
  ShareChannel,
  ShareFailure,
  ShareTls,
} from './share-channel.js';

/** Every answer but that of the preflight has room for two slots. */
const SLOTS_BYTES = 2 * SLOT_BYTES;
const SLOTS_TYPE = 'application/octet-stream';
const JSON_TYPE = 'application/json';

interface Options {
  /** Of a `lethe share-server`: `https://`, host and port, nothing else. */
  readonly url: string;
  readonly tls: ShareTls;
  readonly openChannel: OpenShareChannel;
}

type Answer = Extract<ShareAnswer, { kind: 'answered' }>;

/**
 * A share that another machine keeps (`src/http/share-protocol.ts` has the protocol): erasure holds
 * even when the local disk remembers. The server files the share under the public key of this
 * client's certificate, so a certificate serves one root. Connects when it is first used; throws
 * {@link RootStoreError} when the address or a PEM text cannot be used.
 */
export function createRemoteShare({ url, tls, openChannel }: Options): RootStore {
  const name = originOf(url);
  const channel = opened(name, () => openChannel({ origin: name, tls }));

  return {
    name,

    async preflight() {
      const call = { method: 'GET', path: '/v1/share/preflight' } as const;
      return await exchange({ name, channel }, call, (answer) => {
        const verdict = answer.mediaType === JSON_TYPE ? parsePreflight(answer.body) : undefined;
        if (verdict === undefined) throw notAShareServer(name, answer);
        return { ...verdict, reason: `${name}: ${verdict.reason}` };
      });
    },

    async load() {
      const call = { method: 'GET', path: '/v1/share' } as const;
      return await exchange({ name, channel }, call, (answer) => {
        const slots = answer.mediaType === SLOTS_TYPE ? parseSlots(answer.body) : undefined;
        if (slots === undefined) throw notAShareServer(name, answer);
        return slots.length === 0 ? undefined : slots;
      });
    },

    async stage(slot) {
      const printed = printSlot(slot);
      try {
        await printed.use(async (bytes) => {
          const body = { mediaType: SLOTS_TYPE, bytes };
          await exchange({ name, channel }, { method: 'PUT', path: '/v1/share', body }, done);
        });
      } finally {
        printed.wipe();
      }
    },

    async wipe({ epoch }) {
      const body = { mediaType: JSON_TYPE, bytes: utf8(JSON.stringify({ epoch })) };
      await exchange({ name, channel }, { method: 'POST', path: '/v1/share/wipe', body }, done);
    },

    async close() {
      await channel.close();
    },
  };
}

/** One call: what the answer means when all went well, and an error that says what did not. */
async function exchange<T>(
  { name, channel }: { name: string; channel: ShareChannel },
  call: ShareCall,
  read: (answer: Answer, name: string) => T,
): Promise<T> {
  const answer = await channel.call(call);
  if (answer.kind === 'failed') throw new RootStoreError(`${name} ${FAILURES[answer.code]}`);
  try {
    if (answer.status !== 200) throw refused(name, answer);
    return read(answer, name);
  } finally {
    answer.body.wipe();
  }
}

/** Somebody else's 200 must not pass for a share that is staged or wiped. */
function done(answer: Answer, name: string): void {
  const isGenuine = answer.mediaType === SLOTS_TYPE && parseSlots(answer.body)?.length === 0;
  if (!isGenuine) throw notAShareServer(name, answer);
}

/** The server words its refusals so that they go on after the name of the store. */
function refused(name: string, answer: Answer): RootStoreError {
  const { status, mediaType, body } = answer;
  const isWorded = status === 409 || status === 500 || status === 507;
  const reason = isWorded && mediaType === 'text/plain' ? parseSentence(body) : undefined;
  return reason === undefined
    ? notAShareServer(name, answer)
    : new RootStoreError(`${name} ${reason}`);
}

function notAShareServer(name: string, { status }: Answer): RootStoreError {
  return new RootStoreError(
    `${name} does not answer as a share server of this release (HTTP ${status.toString()}); set the ` +
      'address right, or run the same release of Lethe on both machines',
  );
}

const FAILURES: Readonly<Record<ShareFailure, string>> = {
  UNREACHABLE: 'cannot be reached; start the share server there, or set the address right',
  SERVER_CERTIFICATE:
    'shows a certificate that cannot be trusted; let the authority that is set for it sign a valid ' +
    'certificate for this address',
  CLIENT_REFUSED: 'refuses the certificate of this client; let its --client-ca sign a valid one',
  BROKEN_OFF:
    'ended the connection without an answer: it does not take the certificate of this client, or it ' +
    'is stopping; let its --client-ca sign the certificate, or start it again',
  TIMEOUT: 'did not answer in time; see whether the share server and the network there are well',
  PROTOCOL: 'does not answer as a share server does; set the address right',
  CLOSED: 'cannot be used any more: this process is closing it',
};

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.href !== `${url.origin}/`) {
    throw new RootStoreError(
      'the address of a share server must be https:// with a host and a port, and nothing behind them',
    );
  }
  return url.origin;
}

function opened(name: string, open: () => ShareChannel): ShareChannel {
  try {
    return open();
  } catch (cause) {
    throw new RootStoreError(
      `${name} cannot be called: the authority, the certificate or the key of this client is not ` +
        'PEM, or the key is not that of the certificate; put the right files there',
      { cause },
    );
  }
}

/** Whole slots, highest epoch first; undefined when it is anything else than two places of slots. */
function parseSlots(body: SecretBytes): readonly RootSlot[] | undefined {
  if (body.lengthBytes !== SLOTS_BYTES) return undefined;
  const places = body.use((bytes) => [
    bytes.subarray(0, SLOT_BYTES),
    bytes.subarray(SLOT_BYTES, SLOTS_BYTES),
  ]);
  const taken = places.filter((place) => place.some((byte) => byte !== 0));
  const slots = taken.map(parseSlot).filter((slot) => slot !== undefined);
  if (
    slots.length === taken.length &&
    new Set(slots.map(({ epoch }) => epoch)).size === slots.length
  ) {
    return slots.sort((a, b) => b.epoch - a.epoch);
  }
  for (const { share } of slots) share.wipe();
  return undefined;
}

const VERDICTS: readonly Preflight['verdict'][] = ['forgets', 'doubtful', 'keeps'];

function parsePreflight(body: SecretBytes): Preflight | undefined {
  try {
    const value: unknown = JSON.parse(body.use(utf8Text));
    const { verdict, reason } = value as { verdict?: unknown; reason?: unknown };
    const known = VERDICTS.find((one) => one === verdict);
    if (known === undefined || typeof reason !== 'string') return undefined;
    return isSentence(reason) ? { verdict: known, reason } : undefined;
  } catch {
    return undefined;
  }
}

function parseSentence(body: SecretBytes): string | undefined {
  try {
    const text = body.use(utf8Text);
    return isSentence(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** One line that may stand in a message and in a log. */
function isSentence(text: string): boolean {
  return /^[^\p{C}\p{Zl}\p{Zp}]{1,1000}$/u.test(text);
}
