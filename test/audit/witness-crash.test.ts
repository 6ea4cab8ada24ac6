import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { LogHead } from '../../src/audit/log-store.js';
import { printAddCheckpoint } from '../../src/audit/witness/add-checkpoint.js';
import { GrowingLog } from '../support/growing-log.js';
import { until } from '../support/until.js';
import { startWitness, type WitnessProcess } from '../support/witness-process.js';

const NAME = 'witness.example/w1';
let state: string;
let started: WitnessProcess[];

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'lethe-witness-crash-'));
  started = [];
});
afterEach(async () => {
  for (const { program } of started) await program.kill();
  rmSync(state, { recursive: true, force: true });
});

async function post(url: string, from: GrowingLog, head: LogHead, oldSize: number) {
  const proof = await from.reader.consistencyProof({ fromSize: oldSize, toSize: head.size });
  const body = printAddCheckpoint({ oldSize, proof, note: head.checkpoint });
  return await fetch(`${url}/add-checkpoint`, { method: 'POST', body: Buffer.from(body) });
}

test('when the witness is killed after it kept a checkpoint and before it answered, then it knows the checkpoint after its start', async () => {
  const log = new GrowingLog();
  const { vkey } = log.store.keys[0]!;
  const dying = await startWitness([NAME, state, vkey], ['test/support/witness-child.mjs']);
  started.push(dying);
  const head = await log.grow(3);
  const unanswered = post(dying.url, log, head, 0).catch(() => 'no answer');
  await until(() => expect(dying.program.output).toContain('kept\n'));
  await dying.program.kill();
  expect(await unanswered).toBe('no answer');

  const witness = await startWitness(['--name', NAME, '--state', state, '--log', vkey]);
  started.push(witness);
  expect(witness.key).toEqual(dying.key);
  // A fork may not use that nobody got the cosignature.
  const fork = new GrowingLog();
  const forked = await fork.grow(3, 'other');
  const refused = await post(witness.url, fork, forked, 0);
  expect(refused.status).toBe(409);
  expect(await refused.text()).toBe('3\n');
  expect((await post(witness.url, fork, forked, 3)).status).toBe(409);
  // The log gets it by asking again.
  expect((await post(witness.url, log, head, 3)).status).toBe(200);
}, 60_000);
