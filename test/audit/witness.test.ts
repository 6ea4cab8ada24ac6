import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LogHead } from '../../src/audit/log-store.js';
import { checkpointText } from '../../src/audit/offline/checkpoint.js';
import { parseNote } from '../../src/audit/offline/note.js';
import {
  ADD_CHECKPOINT_LIMIT_BYTES,
  type AddCheckpoint,
  parseAddCheckpoint,
  printAddCheckpoint,
} from '../../src/audit/witness/add-checkpoint.js';
import { findCosignature } from '../../src/audit/witness/cosigner.js';
import { openStateFiles, WitnessStateError } from '../../src/audit/witness/state-file.js';
import type { WitnessAnswer } from '../../src/audit/witness/witness.js';
import { sha256 } from '../../src/crypto/hash.js';
import { utf8 } from '../../src/lib/bytes.js';
import { GrowingLog } from '../support/growing-log.js';
import { noLock } from '../support/share-server.js';
import { openWitness, type TestWitness } from '../support/witness.js';

const NOW_SECONDS = 1_900_000_000;
const clock = { nowMs: () => NOW_SECONDS * 1_000 + 999 };
let log: GrowingLog;
let own: TestWitness;

beforeEach(async () => {
  log = new GrowingLog();
  own = await openWitness({ logs: await log.keys(), clock });
});
afterEach(() => {
  rmSync(own.directory, { recursive: true, force: true });
});

/** The request that a well-behaved log makes. */
async function requestOf(
  from: GrowingLog,
  head: Pick<LogHead, 'size' | 'checkpoint'>,
  oldSize: number,
): Promise<AddCheckpoint> {
  const proof =
    oldSize > head.size
      ? []
      : await from.reader.consistencyProof({ fromSize: oldSize, toSize: head.size });
  return { oldSize, proof, note: head.checkpoint };
}

async function submit(request: AddCheckpoint): Promise<WitnessAnswer> {
  return await own.witness.addCheckpoint(printAddCheckpoint(request));
}

async function submitHead(head: LogHead, oldSize: number, from = log): Promise<WitnessAnswer> {
  return await submit(await requestOf(from, head, oldSize));
}

function expectCosigned(answer: WitnessAnswer, { checkpoint }: LogHead): void {
  expect(answer.status).toBe(200);
  const found = findCosignature(parseNote(checkpoint + answer.text)!, own.key);
  expect(found).toEqual({ line: answer.text, timeSeconds: NOW_SECONDS });
}

const sizeAnswer = (size: number): WitnessAnswer => ({
  status: 409,
  contentType: 'text/x.tlog.size',
  text: `${size.toString()}\n`,
});

/** Opens the witness anew on its files, as after a restart. */
async function restart(): Promise<void> {
  own = await openWitness({ logs: await log.keys(), clock, directory: own.directory });
}

function stateFile(): string {
  const [name] = readdirSync(own.directory).filter((file) => file.endsWith('.json'));
  return join(own.directory, name!);
}

