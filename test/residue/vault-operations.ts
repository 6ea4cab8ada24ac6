// Run by memory.test.ts in a process of its own: a whole vault in an empty folder.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ErasableRoot } from '../../src/vault/roots/erasable-root.js';
import type { SealedTemplate } from '../../src/vault/vault.js';
import { answer, keyTombstone, rootTombstone } from './answering.js';
import type { Tombstones } from './scanner.js';
import { openVault, rootFileIn } from './whole-vault.js';

const KEY_BYTES = 32;
/** An embedding of 512 values. */
const TEMPLATE_BYTES = 2_048;

/** Of every key that is ever drawn: those of inner nodes are told nowhere else. */
const drawn: string[] = [];
const { random } = SecretBytes;
SecretBytes.random = (lengthBytes) => {
  const secret = random(lengthBytes);
  if (lengthBytes === KEY_BYTES) drawn.push(keyTombstone(secret));
  return secret;
};

const folder = mkdtempSync(join(tmpdir(), 'lethe-memory-'));
const rootFile = rootFileIn(folder);
const vault = await openVault(folder, rootFile);
const enrolled: SealedTemplate[] = [];
let people = 0;

/** Tells of the template: the vault tells nobody of the key. */
async function enrol(): Promise<Tombstones> {
  people += 1;
  const owner = { tenantId: `tenant-${people % 3}`, uuid: `person-${people}` };
  const template = SecretBytes.random(TEMPLATE_BYTES);
  const destroyedKeys = partsOf(template);
  enrolled.push({ ...owner, ...(await vault.seal(owner, template)) });
  template.wipe();
  return { retiredRoots: [], destroyedKeys };
}

/** Opens the newest 20 at once, as a match does, and tells of their templates. */
async function open(): Promise<Tombstones> {
  const opened = await vault.open(enrolled.slice(-20));
  const destroyedKeys = opened.flatMap((template) => {
    if (template === undefined) throw new Error('a live template did not open');
    const hashes = partsOf(template);
    template.wipe();
    return hashes;
  });
  return { retiredRoots: [], destroyedKeys };
}

/** The key of the person that was opened last, too. */
async function erase(): Promise<Tombstones> {
  const template = enrolled.pop();
  if (template === undefined) throw new Error('nobody is enrolled');
  const shredded = await vault.shred([template.keyId]);
  const [opened] = await vault.open([template]);
  if (opened !== undefined) throw new Error('an erased template opened');
  return shredded;
}

/** All of them at once: one batch and one change of the root. */
async function eraseTen(): Promise<Tombstones> {
  const templates = enrolled.splice(-10);
  const shredded = await Promise.all(templates.map(({ keyId }) => vault.shred([keyId])));
  return {
    retiredRoots: shredded.flatMap(({ retiredRoots }) => retiredRoots),
    destroyedKeys: shredded.flatMap(({ destroyedKeys }) => destroyedKeys),
  };
}

/** Positive control: reads the root a second time, and wipes what it read. */
async function tellLiveRoot(): Promise<Tombstones> {
  const root = await ErasableRoot.open([rootFile]);
  if (root === undefined) throw new Error('there is no root');
  const retiredRoots = [rootTombstone(root.key)];
  root.drop();
  return { retiredRoots, destroyedKeys: [] };
}

/** Of every key that was ever drawn, also of those that are in use. */
function tellDrawn(): Tombstones {
  return { retiredRoots: [], destroyedKeys: drawn };
}

/** Tells of the last root and of every key that was ever drawn: of people, nodes and trees. */
async function close(): Promise<Tombstones> {
  const { retiredRoots } = await tellLiveRoot();
  await vault.close();
  rmSync(folder, { recursive: true });
  return { retiredRoots, destroyedKeys: drawn };
}

function partsOf(secret: SecretBytes): string[] {
  return Array.from({ length: secret.lengthBytes / KEY_BYTES }, (_, at) =>
    keyTombstone(secret.part(at * KEY_BYTES, KEY_BYTES)),
  );
}

await answer({ enrol, open, erase, eraseTen, tellLiveRoot, tellDrawn, close });
