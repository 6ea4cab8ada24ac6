import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SealBroken } from '../../src/crypto/seal.js';
import type { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { openVaultChannel } from '../../src/outbound/vault-channel.js';
import { createRemoteVault } from '../../src/vault/service/remote-vault.js';
import { printMessage } from '../../src/vault/service/wire.js';
import {
  KeyServiceBench,
  owner,
  sealText,
  startRecorder,
  unavailable,
} from '../support/key-service.js';
import { plaintextOf, textOf } from '../support/memory-vault.js';

let bench: KeyServiceBench;
beforeEach(() => {
  bench = new KeyServiceBench();
});
afterEach(async () => {
  await bench.close();
});

function answerOf(message: SecretBytes): Buffer {
  const body = message.use((bytes) => Buffer.from(bytes));
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${body.byteLength.toString()}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

describe('a vault in another process', () => {
  test('when a template lives its life over the socket, then every method does what the vault does', async () => {
    const { remote } = await bench.pair();
    await expect(remote.check()).resolves.toBeUndefined();
    const mine = await sealText(remote, 'my face');
    const scope = { bucket: 'review/2026-11' };
    const record = { ...owner, ...(await remote.seal(owner, plaintextOf('note'), scope)) };
    expect((await remote.open([record, mine])).map(textOf)).toEqual(['note', 'my face']);
    expect(await remote.exist([mine.keyId, record.keyId])).toEqual([true, true]);
    expect(await remote.roots()).toEqual([{ rootId: bench.vault.rootId, epoch: 1 }]);
    const shredded = await remote.shred([mine.keyId]);
    expect(shredded).toEqual({
      roots: [{ rootId: bench.vault.rootId, epoch: 2 }],
      irrecoverableAtMs: 0,
      retiredRoots: [expect.stringMatching(/^[\w-]{43}$/)],
      destroyedKeys: [expect.stringMatching(/^[\w-]{43}$/)],
    });
    expect((await remote.open([mine, record])).map(textOf)).toEqual([undefined, 'note']);
    expect((await remote.shredScope(scope)).destroyedKeys).toHaveLength(1);
    expect(await remote.exist([mine.keyId, record.keyId])).toEqual([false, false]);
    expect((await remote.shred([mine.keyId])).destroyedKeys).toEqual([]);
    expect(bench.reported).toEqual([]);
  });

  test('when lists are empty, then so are the results', async () => {
    const { remote } = await bench.pair();
    expect(await remote.open([])).toEqual([]);
    expect(await remote.exist([])).toEqual([]);
    expect((await remote.shred([])).destroyedKeys).toEqual([]);
  });

  test('when 600 templates are opened at once, then they come in order, over several messages', async () => {
    const { remote } = await bench.pair();
    const sealed = await Promise.all(
      Array.from({ length: 600 }, (_, index) => sealText(remote, `face ${index.toString()}`)),
    );
    bench.vault.calls.length = 0;
    const opened = await remote.open(sealed);
    expect(opened.map(textOf)).toEqual(sealed.map((_, index) => `face ${index.toString()}`));
    expect(bench.vault.calls).toEqual(['open', 'open', 'open']);
  });

  test('when 200 calls are made at the same time, then each gets its own answer', async () => {
    const { remote } = await bench.pair();
    const all = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const text = `face ${index.toString()} `.repeat((index % 7) * 100 + 1);
        const sealed = await sealText(remote, text);
        const [opened] = await remote.open([sealed]);
        return textOf(opened) === text && (await remote.exist([sealed.keyId]))[0];
      }),
    );
    expect(all).toEqual(all.map(() => true));
    expect(all).toHaveLength(200);
  });

  test('when a template of a megabyte is sealed, then it opens as it was', async () => {
    const { remote } = await bench.pair();
    const text = 'face '.repeat(200_000);
    const sealed = await sealText(remote, text);
    expect(textOf((await remote.open([sealed]))[0])).toBe(text);
  });

  test('when the plaintext was sealed, then it is still the caller who wipes it', async () => {
    const { remote } = await bench.pair();
    const plaintext = plaintextOf('mine');
    await remote.seal(owner, plaintext);
    expect(textOf(plaintext)).toBe('mine');
  });

  test('when all methods were used, then no key went over the wire in any form, and the templates did', async () => {
    const { path } = await bench.pair();
    const tap = bench.socketPath();
    const recorder = bench.closing(await startRecorder(tap, path));
    const remote = bench.remote(`unix:${tap}`);
    const sealed = await Promise.all(
      ['face one', 'face two'].map(async (text) => sealText(remote, text)),
    );
    const keys = [...bench.vault.keys.values()].map(({ key }) =>
      key.use((bytes) => Buffer.from(bytes)),
    );
    await remote.open(sealed);
    await remote.exist(sealed.map(({ keyId }) => keyId));
    await remote.shred([sealed[0]!.keyId]);
    await remote.shredScope({ tenantId: 't' });
    const traffic = recorder.traffic();
    expect(traffic.includes('face one')).toBe(true);
    expect(traffic.includes(Buffer.from(sealed[1]!.sealedTemplate))).toBe(true);
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      const forms = [
        key,
        ...(['hex', 'base64', 'base64url'] as const).map((form) => key.toString(form)),
      ];
      for (const form of forms) expect(traffic.includes(form)).toBe(false);
    }
  });
});

