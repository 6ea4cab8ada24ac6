// Run by sqlite.test.ts in a process of its own, with test/support/typescript-hooks.mjs:
// node child.mjs write DIRECTORY   prints the key id of every subject whose insert was acknowledged
// node child.mjs lock DIRECTORY    takes the lock, prints `locked` and waits
import { randomUUID } from 'node:crypto';
import { lockDataDir } from '../../src/store/sqlite/data-dir.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';

const WRITERS = 8;

const [, , task, dataDir] = process.argv;

async function writeForever() {
  const store = await openSqliteStore({ dataDir });
  const writers = Array.from({ length: WRITERS }, async () => {
    for (;;) {
      const keyId = randomUUID();
      const sealedTemplate = Buffer.alloc(2_000, keyId);
      const enrolment = { keyId, model: 'model', sealedTemplate, enrolledAtMs: 0 };
      await store.subjects.insert({ tenantId: 'tenant', uuid: keyId, state: 'live', enrolment });
      process.stdout.write(`${keyId}\n`);
    }
  });
  // The first failure stops them all, as a full disk would stop a server's writes.
  await Promise.all(writers).catch((error) => {
    process.stdout.write(`failed ${error.code}\n`, () => process.exit(0));
  });
}

if (task === 'write') {
  await writeForever();
} else {
  lockDataDir(dataDir);
  process.stdout.write('locked\n');
  setInterval(() => undefined, 60_000);
}
