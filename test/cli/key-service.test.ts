import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { UsageError } from '../../src/cli/command.js';
import { keyServiceCommands } from '../../src/cli/key-service.js';
import { openVaultChannel } from '../../src/outbound/vault-channel.js';
import { createRemoteVault } from '../../src/vault/service/remote-vault.js';
import type { VaultTls } from '../../src/vault/service/vault-channel.js';
import { MemoryVault, plaintextOf, textOf } from '../support/memory-vault.js';
import { createAuthority } from '../support/mutual-tls.js';

const directory = mkdtempSync(join(tmpdir(), 'lethe-ks-cli-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const servers = createAuthority('servers');
const clients = createAuthority('clients');
const server = servers.server('localhost');
const client = clients.client();

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const cert = file('cert.pem', server.cert);
const key = file('key.pem', server.key);
const clientCa = file('clients.pem', clients.cert);
const tlsOptions = ['--cert', cert, '--key', key, '--client-ca', clientCa];
const socket = join(directory, 'vault.sock');

let vault: MemoryVault;
let closed: number;

beforeEach(() => {
  vault = new MemoryVault(1);
  closed = 0;
});

/** Runs the command; resolves with its address when it prints that it listens. */
async function start(...args: string[]): Promise<{ address: string; ended: Promise<void> }> {
  const openKeys = async () => ({
    vault,
    whenFenced: new Promise<Error>(() => undefined),
    close: async () => {
      closed += 1;
    },
  });
  const [command] = keyServiceCommands(openKeys);
  let listening: (address: string) => void = () => undefined;
  const address = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const context = {
    isJson: false,
    open: async () => {
      throw new Error('the key service opens no store of its own');
    },
    print: ({ text }: { text: string }) => {
      listening(text.replace('listening on ', ''));
    },
  };
  const ended = command!.run(context, args);
  await Promise.race([address, ended]);
  return { address: await address, ended };
}

async function useVault(url: string, tls?: VaultTls): Promise<string | undefined> {
  const remote = createRemoteVault({
    url,
    openChannel: openVaultChannel,
    ...(tls !== undefined && { tls }),
  });
  try {
    const owner = { tenantId: 't', uuid: 'u' };
    const sealed = await remote.seal(owner, plaintextOf('face'));
    return textOf((await remote.open([{ ...owner, ...sealed }]))[0]);
  } finally {
    await remote.close();
  }
}

describe('lethe key-service', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'when it listens on a socket, then it serves the vault until %s, and closes it',
    async (signal) => {
      const { address, ended } = await start('--listen', `unix:${socket}`);
      expect(address).toBe(`unix:${socket}`);
      expect(await useVault(address)).toBe('face');
      expect(closed).toBe(0);
      process.emit(signal, signal);
      await ended;
      expect(closed).toBe(1);
      await expect(useVault(address)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    },
  );

  test('when it listens with TLS, then it serves callers of the client authority', async () => {
    const { address, ended } = await start('--listen', 'https://127.0.0.1:0', ...tlsOptions);
    expect(address).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const url = address.replace('127.0.0.1', 'localhost');
    const tls = { ca: servers.cert, cert: client.cert, key: client.key };
    expect(await useVault(url, tls)).toBe('face');
    process.emit('SIGTERM', 'SIGTERM');
    await ended;
    expect(closed).toBe(1);
  });

  test.each([
    ['--listen is missing', []],
    ['--listen must be unix:', ['--listen', 'tcp://localhost:1']],
    ['--listen must be unix:', ['--listen', 'unix:vault.sock']],
    ['--cert is missing', ['--listen', 'https://localhost:0']],
    ['--client-ca is missing', ['--listen', 'https://localhost:0', '--cert', cert, '--key', key]],
    [
      'cannot be read (ENOENT)',
      ['--listen', 'https://localhost:0', '--cert', join(directory, 'none')],
    ],
    ['go with https:// only', ['--listen', `unix:${socket}`, '--key', key]],
    ['unexpected argument "x"', ['x', '--listen', `unix:${socket}`]],
  ])(
    'when the command line is wrong, then it says "%s" and opens no vault',
    async (sentence, args) => {
      const running = start(...args);
      await expect(running).rejects.toThrow(UsageError);
      await expect(running).rejects.toThrow(sentence);
      expect(closed).toBe(0);
    },
  );

  test.each([
    ['is not PEM', ['--listen', 'https://127.0.0.1:0', ...tlsOptions, '--cert', clientCa]],
    ['cannot be listened on', ['--listen', 'https://192.0.2.1:8443', ...tlsOptions]],
    ['must exist and be writable', ['--listen', `unix:${socket}.d/vault.sock`]],
  ])('when it cannot listen, then it says "%s" and closes the vault', async (sentence, args) => {
    await expect(start(...args)).rejects.toThrow(sentence);
    expect(closed).toBe(1);
  });
});