describe('errors of the vault', () => {
  test('when the vault refuses with a code, then code, sentence and time arrive', async () => {
    const { remote } = await bench.pair();
    bench.vault.fault = new ServiceError('UNAVAILABLE', {
      detail: 'the root is being moved',
      retryAfterSeconds: 7,
    });
    await expect(remote.shred([])).rejects.toMatchObject({
      name: 'ServiceError',
      code: 'UNAVAILABLE',
      message: 'the root is being moved',
      retryAfterSeconds: 7,
    });
    expect(bench.vault.calls).toEqual(['shred']);
  });

  test("when a template is put in another one's place, then the seal is broken here as there", async () => {
    const { remote } = await bench.pair();
    const sealed = await sealText(remote, 'face');
    await expect(remote.open([{ ...sealed, uuid: 'other' }])).rejects.toThrow(SealBroken);
  });

  test('when the check fails, then its sentence arrives', async () => {
    const { remote } = await bench.pair();
    bench.vault.fault = new Error('/var/lib/lethe/root is not there; mount it');
    await expect(remote.check()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: '/var/lib/lethe/root is not there; mount it',
    });
  });

  test('when the vault fails as nobody foresaw, then the service reports it and the caller learns no more', async () => {
    const { remote } = await bench.pair();
    bench.vault.fault = new TypeError('cannot read "Ada"');
    await expect(remote.open([])).resolves.toEqual([]);
    await expect(remote.roots()).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'the key service failed; its own log says more',
    });
    expect(bench.reported).toEqual([bench.vault.fault]);
  });
});

