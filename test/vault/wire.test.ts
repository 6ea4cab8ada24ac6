import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken } from '../../src/crypto/seal.js';
import { SecretBytes } from '../../src/crypto/secret-bytes.js';
import { ERRORS, type ErrorCode } from '../../src/errors/codes.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { base64url, hex } from '../../src/lib/bytes.js';
import { createVaultService } from '../../src/vault/service/vault-service.js';
import {
  MAX_FIELDS,
  MAX_REQUEST_BYTES,
  METHODS,
  type Method,
  parseMessage,
  printMessage,
  WireError,
} from '../../src/vault/service/wire.js';
import { keyBatches, templateBatches } from '../../src/vault/service/wire-batches.js';
import {
  printFailure,
  readFailure,
  type WireFailure,
} from '../../src/vault/service/wire-failure.js';
import { FieldReader } from '../../src/vault/service/wire-fields.js';
import { type Requests, type Results, WIRE_METHODS } from '../../src/vault/service/wire-methods.js';
import type { SealedTemplate } from '../../src/vault/vault.js';
import { MemoryVault, plaintextOf, textOf } from '../support/memory-vault.js';

const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const bytes = fc.uint8Array({ maxLength: 100 }).map((array) => new Uint8Array(array));
const secret = bytes.map((array) => SecretBytes.take(new Uint8Array(array)));
const number = fc.maxSafeNat();
const id = (lengthBytes: number) =>
  fc.uint8Array({ minLength: lengthBytes, maxLength: lengthBytes }).map(base64url);
const bucket = fc.stringMatching(/^[A-Za-z0-9./-]{1,100}$/);
const scope = fc.oneof(fc.record({ tenantId: text }), fc.record({ bucket }));
const owner = fc.record({ tenantId: text, uuid: text });
const template = fc.record({ tenantId: text, uuid: text, keyId: text, sealedTemplate: bytes });
const roots = fc.array(fc.record({ rootId: id(8), epoch: number }));
const shredded = fc.record({
  roots,
  irrecoverableAtMs: number,
  retiredRoots: fc.array(id(32)),
  destroyedKeys: fc.array(id(32)),
});

const requests: { [M in Method]: fc.Arbitrary<Requests[M]> } = {
  seal: fc.record({
    owner,
    scope: fc.option(scope, { nil: undefined }),
    plaintext: secret,
  }),
  open: fc.array(template),
  exist: fc.array(text),
  shred: fc.array(text),
  shredScope: scope,
  roots: fc.constant(undefined),
  check: fc.constant(undefined),
};

const results: { [M in Method]: fc.Arbitrary<Results[M]> } = {
  seal: fc.record({ keyId: text, sealedTemplate: bytes }),
  open: fc.array(fc.option(secret, { nil: undefined })),
  exist: fc.array(fc.boolean()),
  shred: shredded,
  shredScope: shredded,
  roots,
  check: fc.constant(undefined),
};

const failure: fc.Arbitrary<WireFailure> = fc.oneof(
  fc
    .record({
      code: fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])),
      detail: text,
      retryAfterSeconds: fc.option(number, { nil: undefined }),
    })
    .map(
      ({ code, detail, retryAfterSeconds }) =>
        new ServiceError(code, { detail, ...(retryAfterSeconds && { retryAfterSeconds }) }),
    ),
  text.map((sentence) => new SealBroken(sentence)),
);

function detailsOf(error: WireFailure): unknown {
  return error instanceof ServiceError ? [error.code, error.retryAfterSeconds] : [error.name];
}

