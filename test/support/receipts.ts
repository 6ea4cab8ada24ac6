import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { checkpointText } from '../../src/audit/offline/checkpoint.js';
import { cosignedMessage, timestampedSignatureBytes } from '../../src/audit/offline/cosignature.js';
import { noteWith, signatureLine } from '../../src/audit/offline/note.js';
import { receiptHeader, receiptPayload, signingInput } from '../../src/audit/offline/receipt.js';
import {
  committedText,
  erasureLeafText,
  type ReceiptClaims,
} from '../../src/audit/offline/receipt-claims.js';
import { formatProof } from '../../src/audit/offline/tlog-proof.js';
import { ReferenceTree } from '../audit/reference-tree.js';

/** PKCS #8 of an Ed25519 key up to its 32 bytes (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key that signs notes: the same for the same name and seed. */
export interface NoteSigner {
  readonly name: string;
  readonly keyId: string;
  readonly vkey: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/** A key of a log, or of a witness. */
export function noteSigner(name: string, type: 'log' | 'witness', seed = name): NoteSigner {
  const secret = createHash('sha256').update(seed).digest();
  return signerOf(name, type, secret);
}

/** The key with these 32 secret bytes. */
export function signerOf(name: string, type: 'log' | 'witness', secret: Uint8Array): NoteSigner {
  const der = Buffer.concat([PKCS8_PREFIX, secret]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  const typed = Buffer.concat([Uint8Array.of(type === 'log' ? 1 : 4), publicKey]);
  const hash = createHash('sha256').update(`${name}\n`).update(typed).digest('hex');
  const keyId = hash.slice(0, 8);
  return {
    name,
    keyId,
    vkey: `${name}+${keyId}+${typed.toString('base64')}`,
    sign: (bytes) => sign(null, bytes, key),
  };
}

export const testLog = noteSigner('log.example/log', 'log');
export const testWitness = noteSigner('witness.example/w1', 'witness');

/** The claims of a receipt that says as little as it may; others are added or changed. */
export function sampleClaims(other: Partial<ReceiptClaims> = {}): ReceiptClaims {
  return {
    iss: 'https://lethe.example.com',
    aud: 'demo',
    jti: '01932e7c-5c00-7abc-8def-0123456789ab',
    iat: 1_893_456_000,
    sub: 'ada',
    status: 'deleted',
    scope: { templates: 1, sessions: 2, webhooks: 0 },
    method: 'ce/keytree-v1',
    epoch: 7,
    k: Buffer.alloc(32, 'k').toString('base64url'),
    ...other,
  };
}

/** The leaf that belongs to claims. */
export function leafOf(claims: ReceiptClaims): string {
  const key = Buffer.from(claims.k, 'base64url');
  const commitment = createHmac('sha256', key).update(committedText(claims)).digest('base64url');
  return erasureLeafText(claims, commitment);
}

/** A signature line of a log. */
export function signed(by: NoteSigner, noteText: string): string {
  return signatureLine({ ...by, signature: by.sign(Buffer.from(noteText)) });
}

/** A signature line of a witness. */
export function cosigned(by: NoteSigner, noteText: string, timeSeconds: number): string {
  const signature = by.sign(cosignedMessage(timeSeconds, noteText));
  return signatureLine({ ...by, signature: timestampedSignatureBytes({ timeSeconds, signature }) });
}

/** The text of the checkpoint of a log with these leaves. */
export function checkpointOf(origin: string, leaves: readonly string[]): string {
  const root = new ReferenceTree(leaves.map((leaf) => Buffer.from(leaf))).root(0, leaves.length);
  return checkpointText({ origin, size: leaves.length, rootHash: Buffer.from(root, 'hex') });
}

/** What to make a receipt of; what is left out is as in a sound receipt of `testLog`. */
export interface ReceiptPlan {
  readonly claims?: ReceiptClaims;
  /** The other leaves: those before, those behind. */
  readonly leavesBefore?: readonly string[];
  readonly leavesBehind?: readonly string[];
  /** The leaf, when it should not be that of the claims. */
  readonly leaf?: string;
  /** Signs the receipt. */
  readonly signer?: NoteSigner;
  /** Sign the checkpoint. */
  readonly logSigners?: readonly NoteSigner[];
  readonly origin?: string;
  readonly witnessed?: readonly { readonly by: NoteSigner; readonly timeSeconds: number }[];
  /** Changes the text of the proof before it is signed. */
  readonly changeProof?: (proof: string) => string;
}

/** A receipt and what it is made of. */
export interface IssuedReceipt {
  /** Compact JWS. */
  readonly receipt: string;
  readonly claims: ReceiptClaims;
  readonly proof: string;
  /** The signed checkpoint in the proof. */
  readonly note: string;
  readonly index: number;
  readonly size: number;
}

/** Issues a receipt from a log that is made for it. */
export function issueReceipt(plan: ReceiptPlan = {}): IssuedReceipt {
  const { claims = sampleClaims(), signer = testLog, logSigners = [signer] } = plan;
  const { leavesBefore = ['a', 'b', 'c'], leavesBehind = ['d', 'e'], origin = signer.name } = plan;
  const leaves = [...leavesBefore, plan.leaf ?? leafOf(claims), ...leavesBehind];
  const noteText = checkpointOf(origin, leaves);
  const note = noteWith(noteText, [
    ...logSigners.map((by) => signed(by, noteText)),
    ...(plan.witnessed ?? []).map(({ by, timeSeconds }) => cosigned(by, noteText, timeSeconds)),
  ]);
  const index = leavesBefore.length;
  const tree = new ReferenceTree(leaves.map((leaf) => Buffer.from(leaf)));
  const path = tree.inclusion(index, 0, leaves.length).map((hash) => Buffer.from(hash, 'hex'));
  const sound = formatProof({ index, path, checkpoint: note });
  const proof = plan.changeProof?.(sound) ?? sound;
  const input = signingInput(receiptHeader(signer.keyId), receiptPayload(claims, proof));
  const receipt = sealed(input, signer);
  return { receipt, claims, proof, note, index, size: leaves.length };
}

/** A compact JWS over any signing input, signed by any key. */
export function sealed(input: string, by: NoteSigner): string {
  return `${input}.${Buffer.from(by.sign(Buffer.from(input))).toString('base64url')}`;
}
