import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { seal } from '../../src/crypto/seal.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { keyIdText, printKeyName } from '../../src/vault/key-name.js';
import { sealTemplate } from '../../src/vault/template-seal.js';
import { judge } from '../../src/vault/thief/judge.js';
import type { ThiefReport } from '../../src/vault/thief/report.js';
import { Thief } from '../../src/vault/thief/thief.js';
import { sealNode } from '../../src/vault/tree/key-node.js';
import { SmallTree } from './small-tree.js';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'lethe-thief-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

let files = 0;

function file(bytes: Uint8Array): string {
  files += 1;
  const path = join(dir, `file-${files}`);
  writeFileSync(path, bytes);
  return path;
}

const LIVE = ['ann', 'bob', 'cem', 'dia', 'eve', 'fay'];
const ERASED = ['gil', 'hal', 'ina'];

/** Nine people in two leaves of which three were erased; one of the slots is in use again. */
function erasedTree(options: ConstructorParameters<typeof SmallTree>[0] = {}) {
  const tree = new SmallTree(options);
  [...LIVE.slice(0, 5), ...ERASED].forEach((name, index) => tree.enrol(name, index * 12));
  const oldRootFiles = tree.rootFiles();
  for (const name of ERASED) tree.erase(name);
  tree.enrol('fay', tree.enrolled.get('gil')!.slot);
  return { tree, oldRootFiles };
}

/** Everything that a database of it would hold: every blob ever, and the names of the keys. */
function everythingOf(tree: SmallTree): Buffer {
  const names = [...tree.enrolled.values()].map(({ keyName }) => Buffer.from(`"${keyName}"`));
  return Buffer.concat([...tree.written, ...names]);
}

interface Loot {
  readonly corpus: Uint8Array;
  readonly secrets?: readonly Uint8Array[];
  readonly memory?: Uint8Array;
}

async function steal({ corpus, secrets = [], memory }: Loot): Promise<ThiefReport> {
  const thief = new Thief();
  try {
    await thief.addBytes('the corpus', corpus);
    for (const secret of secrets) await thief.addSecretFile(file(secret));
    if (memory !== undefined) await thief.addMemory(file(memory));
    return await thief.run();
  } finally {
    thief.close();
  }
}

function judged(report: ThiefReport, tree: SmallTree) {
  return judge(report, { liveKeyNames: LIVE.map((name) => keyName(tree, name)) });
}

function keyName(tree: SmallTree, name: string): string {
  return tree.enrolled.get(name)!.keyName;
}

/** Seals a node as `sealNode` does, under a key id that is not that of the key. */
const sealUnderFalseId: typeof sealNode = (key, node) => {
  const sealed = sealNode(key, node);
  sealed.fill(7, 21, 37);
  const iv = sealed.subarray(37, 49);
  const cipher = key.use((bytes) => createCipheriv('aes-256-gcm', bytes, iv));
  cipher.setAAD(sealed.subarray(0, 37));
  sealed.set(
    node.entries.use((entries) => cipher.update(entries)),
    49,
  );
  cipher.final();
  sealed.set(cipher.getAuthTag(), 2097);
  return sealed;
};

