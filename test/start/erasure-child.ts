// Run by erasure-crash.test.ts in a process of its own, with test/support/typescript-hooks.mjs:
// node erasure-child.ts TASK, a JSON object (see Task). Prints one JSON line for each Effect, before
// the next thing happens.

import { readFileSync, writeSync } from 'node:fs';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import type { SealedTemplate } from '../../src/vault/vault.js';
import { openVaultIn } from './erasure-vault.js';

export interface Task {
  readonly dataDir: string;
  readonly rootFiles: number;
  /** Ends at this step, when it gets so far: counted from 0, from the start of the process. */
  readonly endsAtStep?: number;
  /** Names of its own, so that no two processes enrol the same person. */
  readonly name: string;
  /** `start`: nothing else. `once`: one of everything. `load`: many at once, for ever. */
  readonly work: 'start' | 'once' | 'load';
  /** A file of a JSON array of {@link PrintedTemplate}: which of them open is told first. */
  readonly templatesPath?: string;
}

export type PrintedTemplate = Omit<SealedTemplate, 'sealedTemplate'> & {
  readonly sealedBase64: string;
};

export type Effect =
  | { readonly kind: 'open'; readonly areOpen: readonly boolean[] }
  | { readonly kind: 'enrolled'; readonly template: PrintedTemplate }
  /** Asked for together, in one batch. */
  | { readonly kind: 'erasing' | 'erased'; readonly keyIds: readonly string[] }
  | { readonly kind: 'done'; readonly steps: number };

const PEOPLE_AT_ONCE = 6;

const task = JSON.parse(process.argv[2] ?? '') as Task;
let steps = 0;
const { vault, close } = await openVaultIn(task.dataDir, {
  rootFiles: task.rootFiles,
  atStep: () => {
    if (steps === task.endsAtStep) process.kill(process.pid, 'SIGKILL');
    steps += 1;
  },
});
if (task.templatesPath !== undefined) await tellWhichOpen(task.templatesPath);
if (task.work === 'once') await doOneOfEverything();
if (task.work === 'load') await liveForEver();
await close();
tell({ kind: 'done', steps });

function tell(effect: Effect): void {
  writeSync(1, `${JSON.stringify(effect)}\n`);
}

async function tellWhichOpen(path: string): Promise<void> {
  const printed = JSON.parse(readFileSync(path, 'utf8')) as PrintedTemplate[];
  const opened = await vault.open(
    printed.map(({ sealedBase64, ...template }) => ({
      ...template,
      sealedTemplate: Uint8Array.from(Buffer.from(sealedBase64, 'base64')),
    })),
  );
  const areOpen = opened.map((plaintext, at) => {
    const text = plaintext?.use((bytes) => new TextDecoder().decode(bytes));
    if (text !== undefined && text !== printed[at]?.uuid) throw new Error('it opens to another');
    return text !== undefined;
  });
  tell({ kind: 'open', areOpen });
}

async function enrol(uuid: string, tenantId: string): Promise<string> {
  const plaintext = SecretBytes.take(new TextEncoder().encode(uuid));
  const { keyId, sealedTemplate } = await vault.seal({ tenantId, uuid }, plaintext);
  const sealedBase64 = Buffer.from(sealedTemplate).toString('base64');
  tell({ kind: 'enrolled', template: { tenantId, uuid, keyId, sealedBase64 } });
  return keyId;
}

async function erase(keyIds: readonly string[], work: () => Promise<unknown>): Promise<void> {
  tell({ kind: 'erasing', keyIds });
  await work();
  tell({ kind: 'erased', keyIds });
}

/** Enrols, erases alone and in a batch while somebody enrols, drops a tenant, and enrols again. */
async function doOneOfEverything(): Promise<void> {
  const [stays, ends] = [`${task.name}-stays`, `${task.name}-ends`];
  const people = ['a', 'b', 'c', 'd'].map((name) => `${task.name}-${name}`);
  const keyIds = await Promise.all([
    ...people.map((uuid) => enrol(uuid, stays)),
    ...people.map((uuid) => enrol(uuid, ends)),
  ]);
  const [a = '', b = '', c = ''] = keyIds;
  await erase([a], () => vault.shred([a]));
  await Promise.all([
    erase([b, c], () => Promise.all([vault.shred([b]), vault.shred([c])])),
    enrol(`${task.name}-a`, stays),
  ]);
  await erase(keyIds.slice(people.length), () => vault.shredScope({ tenantId: ends }));
  await enrol(`${task.name}-e`, ends);
}

async function liveForEver(): Promise<void> {
  const lives = Array.from({ length: PEOPLE_AT_ONCE }, async (_, at) => {
    const tenantId = `tenant-${at % 2}`;
    for (let count = 0; ; count += 1) {
      const keyId = await enrol(`${task.name}-${at}-${count}`, tenantId);
      if (count % 3 > 0) await erase([keyId], () => vault.shred([keyId]));
    }
  });
  await Promise.all(lives);
}
