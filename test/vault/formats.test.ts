import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken } from '../../src/crypto/seal.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import {
  keyIdOf,
  keyIdText,
  parseKeyName,
  printKeyName,
  TREE_SLOTS,
} from '../../src/vault/key-name.js';
import { rootKeyOf } from '../../src/vault/roots/root-key.js';
import {
  parseSlot,
  printSlot,
  type RootSlot,
  SLOT_BYTES,
} from '../../src/vault/roots/root-slot.js';
import { openTemplate, sealTemplate, templateKeyId } from '../../src/vault/template-seal.js';
import {
  NODE_PLAINTEXT_BYTES,
  openNode,
  parseNode,
  SEALED_NODE_BYTES,
  sealNode,
} from '../../src/vault/tree/key-node.js';
import vectors from '../vectors/vault-formats.json' with { type: 'json' };

const hexBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** A copy: `take` zeroes what it is given. */
const secret = (bytes: Uint8Array): SecretBytes => SecretBytes.take(Uint8Array.from(bytes));
const plain = (bytes: SecretBytes): string => bytes.use(hexText);
const kid = (key: Uint8Array): Buffer =>
  createHmac('sha256', key).update('kid').digest().subarray(0, 16);

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const base64url = (length: number) =>
  bytesOf(length).map((bytes) => Buffer.from(bytes).toString('base64url'));

/** Each byte of it changed in one bit, cut after each byte, and one byte longer. */
function* damaged(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const flipped = Uint8Array.from(bytes);
    flipped[at]! ^= 1 << (at % 8);
    yield flipped;
  }
  for (let end = 0; end < bytes.byteLength; end += 1) yield bytes.slice(0, end);
  yield Uint8Array.from([...bytes, 0]);
}

/** AES-256-GCM by node:crypto alone. */
function decrypted(
  key: Uint8Array,
  { sealed, aad }: { sealed: Uint8Array; aad: Uint8Array },
): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
}