describe('the thief after an erasure', () => {
  test('when he has every blob ever written and the current root, then all that lives opens and nothing erased', async () => {
    const { tree } = erasedTree();
    const report = await steal({ corpus: everythingOf(tree), secrets: tree.rootFiles() });
    expect(judged(report, tree)).toMatchObject({
      isCompetent: true,
      liveMissing: [],
      liveClosed: [],
      erasedOpened: [],
      verdict: 'Erased: all 6 live enrolments open, and none of the 3 erased ones.',
    });
    expect(report).toMatchObject({
      sources: 2,
      templates: 9,
      templatesOpened: 6,
      keyNames: 9,
      rootSlots: 1,
      isExhaustive: true,
    });
    expect(report.nodes).toBe(tree.written.length - 9);
    expect(report.findings).toContainEqual({
      keyName: keyName(tree, 'ann'),
      isOpened: true,
      isKeyFound: true,
      via: 'the corpus',
    });
    expect(report.findings).toContainEqual({
      keyName: keyName(tree, 'gil'),
      isOpened: false,
      isKeyFound: false,
    });
  });

  test('when he also has the root from before, then the erased open too: the control', async () => {
    const { tree, oldRootFiles } = erasedTree();
    const thief = new Thief();
    await thief.addBytes('the corpus', everythingOf(tree));
    await thief.addSecretFile(file(tree.rootFiles()[0]!));
    expect(judged(await thief.run(), tree).erasedOpened).toEqual([]);
    await thief.addSecretFile(file(oldRootFiles[0]!));
    const judgement = judged(await thief.run(), tree);
    expect(new Set(judgement.erasedOpened)).toEqual(
      new Set(ERASED.map((name) => keyName(tree, name))),
    );
    expect(judgement.verdict).toBe('Not erased: 3 of 3 erased enrolments open.');
    thief.close();
  });

  test('when blobs come after a run, then all keys are tried on them', async () => {
    const { tree } = erasedTree();
    const thief = new Thief();
    await thief.addSecretFile(file(tree.root()));
    expect((await thief.run()).findings).toEqual([]);
    await thief.addBytes('the corpus', everythingOf(tree));
    expect(judged(await thief.run(), tree).isCompetent).toBe(true);
    thief.close();
  });

  test('when he has no root, then nothing opens and nothing is shown', async () => {
    const { tree } = erasedTree();
    const report = await steal({ corpus: everythingOf(tree) });
    expect(report).toMatchObject({ nodesOpened: 0, templatesOpened: 0 });
    expect(judged(report, tree)).toMatchObject({ isCompetent: false, erasedOpened: [] });
    expect(judged(report, tree).liveClosed).toHaveLength(6);
  });

  test('when the root has four shares, then all are needed, and their order is found out', async () => {
    const { tree } = erasedTree({ shares: 4 });
    const [a, b, c, d] = tree.rootFiles();
    const corpus = everythingOf(tree);
    const all = await steal({ corpus, secrets: [c!, a!, d!, b!] });
    expect(judged(all, tree)).toMatchObject({ isCompetent: true, erasedOpened: [] });
    expect((await steal({ corpus, secrets: [a!, b!, d!] })).nodesOpened).toBe(0);
  });

  test('when one of two stores forgot its old share, then the other old share opens nothing', async () => {
    const { tree, oldRootFiles } = erasedTree({ shares: 2 });
    const [first, second] = oldRootFiles;
    const corpus = everythingOf(tree);
    const one = await steal({ corpus, secrets: [...tree.rootFiles(), first!] });
    expect(judged(one, tree)).toMatchObject({ isCompetent: true, erasedOpened: [] });
    const both = await steal({ corpus, secrets: [...tree.rootFiles(), second!, first!] });
    expect(judged(both, tree).erasedOpened).toHaveLength(3);
  });
});

