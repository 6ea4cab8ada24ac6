import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LogHead } from '../../src/audit/log-store.js';
import { parseNote } from '../../src/audit/offline/note.js';
import { printAddCheckpoint } from '../../src/audit/witness/add-checkpoint.js';
import { findCosignature } from '../../src/audit/witness/cosigner.js';
import { runCommandLine } from '../../src/cli/command-line.js';
import { witnessCommands } from '../../src/cli/witness.js';
import { GrowingLog } from '../support/growing-log.js';
import { until } from '../support/until.js';
import { startWitness, type WitnessProcess } from '../support/witness-process.js';

const NAME = 'witness.example/w1';
const run = promisify(execFile);

let directory: string;
let state: string;
let log: GrowingLog;
let vkey: string;
let started: WitnessProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lethe-witness-cli-'));
  state = join(directory, 'state');
  log = new GrowingLog();
  vkey = log.store.keys[0]!.vkey;
  started = [];
});
afterEach(async () => {
  for (const { program } of started) await program.kill();
  rmSync(directory, { recursive: true, force: true });
});

async function start(...args: string[]): Promise<WitnessProcess> {
  const options = args.length > 0 ? args : ['--log', vkey];
  const witness = await startWitness(['--name', NAME, '--state', state, ...options]);
  started.push(witness);
  return witness;
}

async function post(url: string, head: LogHead, oldSize: number): Promise<Response> {
  const proof = await log.reader.consistencyProof({ fromSize: oldSize, toSize: head.size });
  const body = printAddCheckpoint({ oldSize, proof, note: head.checkpoint });
  return await fetch(`${url}/add-checkpoint`, { method: 'POST', body: Buffer.from(body) });
}

async function expectCosigned({ url, key }: WitnessProcess, head: LogHead, oldSize: number) {
  const answer = await post(url, head, oldSize);
  expect(answer.status).toBe(200);
  const note = parseNote(head.checkpoint + (await answer.text()));
  expect(findCosignature(note!, key)).toBeDefined();
}

async function sizeAt(url: string): Promise<number> {
  const head = (await log.store.head())!;
  const answer = await post(url, head, 0);
  expect(answer.status).toBe(409);
  expect(answer.headers.get('content-type')).toBe('text/x.tlog.size');
  return Number(await answer.text());
}

