import { returnValueOf, TokenError } from './failures.js';

/** What stands for a slot, a session or an object; valid while its session is. */
export type Handle = Uint8Array;

interface Attribute {
  readonly type: number;
  readonly value?: number | boolean | string | Uint8Array;
}

/** The part of PKCS#11 v2.40 that Lethe uses, as pkcs11js spells it. Texts are padded with blanks. */
export interface Cryptoki {
  load(modulePath: string): void;
  C_Initialize(): void;
  C_GetInfo(): { readonly manufacturerID: string; readonly libraryDescription: string };
  C_GetSlotList(isTokenPresent: boolean): Handle[];
  C_GetSlotInfo(slot: Handle): { readonly flags: number };
  C_GetTokenInfo(slot: Handle): {
    readonly label: string;
    readonly manufacturerID: string;
    readonly model: string;
  };
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_GetSessionInfo(session: Handle): { readonly state: number };
  C_Login(session: Handle, userType: number, pin: string): void;
  C_CreateObject(session: Handle, template: readonly Attribute[]): Handle;
  C_DestroyObject(session: Handle, object: Handle): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, maxCount: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: { type: number }[],
  ): { readonly value: Uint8Array }[];
}

/** Constants of PKCS#11 v2.40, by their names there. */
export const CK = {
  CKF_HW_SLOT: 0x4,
  CKF_RW_SESSION: 0x2,
  CKF_SERIAL_SESSION: 0x4,
  CKS_RW_USER_FUNCTIONS: 3,
  CKU_USER: 1,
  CKO_DATA: 0,
  CKA_CLASS: 0x0,
  CKA_TOKEN: 0x1,
  CKA_PRIVATE: 0x2,
  CKA_LABEL: 0x3,
  CKA_APPLICATION: 0x10,
  CKA_VALUE: 0x11,
} as const;

// A text of its own, so that Lethe compiles where the optional package could not be built.
const BINDING = 'pkcs11js' as string;

/**
 * The library of a token, loaded into this process. Throws {@link TokenError} when the package
 * pkcs11js or the library cannot be loaded.
 */
export async function loadCryptoki(modulePath: string): Promise<Cryptoki> {
  const { PKCS11 } = await loadBinding();
  const cryptoki = new PKCS11();
  try {
    cryptoki.load(modulePath);
  } catch (cause) {
    throw new TokenError(
      `${modulePath} cannot be loaded as a PKCS#11 library; name the shared library of the token's maker`,
      { cause },
    );
  }
  return cryptoki;
}

/**
 * Starts the library unless it runs; it runs until the process ends, because others in the process
 * may use it too.
 */
export function initialise(cryptoki: Cryptoki): void {
  try {
    cryptoki.C_Initialize();
  } catch (error) {
    if (returnValueOf(error) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw error;
  }
}

async function loadBinding(): Promise<{ readonly PKCS11: new () => Cryptoki }> {
  try {
    const binding = (await import(BINDING)) as { default: { PKCS11: new () => Cryptoki } };
    return binding.default;
  } catch (cause) {
    throw new TokenError(
      'a root share in a PKCS#11 token needs the package pkcs11js; run npm install with a C++ compiler at hand',
      { cause },
    );
  }
}