describe('a build that does not erase', () => {
  test('when the shares of a root carry different epochs, then they are put together all the same', async () => {
    const { tree } = erasedTree({ shares: 2 });
    const [first] = tree.rootFiles();
    tree.epoch += 1;
    const [, second] = tree.rootFiles();
    const report = await steal({ corpus: everythingOf(tree), secrets: [second!, first!] });
    expect(judged(report, tree).isCompetent).toBe(true);
  });

  test('when the key stays in its leaf, then it is found', async () => {
    const { tree } = erasedTree();
    const { slot } = tree.enrol('joe', 90);
    tree.rekey(Math.floor(slot / 64));
    const report = await steal({ corpus: everythingOf(tree), secrets: tree.rootFiles() });
    expect(judged(report, tree).erasedOpened).toEqual([keyName(tree, 'joe')]);
  });

  test('when the template is gone and the key is not, then the key counts', async () => {
    const { tree } = erasedTree();
    const { keyName: kept } = tree.enrol('joe', 90);
    tree.written.pop();
    const report = await steal({ corpus: everythingOf(tree), secrets: tree.rootFiles() });
    expect(judged(report, tree).erasedOpened).toEqual([kept]);
    expect(report.findings).toContainEqual({ keyName: kept, isOpened: false, isKeyFound: true });
  });

  test('when the root stays the same, then everybody comes back', async () => {
    const { tree } = erasedTree();
    const { shares } = tree;
    tree.enrol('joe', 90);
    tree.erase('joe');
    tree.shares = shares;
    tree.rekey(1);
    const report = await steal({ corpus: everythingOf(tree), secrets: tree.rootFiles() });
    expect(judged(report, tree).erasedOpened).toEqual([keyName(tree, 'joe')]);
  });

  test.each([
    ['as its file', ([old]: Uint8Array[]) => old!],
    ['as one sector of it', ([old]: Uint8Array[]) => old!.subarray(0, 512)],
    ['in base64', ([old]: Uint8Array[]) => Buffer.from(Buffer.from(old!).toString('base64'))],
  ])('when an old root is in the backup %s, then it is used', async (_how, form) => {
    const { tree, oldRootFiles } = erasedTree();
    const corpus = Buffer.concat([everythingOf(tree), Buffer.from(' '), form(oldRootFiles)]);
    const report = await steal({ corpus, secrets: tree.rootFiles() });
    expect(judged(report, tree).erasedOpened).toHaveLength(3);
  });

  test('when the key ids of nodes are false, then every key is tried on every node all the same', async () => {
    const { tree, oldRootFiles } = erasedTree({ seal: sealUnderFalseId });
    const corpus = everythingOf(tree);
    const report = await steal({ corpus, secrets: tree.rootFiles() });
    expect(judged(report, tree)).toMatchObject({ isCompetent: true, erasedOpened: [] });
    const control = await steal({ corpus, secrets: oldRootFiles });
    expect(judged(control, tree).erasedOpened).toHaveLength(3);
  });

  test('when the root is wiped with one byte value, then that is tried as a root', async () => {
    const { tree } = erasedTree();
    tree.shares = [new Uint8Array(32)];
    tree.rekey(0);
    expect(judged(await steal({ corpus: everythingOf(tree) }), tree).isCompetent).toBe(true);
  });

  test('when an opened template has no name, then its key id stands for it', async () => {
    const tree = new SmallTree();
    const [, , , keyId] = tree.enrol('ann', 0).keyName.split('.');
    const corpus = Buffer.concat(tree.written);
    const report = await steal({ corpus, secrets: tree.rootFiles() });
    expect(report.findings).toEqual([
      { keyName: keyId, isOpened: true, isKeyFound: true, via: 'the corpus' },
    ]);
    expect(judge(report, { liveKeyNames: [] }).erasedOpened).toEqual([keyId]);
  });
});

describe('a template', () => {
  const keyBytes = randomBytes(32);
  const key = () => SecretBytes.take(Uint8Array.from(keyBytes));
  const name = { rootId: 'q83vEjRWeJA', tree: 1, slot: 2, keyId: keyIdText(key()) };
  const sealed = (plaintext: Uint8Array) =>
    sealTemplate(key(), {
      owner: { tenantId: 'demo', uuid: 'ann' },
      keyName: name,
      plaintext: SecretBytes.take(plaintext.slice()),
    });
  const vector = (dimension: number) =>
    new Uint8Array(new Float32Array(dimension).fill(1 / Math.sqrt(dimension)).buffer);
  const opened = async (template: Uint8Array, secret: Uint8Array = keyBytes) =>
    (await steal({ corpus: template, secrets: [secret] })).templatesOpened;

  test.each([64, 128, 512, 2048])(
    'when it has %i values, then it opens, in one piece or cut off on the page of a database',
    async (dimension) => {
      const whole = sealed(vector(dimension));
      expect(await opened(whole)).toBe(1);
      const page = Buffer.concat([whole.subarray(0, 32 + 4 * 64), randomBytes(4000)]);
      expect(await opened(page)).toBe(1);
      expect(await opened(whole, randomBytes(32))).toBe(0);
    },
  );

  test('when it was sealed under the enrolment key itself and a false id, then it opens', async () => {
    const bare = seal(key(), { plaintext: vector(128), aad: randomBytes(9) });
    const template = Buffer.concat([Buffer.from('LTP1'), randomBytes(16), bare]);
    expect(await opened(template)).toBe(1);
  });

  test.each([
    ['a text', Buffer.from('device and address '.repeat(20))],
    ['longer than one', new Uint8Array(new Float32Array(128).fill(1).buffer)],
    ['not a number', new Uint8Array(new Float32Array(128).fill(Number.NaN).buffer)],
  ])(
    'when it is %s, then it does not count as opened, but its key as found',
    async (_what, plaintext) => {
      const corpus = Buffer.concat([sealed(plaintext), Buffer.from(printKeyName(name))]);
      const report = await steal({ corpus, secrets: [keyBytes] });
      expect(report.findings).toEqual([
        { keyName: printKeyName(name), isOpened: false, isKeyFound: true },
      ]);
    },
  );
});

