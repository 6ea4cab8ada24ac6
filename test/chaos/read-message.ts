import {
  createHash,
  createPublicKey,
  type KeyObject,
  verify as verifySignature,
} from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { verify } from '../../src/callbacks/receiver/verify-webhook.js';
import { FINAL_EVENT, type Message } from './arrivals.js';

/** As in the file of the demo credentials. */
export interface Keys {
  /** `whsec_…` */
  readonly webhookSecret: string;
  /** `whpk_…` */
  readonly webhookPublicKey: string;
}

/**
 * Reads webhooks as a careful receiver does: each of the three signatures alone must fit. The tolerance
 * is as far as the sender's clock may be off.
 */
export function createReader(
  keys: Keys,
  toleranceSeconds: number,
): (headers: IncomingHttpHeaders, body: Buffer) => Promise<Message> {
  const publicKey = ed25519Key(keys.webhookPublicKey);
  const ways = {
    v1: { secrets: [keys.webhookSecret] },
    v1a: { publicKeys: [keys.webhookPublicKey] },
  };
  return async (headers, body) => {
    const problems: string[] = [];
    for (const [name, way] of Object.entries(ways)) {
      await verify(headers, body, way, { toleranceSeconds }).catch((error: unknown) => {
        problems.push(`${name}: ${(error as { code?: string }).code ?? String(error)}`);
      });
    }
    if (!isSignedApart(String(headers['webhook-jws']), body, publicKey)) problems.push('jws');
    const { sessionId, event = FINAL_EVENT } = membersOf(body);
    return {
      webhookId: String(headers['webhook-id']),
      sessionId: String(sessionId),
      event: String(event),
      bodyHash: createHash('sha256').update(body).digest('hex'),
      signature: problems.length === 0 ? 'ok' : problems.join(', '),
    };
  };
}

/** A detached JWS (RFC 7515 appendix F) over a payload that is not encoded (RFC 7797). */
function isSignedApart(jws: string, body: Buffer, key: KeyObject): boolean {
  const [header = '', payload, signature = ''] = jws.split('.');
  if (payload !== '') return false;
  const { alg, b64 } = membersOf(Buffer.from(header, 'base64url'));
  const signed = Buffer.concat([Buffer.from(`${header}.`), body]);
  const isRight = verifySignature(null, signed, key, Buffer.from(signature, 'base64url'));
  return alg === 'EdDSA' && b64 === false && isRight;
}

function ed25519Key(text: string): KeyObject {
  const x = Buffer.from(text.slice('whpk_'.length), 'base64').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function membersOf(json: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(json.toString()) as Record<string, unknown>;
  } catch {
    return {};
  }
}