describe('a witness', () => {
  test('when a log begins and grows, then each checkpoint is cosigned with the time', async () => {
    const sizes = [1, 2, 5, 13, 600];
    let size = 0;
    for (const count of sizes) {
      const head = await log.grow(count);
      expectCosigned(await submitHead(head, size), head);
      size += count;
      expect(own.state.latest(log.origin)?.size).toBe(size);
    }
  });

  test('when the same checkpoint comes again, then it is cosigned again', async () => {
    const head = await log.grow(3);
    expectCosigned(await submitHead(head, 0), head);
    expectCosigned(await submitHead(head, 3), head);
  });

  test('when a log has no leaf, then its checkpoint is cosigned, and what it grows to', async () => {
    const text = checkpointText({ origin: log.origin, size: 0, rootHash: sha256('') });
    const empty = { oldSize: 0, proof: [], note: log.sign(text) };
    expect((await submit(empty)).status).toBe(200);
    const head = await log.grow(2);
    expectCosigned(await submitHead(head, 0), head);
    expect(await submit(empty)).toEqual(sizeAnswer(2));
  });

  test('when the checkpoint has signatures of unknown keys, then they are passed over and not kept', async () => {
    const head = await log.grow(2);
    const line = `— stranger.example/x ${Buffer.alloc(68, 1).toString('base64')}\n`;
    const request = await requestOf(log, head, 0);
    expectCosigned(await submit({ ...request, note: head.checkpoint + line.repeat(50) }), head);
    expect(readFileSync(stateFile(), 'utf8')).not.toContain('stranger');
  });

  test('when a signature of the log comes many times over, then the state can be read again', async () => {
    const head = await log.grow(2);
    const [, line = ''] = head.checkpoint.split('\n\n');
    const request = await requestOf(log, head, 0);
    expect((await submit({ ...request, note: head.checkpoint + line.repeat(63) })).status).toBe(
      200,
    );
    await restart();
    expect(own.state.latest(log.origin)?.size).toBe(2);
  });

  test('when a checkpoint is so long that its cosignature would not fit, then it answers 400 and keeps nothing', async () => {
    const [text = ''] = (await log.grow(2)).checkpoint.split('\n\n');
    const padded = (length: number): AddCheckpoint => ({
      ...{ oldSize: 0, proof: [] },
      note: log.sign(`${text}\n${'x'.repeat(length)}\n`),
    });
    const room = ADD_CHECKPOINT_LIMIT_BYTES - printAddCheckpoint(padded(0)).byteLength;
    const answer = await submit(padded(room));
    expect(answer).toMatchObject({ status: 400, text: 'the checkpoint is too long\n' });
    expect(readdirSync(own.directory)).toEqual([]);
    expect((await submit(padded(room - 200))).status).toBe(200);
    await restart();
    expect(own.state.latest(log.origin)?.size).toBe(2);
  });

  test('when the log signs with two keys and the witness knows one, then it is cosigned', async () => {
    const [first] = await log.keys();
    log.addKey(2);
    const head = await log.grow(2);
    const { witness, key, directory } = await openWitness({ logs: [first!], clock });
    const answer = await witness.addCheckpoint(printAddCheckpoint(await requestOf(log, head, 0)));
    expect(answer.status).toBe(200);
    expect(findCosignature(parseNote(head.checkpoint + answer.text)!, key)).toBeDefined();
    rmSync(directory, { recursive: true });
  });

  test('when two logs are witnessed, then each has its own size', async () => {
    const other = new GrowingLog({ origin: 'other.example/log', seed: 2 });
    const logs = [...(await log.keys()), ...(await other.keys())];
    rmSync(own.directory, { recursive: true });
    own = await openWitness({ logs, clock });
    const [head, otherHead] = [await log.grow(3), await other.grow(5)];
    expectCosigned(await submitHead(head, 0), head);
    expectCosigned(await submitHead(otherHead, 0, other), otherHead);
    expect(await submitHead(otherHead, 0, other)).toEqual(sizeAnswer(5));
    expect(await submitHead(head, 0)).toEqual(sizeAnswer(3));
  });
});

