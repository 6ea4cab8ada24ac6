// Run by token-share.test.ts in a process of its own: load | stage EPOCH | wipe EPOCH | shares
import { createHash } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { openToken } from '../../src/store/pkcs11/token.js';
import type { RootSlot } from '../../src/vault/roots/root-slot.js';
import { createTokenShare } from '../../src/vault/roots/token-share.js';

const ROUNDS = 20;

const [command = '', argument = ''] = process.argv.slice(2);
const store = createTokenShare(openToken(JSON.parse(process.env['TOKEN_ADDRESS'] ?? '')));

const slotOf = (epoch: number): RootSlot => ({
  ...{ rootId: 'q83vEjRWeJA', shareCount: 1, shareIndex: 0, epoch, escrowedUntilMs: 0 },
  share: SecretBytes.random(32),
});

/** Makes no copy of the share. */
const tombstone = ({ share }: RootSlot): string =>
  share.use((bytes) => createHash('sha256').update('dc').update(bytes).digest('base64url'));

async function load() {
  const slots = (await store.load()) ?? [];
  const said = slots.map((slot) => ({ epoch: slot.epoch, tombstone: tombstone(slot) }));
  for (const { share } of slots) share.wipe();
  return said;
}

/**
 * Sends shares through the token and wipes its own copies; one share is kept as a control. Then it
 * stands still until the parent has looked at its memory: little is done in between, because
 * whatever is done may cover what is left.
 */
async function sendShares() {
  const slots = Array.from({ length: ROUNDS }, (_, at) => slotOf(at + 1));
  const kept = slotOf(0);
  const answer = JSON.stringify({ passed: slots.map(tombstone), kept: tombstone(kept) });
  for (const slot of slots) {
    await store.stage(slot);
    slot.share.wipe();
    await store.wipe({ epoch: slot.epoch });
  }
  for (const { share } of (await store.load()) ?? []) share.wipe();
  writeSync(1, `${answer}\n`);
  readSync(0, new Uint8Array(1));
  kept.share.wipe();
}

async function run(): Promise<void> {
  if (command === 'shares') {
    await sendShares();
    return;
  }
  if (command === 'stage') await store.stage(slotOf(Number(argument)));
  if (command === 'wipe') await store.wipe({ epoch: Number(argument) });
  writeSync(1, `${JSON.stringify(await load())}\n`);
}

try {
  await run();
} catch (error) {
  writeSync(1, `${JSON.stringify({ error: String(error) })}\n`);
}
await store.close();
