import { randomBytes } from 'node:crypto';
import { equalBytes } from '../crypto/compare.js';
import { hmacSha256 } from '../crypto/hash.js';
import { SecretBytes } from '../crypto/secret-bytes.js';
import type { StoredReceipt } from '../erasure/erasure-store.js';
import { ServiceError } from '../errors/service-error.js';
import { base64url, utf8, utf8Text } from '../lib/bytes.js';
import { type Clock, SECOND_MS } from '../lib/clock.js';
import { timeOrderedId } from '../lib/ids.js';
import type { RootState } from '../vault/vault.js';
import type { LogKeyring } from './log-keys.js';
import type { LogKeyStore, LogStore, PendingEntry } from './log-store.js';
import { leafHash } from './merkle/tree-hash.js';
import { parseCheckpoint } from './offline/checkpoint.js';
import { rootFromInclusion } from './offline/merkle.js';
import { nodePrimitives } from './offline/node-primitives.js';
import { parseNote, type SignedNote } from './offline/note.js';
import type { Policy } from './offline/policy.js';
import { receiptHeader, receiptPayload, signingInput } from './offline/receipt.js';
import {
  committedText,
  type ErasureScope,
  erasureLeafText,
  type ReceiptClaims,
} from './offline/receipt-claims.js';
import { formatProof } from './offline/tlog-proof.js';
import type { Reviews } from './reviews/reviews.js';
import type { TreeReader } from './tree-reader.js';
import { checkpointCovering } from './witness/published-checkpoint.js';

const LINKING_SECRET_BYTES = 32;
/** More tombstones are left out: a leaf is short. */
const LISTED_TOMBSTONES = 16;
const REMEMBERED_RECEIPTS = 256;

/** What became of a subject, at the moment in which its erasure is recorded as complete. */
export interface ErasureFacts {
  readonly tenantId: string;
  readonly erasureId: string;
  readonly uuid: string;
  /** The session of the request, if any. */
  readonly asked:
    | {
        readonly sessionId: string;
        readonly transactionID?: string;
        readonly auditTag?: string;
      }
    | undefined;
  readonly scope: ErasureScope;
  readonly roots: readonly RootState[];
  readonly retiredRoots: readonly string[];
  readonly destroyedKeys: readonly string[];
  readonly irrecoverableAtMs: number | undefined;
}

/** Makes the receipts of erasures (README.md). */
export interface Receipts {
  /** The leaf of an erasure, and what its receipt will be made of: to be kept in one transaction. */
  draft(facts: ErasureFacts): { readonly entry: PendingEntry; readonly stored: StoredReceipt };
  /**
   * The receipt: a compact JWS (`offline/receipt.ts`). The same state of the log gives the same bytes;
   * once the quorum of the policy has cosigned, they are those with its cosignatures. Undefined when
   * the bucket of the claims was shredded: then nobody can make it again. UNAVAILABLE when the leaf has
   * no place in the log yet.
   */
  issue(stored: StoredReceipt): Promise<string | undefined>;
}

interface Deps {
  readonly log: LogStore;
  readonly logKeys: LogKeyStore;
  readonly keyring: LogKeyring;
  readonly reader: TreeReader;
  readonly reviews: Pick<Reviews, 'sealIn' | 'openIn'>;
  readonly policy: Policy | undefined;
  readonly clock: Clock;
  /** The service's public address. */
  readonly issuer: string;
}

/** A receipt that was made, and the checkpoint that it rests on. */
interface Issued {
  readonly index: number;
  readonly note: string;
  readonly receipt: string;
}