describe('what a witness refuses', () => {
  let head: LogHead;
  let request: AddCheckpoint;

  beforeEach(async () => {
    const first = await log.grow(3);
    expectCosigned(await submitHead(first, 0), first);
    head = await log.grow(4);
    request = await requestOf(log, head, 3);
  });

  afterEach(async () => {
    // Whatever it was, nothing was cosigned, and the true head still can be.
    expect(own.state.latest(log.origin)?.size).toBe(3);
    expectCosigned(await submit(request), head);
  });

  const text = (): string => Buffer.from(printAddCheckpoint(request)).toString();

  const malformed: [string, () => string | Uint8Array][] = [
    ['nothing', () => ''],
    ['no UTF-8', () => Buffer.concat([utf8(text()), Uint8Array.of(0xff)])],
    ['no old size', () => text().replace('old 3\n', '')],
    ['an old size with a zero before it', () => text().replace('old 3', 'old 03')],
    ['an old size with a sign', () => text().replace('old 3', 'old +3')],
    ['an old size with two spaces', () => text().replace('old 3', 'old  3')],
    ['an old size with a space behind it', () => text().replace('old 3', 'old 3 ')],
    ['an old size that is no number', () => text().replace('old 3', 'old x')],
    ['an old size beyond 2^53', () => text().replace('old 3', 'old 9007199254740993')],
    ['an old size in capitals', () => text().replace('old 3', 'OLD 3')],
    ['lines that end like those of Windows', () => text().replaceAll('\n', '\r\n')],
    ['a hash without padding', () => text().replace('=\n', '\n')],
    ['a hash that is too short', () => text().replace('old 3\n', 'old 3\nAAAA\n')],
    ['a hash in base64url', () => text().replace('old 3\n', `old 3\n${'_'.repeat(43)}=\n`)],
    ['64 hashes', () => text().replace('old 3\n', `old 3\n${`${'A'.repeat(43)}=\n`.repeat(62)}`)],
    ['no empty line', () => text().replace('\n\n', '\n')],
    ['an empty line too many', () => text().replace('\n\n', '\n\n\n')],
    ['no checkpoint', () => `${text().split('\n\n')[0] ?? ''}\n\n`],
    ['a checkpoint without signatures', () => text().split('\n— ')[0] ?? ''],
    ['a checkpoint without its last line feed', () => text().slice(0, -1)],
    ['a note that is no checkpoint', () => text().replace('\n7\n', '\nseven\n')],
    ['more than 64 KiB', () => text() + 'x'.repeat(ADD_CHECKPOINT_LIMIT_BYTES)],
    ['a control character', () => text().replace('\n7\n', '\n7\u0000\n')],
    ['an old size that is larger than the checkpoint', () => text().replace('old 3', 'old 8')],
  ];
  test.each(malformed)('when it is sent %s, then it answers 400', async (_what, body) => {
    const sent = body();
    expect(sent).not.toBe(text());
    const bytes = typeof sent === 'string' ? utf8(sent) : sent;
    expect((await own.witness.addCheckpoint(bytes)).status).toBe(400);
  });

  test('when the log is unknown, then it answers 404', async () => {
    const other = new GrowingLog({ origin: 'other.example/log' });
    expect((await submitHead(await other.grow(2), 0, other)).status).toBe(404);
  });

  test('when another key of the same name has signed, then it answers 403', async () => {
    const forged = new GrowingLog({ seed: 2 });
    expect((await submitHead(await forged.grow(7), 3, forged)).status).toBe(403);
  });

  test('when any byte of the signature or of the root was changed, then it answers 400, 403 or 404', async () => {
    const bytes = Buffer.from(head.checkpoint);
    for (let at = 0; at < bytes.byteLength; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      const { status } = await submit({ ...request, note: changed.toString('latin1') });
      expect([400, 403, 404]).toContain(status);
      const asUtf8 = await submit({ ...request, note: changed.toString() });
      expect([400, 403, 404]).toContain(asUtf8.status);
    }
  });

  test('when a wrong signature of a known key stands beside a right one, then it answers 403', async () => {
    const [, line = ''] = head.checkpoint.split('\n\n');
    const wrong = line.replace(/.(?=[^\n]{20}\n)/, (letter) => (letter === 'A' ? 'B' : 'A'));
    expect(wrong).not.toBe(line);
    expect((await submit({ ...request, note: head.checkpoint + wrong })).status).toBe(403);
  });

  test.each([0, 1, 2, 4, 7])(
    'when the old size is said to be %d, then it answers 409 with the true one',
    async (oldSize) => {
      expect(await submitHead(head, oldSize)).toEqual(sizeAnswer(3));
    },
  );

  test('when the log was cut short, then it answers 409 with the size that it has seen', async () => {
    const restored = new GrowingLog();
    const cut = await restored.grow(2);
    expect(await submitHead(cut, 0, restored)).toEqual(sizeAnswer(3));
    expect(await submitHead(cut, 2, restored)).toEqual(sizeAnswer(3));
    expect((await submitHead(cut, 3, restored)).status).toBe(400);
  });

  test('when another log of the same size is signed, then it answers 409', async () => {
    const fork = new GrowingLog();
    const forked = await fork.grow(3, 'other');
    expect(await submitHead(forked, 3, fork)).toEqual(sizeAnswer(3));
  });

  test('when a fork has grown, then it answers 422', async () => {
    const fork = new GrowingLog();
    await fork.grow(3, 'other');
    const forked = await fork.grow(4);
    expect((await submitHead(forked, 3, fork)).status).toBe(422);
  });

  test('when the proof is another one, lacks a hash or has one too many, then it answers 422', async () => {
    const { proof } = request;
    const wrong = proof.map((hash, at) => (at === 0 ? new Uint8Array(32) : hash));
    for (const bad of [[], proof.slice(1), proof.slice(0, -1), [...proof, proof[0]!], wrong])
      expect((await submit({ ...request, proof: bad })).status).toBe(422);
  });

  test('when a proof comes with a checkpoint that needs none, then it answers 422', async () => {
    const other = await openWitness({ logs: await log.keys(), clock });
    const unneeded = { ...request, oldSize: 0 };
    const answer = await other.witness.addCheckpoint(printAddCheckpoint(unneeded));
    expect(answer.status).toBe(422);
    rmSync(other.directory, { recursive: true });
    const seen = log.store.segments[0]!;
    expect((await submit({ ...request, note: seen.checkpoint })).status).toBe(422);
  });
});

