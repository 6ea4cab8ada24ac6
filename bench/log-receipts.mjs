// Receipts as the service issues them, of a log with one witness, whose part is played here.
import { randomBytes, randomUUID } from 'node:crypto';
import { cosignedMessage, timestampedSignatureBytes } from '../dist/audit/offline/cosignature.js';
import { nodePrimitives } from '../dist/audit/offline/node-primitives.js';
import { parseNote, signatureLine } from '../dist/audit/offline/note.js';
import { parsePolicy } from '../dist/audit/offline/policy.js';
import { parseReceipt } from '../dist/audit/offline/receipt.js';
import { parseProof } from '../dist/audit/offline/tlog-proof.js';
import { formatVerifierKey, parseVerifierKey } from '../dist/audit/offline/verifier-key.js';
import { createReceipts } from '../dist/audit/receipts.js';
import { SecretBytes } from '../dist/crypto/secret-bytes.js';
import { signingKeyFromSeed } from '../dist/crypto/signing-key.js';
import { systemClock } from '../dist/lib/clock.js';
import { newHash } from './log-engine.mjs';

const WITNESS = 'witness.example.com/w1';
const TENANT_ID = randomUUID();

/** 24 characters each. */
const TAGS = { auditTag: 'user-initiated-deletions', transactionID: 'txn-delete-4455660000001' };

/** Claims lie open here: how they are sealed at rest changes no receipt. */
const OPEN_REVIEWS = {
  sealIn: (_atMs, _entryId, claims) => ({ bucket: 'review/2026-11', sealed: claims }),
  openIn: async ({ sealed }) => sealed,
};

/** What issues the receipts of a log; `expectation` is what to verify them against, as texts. */
export async function openReceipts({ store, keyring, reader }) {
  const witness = await newWitness();
  const [{ vkey }] = await store.logKeys.list();
  const policyText = `log ${vkey}\nwitness w1 ${witness.vkey}\nquorum w1\n`;
  const policy = await parsePolicy(nodePrimitives, policyText);
  const receipts = createReceipts({
    ...{ log: store.log, logKeys: store.logKeys, keyring, reader, policy },
    ...{ clock: systemClock, reviews: OPEN_REVIEWS, issuer: 'https://lethe.example.com' },
  });
  return {
    ...{ receipts, policy, witness },
    expectation: { logKeys: [vkey], policy: policyText },
    logKeys: [await parseVerifierKey(nodePrimitives, vkey)],
  };
}

/** The leaves of two erasures, one without tags and one with them, and what their receipts are made of. */
export function draftErasures({ receipts }) {
  const drafts = [{}, TAGS].map((tags) => receipts.draft(newErasure(tags)));
  return { entries: drafts.map(({ entry }) => entry), stored: drafts.map(({ stored }) => stored) };
}

/** The receipts of both, with how many hashes lead to the root. */
export async function issueBoth({ receipts }, stored) {
  const [plain, tagged] = await Promise.all(stored.map((one) => receipts.issue(one)));
  const { path } = parseProof(parseReceipt(plain).proof);
  return { hashes: path.length, plain, tagged };
}

/** Has the witness cosign the end of the log. */
export async function cosignHead({ log }, witness) {
  const { size, checkpoint } = await log.head();
  const timeSeconds = Math.floor(Date.now() / 1_000);
  const message = cosignedMessage(timeSeconds, parseNote(checkpoint).text);
  const signature = timestampedSignatureBytes({ timeSeconds, signature: witness.sign(message) });
  const line = signatureLine({ name: WITNESS, keyId: witness.keyId, signature });
  await log.addCosignature({ size, witness: witness.vkey, line });
}

async function newWitness() {
  const { publicBytes, sign } = signingKeyFromSeed(SecretBytes.take(randomBytes(32)));
  const key = { name: WITNESS, type: 'witness', publicKey: publicBytes };
  const vkey = await formatVerifierKey(nodePrimitives, key);
  const { keyId } = await parseVerifierKey(nodePrimitives, vkey);
  return { vkey, keyId, sign };
}

function newErasure(tags) {
  return {
    ...{ tenantId: TENANT_ID, erasureId: randomUUID(), uuid: randomUUID() },
    asked: { sessionId: randomUUID(), ...tags },
    scope: { templates: 1, sessions: 2, webhooks: 1 },
    roots: [{ rootId: randomUUID(), epoch: 1_234 }],
    retiredRoots: [newHash()],
    destroyedKeys: [newHash()],
    irrecoverableAtMs: undefined,
  };
}