describe('where keys are looked for', () => {
  const between = (secret: Uint8Array, atByte: number) =>
    Buffer.concat([randomBytes(atByte), secret, randomBytes(50)]);

  test.each([
    ['the root itself', (tree: SmallTree) => tree.root()],
    ['the only share', (tree: SmallTree) => tree.shares[0]!],
    ['a share in base64', (tree: SmallTree) => Buffer.from(base64(tree.shares[0]!))],
    [
      'a share in hex',
      (tree: SmallTree) => Buffer.from(Buffer.from(tree.shares[0]!).toString('hex')),
    ],
  ])('when a secret holds %s anywhere, then it is found', async (_what, form) => {
    const { tree } = erasedTree();
    const framed = Buffer.concat([Buffer.from('\0\0"'), form(tree), Buffer.from('"\n')]);
    const report = await steal({ corpus: everythingOf(tree), secrets: [between(framed, 77)] });
    expect(judged(report, tree)).toMatchObject({ isCompetent: true, erasedOpened: [] });
  });

  test('when memory holds a key at a multiple of 8, in whatever window, then it is found', async () => {
    const { tree } = erasedTree();
    for (const atByte of [0, 8_000, 4 * 1024 * 1024 - 16]) {
      const report = await steal({
        corpus: everythingOf(tree),
        memory: between(tree.root(), atByte),
      });
      expect(judged(report, tree)).toMatchObject({ isCompetent: true, erasedOpened: [] });
    }
  });

  test('when a secret is longer than 1 MiB or missing, then the error names it', async () => {
    const thief = new Thief();
    const long = file(new Uint8Array(1024 * 1024 + 1));
    await expect(thief.addSecretFile(long)).rejects.toThrow(`${long} is longer than 1048576 bytes`);
    await expect(thief.addSecretFile(join(dir, 'missing'))).rejects.toThrow('ENOENT');
    await expect(thief.addFile(join(dir, 'missing'))).rejects.toThrow('ENOENT');
    thief.close();
  });
});

describe('the judgement', () => {
  const name = (keyId: string) => `q83vEjRWeJA.1.70.${keyId}`;
  const report = (...findings: [string, boolean, boolean][]) =>
    ({
      findings: findings.map(([keyName, isOpened, isKeyFound]) => ({
        keyName,
        isOpened,
        isKeyFound,
      })),
    }) as unknown as ThiefReport;

  test('when a live enrolment is in no source, then nothing is shown', () => {
    const judgement = judge(report([name('a'), true, true]), {
      liveKeyNames: [name('a'), name('b')],
    });
    expect(judgement).toMatchObject({ isCompetent: false, liveMissing: [name('b')] });
    expect(judgement.verdict).toContain('1 of 2 live enrolments are in none of the files');
  });

  test('when only the key of a live enrolment was found, then its template is missed', () => {
    const judgement = judge(report([name('a'), false, true]), { liveKeyNames: [name('a')] });
    expect(judgement).toMatchObject({ isCompetent: false, liveClosed: [name('a')] });
  });

  test('when nothing lives, then nothing is shown', () => {
    const judgement = judge(report([name('a'), false, false]), { liveKeyNames: [] });
    expect(judgement).toMatchObject({ isCompetent: false, erased: [name('a')] });
    expect(judgement.verdict).toContain('no live enrolment');
  });

  test('when an erasure is under way, then it may open or not', () => {
    const judgement = judge(report([name('a'), true, true], [name('b'), true, true]), {
      liveKeyNames: [name('a')],
      pendingKeyNames: [name('b')],
    });
    expect(judgement).toMatchObject({ isCompetent: true, erased: [], erasedOpened: [] });
    expect(judgement.verdict).toContain('the files hold no erased one');
  });
});

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
