import { base64, parseUtf8, utf8 } from '../offline/bytes.js';
import { parseCount, parseHash } from '../offline/checkpoint.js';

/** A longer request is refused: a note is at most as long. */
export const ADD_CHECKPOINT_LIMIT_BYTES = 65_536;
const PROOF_LIMIT_HASHES = 63;

/**
 * What a log asks a witness: to cosign a checkpoint (C2SP tlog-witness, add-checkpoint).
 *
 * ```text
 * old 20852014
 * PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
 *
 * example.com/log
 * 20852163
 * CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * — example.com/log Az3grlgt…
 * ```
 */
export interface AddCheckpoint {
  /** Size of the checkpoint that the witness cosigned last; 0 for none. */
  readonly oldSize: number;
  /** From the old size to that of the checkpoint (RFC 6962 §2.1.2): at most 63 hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[];
  /** The checkpoint as a signed note; not judged here. */
  readonly note: string;
}

/** The body of a request. */
export function printAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): Uint8Array {
  const hashes = proof.map((hash) => `${base64(hash)}\n`);
  return utf8(`old ${oldSize}\n${hashes.join('')}\n${note}`);
}

/** Reads exactly what {@link printAddCheckpoint} writes, up to 64 KiB; undefined for anything else. */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint | undefined {
  if (body.byteLength > ADD_CHECKPOINT_LIMIT_BYTES) return undefined;
  const text = parseUtf8(body) ?? '';
  const headEnd = text.indexOf('\n\n');
  if (headEnd === -1) return undefined;
  const [oldLine = '', ...proofLines] = text.slice(0, headEnd).split('\n');
  if (!oldLine.startsWith('old ') || proofLines.length > PROOF_LIMIT_HASHES) return undefined;
  const oldSize = parseCount(oldLine.slice('old '.length));
  const proof = proofLines.flatMap((line) => parseHash(line) ?? []);
  if (oldSize === undefined || proof.length < proofLines.length) return undefined;
  return { oldSize, proof, note: text.slice(headEnd + 2) };
}
