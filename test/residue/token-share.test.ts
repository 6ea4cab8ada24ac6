import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pkcs11js from 'pkcs11js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { hex } from '../../src/lib/bytes.js';
import { openToken } from '../../src/store/pkcs11/token.js';
import { printSlot, type RootSlot } from '../../src/vault/roots/root-slot.js';
import { type RootStore, RootStoreError } from '../../src/vault/roots/root-store.js';
import { createTokenShare } from '../../src/vault/roots/token-share.js';
import { scanMemory } from './process-memory.js';
import { PIN, type SoftTokens, setRealEnv, softTokens } from './soft-token.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const READ_WRITE = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;

/** States of a session, PKCS#11 v2.40 §3.3. */
const RW_PUBLIC_SESSION = 2;
const RW_USER_FUNCTIONS = 3;

/** Another user of the same library in this process; sees what the token holds. */
const raw = new pkcs11js.PKCS11();
let tokens: SoftTokens;
let label: string;
let pinPath: string;
let opened: RootStore[];
let made = 0;

beforeAll(async () => {
  tokens = softTokens();
  await setRealEnv(tokens.env);
  raw.load(tokens.modulePath);
});

afterAll(() => {
  tokens.remove();
});

beforeEach(() => {
  made += 1;
  label = `lethe-${made}`;
  pinPath = tokens.make(label);
  // SoftHSM learns of tokens when it starts.
  restartLibrary();
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
});

function restartLibrary(): void {
  endLibrary();
  raw.C_Initialize();
}

function endLibrary(): void {
  try {
    raw.C_Finalize();
  } catch {
    // It did not run.
  }
}

function open(changes: { modulePath?: string; tokenLabel?: string } = {}): RootStore {
  const address = { modulePath: tokens.modulePath, tokenLabel: label, pinPath };
  const store = createTokenShare(openToken({ ...address, ...changes }));
  opened.push(store);
  return store;
}

function slotOf(epoch: number): RootSlot {
  return {
    ...{ rootId: 'q83vEjRWeJA', shareCount: 2, shareIndex: 1, epoch },
    escrowedUntilMs: 1_700_000_000_000,
    share: SecretBytes.random(32),
  };
}

const plain = (slot: RootSlot) => ({ ...slot, share: slot.share.use(hex) });

async function epochs(store: RootStore): Promise<number[] | undefined> {
  return (await store.load())?.map(({ epoch }) => epoch);
}

/** A session that is logged in, because the store's is. */
function inSession<T>(work: (session: Buffer) => T): T {
  const slot = slotOfToken();
  const session = raw.C_OpenSession(slot, READ_WRITE);
  try {
    return work(session);
  } finally {
    raw.C_CloseSession(session);
  }
}

function slotOfToken(): Buffer {
  const isOurs = (slot: Buffer) => raw.C_GetTokenInfo(slot).label.trimEnd() === label;
  return raw.C_GetSlotList(true).find(isOurs)!;
}

/** The values of all objects that the token shows to its user. */
function allValues(): string[] {
  return inSession((session) => {
    raw.C_FindObjectsInit(session, []);
    const objects = raw.C_FindObjects(session, 100);
    raw.C_FindObjectsFinal(session);
    return objects.map((object) => {
      const template = [{ type: pkcs11js.CKA_VALUE }];
      return hex(raw.C_GetAttributeValue(session, object, template)[0]!.value);
    });
  });
}

function makeObject(value: Uint8Array, changes: { isPrivate?: boolean; name?: string } = {}): void {
  const { isPrivate = true, name = 'lethe-root' } = changes;
  inSession((session) =>
    raw.C_CreateObject(session, [
      { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_DATA },
      { type: pkcs11js.CKA_TOKEN, value: true },
      { type: pkcs11js.CKA_PRIVATE, value: isPrivate },
      { type: pkcs11js.CKA_LABEL, value: name },
      { type: pkcs11js.CKA_APPLICATION, value: 'lethe' },
      { type: pkcs11js.CKA_VALUE, value: Buffer.from(value) },
    ]),
  );
}

function valueOf(slot: RootSlot): Uint8Array {
  return printSlot(slot).use((bytes) => Uint8Array.from(bytes.subarray(0, 96)));
}

