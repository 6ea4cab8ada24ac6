import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCommandLine } from '../../src/cli/command-line.js';
import { shareServerCommands } from '../../src/cli/share-server.js';
import { openShareChannel } from '../../src/outbound/share-channel.js';
import { createRemoteShare } from '../../src/vault/roots/remote-share.js';
import { createAuthority } from '../support/mutual-tls.js';

const authority = createAuthority('shares');
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-share-server-'));
  const { cert, key } = authority.server('127.0.0.1');
  writeFileSync(join(dir, 'cert.pem'), cert);
  writeFileSync(join(dir, 'key.pem'), key);
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface Run {
  readonly out: string[];
  readonly err: string[];
  readonly code: Promise<number>;
}

function run(...argv: string[]): Run {
  const [out, err]: [string[], string[]] = [[], []];
  const code = runCommandLine(
    {
      commands: shareServerCommands,
      openApplication: () => Promise.reject(new Error('the store was opened')),
      out: (text) => out.push(text),
      err: (text) => err.push(text),
    },
    ['share-server', ...argv],
  );
  return { out, err, code };
}

/** Every option that is needed, with the files of the test. */
function options(changes: Record<string, string> = {}): string[] {
  const values = {
    '--dir': join(dir, 'shares'),
    '--cert': join(dir, 'cert.pem'),
    '--key': join(dir, 'key.pem'),
    '--client-ca': join(dir, 'ca.pem'),
    '--port': '0',
    ...changes,
  };
  return Object.entries(values).flat();
}

async function firstLine({ out, code }: Run): Promise<string> {
  const ended = code.then((exitCode) => `ended with ${exitCode.toString()}`);
  while (out.length === 0) {
    const pause = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), 10);
    });
    const sentence = await Promise.race([ended, pause]);
    if (sentence !== undefined) throw new Error(sentence);
  }
  return out[0] ?? '';
}

describe('lethe share-server', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'when it runs, then it serves until %s, and opens no store',
    async (signal) => {
      const server = run(...options());
      const url = /^listening on (https:\/\/127\.0\.0\.1:\d+)\n$/.exec(
        await firstLine(server),
      )?.[1];
      const share = createRemoteShare({
        url: url ?? '',
        tls: { ca: authority.cert, ...authority.client() },
        openChannel: openShareChannel,
      });
      expect(await share.load()).toBeUndefined();
      await share.close();
      process.emit(signal);
      expect(await server.code).toBe(0);
      expect(server.err).toEqual([]);
    },
  );

  test('when it is asked for JSON, then the address is a member', async () => {
    const server = run(...options(), '--json');
    expect(JSON.parse(await firstLine(server))).toEqual({
      url: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
    });
    process.emit('SIGTERM');
    expect(await server.code).toBe(0);
  });

  test('when another one keeps the directory, then it ends with one sentence', async () => {
    const first = run(...options());
    await firstLine(first);
    const second = run(...options());
    expect(await second.code).toBe(1);
    expect(second.err).toEqual([
      `lethe share-server: ${join(dir, 'shares')} is kept by another share server; stop that one, or give this one another directory\n`,
    ]);
    process.emit('SIGTERM');
    expect(await first.code).toBe(0);
    const third = run(...options());
    await firstLine(third);
    process.emit('SIGTERM');
    expect(await third.code).toBe(0);
  });

  test.each(['--dir', '--cert', '--key', '--client-ca'])(
    'when %s is missing, then that is bad usage',
    async (name) => {
      const at = options().indexOf(name);
      const server = run(...options().toSpliced(at, 2));
      expect(await server.code).toBe(2);
      expect(server.err).toEqual([`lethe share-server: ${name} is missing\n`]);
    },
  );

  test('when a file is not there or is no PEM, then the sentence says so', async () => {
    const missing = run(...options({ '--cert': join(dir, 'none.pem') }));
    expect(await missing.code).toBe(2);
    expect(missing.err.join('')).toContain('none.pem cannot be read (ENOENT)');
    writeFileSync(join(dir, 'key.pem'), 'nonsense');
    const garbage = run(...options());
    expect(await garbage.code).toBe(1);
    expect(garbage.err.join('')).toMatch(
      /is not PEM or they do not fit together .*; name the right/,
    );
  });

  test('when the port is taken, then the sentence names host and port', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const port = (taken.address() as AddressInfo).port.toString();
    const server = run(...options({ '--port': port }));
    expect(await server.code).toBe(1);
    expect(server.err.join('')).toContain(
      `127.0.0.1 port ${port} cannot be listened on (EADDRINUSE)`,
    );
    await new Promise((resolve) => taken.close(resolve));
  });

  test('when help is asked for, then it names ulimit', async () => {
    const help = run('--help');
    expect(await help.code).toBe(0);
    expect(help.out.join('')).toContain('ulimit -c 0');
  });
});
