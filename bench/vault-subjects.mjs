// Subjects of a benchmark vault: many that only fill the tree, and some whose keys or templates are kept
// to erase and to open.
import { randomBytes } from 'node:crypto';
import { SecretBytes } from '../dist/crypto/secret-bytes.js';
import { printKeyName } from '../dist/vault/key-name.js';
import { sealTemplate } from '../dist/vault/template-seal.js';
import { TreeWriter } from '../dist/vault/tree/tree-writer.js';

/** 128 numbers of 32 bits. */
export const TEMPLATE_BYTES = 512;
/** The vault itself commits at most 256 at once; the tree that comes of it is the same. */
const KEYS_AT_ONCE = 8_192;

/**
 * Enrols so many subjects, in turn for each tenant, by the writer of the vault. Returns subjects from
 * all over the tree: `erasable` ones, and `openable` ones with a sealed template.
 */
export async function enrolMany(owner, { subjects, tenants, keep }) {
  const writer = new TreeWriter(owner);
  const kept = [];
  const every = Math.floor(subjects / (keep.erasable + keep.openable));
  for (let done = 0; done < subjects; done += KEYS_AT_ONCE) {
    const count = Math.min(KEYS_AT_ONCE, subjects - done);
    const members = Array.from({ length: count }, (_, at) => ({
      number: done + at,
      tenantId: tenantId((done + at) % tenants),
      key: SecretBytes.random(32),
    }));
    const slots = await writer.add(
      members.map((member) => ({ scope: `tenant/${member.tenantId}`, key: member.key })),
    );
    members.forEach(({ number, ...member }, at) => {
      if (number % every === 0)
        kept.push(keptSubject(member, { rootId: owner.rootId, ...slots[at] }));
      member.key.wipe();
    });
  }
  const shuffled = shuffle(kept);
  return {
    openable: shuffled.slice(0, keep.openable),
    erasable: shuffled.slice(keep.openable).map(({ keyId }) => keyId),
  };
}

export function tenantId(number) {
  return `tenant-${number}`;
}

export function newTemplate() {
  return SecretBytes.random(TEMPLATE_BYTES);
}

function keptSubject({ tenantId: ofTenant, key }, keyName) {
  const owner = { tenantId: ofTenant, uuid: randomBytes(16).toString('hex') };
  const plaintext = newTemplate();
  const sealedTemplate = sealTemplate(key, { owner, keyName, plaintext });
  plaintext.wipe();
  return { ...owner, keyId: printKeyName(keyName), keyName, sealedTemplate };
}

function shuffle(values) {
  const shuffled = [...values];
  for (let end = shuffled.length - 1; end > 0; end -= 1) {
    const other = Math.floor(Math.random() * (end + 1));
    [shuffled[end], shuffled[other]] = [shuffled[other], shuffled[end]];
  }
  return shuffled;
}