/** Every file of every token, as bytes. */
function tokenFiles(): Map<string, Buffer> {
  const paths = readdirSync(tokens.objectFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path, readFileSync(path)]));
}

function allFileBytes(): Buffer {
  return Buffer.concat([...tokenFiles().values()]);
}

/**
 * What stands for the only share of the token in a file: SoftHSM seals the values of private
 * objects. An attribute is its type, its kind (3: bytes) and its length, 8 bytes each, and its value.
 */
function sealedValue(): Buffer {
  const head = Buffer.from(`${'11'.padStart(16, '0')}${'3'.padStart(16, '0')}`, 'hex');
  const files = [...tokenFiles()].filter(([path]) => dirname(path) === folderOfToken());
  const [file] = files.map(([, bytes]) => bytes).filter((bytes) => bytes.includes(head));
  const lengthAt = file!.indexOf(head) + head.byteLength;
  const lengthBytes = Number(file!.readBigUInt64BE(lengthAt));
  expect(lengthBytes).toBeGreaterThan(96);
  return file!.subarray(lengthAt + 8, lengthAt + 8 + lengthBytes);
}

function folderOfToken(): string {
  const [path] = [...tokenFiles()].find(
    ([name, bytes]) => name.endsWith('/token.object') && bytes.includes(label),
  )!;
  return dirname(path);
}

function childEnv(): Record<string, string> {
  const address = { modulePath: tokens.modulePath, tokenLabel: label, pinPath };
  const env = { PATH: process.env['PATH'] ?? '', TOKEN_ADDRESS: JSON.stringify(address) };
  return { ...env, ...tokens.env };
}

const CHILD = ['--import', './test/support/typescript-hooks.mjs', 'test/residue/token-process.ts'];