/** Secrets as the bytes that they hold: two of them are never equal for jest. */
function plain(value: unknown): unknown {
  if (value instanceof SecretBytes) return value.use((held) => `secret ${hex(held)}`);
  if (value instanceof Uint8Array) return `bytes ${hex(value)}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held)]));
}

function copyOf(message: SecretBytes): Uint8Array {
  return message.use((held) => new Uint8Array(held));
}

function requestBytes<M extends Method>(method: M, request: Requests[M]): Uint8Array {
  const fields = WIRE_METHODS[method].printRequest(request);
  return copyOf(printMessage({ kind: 'request', method, fields }));
}

function readRequest<M extends Method>(method: M, message: Uint8Array): Requests[M] {
  const parsed = parseMessage(message, ['request']);
  expect(parsed.method).toBe(method);
  const reader = new FieldReader(parsed.fields);
  const request = WIRE_METHODS[method].parseRequest(reader);
  reader.end();
  return request;
}

function readResult<M extends Method>(method: M, message: Uint8Array): Results[M] {
  const reader = new FieldReader(parseMessage(message, ['result']).fields);
  const result = WIRE_METHODS[method].parseResult(reader);
  reader.end();
  return result;
}

/**
 * Whatever the bytes are: they are read as a request that prints as exactly these bytes, or refused
 * with the one error.
 */
function isRequest(message: Uint8Array): boolean {
  const before = hex(message);
  function printsAsBefore<M extends Method>(method: M, reader: FieldReader): void {
    const request = WIRE_METHODS[method].parseRequest(reader);
    reader.end();
    expect(hex(requestBytes(method, request)) === before).toBe(true);
  }
  try {
    const { method, fields } = parseMessage(message, ['request']);
    printsAsBefore(method, new FieldReader(fields));
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return false;
  }
}

const sample: readonly SealedTemplate[] = [
  { tenantId: 't', uuid: 'u', keyId: 'k', sealedTemplate: Uint8Array.of(1, 2, 3) },
];

describe('messages between a process and its key service', () => {
  test.each(METHODS)('when any request for %s is printed, then it is read as it was', (method) => {
    const roundTrip = <M extends Method>(name: M): void => {
      fc.assert(
        fc.property(requests[name], (request) => {
          const expected = plain(request);
          expect(plain(readRequest(name, requestBytes(name, request)))).toEqual(expected);
        }),
      );
    };
    roundTrip(method);
  });

  test.each(METHODS)('when any result of %s is printed, then it is read as it was', (method) => {
    const roundTrip = <M extends Method>(name: M): void => {
      fc.assert(
        fc.property(results[name], (result) => {
          const expected = plain(result);
          const fields = WIRE_METHODS[name].printResult(result);
          const message = printMessage({ kind: 'result', method: name, fields });
          expect(plain(readResult(name, copyOf(message)))).toEqual(expected);
        }),
      );
    };
    roundTrip(method);
  });

  test('when any failure is printed, then it arrives as the same kind of error, with code and sentence', () => {
    fc.assert(
      fc.property(failure, (error) => {
        const { kind, method, fields } = parseMessage(copyOf(printFailure('open', error)), [
          'result',
          'failure',
        ]);
        const arrived = readFailure(new FieldReader(fields));
        expect([kind, method]).toEqual(['failure', 'open']);
        expect(arrived.constructor).toBe(error.constructor);
        expect(arrived.message).toBe(error.message);
        expect(detailsOf(arrived)).toEqual(detailsOf(error));
      }),
    );
  });

  test('when the example of the format is printed, then it has these bytes', () => {
    expect(hex(requestBytes('exist', ['k1']))).toBe(
      '4c56513103' + '00000001' + '00000002' + '6b31',
    );
  });

  test('when a result holds an empty template and none, then the two are told apart', () => {
    const fields = WIRE_METHODS.open.printResult([plaintextOf(''), undefined]);
    const message = copyOf(printMessage({ kind: 'result', method: 'open', fields }));
    expect(hex(message)).toBe('4c56413102' + '00000002' + '00000000' + 'ffffffff');
    expect(readResult('open', message).map(textOf)).toEqual(['', undefined]);
  });

  test('when a message is cut off anywhere or something follows, then it is refused', () => {
    const whole = requestBytes('open', [...sample, ...sample]);
    expect(isRequest(new Uint8Array(whole))).toBe(true);
    for (let end = 0; end < whole.byteLength; end += 1)
      expect(isRequest(new Uint8Array(whole.subarray(0, end)))).toBe(false);
    expect(isRequest(Uint8Array.of(...whole, 0))).toBe(false);
  });

  test('when any bytes come, or a message with one byte changed, then they are read or refused with the one error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => void isRequest(noise)));
    const whole = requestBytes('seal', {
      owner: { tenantId: 't', uuid: 'u' },
      scope: { bucket: 'review/2026-11' },
      plaintext: plaintextOf('face'),
    });
    for (let at = 0; at < whole.byteLength; at += 1) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const changed = new Uint8Array(whole);
        changed[at] = value;
        isRequest(changed);
      }
    }
  });

  test.each([
    ['an unknown method', '4c56513108' + '00000000'],
    ['method 0', '4c56513100' + '00000000'],
    ['a result', '4c56413106' + '00000000'],
    ['a field too many', '4c56513106' + '00000001' + '00000000'],
    ['a template without its last field', '4c56513102' + '00000003' + '00000000'.repeat(3)],
    ['a key name that is no UTF-8', '4c56513103' + '00000001' + '00000001' + 'ff'],
    ['a key name that is undefined', '4c56513103' + '00000001' + 'ffffffff'],
    ['an unknown scope', '4c56513105' + '00000001' + '00000001' + '7a'],
    ['more fields than the limit', `4c56513103${(MAX_FIELDS + 1).toString(16).padStart(8, '0')}`],
  ])('when %s comes, then it is refused', (_what, message) => {
    expect(isRequest(Buffer.from(message, 'hex'))).toBe(false);
  });

  test('when 256 templates go into one message, then they fit, and one more does not', () => {
    const many = Array.from({ length: 256 }, () => sample[0]!);
    expect(readRequest('open', requestBytes('open', many))).toHaveLength(256);
    expect(() => requestBytes('open', [...many, ...sample])).toThrow(WireError);
    const tooMany = printMessage({
      kind: 'request',
      method: 'open',
      fields: [...many, ...sample].flatMap(() => ['t', 'u', 'k', 's'].map((c) => Buffer.from(c))),
    });
    expect(isRequest(copyOf(tooMany))).toBe(false);
  });

  test('when a request has exactly 8 MiB, then it is read, and with a byte more it is neither printed nor read', () => {
    const ofSize = (sizeBytes: number) => {
      const plaintext = SecretBytes.own(new ArrayBuffer(sizeBytes));
      return { owner: { tenantId: '', uuid: '' }, scope: undefined, plaintext };
    };
    const rest = MAX_REQUEST_BYTES - requestBytes('seal', ofSize(0)).byteLength;
    const largest = requestBytes('seal', ofSize(rest));
    expect(largest.byteLength).toBe(MAX_REQUEST_BYTES);
    expect(isRequest(largest)).toBe(true);
    expect(() => requestBytes('seal', ofSize(rest + 1))).toThrow(WireError);
    const larger = new Uint8Array(MAX_REQUEST_BYTES + 1);
    larger.set(largest);
    new DataView(larger.buffer).setUint32(9 + 12, rest + 1);
    expect(() => parseMessage(larger, ['request'])).toThrow(WireError);
  });

  test('when a request is read, then its plaintext is zeroed in the message', () => {
    const message = requestBytes('seal', {
      owner: { tenantId: 't', uuid: 'u' },
      scope: undefined,
      plaintext: plaintextOf('a face'),
    });
    expect(Buffer.from(message).includes('a face')).toBe(true);
    expect(textOf(readRequest('seal', message).plaintext)).toBe('a face');
    expect(Buffer.from(message).includes('a face')).toBe(false);
  });

  test.each([
    ['an epoch below zero', [{ rootId: 'AQEBAQEBAQE', epoch: -1 }]],
    ['half an epoch', [{ rootId: 'AQEBAQEBAQE', epoch: 0.5 }]],
    ['a root id of 7 bytes', [{ rootId: 'AQEBAQEBAQ', epoch: 1 }]],
    ['a root id that is no base64url', [{ rootId: 'AQEBAQEBA+E', epoch: 1 }]],
  ])('when a result holds %s, then it is not printed', (_what, states) => {
    expect(() => WIRE_METHODS.roots.printResult(states)).toThrow(WireError);
  });
});

describe('batches', () => {
  test('when any list is cut, then the batches are the list, and each fits into a message', () => {
    const large = new Uint8Array(3 * 1024 * 1024);
    const size = fc.constantFrom(3, 1_000, 1_500_000, large.byteLength);
    fc.assert(
      fc.property(fc.array(size, { maxLength: 600 }), (sizes) => {
        const list = sizes.map((end) => ({
          ...sample[0]!,
          sealedTemplate: large.subarray(0, end),
        }));
        const batches = templateBatches(list);
        expect(batches.flat()).toEqual(list);
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(256);
          const total = batch.reduce((sum, { sealedTemplate: t }) => sum + t.byteLength, 0);
          expect(total).toBeLessThanOrEqual(MAX_REQUEST_BYTES / 2);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('when there are more keys than a message has room for, then none is lost', () => {
    const keyIds = Array.from({ length: 40_000 }, (_, index) => index.toString());
    const batches = keyBatches(keyIds);
    expect(batches.map(({ length }) => length)).toEqual([16_384, 16_384, 7_232]);
    expect(batches.flat()).toEqual(keyIds);
    expect(keyBatches([])).toEqual([]);
  });
});

describe('the vault service', () => {
  const seal = (plaintext: SecretBytes) =>
    requestBytes('seal', { owner: { tenantId: 't', uuid: 'u' }, scope: undefined, plaintext });

  function setUp() {
    const vault = new MemoryVault(1);
    const reported: unknown[] = [];
    return { vault, reported, service: createVaultService(vault, (error) => reported.push(error)) };
  }

  test('when templates were sealed and opened, then the service has wiped its copies', async () => {
    const { vault, service } = setUp();
    const sealed = readResult('seal', copyOf((await service.answer(seal(plaintextOf('x'))))!));
    const open = requestBytes('open', [{ tenantId: 't', uuid: 'u', ...sealed }]);
    const answer = copyOf((await service.answer(open))!);
    expect(readResult('open', answer).map(textOf)).toEqual(['x']);
    expect(vault.plaintexts).toHaveLength(2);
    for (const plaintext of vault.plaintexts)
      expect(() => plaintext.use(() => undefined)).toThrow('wiped');
  });

  test('when the vault fails, then the service has wiped the plaintext too', async () => {
    const { vault, service } = setUp();
    vault.fault = new ServiceError('UNAVAILABLE');
    await service.answer(seal(plaintextOf('x')));
    expect(() => vault.plaintexts[0]!.use(() => undefined)).toThrow('wiped');
  });

  test('when the vault throws what nobody foresaw, then its words stay at the service', async () => {
    const { vault, service, reported } = setUp();
    vault.fault = new TypeError('cannot read "face of Ada"');
    const answer = copyOf((await service.answer(requestBytes('roots', undefined)))!);
    expect(reported).toEqual([vault.fault]);
    expect(Buffer.from(answer).includes('Ada')).toBe(false);
    const arrived = readFailure(new FieldReader(parseMessage(answer, ['failure']).fields));
    expect(arrived).toMatchObject({ name: 'ServiceError', code: 'INTERNAL' });
  });

  test('when the bytes are no request, then there is no answer and the vault was not called', async () => {
    const { vault, service } = setUp();
    for (const noise of ['', 'garbage', 'LVQ1', '{"method":"open"}'])
      expect(await service.answer(Buffer.from(noise))).toBeUndefined();
    expect(vault.calls).toEqual([]);
  });
});
