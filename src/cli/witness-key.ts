import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Cosigner, createCosigner } from '../audit/witness/cosigner.js';
import { hasState, makeStateDirectory, WitnessStateError } from '../audit/witness/state-file.js';
import { loadSecrets } from '../config/secrets.js';
import { signingKeyFromSeed } from '../crypto/signing-key.js';
import { UsageError } from './command.js';

/**
 * The key of the witness in this directory: 32 random bytes in `witness.key`, mode 0600, made at the
 * first use. A witness that has cosigned anything gets no second key: throws WitnessStateError then,
 * SecretsError when the file is no such key, {@link UsageError} for a name that no key can have.
 */
export async function openWitnessKey(options: {
  directory: string;
  name: string;
}): Promise<Cosigner> {
  const { directory, name } = options;
  makeStateDirectory(directory);
  const path = join(directory, 'witness.key');
  if (!existsSync(path) && hasState(directory))
    throw new WitnessStateError(
      `${path} is missing, but this witness has cosigned with it; put the file back, or begin anew with an empty directory`,
    );
  const { serviceKey: seed } = loadSecrets({ serviceKeyPath: path, isStoreEmpty: true });
  const key = signingKeyFromSeed(seed);
  seed.wipe();
  try {
    return await createCosigner({ name, key });
  } catch {
    throw new UsageError(
      '--name must be an address without scheme, blanks and +, such as witness.example.com/w1, of at most 255 bytes',
    );
  }
}
