import type { ShareToken } from '../../vault/roots/share-token.js';
import { CK, type Cryptoki, type Handle, initialise, loadCryptoki } from './cryptoki.js';
import { guarded, returnValueOf, TokenError } from './failures.js';
import { readPin } from './pin.js';
import { shareObjects } from './share-objects.js';

/** Where a token is and how to get in. */
interface TokenAddress {
  /** The shared library of the token's maker, e.g. `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly modulePath: string;
  readonly tokenLabel: string;
  /** A file of mode 0600 that holds the user PIN; read at every login. */
  readonly pinPath: string;
}

/**
 * A token that speaks PKCS#11 v2.40, by the package pkcs11js. Neither the package nor the library of
 * the token is loaded before the first call. One session is kept; when the token lost it, the next
 * call opens another and logs in again. A refused PIN is not tried twice, because tokens count.
 */
export function openToken(address: TokenAddress): ShareToken {
  const name = `token "${address.tokenLabel}"`;
  let library: Cryptoki | undefined;
  let session: Handle | undefined;
  let isPinRefused = false;

  async function loaded(): Promise<Cryptoki> {
    library ??= await loadCryptoki(address.modulePath);
    return library;
  }

  function loggedIn(cryptoki: Cryptoki): Handle {
    if (session !== undefined && isLoggedIn(cryptoki, session)) return session;
    close();
    if (isPinRefused)
      throw new TokenError(
        `${name} refused the PIN before; put the right one into its file and start again`,
      );
    initialise(cryptoki);
    const flags = CK.CKF_SERIAL_SESSION | CK.CKF_RW_SESSION;
    session = cryptoki.C_OpenSession(findSlot(cryptoki, address), flags);
    try {
      logIn(cryptoki, session, readPin(address.pinPath));
    } catch (error) {
      close();
      isPinRefused = returnValueOf(error)?.startsWith('CKR_PIN_') === true;
      throw error;
    }
    return session;
  }

  /** With the last session of a process its login ends, too. */
  function close(): void {
    const ended = session;
    session = undefined;
    try {
      if (ended !== undefined) library?.C_CloseSession(ended);
    } catch {
      // The token ended it before.
    }
  }

  return {
    name,

    describe: async () => {
      const cryptoki = await loaded();
      return guarded(name, () => {
        initialise(cryptoki);
        const slot = findSlot(cryptoki, address);
        const token = cryptoki.C_GetTokenInfo(slot);
        const { manufacturerID, libraryDescription } = cryptoki.C_GetInfo();
        const said = [token.manufacturerID, token.model, manufacturerID, libraryDescription];
        return {
          makers: [...new Set(said.map(unpadded))].filter((text) => text !== '').join(', '),
          isHardware: (cryptoki.C_GetSlotInfo(slot).flags & CK.CKF_HW_SLOT) !== 0,
        };
      });
    },

    use: async (work) => {
      const cryptoki = await loaded();
      return guarded(name, () => work(shareObjects(cryptoki, loggedIn(cryptoki))));
    },

    close,
  };
}

function findSlot(cryptoki: Cryptoki, { tokenLabel, modulePath }: TokenAddress): Handle {
  const [slot, ...others] = cryptoki
    .C_GetSlotList(true)
    .filter((candidate) => unpadded(cryptoki.C_GetTokenInfo(candidate).label) === tokenLabel);
  if (slot === undefined) {
    throw new TokenError(
      `${modulePath} shows no token "${tokenLabel}"; plug it in, or set the label of the one that is meant`,
    );
  }
  if (others.length > 0) {
    throw new TokenError(
      `${modulePath} shows several tokens "${tokenLabel}"; leave one, or give each a label of its own`,
    );
  }
  return slot;
}

function isLoggedIn(cryptoki: Cryptoki, session: Handle): boolean {
  try {
    return cryptoki.C_GetSessionInfo(session).state === CK.CKS_RW_USER_FUNCTIONS;
  } catch {
    return false;
  }
}

function logIn(cryptoki: Cryptoki, session: Handle, pin: string): void {
  try {
    cryptoki.C_Login(session, CK.CKU_USER, pin);
  } catch (error) {
    // By another session of this process: a login counts for all of them.
    if (returnValueOf(error) !== 'CKR_USER_ALREADY_LOGGED_IN') throw error;
  }
}

function unpadded(text: string): string {
  return text.replace(/[ \0]+$/, '');
}
