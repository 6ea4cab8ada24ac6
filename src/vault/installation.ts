import { deriveKey, hmacSha256 } from '../crypto/hash.js';
import { generatePayloadKey, importPayloadKey, type PayloadKey } from '../crypto/payload-key.js';
import type { Sealer } from '../crypto/sealer.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import { base64url } from '../lib/bytes.js';
import type { Clock } from '../lib/clock.js';
import { randomId } from '../lib/ids.js';
import type { Installation, InstallationStore } from './installation-store.js';

interface Deps {
  readonly installation: InstallationStore;
  readonly serviceKey: SecretBytes;
  readonly sealer: Sealer;
  readonly clock: Clock;
}

/** A service key that is not the one the store was made with. */
export class WrongKeyError extends Error {
  override readonly name = 'WrongKeyError';
}

/**
 * Makes sure that the store and the service key belong together, creating the record of the
 * installation at the first start. Throws {@link WrongKeyError} otherwise, before anything is served.
 */
export async function openInstallation(
  deps: Deps,
): Promise<{ installationId: string; payloadKey: PayloadKey }> {
  const installation = (await deps.installation.find()) ?? (await createInstallation(deps));
  if (installation.serviceKeyCheck !== keyCheck(deps.serviceKey)) {
    throw new WrongKeyError('the service key is not the one that this store was made with');
  }
  const pkcs8 = SecretBytes.take(deps.sealer.open(installation.sealedPayloadKey, 'payload-key'));
  try {
    return {
      installationId: installation.installationId,
      payloadKey: await importPayloadKey(pkcs8),
    };
  } finally {
    pkcs8.wipe();
  }
}

async function createInstallation(deps: Deps): Promise<Installation> {
  const pkcs8 = await generatePayloadKey();
  const sealedPayloadKey = pkcs8.use((bytes) => deps.sealer.seal(bytes, 'payload-key'));
  pkcs8.wipe();
  return await deps.installation.insert({
    installationId: randomId(),
    serviceKeyCheck: keyCheck(deps.serviceKey),
    sealedPayloadKey,
    createdAtMs: deps.clock.nowMs(),
  });
}

/** Says nothing about the key but whether it is the same one. */
function keyCheck(key: SecretBytes): string {
  const checkKey = deriveKey(key, 'lethe/key-check/v1');
  const check = base64url(hmacSha256(checkKey, 'check'));
  checkKey.wipe();
  return check;
}
