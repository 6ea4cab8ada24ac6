import type { Principal } from '../access/authenticate.js';
import { signingInput } from '../audit/offline/receipt.js';
import { ServiceError } from '../errors/service-error.js';
import { base64url, utf8 } from '../lib/bytes.js';
import { canonicalJson } from '../lib/canonical-json.js';
import { isoTime, SECOND_MS } from '../lib/clock.js';
import type { BiometricStatus } from '../lib/messages.js';
import type { OperationDeps } from './deps.js';

/**
 * GET /v2/users/{uuid}/biometric-status: whether there is a usable template, as a signed statement as of
 * now and of the newest checkpoint. Who never enrolled, who was erased and whom only another tenant
 * knows are alike, in the answer and in the work done. A subject whose erasure is not complete still
 * counts as present. UNAVAILABLE in the first moments of a new log.
 *
 * The statement is a compact JWS (RFC 7515) of type `biometric-status+jws`, EdDSA, signed with the newest
 * key of the log, over `{iss, aud, sub, iat, status, log: {origin, size, checkpoint}}`.
 */
export async function biometricStatus(
  deps: OperationDeps,
  { principal, uuid }: { principal: Principal; uuid: string },
): Promise<BiometricStatus> {
  const { tenantId } = principal;
  const subject = await deps.store.subjects.find({ tenantId, uuid });
  const checkpoint = await deps.log.newestCheckpoint();
  if (checkpoint === undefined)
    throw new ServiceError('UNAVAILABLE', { detail: 'the log has no checkpoint yet' });
  const status = subject === undefined ? 'no_usable_template' : 'template_present';
  const iat = Math.floor(deps.clock.nowMs() / SECOND_MS);
  const { size: logSize, note } = checkpoint;
  const log = { origin: deps.log.origin, size: logSize, checkpoint: note };
  const claims = { iss: deps.publicUrl, aud: tenantId, sub: uuid, iat, status, log };
  const statement = await signed(deps, claims);
  return { uuid, status, asOf: isoTime(iat * SECOND_MS), logSize, statement };
}

async function signed(deps: OperationDeps, claims: object): Promise<string> {
  const signer = await deps.log.newestSigner();
  const header = { alg: 'EdDSA', kid: signer.keyId, typ: 'biometric-status+jws' };
  const input = signingInput(canonicalJson(header), canonicalJson(claims));
  return `${input}.${base64url(signer.sign(utf8(input)))}`;
}