describe('lethe witness as a process', () => {
  test('when it is started, stopped and started again, then it has one key and one memory', async () => {
    const first = await start();
    expect(first.key).toMatchObject({ name: NAME, type: 'witness' });
    await expectCosigned(first, await log.grow(3), 0);
    expect(await first.program.stop()).toBe(0);

    const second = await start();
    expect(second.key).toEqual(first.key);
    expect(await sizeAt(second.url)).toBe(3);
    await expectCosigned(second, await log.grow(2), 3);
    expect((await fetch(`${second.url}/health/live`)).status).toBe(200);
    expect(statSync(join(state, 'witness.key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(state, 'witness.key')).size).toBe(32);
    expect(statSync(state).mode & 0o777).toBe(0o700);
  });

  test('when another one has the directory, then it ends with one sentence, and starts when that is gone', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(
      `ended with 1: lethe witness: ${state} is in use by another witness; stop that one, or give this one another directory\n`,
    );
    await first.program.kill();
    await start();
  });

  test('when it is killed again and again while a log grows, then it never goes back', async () => {
    let answered = 0;
    for (let round = 0; round < 4; round += 1) {
      const witness = await start();
      const seen = round === 0 ? 0 : await sizeAt(witness.url);
      expect(seen).toBeGreaterThanOrEqual(answered);
      answered = seen;
      let killed: Promise<void> | undefined;
      const killSoon = () =>
        new Promise<void>((resolve) => {
          setTimeout(() => void witness.program.kill().then(resolve), 60 + 30 * round);
        });
      let isUp = true;
      while (isUp) {
        const head = await log.grow(1);
        const status = await post(witness.url, head, answered).then(
          async (answer) => answer.status,
          () => 0,
        );
        isUp = status === 200;
        if (isUp) {
          answered = head.size;
          // Not before the first answer, however slow the machine is.
          killed ??= killSoon();
        } else expect(status).toBe(0);
      }
      await killed;
    }
    expect(answered).toBeGreaterThan(4);
  });

  test('when its disk is full, then it answers 500, says so to its operator, and cosigns when there is room', async () => {
    const witness = await start();
    await expectCosigned(witness, await log.grow(2), 0);
    const [file = ''] = readdirSync(state).filter((name) => name.endsWith('.json'));
    const before = readFileSync(join(state, file));
    symlinkSync('/dev/full', join(state, `${file}.unfinished`));
    const head = await log.grow(2);
    expect((await post(witness.url, head, 2)).status).toBe(500);
    expect(readFileSync(join(state, file)).equals(before)).toBe(true);
    await until(() => {
      expect(witness.program.output).toContain(
        `lethe witness: ${join(state, file)} cannot be written (ENOSPC); nothing was cosigned`,
      );
    });
    expect(await sizeAt(witness.url)).toBe(2);
    await expectCosigned(witness, head, 2);
  });

  test('when a state file is broken, then it does not start', async () => {
    const first = await start();
    await expectCosigned(first, await log.grow(2), 0);
    await first.program.stop();
    const [file = ''] = readdirSync(state).filter((name) => name.endsWith('.json'));
    truncateSync(join(state, file), 100);
    await expect(start()).rejects.toThrow(
      `ended with 1: lethe witness: ${join(state, file)} is not what ${NAME} wrote with this key; put its newest copy back`,
    );
  });

  test('when the key is asked for, then it is that of the running witness, and made when there is none', async () => {
    const argv = ['--import', './test/support/typescript-hooks.mjs', 'src/cli/main.ts'];
    const ask = ['witness', 'key', '--name', NAME, '--state', state];
    const printed = (await run(process.execPath, [...argv, ...ask])).stdout;
    const { key } = await start();
    expect(printed).toBe(`${key.vkey}\n`);
    const asJson = (await run(process.execPath, [...argv, ...ask, '--json'])).stdout;
    expect(JSON.parse(asJson)).toEqual({ vkey: key.vkey });
  });

  test('when logs are named in files and a policy, then it knows them all', async () => {
    const [other, third] = ['other.example/log', 'third.example/log'].map(
      (origin) => new GrowingLog({ origin }),
    );
    const keys = join(directory, 'keys');
    writeFileSync(keys, `${vkey}\n${other!.store.keys[0]!.vkey}\n`);
    const policy = join(directory, 'policy');
    writeFileSync(policy, `log ${third!.store.keys[0]!.vkey}\nquorum none\n`);
    const witness = await start('--log', keys, '--policy', policy);
    for (const one of [log, other!, third!]) {
      log = one;
      await expectCosigned(witness, await one.grow(1), 0);
    }
    log = new GrowingLog({ origin: 'unknown.example/log' });
    expect((await post(witness.url, await log.grow(1), 0)).status).toBe(404);
  });
});

describe('lethe witness with a wrong command line or surroundings', () => {
  async function fails(...argv: string[]): Promise<{ code: number; err: string }> {
    let err = '';
    const code = await runCommandLine(
      {
        commands: witnessCommands,
        openApplication: () => Promise.reject(new Error('the store was opened')),
        out: (text) => {
          throw new Error(text);
        },
        err: (text) => {
          err += text;
        },
      },
      argv,
    );
    return { code, err };
  }

  const options = (changes: Record<string, string | undefined> = {}): string[] => {
    const given = { '--name': NAME, '--state': state, '--log': vkey, '--port': '0' };
    const values: Record<string, string | undefined> = { ...given, ...changes };
    return Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    );
  };

  test.each<[string, Record<string, string | undefined>]>([
    ['--name is missing', { '--name': undefined }],
    ['--state is missing', { '--state': undefined }],
    ['--log is missing, and no --policy names a log', { '--log': undefined }],
    ['--port must be a whole number from 0 to 65535', { '--port': '70000' }],
    ['none cannot be read (ENOENT)', { '--log': '/nowhere/none' }],
    ['none cannot be read (ENOENT)', { '--policy': '/nowhere/none' }],
    ['is not the verifier key of a log', { '--log': `${NAME}+00000000+AAAA` }],
    ['--name must be an address without scheme', { '--name': 'a witness' }],
    ['--name must be an address without scheme', { '--name': 'a+b' }],
    ['--name must be an address without scheme', { '--name': 'a'.repeat(256) }],
  ])('when it must say "%s", then that is bad usage', async (sentence, changes) => {
    const { code, err } = await fails('witness', ...options(changes));
    expect(err).toContain(sentence);
    expect(err.startsWith('lethe witness: ')).toBe(true);
    expect(code).toBe(2);
  });

  test('when the key file can be read by others or is no key, then it does not start', async () => {
    await fails('witness', ...options({ '--port': '99999' }));
    expect(existsSync(state)).toBe(false);
    await start().then(async ({ program }) => program.stop());
    chmodSync(join(state, 'witness.key'), 0o644);
    const readable = await fails('witness', ...options());
    expect(readable).toEqual({
      code: 1,
      err: `lethe witness: ${join(state, 'witness.key')} can be read by others; set its mode to 0600\n`,
    });
    chmodSync(join(state, 'witness.key'), 0o600);
    truncateSync(join(state, 'witness.key'), 31);
    const short = await fails('witness', 'key', '--name', NAME, '--state', state);
    expect(short.err).toContain('must hold exactly 32 bytes');
  });

  test('when the key is missing and something was cosigned, then no second key is made', async () => {
    const witness = await start();
    await expectCosigned(witness, await log.grow(1), 0);
    await witness.program.stop();
    rmSync(join(state, 'witness.key'));
    const { code, err } = await fails('witness', ...options());
    expect(code).toBe(1);
    expect(err).toContain(
      `${join(state, 'witness.key')} is missing, but this witness has cosigned`,
    );
    expect(existsSync(join(state, 'witness.key'))).toBe(false);
  });

  test('when it is started under another name, then its state is not taken over', async () => {
    const witness = await start();
    await expectCosigned(witness, await log.grow(1), 0);
    await witness.program.stop();
    const { code, err } = await fails('witness', ...options({ '--name': 'witness.example/w2' }));
    expect(code).toBe(1);
    expect(err).toContain('is not what witness.example/w2 wrote with this key');
  });

  test('when the port is taken, then it says so and gives the directory free', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port.toString() : '';
    const { code, err } = await fails('witness', ...options({ '--port': port }));
    expect(code).toBe(1);
    expect(err).toBe(
      `lethe witness: 127.0.0.1 port ${port} cannot be listened on (EADDRINUSE); choose another --host or --port\n`,
    );
    await new Promise((resolve) => server.close(resolve));
    await start();
  });
});