describe('the name of a key', () => {
  const { keyHex, name, text } = vectors.keyName;

  test('when the vector is printed and parsed, then it is the one of the file and its id is that of the key', () => {
    expect(printKeyName(name)).toBe(text);
    expect(parseKeyName(text)).toEqual(name);
    expect(kid(hexBytes(keyHex)).toString('base64url')).toBe(name.keyId);
    expect(keyIdText(secret(hexBytes(keyHex)))).toBe(name.keyId);
  });

  test('when any name is printed, then it parses to itself', () => {
    const names = fc.record({
      rootId: base64url(8),
      tree: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      slot: fc.integer({ min: 0, max: TREE_SLOTS - 1 }),
      keyId: base64url(16),
    });
    fc.assert(
      fc.property(names, (any) => {
        expect(parseKeyName(printKeyName(any))).toEqual(any);
      }),
    );
  });

  test('when any text parses, then it is printed as it was', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.integer().map(String),
      fc.constantFrom(name.rootId, name.keyId, '1', '01', '1e3', '0x10', ''),
    );
    const texts = fc.oneof(
      fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
      part.map((tree) => `${name.rootId}.${tree}.320.${name.keyId}`),
    );
    fc.assert(
      fc.property(texts, (any) => {
        const parsed = parseKeyName(any);
        if (parsed !== undefined) expect(printKeyName(parsed)).toBe(any);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['it is empty', ''],
    ['a part is missing', `${name.rootId}.1.320`],
    ['there is a part too many', `${text}.1`],
    ['the root id is short', `q83vEjRWeA.1.320.${name.keyId}`],
    ['the root id has bits left over', `q83vEjRWeJB.1.320.${name.keyId}`],
    ['the root id is padded', `q83vEjRWeJA=.1.320.${name.keyId}`],
    ['the key id is short', `${name.rootId}.1.320.w7SiVR6-HfVsvZMnQq2Y`],
    ['the key id has bits left over', `${name.rootId}.1.320.w7SiVR6-HfVsvZMnQq2Yex`],
    ['the key id is in the other alphabet', `${name.rootId}.1.320.w7SiVR6+HfVsvZMnQq2Yew`],
    ['the tree is the directory', `${name.rootId}.0.320.${name.keyId}`],
    ['the tree is too high', `${name.rootId}.4294967296.320.${name.keyId}`],
    ['the tree is written with a zero', `${name.rootId}.01.320.${name.keyId}`],
    ['the tree is a fraction', `${name.rootId}.1.5.320.${name.keyId}`],
    ['the tree is not a number', `${name.rootId}.one.320.${name.keyId}`],
    ['the slot is too high', `${name.rootId}.1.262144.${name.keyId}`],
    ['the slot is negative', `${name.rootId}.1.-1.${name.keyId}`],
    ['the slot is negative zero', `${name.rootId}.1.-0.${name.keyId}`],
    ['the slot is missing', `${name.rootId}.1..${name.keyId}`],
    ['there is a space', `${name.rootId}. 1.320.${name.keyId}`],
    ['there is a line end', `${text}\n`],
  ])('when %s, then it is no name', (_what, bad) => {
    expect(parseKeyName(bad)).toBeUndefined();
  });
});

describe('a sealed node', () => {
  const { keyHex, rootId, place, filledHex } = vectors.node;
  const key = hexBytes(keyHex);
  const sealed = Uint8Array.from(Buffer.from(vectors.node.sealedBase64, 'base64'));
  const entries = new Uint8Array(NODE_PLAINTEXT_BYTES);
  for (const [entry, hex] of Object.entries(filledHex))
    entries.set(hexBytes(hex), Number(entry) * 32);

  test('when the vector is taken apart by hand, then header, key id and keys are those of the file', () => {
    expect(sealed.byteLength).toBe(2113);
    expect(hexText(sealed.subarray(0, 21))).toBe('4c4b4e31abcdef1234567890000000010000000005');
    expect(hexText(sealed.subarray(21, 37))).toBe(kid(key).toString('hex'));
    const content = { sealed: sealed.subarray(37), aad: sealed.subarray(0, 37) };
    expect(hexText(decrypted(key, content))).toBe(hexText(entries));
  });

  test('when the vector is opened, then its header and keys are those of the file', () => {
    expect(parseNode(sealed)).toMatchObject({ rootId, ...place });
    expect(hexText(parseNode(sealed)!.keyId)).toBe(hexText(keyIdOf(secret(key))));
    expect(plain(openNode(secret(key), sealed))).toBe(hexText(entries));
  });

  test('when any node is sealed, then node:crypto alone opens it, its header parses and no IV repeats', () => {
    const nodes = fc.record({
      key: bytesOf(32),
      rootId: base64url(8),
      place: fc.record({
        tree: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        level: fc.integer({ min: 0, max: 255 }),
        index: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      }),
      entries: bytesOf(NODE_PLAINTEXT_BYTES),
    });
    const ivs = new Set<string>();
    fc.assert(
      fc.property(nodes, (node) => {
        const bytes = sealNode(secret(node.key), { ...node, entries: secret(node.entries) });
        const { keyId, ...header } = parseNode(bytes)!;
        expect(header).toEqual({ rootId: node.rootId, ...node.place });
        expect(hexText(keyId)).toBe(kid(node.key).toString('hex'));
        const content = { sealed: bytes.subarray(37), aad: bytes.subarray(0, 37) };
        expect(hexText(decrypted(node.key, content))).toBe(hexText(node.entries));
        ivs.add(hexText(bytes.subarray(37, 49)));
      }),
      { numRuns: 50 },
    );
    expect(ivs.size).toBe(50);
  });

  test('when any byte of it is changed, or it is cut or longer, then it does not open', () => {
    for (const bytes of damaged(sealed))
      expect(() => openNode(secret(key), bytes)).toThrow(SealBroken);
  });

  test('when the magic or the length is another one, then it is no node', () => {
    for (let at = 0; at < 4; at += 1) {
      const other = Uint8Array.from(sealed);
      other[at]! ^= 1;
      expect(parseNode(other)).toBeUndefined();
    }
    expect(parseNode(sealed.subarray(0, SEALED_NODE_BYTES - 1))).toBeUndefined();
    expect(parseNode(Uint8Array.from([...sealed, 0]))).toBeUndefined();
  });

  test('when the key is another one, then it does not open', () => {
    const other = Uint8Array.from(key);
    other[31]! ^= 1;
    expect(() => openNode(secret(other), sealed)).toThrow(SealBroken);
  });

  test('when the header of another place is put on it, then it does not open', () => {
    const moved = sealNode(secret(key), {
      rootId,
      place: { ...place, index: 6 },
      entries: secret(entries),
    });
    const swapped = Uint8Array.from(sealed);
    swapped.set(moved.subarray(0, 37));
    expect(parseNode(swapped)?.index).toBe(6);
    expect(() => openNode(secret(key), swapped)).toThrow(SealBroken);
  });

  test('when a root id has another length, then nothing is sealed', () => {
    const node = { rootId: 'q83vEjRW', place, entries: secret(entries) };
    expect(() => sealNode(secret(key), node)).toThrow('a root id has 8 bytes');
  });
});

describe('a root slot', () => {
  const { shareHex, meaningHex, ...numbers } = vectors.slot;
  const slot = (changes: Partial<RootSlot> = {}): RootSlot => ({
    ...numbers,
    share: secret(hexBytes(shareHex)),
    ...changes,
  });
  const printed = (of: RootSlot): Uint8Array => printSlot(of).use((bytes) => bytes.slice());
  const withDigest = (bytes: Uint8Array): Uint8Array => {
    bytes.set(createHash('sha256').update(bytes.subarray(0, 64)).digest(), 64);
    return bytes;
  };

  test('when the vector is printed, then its bytes are those of the file, and zeros up to 4096', () => {
    const bytes = printed(slot());
    expect(bytes.byteLength).toBe(4096);
    expect(hexText(bytes.subarray(0, 96))).toBe(meaningHex);
    expect(bytes.subarray(96).every((byte) => byte === 0)).toBe(true);
  });

  test('when the vector is taken apart by hand, then every field is the one of the file', () => {
    const bytes = Buffer.from(meaningHex, 'hex');
    expect(bytes.toString('latin1', 0, 8)).toBe('LETHERT1');
    expect(bytes.toString('base64url', 8, 16)).toBe(numbers.rootId);
    expect([bytes.readUInt8(16), bytes.readUInt8(17)]).toEqual([2, 1]);
    expect(bytes.readUIntBE(18, 6)).toBe(numbers.epoch);
    expect(bytes.readBigUInt64BE(24)).toBe(BigInt(numbers.escrowedUntilMs));
    expect(bytes.toString('hex', 32, 64)).toBe(shareHex);
    const digest = createHash('sha256').update(bytes.subarray(0, 64)).digest('hex');
    expect(bytes.toString('hex', 64)).toBe(digest);
  });

  test('when any slot is printed, then it parses to itself, and what parses is printed as it was', () => {
    const slots = fc
      .record({
        rootId: base64url(8),
        shareCount: fc.integer({ min: 1, max: 255 }),
        place: fc.nat({ max: 254 }),
        epoch: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        escrowedUntilMs: fc.maxSafeNat(),
        share: bytesOf(32),
      })
      .map(({ place, ...rest }) => ({ ...rest, shareIndex: place % rest.shareCount }));
    fc.assert(
      fc.property(slots, ({ share, ...rest }) => {
        const bytes = printed({ ...rest, share: secret(share) });
        const parsed = parseSlot(bytes)!;
        expect({ ...parsed, share: plain(parsed.share) }).toEqual({
          ...rest,
          share: hexText(share),
        });
        expect(hexText(printed(parsed))).toBe(hexText(bytes));
      }),
    );
  });

  test('when any byte of it is changed, or it is cut or longer, then it is none', () => {
    for (const bytes of damaged(printed(slot()))) expect(parseSlot(bytes)).toBeUndefined();
  });

  test.each([
    ['the share has no place', 17, [2]],
    ['there are no shares', 16, [0, 0]],
    ['the time is too far away', 24, [0, 32]],
  ])('when %s, then it is none although its digest is right', (_what, at, bytes) => {
    const bad = printed(slot());
    bad.set(bytes, at);
    expect(parseSlot(withDigest(bad))).toBeUndefined();
  });

  test.each([
    ['epoch', { epoch: 2 ** 48 }],
    ['epoch', { epoch: -1 }],
    ['epoch', { epoch: 1.5 }],
    ['share count', { shareCount: 256 }],
    ['share count', { shareCount: 0, shareIndex: 0 }],
    ['share index', { shareIndex: 2 }],
    ['time', { escrowedUntilMs: -1 }],
    ['time', { escrowedUntilMs: Number.NaN }],
    ['root id', { rootId: 'q83vEjRW' }],
  ])('when the %s cannot be written, then nothing is printed (%p)', (_what, changes) => {
    expect(() => printSlot(slot(changes))).toThrow(RangeError);
  });

  test('when the share is not 32 bytes long, then nothing is printed', () => {
    expect(() => printSlot(slot({ share: SecretBytes.random(31) }))).toThrow(RangeError);
    expect(printSlot(slot()).lengthBytes).toBe(SLOT_BYTES);
  });
});

describe('the root', () => {
  const { sharesHex, keyHex } = vectors.root;
  const rootOf = (shares: readonly string[]): string =>
    plain(rootKeyOf(shares.map((share) => secret(hexBytes(share)))));

  test('when it is computed of the shares, then it is the HKDF of node:crypto over them in their order', () => {
    expect(rootOf(sharesHex)).toBe(keyHex);
    const derived = hkdfSync('sha256', hexBytes(sharesHex.join('')), '', 'lethe/tree-root/v1', 32);
    expect(Buffer.from(derived).toString('hex')).toBe(keyHex);
  });

  test('when a share is missing, changed or in another place, then the root is another one', () => {
    const [first = '', second = ''] = sharesHex;
    const changed = hexBytes(second);
    changed[0]! ^= 1;
    const roots = [[first], [second], [second, first], [first, hexText(changed)]].map(rootOf);
    expect(new Set([keyHex, ...roots]).size).toBe(5);
  });
});

describe('a sealed template', () => {
  const { keyHex, owner, keyName, plaintextHex, sealedHex } = vectors.template;
  const key = hexBytes(keyHex);
  const sealed = hexBytes(sealedHex);

  function opened(changes: {
    key?: Uint8Array;
    owner?: typeof owner;
    keyName?: typeof keyName;
    sealed?: Uint8Array;
  }): string {
    return plain(openTemplate(secret(changes.key ?? key), { owner, keyName, sealed, ...changes }));
  }

  test('when the vector is taken apart by hand, then key id and template are those of the file', () => {
    expect(Buffer.from(sealed).toString('latin1', 0, 4)).toBe('LTP1');
    expect(hexText(sealed.subarray(4, 20))).toBe(kid(key).toString('hex'));
    const schema = 'lethe/template/v1';
    const templateKey = createHmac('sha256', key).update(schema).update('\u0001').digest();
    const texts = [schema, owner.tenantId, owner.uuid, vectors.keyName.text];
    const aad = Buffer.concat(
      texts.flatMap((text) => [Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]),
    );
    const plaintext = decrypted(templateKey, { sealed: sealed.subarray(20), aad });
    expect(hexText(plaintext)).toBe(plaintextHex);
  });

  test('when the vector is opened, then it is the template of the file', () => {
    expect(opened({})).toBe(plaintextHex);
    expect(templateKeyId(sealed)).toBe(keyName.keyId);
  });

  test('when any template is sealed, then it opens to itself, 48 bytes longer', () => {
    const owners = fc.record({ tenantId: fc.string(), uuid: fc.string() });
    fc.assert(
      fc.property(owners, fc.uint8Array({ maxLength: 600 }), (any, template) => {
        const content = { owner: any, keyName, plaintext: secret(template) };
        const bytes = sealTemplate(secret(key), content);
        expect(bytes.byteLength).toBe(template.byteLength + 48);
        expect(opened({ owner: any, sealed: bytes })).toBe(hexText(template));
      }),
    );
  });

  test('when any byte of it is changed, or it is cut or longer, then it does not open', () => {
    for (const bytes of damaged(sealed))
      expect(() => opened({ sealed: bytes })).toThrow(SealBroken);
  });

  test('when the magic is another one or it is too short, then it names no key', () => {
    expect(templateKeyId(sealed.subarray(0, 19))).toBeUndefined();
    expect(templateKeyId(Uint8Array.from([0, ...sealed.subarray(1)]))).toBeUndefined();
  });

  test.each([
    ['key', { key: hexBytes(vectors.node.keyHex) }],
    ['tenant', { owner: { ...owner, tenantId: 'tenant-2' } }],
    ['uuid', { owner: { ...owner, uuid: 'another' } }],
    [
      'boundary between tenant and uuid',
      { owner: { tenantId: 'tenant-10', uuid: owner.uuid.slice(1) } },
    ],
    ['root', { keyName: { ...keyName, rootId: 'AAAAAAAAAAA' } }],
    ['tree', { keyName: { ...keyName, tree: 2 } }],
    ['slot', { keyName: { ...keyName, slot: 321 } }],
    ['key id', { keyName: { ...keyName, keyId: 'AAAAAAAAAAAAAAAAAAAAAA' } }],
  ])('when the %s is another one, then it does not open', (_what, changes) => {
    expect(() => opened(changes)).toThrow(SealBroken);
  });
});
