import { deriveKey, sha256 } from '../crypto/hash.js';
import type { SecretBytes } from '../crypto/secret-bytes.js';
import { type PublicJwk, type SigningKey, signingKeyFromSeed } from '../crypto/signing-key.js';
import { base64, hex } from '../lib/bytes.js';
import { type Clock, SECOND_MS } from '../lib/clock.js';
import { timeOrderedId } from '../lib/ids.js';
import { leafText } from './leaf.js';
import type { LogKey, LogKeyStore, PendingEntryStore } from './log-store.js';
import { isKeyName } from './offline/note.js';

/** The signature type of plain Ed25519 in C2SP signed-note. */
const ED25519 = 0x01;
const NAME_LIMIT_BYTES = 255;

/** One Ed25519 key of the log (RFC 8032), with the names that others know it by. */
export interface LogSigner {
  readonly generation: number;
  /** The origin of the log. */
  readonly name: string;
  /** Verifier key of C2SP signed-note: `name+keyId+base64(0x01 ‖ public key)`. */
  readonly vkey: string;
  /** 8 hex digits: the first 4 bytes of SHA-256(name ‖ 0x0a ‖ 0x01 ‖ public key). */
  readonly keyId: string;
  /** The public half; its kid is the key id. */
  readonly publicJwk: PublicJwk;
  /** 64-byte signature over exactly these bytes; the same bytes have the same signature. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Makes the keys of the log from the service key: the database never holds a private one. */
export interface LogKeyring {
  /** The key of a generation under this name. Throws a TypeError for a name that no key can have. */
  derive(generation: number, origin: string): LogSigner;
  /** The signer of a stored key. Throws when the stored key is not of this service key. */
  signerOf(key: LogKey): LogSigner;
  /**
   * Who signs a checkpoint at this time, newest first: the newest key, and each older one until its
   * time is over. Throws when there is no key, or one that is not of this service key.
   */
  signersAt(keys: readonly LogKey[], nowMs: number): readonly LogSigner[];
}

interface KeyStores {
  readonly logKeys: LogKeyStore;
  readonly audit: PendingEntryStore;
}

interface Deps {
  readonly store: {
    readonly logKeys: LogKeyStore;
    transaction<T>(work: (stores: KeyStores) => Promise<T>): Promise<T>;
  };
  readonly keyring: LogKeyring;
  readonly clock: Clock;
}

/**
 * A keyring over 32 secret bytes. The seed of a generation is HKDF-SHA-256 (RFC 5869) for the purpose
 * `lethe/log-key/v1/<generation>`: whoever has the service key has all keys of the log.
 */
export function createLogKeyring(masterKey: SecretBytes): LogKeyring {
  const known = new Map<string, LogSigner>();

  function derive(generation: number, origin: string): LogSigner {
    const place = `${generation.toString()} ${origin}`;
    const signer = known.get(place) ?? newSigner(masterKey, generation, origin);
    known.set(place, signer);
    return signer;
  }

  function signerOf({ generation, vkey }: LogKey): LogSigner {
    const [origin = ''] = vkey.split('+');
    const signer = isName(origin) ? derive(generation, origin) : undefined;
    if (signer?.vkey !== vkey)
      throw new Error(
        `the log key ${vkey} in the database does not come from this service key: put back the service.key that belongs to this database`,
      );
    return signer;
  }

  return {
    derive,
    signerOf,
    signersAt: (keys, nowMs) => {
      const newest = keys.at(-1);
      if (newest === undefined)
        throw new Error('the log has no key in the database: start the service once to make it');
      const signing = keys.filter((key) => key === newest || (key.signsUntilMs ?? 0) > nowMs);
      return signing.map(signerOf).reverse();
    },
  };
}

/**
 * Makes the first key of the log under this origin, together with its leaf, unless there is one: the
 * origin is fixed from then on. Several processes may do so at once and agree on one key. Returns all
 * keys, oldest first. Throws when one of them is not of this service key.
 */
export async function openLogKeys(deps: Deps & { origin: string }): Promise<readonly LogKey[]> {
  const { store, keyring, origin } = deps;
  if ((await store.logKeys.list()).length === 0) {
    const signer = keyring.derive(1, origin);
    await store.transaction(async (stores) => {
      await introduce(stores, signer, deps.clock.nowMs());
    });
  }
  const keys = await store.logKeys.list();
  for (const key of keys) keyring.signerOf(key);
  return keys;
}

/**
 * Brings the next key of the log into use, in one transaction with its leaf; the present one signs
 * beside it for `overlapMs` more. Irreversible: no generation comes back. Returns the new key. Throws
 * when the log has no key or the newest is not of this service key, a RangeError for an overlap that
 * is no whole number of milliseconds.
 */
export async function rotateLogKey(
  deps: Deps,
  { overlapMs }: { overlapMs: number },
): Promise<LogKey> {
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0)
    throw new RangeError('the overlap of two log keys must be a whole number of milliseconds');
  const { store, keyring, clock } = deps;
  return await store.transaction(async (stores) => {
    const nowMs = clock.nowMs();
    const [present] = keyring.signersAt(await stores.logKeys.list(), nowMs);
    if (present === undefined) throw new Error('the log has no key that signs');
    const next = keyring.derive(present.generation + 1, present.name);
    const key = await introduce(stores, next, nowMs);
    if (key === undefined)
      throw new Error('another process is rotating the log key: see `lethe log keys`');
    await stores.logKeys.retire(present.generation, nowMs + overlapMs);
    return key;
  });
}

/** Inserts the key and the leaf that announces it; undefined when the generation is there already. */
async function introduce(
  { logKeys, audit }: KeyStores,
  signer: LogSigner,
  nowMs: number,
): Promise<LogKey | undefined> {
  const key: LogKey = { generation: signer.generation, vkey: signer.vkey, createdAtMs: nowMs };
  if (!(await logKeys.insert(key))) return undefined;
  const leaf = leafText({
    v: 2,
    t: Math.floor(nowMs / SECOND_MS),
    op: 'LOG-KEY',
    outcome: 'succeeded',
    key: signer.publicJwk.x,
  });
  await audit.append({ entryId: timeOrderedId(nowMs), leaf });
  return key;
}

function newSigner(masterKey: SecretBytes, generation: number, name: string): LogSigner {
  if (!isName(name))
    throw new TypeError(
      `a log key cannot be named ${JSON.stringify(name)}: set LOG_ORIGIN to a name without spaces and +`,
    );
  const pair = keyPair(masterKey, generation);
  const typed = Uint8Array.of(ED25519, ...pair.publicBytes);
  const keyId = hex(sha256(name, '\n', typed).subarray(0, 4));
  return {
    generation,
    name,
    vkey: `${name}+${keyId}+${base64(typed)}`,
    keyId,
    publicJwk: { ...pair.publicJwk, kid: keyId },
    sign: (bytes) => pair.sign(bytes),
  };
}

function isName(text: string): boolean {
  return isKeyName(text) && Buffer.byteLength(text) <= NAME_LIMIT_BYTES;
}

function keyPair(masterKey: SecretBytes, generation: number): SigningKey {
  const seed = deriveKey(masterKey, `lethe/log-key/v1/${generation.toString()}`);
  try {
    return signingKeyFromSeed(seed);
  } finally {
    seed.wipe();
  }
}