describe('the state of a witness', () => {
  test('when 50 checkpoints of two forks come at once, then one log is cosigned, and only what grows it', async () => {
    const fork = new GrowingLog();
    const requests = [...(await requestsOf(log)), ...(await requestsOf(fork, 'other'))];
    while (requests.length < 50) requests.push(requests[requests.length % 7]!);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(requests, { minLength: 50 }), async (order) => {
        const target = await openWitness({ logs: await log.keys(), clock });
        const answers = await Promise.all(
          order.map((request) => target.witness.addCheckpoint(printAddCheckpoint(request))),
        );
        const cosigned = order.filter((_, index) => answers[index]?.status === 200);
        expect(cosigned.length).toBeGreaterThan(0);
        const logs = new Set(
          cosigned.map(({ note }) => [log, fork].find((from) => isOf(from, note))),
        );
        expect(logs.size).toBe(1);
        const sizes = cosigned.map(({ note }) => Number(note.split('\n')[1]));
        expect(target.state.latest(log.origin)?.size).toBe(Math.max(...sizes));
        rmSync(target.directory, { recursive: true });
      }),
      { numRuns: 10 },
    );
  });

  /** What a log might ask while it grows, from right and wrong old sizes. */
  async function requestsOf(from: GrowingLog, word?: string): Promise<AddCheckpoint[]> {
    const requests: AddCheckpoint[] = [];
    let size = 0;
    for (let count = 1; count <= 5; count += 1) {
      const head = await from.grow(count, word);
      const oldSizes = [...new Set([0, size, 1, 3, 6])].filter((oldSize) => oldSize <= head.size);
      for (const oldSize of oldSizes) requests.push(await requestOf(from, head, oldSize));
      ({ size } = head);
    }
    return requests;
  }

  function isOf(from: GrowingLog, note: string): boolean {
    return from.store.segments.some(({ checkpoint }) => checkpoint === note);
  }

  test('when the witness is started again, then it goes on from what it had cosigned', async () => {
    const head = await log.grow(3);
    await submitHead(head, 0);
    await restart();
    expect(await submitHead(head, 0)).toEqual(sizeAnswer(3));
    const fork = new GrowingLog();
    expect(await submitHead(await fork.grow(3, 'other'), 3, fork)).toEqual(sizeAnswer(3));
    const next = await log.grow(2);
    expectCosigned(await submitHead(next, 3), next);
  });

  test('when a key of the log was replaced since, then the state is still read', async () => {
    await submitHead(await log.grow(3), 0);
    log.addKey(2);
    const [, second] = await log.keys();
    own = await openWitness({ logs: [second!], clock, directory: own.directory });
    const next = await log.grow(2);
    expectCosigned(await submitHead(next, 3), next);
  });

  test('when the state cannot be written, then nothing is cosigned and the old state stays', async () => {
    await submitHead(await log.grow(3), 0);
    const head = await log.grow(2);
    const before = readFileSync(stateFile());
    symlinkSync('/dev/full', `${stateFile()}.unfinished`);
    const refused = submitHead(head, 3);
    await expect(refused).rejects.toThrow(WitnessStateError);
    await expect(refused).rejects.toThrow('.json cannot be written (ENOSPC); nothing was cosigned');
    expect(readFileSync(stateFile()).equals(before)).toBe(true);
    expect(await submitHead(head, 0)).toEqual(sizeAnswer(3));
    // The disk has room again.
    expectCosigned(await submitHead(head, 3), head);
  });

  test('when the state cannot be put in its place, then nothing is cosigned', async () => {
    const name = `${own.directory}/x`;
    const first = await log.grow(3);
    await submitHead(first, 0);
    renameSync(stateFile(), name);
    mkdirSync(`${stateFileOf(name)}/taken`, { recursive: true });
    const head = await log.grow(1);
    await expect(submitHead(head, 3)).rejects.toThrow('cannot be written (EISDIR)');
    expect(own.state.latest(log.origin)?.size).toBe(3);
    rmSync(stateFileOf(name), { recursive: true });
    expectCosigned(await submitHead(head, 3), head);
  });

  /** Where the state of the log would be. */
  function stateFileOf(moved: string): string {
    const { origin } = JSON.parse(readFileSync(moved, 'utf8')) as { origin: string };
    return join(own.directory, `${Buffer.from(sha256(origin)).toString('hex')}.json`);
  }

  test('when a file is made, then only its owner can read and change it, and none is left over', async () => {
    await submitHead(await log.grow(3), 0);
    expect(statSync(stateFile()).mode & 0o777).toBe(0o600);
    expect(statSync(own.directory).mode & 0o777).toBe(0o700);
    expect(readdirSync(own.directory)).toHaveLength(1);
  });

  test('when a crash left a half-written file beside the state, then the state counts', async () => {
    const head = await log.grow(3);
    await submitHead(head, 0);
    writeFileSync(`${stateFile()}.unfinished`, '{"checkp');
    await restart();
    expect(await submitHead(head, 0)).toEqual(sizeAnswer(3));
    const next = await log.grow(1);
    expectCosigned(await submitHead(next, 3), next);
  });
});

