// Run under strace by vault-flushes.mjs: erases subjects one after the other, between two marks that the
// trace shows.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openVault } from './vault-engine.mjs';
import { enrolMany } from './vault-subjects.mjs';

const [dir, erasures] = process.argv.slice(2);
const engine = await openVault(dir);
const { erasable } = await enrolMany(engine.owner, {
  subjects: 4_096,
  tenants: 1,
  keep: { erasable: Number(erasures) + 1, openable: 0 },
});
// The first one removes nothing that an earlier one left.
const [first, ...others] = erasable.slice(0, Number(erasures) + 1);
await engine.vault.shred([first]);
mkdirSync(join(dir, 'begin'));
for (const keyId of others) await engine.vault.shred([keyId]);
mkdirSync(join(dir, 'end'));
await engine.close();