export function createReceipts(deps: Deps): Receipts {
  /** The answer of a DELETE and its webhook carry the same receipt within moments. By entry id. */
  const issued = new Map<string, Issued>();

  function remember(entryId: string, made: Issued): void {
    issued.set(entryId, made);
    const [oldest] = issued.keys();
    if (issued.size > REMEMBERED_RECEIPTS && oldest !== undefined) issued.delete(oldest);
  }

  return {
    draft: (facts) => {
      const nowMs = deps.clock.nowMs();
      const claims = claimsOf(facts, { iss: deps.issuer, iat: Math.floor(nowMs / SECOND_MS) });
      const entryId = timeOrderedId(nowMs);
      const leaf = leafOf(claims);
      const sealed = deps.reviews.sealIn(nowMs, entryId, utf8(JSON.stringify(claims)));
      const { bucket, sealed: sealedClaims } = sealed;
      return { entry: { entryId, leaf }, stored: { entryId, bucket, sealedClaims } };
    },
    issue: async (stored) => {
      const { entryId, bucket, sealedClaims } = stored;
      const opened = await deps.reviews.openIn({ bucket, entryId, sealed: sealedClaims });
      if (opened === undefined) return undefined;
      const known = issued.get(entryId);
      const index = known?.index ?? (await deps.log.findIndex(entryId));
      const note = index === undefined ? undefined : (await checkpointCovering(deps, index))?.note;
      if (index === undefined || note === undefined)
        throw new ServiceError('UNAVAILABLE', {
          detail: 'the leaf of an erasure has no place yet',
        });
      if (known?.note === note) return known.receipt;
      const claims = JSON.parse(utf8Text(opened)) as ReceiptClaims;
      const receipt = await sign(deps, claims, await proofOf(deps, claims, { index, note }));
      remember(entryId, { index, note, receipt });
      return receipt;
    },
  };
}

function claimsOf(facts: ErasureFacts, now: { iss: string; iat: number }): ReceiptClaims {
  const { asked, irrecoverableAtMs } = facts;
  const rc = facts.retiredRoots.slice(0, LISTED_TOMBSTONES);
  const dc = facts.destroyedKeys.slice(0, LISTED_TOMBSTONES);
  return {
    ...now,
    aud: facts.tenantId,
    jti: facts.erasureId,
    sub: facts.uuid,
    ...(asked && { sid: asked.sessionId }),
    ...(asked?.transactionID !== undefined && { txn: asked.transactionID }),
    ...(asked?.auditTag !== undefined && { auditTag: asked.auditTag }),
    status: 'deleted',
    scope: facts.scope,
    method: 'ce/keytree-v1',
    epoch: Math.max(0, ...facts.roots.map(({ epoch }) => epoch)),
    ...(irrecoverableAtMs !== undefined && {
      irrecoverableBy: Math.ceil(irrecoverableAtMs / SECOND_MS),
    }),
    ...(rc.length > 0 && { rc }),
    ...(dc.length > 0 && { dc }),
    k: base64url(randomBytes(LINKING_SECRET_BYTES)),
  };
}

function leafOf(claims: ReceiptClaims): string {
  const k = SecretBytes.take(Buffer.from(claims.k, 'base64url'));
  const commitment = base64url(hmacSha256(k, committedText(claims)));
  k.wipe();
  return erasureLeafText(claims, commitment);
}

interface Proof {
  readonly text: string;
  readonly checkpoint: SignedNote;
}

/** A proof that does not hold is never handed out: then the stored log was changed. */
async function proofOf(
  deps: Deps,
  claims: ReceiptClaims,
  { index, note }: { index: number; note: string },
): Promise<Proof> {
  const checkpoint = parseNote(note);
  const head = checkpoint && parseCheckpoint(checkpoint.text);
  if (checkpoint === undefined || head === undefined) throw damaged('has a malformed checkpoint');
  const { size, rootHash } = head;
  const path = await deps.reader.inclusionProof({ index, size });
  const leaf = { leafHash: leafHash(utf8(leafOf(claims))), index, size, path };
  const root = await rootFromInclusion(nodePrimitives, leaf);
  if (root === undefined || !equalBytes(root, rootHash))
    throw damaged('does not prove the leaf of an erasure');
  return { text: formatProof({ index, path, checkpoint: note }), checkpoint };
}

/** With the key that signed the checkpoint, so that a rotation changes no receipt. */
async function sign(deps: Deps, claims: ReceiptClaims, proof: Proof): Promise<string> {
  const keyIds = proof.checkpoint.signatures.map(({ keyId }) => keyId);
  const signers = (await deps.logKeys.list()).map((key) => deps.keyring.signerOf(key));
  const signer = signers.findLast(({ keyId }) => keyIds.includes(keyId));
  if (signer === undefined) throw damaged('has a checkpoint that none of its keys signed');
  const input = signingInput(receiptHeader(signer.keyId), receiptPayload(claims, proof.text));
  return `${input}.${base64url(signer.sign(utf8(input)))}`;
}

function damaged(how: string): ServiceError {
  return new ServiceError('INTERNAL', {
    detail: `the stored log ${how}: see \`lethe log verify\``,
  });
}