describe('a state file that is not what the witness wrote', () => {
  let sound: string;

  beforeEach(async () => {
    await submitHead(await log.grow(3), 0);
    sound = readFileSync(stateFile(), 'utf8');
  });

  async function expectRefused(sentence = 'is not what witness.example/w1 wrote'): Promise<void> {
    const started = restart();
    await expect(started).rejects.toThrow(WitnessStateError);
    await expect(started).rejects.toThrow(sentence);
  }

  test('when it is cut anywhere, then the witness does not start', async () => {
    for (let end = 0; end < sound.length; end += 1) {
      writeFileSync(stateFile(), sound.slice(0, end));
      await expectRefused();
    }
  });

  test('when any byte is another one, then the witness does not start', async () => {
    const bytes = Buffer.from(sound);
    for (let at = 0; at < bytes.byteLength; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      writeFileSync(stateFile(), changed);
      await expectRefused();
    }
  });

  test.each<[string, (text: string) => string]>([
    ['a smaller size', (text) => text.replace('"size":3', '"size":2')],
    ['another order', (text) => JSON.stringify(JSON.parse(text)) + ' \n'],
    ['a member more', (text) => text.replace('"size":3', '"size":3,"x":1')],
    ['no checkpoint', () => '{}\n'],
    ['a checkpoint that is no text', () => '{"checkpoint":3}\n'],
    ['null', () => 'null\n'],
    ['only what the log signed', (text) => text.replace(/— witness[^"]*\\n/, '')],
  ])('when it holds %s, then the witness does not start', async (_what, change) => {
    expect(change(sound)).not.toBe(sound);
    writeFileSync(stateFile(), change(sound));
    await expectRefused();
  });

  test('when it was written with another key, then the witness does not start', async () => {
    const started = openWitness({ logs: [], directory: own.directory, number: 2 });
    await expect(started).rejects.toThrow('is not what witness.example/w2 wrote with this key');
  });

  test('when it lies under the name of another log, then the witness does not start', async () => {
    renameSync(stateFile(), join(own.directory, `${'0'.repeat(64)}.json`));
    await expectRefused();
  });

  test('when it cannot be read, then the witness does not start', async () => {
    const path = stateFile();
    rmSync(path);
    mkdirSync(path);
    await expectRefused('cannot be read (EISDIR)');
  });

  test('when others may change the directory, then the witness does not start', async () => {
    chmodSync(own.directory, 0o777);
    await expectRefused('can be changed by others; set its mode to 0700');
  });

  test('when the directory cannot be made, then the witness does not start', () => {
    const directory = join(stateFile(), 'below');
    expect(() => openStateFiles({ directory, witness: own.key, lock: noLock })).toThrow(
      'cannot be made (ENOTDIR)',
    );
  });

  test('when another process has the directory, then the witness does not start', () => {
    const { directory, key: witness } = own;
    expect(() => openStateFiles({ directory, witness, lock: () => undefined })).toThrow(
      'is in use by another witness',
    );
  });

  test('when it is refused, then the directory is given free', () => {
    writeFileSync(stateFile(), '');
    let released = 0;
    const lock = () => ({ release: () => void (released += 1) });
    const { directory, key: witness } = own;
    expect(() => openStateFiles({ directory, witness, lock })).toThrow(WitnessStateError);
    expect(released).toBe(1);
  });
});

describe('the body of a request', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const requests = fc.record({
    oldSize: fc.nat(),
    proof: fc.array(hash, { maxLength: 63 }),
    note: fc.string({ unit: 'grapheme', maxLength: 200 }),
  });

  test('when it was printed, then it is read again', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { oldSize, proof, note } = parseAddCheckpoint(printAddCheckpoint(request))!;
        expect({ oldSize, note }).toEqual({ oldSize: request.oldSize, note: request.note });
        expect(proof.map((one) => Buffer.from(one).toString('hex'))).toEqual(
          request.proof.map((one) => Buffer.from(one).toString('hex')),
        );
      }),
    );
  });

  test('when anything is read, then it is what would be printed', () => {
    const pieces = fc.constantFrom(
      'old ',
      '0',
      '1',
      '\n',
      'A',
      `${'A'.repeat(43)}=`,
      ' ',
      '=',
      'é',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
        const bytes = utf8(parts.join(''));
        const parsed = parseAddCheckpoint(bytes);
        if (parsed !== undefined)
          expect(Buffer.from(printAddCheckpoint(parsed)).equals(bytes)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