function inOtherProcess(...args: string[]): unknown {
  const options = { cwd: ROOT, env: childEnv(), encoding: 'utf8' } as const;
  const { stdout, stderr } = spawnSync(process.execPath, [...CHILD, ...args], options);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('a share in SoftHSM', () => {
  test('when it was never written, then there is nothing, and looking writes nothing', async () => {
    const before = tokenFiles();
    const store = open();
    expect(await store.preflight()).toEqual({
      verdict: 'doubtful',
      reason: expect.stringMatching(/^token "lethe-\d+" \(SoftHSM project, SoftHSM v2.*in files/),
    });
    expect(tokenFiles()).toEqual(before);
    expect(await store.load()).toBeUndefined();
    // SoftHSM notes a login in a file of the token.
    expect([...tokenFiles().keys()]).toEqual([...before.keys()]);
  });

  test('when it lives, then what is staged is loaded, and what is wiped is gone', async () => {
    const store = open();
    const [first, second] = [slotOf(1), slotOf(2 ** 40)];
    await store.stage(first);
    await store.stage(second);
    expect((await store.load())?.map(plain)).toEqual([plain(second), plain(first)]);
    await store.wipe({ epoch: second.epoch });
    expect((await store.load())?.map(plain)).toEqual([plain(second)]);
    await expect(store.wipe({ epoch: 1 })).rejects.toThrow(/nothing was wiped/);
    expect((await store.load())?.map(plain)).toEqual([plain(second)]);
  });

  test('when it is closed and opened again, and in another process, then it is the same', async () => {
    const store = open();
    const slot = slotOf(3);
    await store.stage(slot);
    await store.close();
    expect((await store.load())?.map(plain)).toEqual([plain(slot)]);
    expect((await open().load())?.map(plain)).toEqual([plain(slot)]);
    expect(inOtherProcess('load')).toEqual([{ epoch: 3, tombstone: expect.any(String) }]);
  });

  test('when another process used it meanwhile, then an old epoch is refused', async () => {
    const store = open();
    await store.stage(slotOf(1));
    expect(inOtherProcess('stage', '2')).toMatchObject([{ epoch: 2 }, { epoch: 1 }]);
    expect(inOtherProcess('wipe', '2')).toMatchObject([{ epoch: 2 }]);
    await expect(store.stage(slotOf(2))).rejects.toThrow(/another process has used this root/);
    expect(await epochs(store)).toEqual([2]);
  });
});

describe('after a share was wiped', () => {
  test('when the token is asked for everything, then the share is not in it', async () => {
    const store = open();
    const [first, second] = [slotOf(1), slotOf(2)];
    for (const slot of [first, second]) await store.stage(slot);
    expect(allValues().join()).toContain(first.share.use(hex));
    await store.wipe({ epoch: 2 });
    expect(allValues().join()).not.toContain(first.share.use(hex));
    expect(allValues().join()).toContain(second.share.use(hex));
  });

  test('when the files of the token are searched, then neither the share nor its sealed form is in them', async () => {
    const store = open();
    const first = slotOf(1);
    await store.stage(first);
    const sealed = sealedValue();
    await store.stage(slotOf(2));
    expect(allFileBytes().includes(sealed)).toBe(true);
    await store.wipe({ epoch: 2 });
    expect(allFileBytes().includes(sealed)).toBe(false);
    expect(allFileBytes().includes(sealedValue())).toBe(true);
    const share = Buffer.from(first.share.use(hex), 'hex');
    expect(allFileBytes().includes(share)).toBe(false);
  });

  test('when the memory of the process is searched, then no share that passed through is in it', async () => {
    const child = spawn(process.execPath, [...CHILD, 'shares'], {
      ...{ cwd: ROOT, env: childEnv(), stdio: ['pipe', 'pipe', 'inherit'] },
    });
    try {
      const lines = createInterface({ input: child.stdout });
      const [line] = (await once(lines, 'line')) as [string];
      const { passed, kept } = JSON.parse(line) as { passed: string[]; kept: string };
      const destroyedKeys = [...passed, kept];
      const hits = scanMemory(child.pid!, { retiredRoots: [], destroyedKeys }, { strideBytes: 8 });
      expect(passed).toHaveLength(20);
      expect(new Set(hits.map(({ hash }) => hash))).toEqual(new Set([kept]));
    } finally {
      child.stdin.end();
      await once(child, 'exit');
    }
  });
});

describe('objects that are no shares', () => {
  test('when garbage has the name of a share, then it is passed over, and wiped', async () => {
    const store = open();
    await store.stage(slotOf(4));
    for (const value of [new Uint8Array(0), SecretBytes.random(96).use((b) => Uint8Array.from(b))])
      makeObject(value);
    expect(await epochs(store)).toEqual([4]);
    await store.wipe({ epoch: 4 });
    expect(allValues()).toHaveLength(1);
  });

  test('when only garbage has the name of a share, then that is an error', async () => {
    const store = open();
    await store.load();
    makeObject(new Uint8Array(96));
    await expect(store.load()).rejects.toThrow(/holds no whole root slot/);
  });

  test('when somebody without the PIN made a share, then it is neither loaded nor touched', async () => {
    const store = open();
    await store.stage(slotOf(4));
    const forged = valueOf(slotOf(99));
    makeObject(forged, { isPrivate: false });
    expect(await epochs(store)).toEqual([4]);
    await store.stage(slotOf(5));
    await store.wipe({ epoch: 5 });
    expect(allValues()).toContain(hex(forged));
  });

  test('when objects have other names, then they stay', async () => {
    const store = open();
    await store.stage(slotOf(4));
    makeObject(valueOf(slotOf(99)), { name: 'lethe-root-2' });
    expect(await epochs(store)).toEqual([4]);
    await store.wipe({ epoch: 4 });
    expect(allValues()).toHaveLength(2);
  });
});

describe('sessions', () => {
  test('when two stores have one token, then closing one leaves the other its login', async () => {
    const [one, other] = [open(), open()];
    await one.stage(slotOf(1));
    expect(await epochs(other)).toEqual([1]);
    await one.close();
    await other.stage(slotOf(2));
    expect(await epochs(other)).toEqual([2, 1]);
    await expect(one.stage(slotOf(2))).rejects.toThrow(/another process has used this root/);
  });

  test('when every store is closed, then no session and no login is left', async () => {
    const store = open();
    for (let epoch = 1; epoch <= 5; epoch += 1) await store.stage(slotOf(epoch));
    const login = () => inSession((session) => raw.C_GetSessionInfo(session).state);
    expect(login()).toBe(RW_USER_FUNCTIONS);
    await store.close();
    await store.close();
    expect(login()).toBe(RW_PUBLIC_SESSION);
  });

  test.each([
    ['the token ends all sessions', () => raw.C_CloseAllSessions(slotOfToken())],
    ['somebody logs out', () => inSession((session) => raw.C_Logout(session))],
    ['the library is ended', endLibrary],
    ['the library is started anew', restartLibrary],
  ])('when %s, then the next call logs in again', async (_what, lose) => {
    const store = open();
    const slot = slotOf(1);
    await store.stage(slot);
    lose();
    expect((await store.load())?.map(plain)).toEqual([plain(slot)]);
    lose();
    await store.stage(slotOf(2));
    lose();
    await store.wipe({ epoch: 2 });
    expect(await epochs(store)).toEqual([2]);
  });

  test('when the token is pulled out, then the error says so, and once it is back all goes on', async () => {
    const store = open();
    await store.stage(slotOf(1));
    const here = folderOfToken();
    const away = join(tokens.folder, 'away');
    renameSync(here, away);
    restartLibrary();
    await expect(store.load()).rejects.toBeInstanceOf(RootStoreError);
    await expect(store.load()).rejects.toThrow(/shows no token "lethe-\d+"; plug it in/);
    renameSync(away, here);
    restartLibrary();
    expect(await epochs(store)).toEqual([1]);
  });
});

describe('a token that cannot be used', () => {
  test('when the PIN is wrong, then it is tried once, and the right one after a new start', async () => {
    const store = open();
    writeFileSync(pinPath, 'user-0000');
    await expect(store.load()).rejects.toThrow(
      /^token "lethe-\d+" refused the PIN; put the right one/,
    );
    writeFileSync(pinPath, PIN);
    await expect(store.stage(slotOf(1))).rejects.toThrow(/refused the PIN before/);
    expect(await open().load()).toBeUndefined();
  });

  test('when the file of the PIN can be read by others, then it is not used', async () => {
    chmodSync(pinPath, 0o644);
    const store = open();
    await expect(store.load()).rejects.toBeInstanceOf(RootStoreError);
    await expect(store.load()).rejects.toThrow(`${pinPath} can be read by others`);
    chmodSync(pinPath, 0o600);
    expect(await store.load()).toBeUndefined();
  });

  test.each(['preflight', 'load'] as const)(
    'when there is no such library, then %s says which one',
    async (call) => {
      const store = open({ modulePath: join(tokens.folder, 'nowhere.so') });
      await expect(store[call]()).rejects.toBeInstanceOf(RootStoreError);
      await expect(store[call]()).rejects.toThrow(
        /nowhere\.so cannot be loaded as a PKCS#11 library/,
      );
    },
  );

  test.each(['libm.so.6', ''])(
    'when the library is "%s", which is none of a token, then that is said',
    async (modulePath) => {
      const store = open({ modulePath });
      await expect(store.load()).rejects.toThrow(/cannot be loaded as a PKCS#11 library/);
    },
  );

  test.each(['preflight', 'load'] as const)(
    'when there is no such token, then %s names it',
    async (call) => {
      const store = open({ tokenLabel: 'another' });
      await expect(store[call]()).rejects.toBeInstanceOf(RootStoreError);
      await expect(store[call]()).rejects.toThrow(/shows no token "another"/);
    },
  );

  test('when two tokens have the label, then none is chosen', async () => {
    tokens.make(label);
    restartLibrary();
    await expect(open().load()).rejects.toThrow(/shows several tokens "lethe-\d+"/);
  });

  test('when pkcs11js is not installed, then the remedy is named', () => {
    const hook = `
      import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(\`
        export async function resolve(specifier, context, next) {
          if (specifier === 'pkcs11js') throw new Error('not installed');
          return await next(specifier, context);
        }\`));`;
    const env = {
      ...childEnv(),
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}`,
    };
    const args = [...CHILD, 'load'];
    const { stdout } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' });
    expect(stdout).toMatch(/RootStoreError: .* needs the package pkcs11js; run npm install/);
  });
});