describe('a key service that does not answer', () => {
  test('when nobody listens, then every method is unavailable and the sentence names the address', async () => {
    const path = bench.socketPath();
    const remote = bench.remote(`unix:${path}`);
    for (const call of [
      remote.seal(owner, plaintextOf('x')),
      remote.open([{ ...owner, keyId: 'k', sealedTemplate: new Uint8Array(1) }]),
      remote.exist(['k']),
      remote.shred(['k']),
      remote.shredScope({ tenantId: 't' }),
      remote.roots(),
      remote.check(),
    ])
      await expect(call).rejects.toMatchObject(
        unavailable(new RegExp(`^the key service at unix:${path} cannot be reached; start it`)),
      );
  });

  test('when the service is killed in the middle of a call, then the call is unavailable', async () => {
    const path = bench.socketPath();
    const root = fileURLToPath(new URL('../../', import.meta.url));
    const script = 'test/support/key-service-child.mjs';
    const child = spawn(
      process.execPath,
      ['--import', './test/support/typescript-hooks.mjs', script, path],
      { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(child.stdout, 'data');
    const call = bench.remote(`unix:${path}`).roots();
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await expect(call).rejects.toMatchObject(unavailable(/the key service at/));
    // The next one takes over the socket that the dead one left behind.
    expect(lstatSync(path).isSocket()).toBe(true);
    await bench.serve({ path });
    await expect(bench.remote(`unix:${path}`).roots()).resolves.toHaveLength(1);
  });

  test('when the service hangs, then the call is unavailable at its deadline', async () => {
    const { path } = await bench.serve();
    const remote = bench.remote(`unix:${path}`, { deadlineMs: 300 });
    bench.vault.fault = 'hang';
    const before = performance.now();
    await expect(remote.roots()).rejects.toMatchObject(unavailable(/did not answer in time/));
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(bench.vault.calls).toEqual(['roots']);
  });

  test('when a service accepts connections and says nothing, then all of 50 calls end at the deadline', async () => {
    const { service: silent, remote } = await bench.pretend(() => undefined, { deadlineMs: 600 });
    const calling = Promise.allSettled(Array.from({ length: 50 }, () => remote.roots()));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(silent.connections()).toBe(32);
    const calls = await calling;
    expect(calls.map(({ status }) => status)).toEqual(calls.map(() => 'rejected'));
  });

  test('when the vault is slower than the service waits, then the caller is told, and what was opened later is wiped', async () => {
    const { remote } = await bench.pair({ deadlineMs: 200 });
    const sealed = await sealText(remote, 'face');
    bench.vault.plaintexts.length = 0;
    bench.vault.fault = 'hang';
    await expect(remote.open([sealed])).rejects.toMatchObject(unavailable(/too much to do/));
    bench.vault.resume();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(bench.vault.plaintexts).toHaveLength(1);
    expect(() => bench.vault.plaintexts[0]!.use(() => undefined)).toThrow('wiped');
  });

  test('when the connection is closed before the answer, then a repeatable call is sent once more', async () => {
    const { service, remote } = await bench.pretend((socket, number) => {
      if (number % 2 === 1) socket.once('data', () => socket.destroy());
      else {
        socket.once('data', () => {
          socket.end(answerOf(printMessage({ kind: 'result', method: 'check', fields: [] })));
        });
      }
    });
    await expect(remote.check()).resolves.toBeUndefined();
    expect(service.connections()).toBe(2);
  });

  test('when every connection is closed, then a repeatable call is tried twice and seal once', async () => {
    const { service, remote } = await bench.pretend((socket) =>
      socket.once('data', () => socket.destroy()),
    );
    const brokenOff = unavailable(/ended the connection without an answer/);
    await expect(remote.shredScope({ tenantId: 't' })).rejects.toMatchObject(brokenOff);
    expect(service.connections()).toBe(2);
    await expect(remote.seal(owner, plaintextOf('x'))).rejects.toMatchObject(brokenOff);
    expect(service.connections()).toBe(3);
  });

  const type = 'content-type: application/octet-stream';
  test.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a page', 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi'],
    ['another message', `HTTP/1.1 200 OK\r\n${type}\r\ncontent-length: 4\r\n\r\nLVQ1`],
    ['no length', `HTTP/1.1 200 OK\r\n${type}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a huge length', `HTTP/1.1 200 OK\r\n${type}\r\ncontent-length: 99999999999\r\n\r\n`],
    ['too long a length', `HTTP/1.1 200 OK\r\n${type}\r\ncontent-length: 33554433\r\n\r\n`],
    ['a redirect', 'HTTP/1.1 307 Go\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n'],
    ['not found', 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'],
    ['large headers', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(9_000)}\r\n\r\n`],
  ])(
    'when %s is answered, then the call is unavailable and is not repeated',
    async (_what, text) => {
      const { service, remote } = await bench.pretend((socket) =>
        socket.on('data', () => socket.write(text)),
      );
      await expect(remote.roots()).rejects.toMatchObject(
        unavailable(/does not answer as a key service of this release/),
      );
      expect(service.connections()).toBe(1);
    },
  );

  test('when an answer is cut off, then the call is unavailable', async () => {
    const { remote } = await bench.pretend((socket) =>
      socket.once('data', () => {
        socket.end(`HTTP/1.1 200 OK\r\n${type}\r\ncontent-length: 100\r\n\r\nLVA1`);
      }),
    );
    await expect(remote.roots()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });

  test('when the answer is to another method, or holds too little, then it is not believed', async () => {
    const { remote } = await bench.pretend((socket, number) => {
      const answers = [
        printMessage({ kind: 'result', method: 'check', fields: [] }),
        printMessage({ kind: 'result', method: 'exist', fields: [Uint8Array.of(1)] }),
        printMessage({ kind: 'result', method: 'open', fields: [] }),
      ];
      socket.once('data', () => socket.end(answerOf(answers[number - 1]!)));
    });
    const refused = unavailable(/does not answer as a key service/);
    await expect(remote.roots()).rejects.toMatchObject(refused);
    await expect(remote.exist(['a', 'b'])).rejects.toMatchObject(refused);
    const template = { ...owner, keyId: 'k', sealedTemplate: new Uint8Array(1) };
    await expect(remote.open([template])).rejects.toMatchObject(refused);
  });

  test('when the vault was closed, then what is under way and what comes later is unavailable', async () => {
    const { remote } = await bench.pair();
    bench.vault.fault = 'hang';
    const underWay = expect(remote.roots()).rejects.toMatchObject(unavailable(/is ending/));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await remote.close();
    await underWay;
    await expect(remote.check()).rejects.toMatchObject(unavailable(/is ending/));
  });

  test('when the service comes back, then the same remote vault works again', async () => {
    const { path, listener, remote } = await bench.pair();
    await remote.check();
    await listener.close(0);
    await expect(remote.check()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await bench.serve({ path });
    await expect(remote.check()).resolves.toBeUndefined();
  });

  test.each([
    '',
    'http://localhost:1',
    'https://host/path',
    'unix:relative',
    `unix:/${'x'.repeat(107)}`,
  ])('when the address is %p, then there is no remote vault', (url) => {
    expect(() => createRemoteVault({ url, openChannel: openVaultChannel })).toThrow(
      'the address of a key service must be',
    );
  });
});
