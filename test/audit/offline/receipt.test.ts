import { describe, expect, test } from '@jest/globals';
import {
  parseReceipt,
  receiptHeader,
  receiptPayload,
  signingInput,
} from '../../../src/audit/offline/receipt.js';
import type { ReceiptClaims } from '../../../src/audit/offline/receipt-claims.js';
import { canonicalJson } from '../../../src/lib/canonical-json.js';
import { issueReceipt, sampleClaims, sealed, testLog } from '../../support/receipts.js';
import vectors from '../../vectors/receipt.json' with { type: 'json' };

const header = receiptHeader(testLog.keyId);
const { receipt, proof, claims } = issueReceipt();
const hash = Buffer.alloc(32).toString('base64url');

/** A receipt with any header and payload, signed all the same. */
function withParts({ head = header, body = receiptPayload(claims, proof) }): string {
  return sealed(signingInput(head, body), testLog);
}

/** A receipt with claims of any kind. */
function withClaims(change: object): string {
  return withParts({ body: canonicalJson({ ...claims, proof, ...change }) });
}

describe('the receipt that another program made', () => {
  test('when it is read, then its parts are those of the other program', () => {
    const parsed = parseReceipt(vectors.receipt)!;
    expect(parsed).toMatchObject({
      claims: vectors.claims,
      proof: vectors.proof,
      keyId: vectors.logKey.split('+')[1],
    });
    expect(`${parsed.signingInput}.${Buffer.from(parsed.signature).toString('base64url')}`).toBe(
      vectors.receipt,
    );
  });

  test('when it is printed again, then it is the same, byte for byte', () => {
    const parsed = parseReceipt(vectors.receipt)!;
    const head = receiptHeader(parsed.keyId);
    expect(head).toBe(vectors.header);
    expect(signingInput(head, receiptPayload(parsed.claims, parsed.proof))).toBe(
      parsed.signingInput,
    );
  });
});

describe('a receipt', () => {
  test('when it has all claims or only those that it must have, then it is read as it was', () => {
    const full: ReceiptClaims = {
      ...sampleClaims(),
      ...{ sid: claims.jti, txn: 'Löschung 7 (ä)', auditTag: 'دليل', irrecoverableBy: 1 },
      ...{ rc: [hash], dc: new Array<string>(16).fill(hash) },
    };
    for (const given of [sampleClaims(), full])
      expect(parseReceipt(issueReceipt({ claims: given }).receipt)?.claims).toEqual(given);
  });

  test('when any character is changed, left out or put in, then it is refused, or the text signed is another', () => {
    for (let at = 0; at < receipt.length; at += 1) {
      const [before, behind] = [receipt.slice(0, at), receipt.slice(at + 1)];
      const other = receipt[at] === 'A' ? 'B' : 'A';
      for (const changed of [
        before + behind,
        `${before}${other}${behind}`,
        `${before}=${receipt.slice(at)}`,
      ]) {
        const parsed = parseReceipt(changed);
        const printed =
          parsed && `${parsed.signingInput}.${Buffer.from(parsed.signature).toString('base64url')}`;
        expect(printed ?? changed).toBe(changed);
      }
    }
  });

  test('when it is longer than 16 KiB, then it is refused', () => {
    const lengthOf = (fill: number) => withClaims({ proof: 'x'.repeat(fill) });
    const fits = lengthOf(11_000);
    expect(fits.length).toBeLessThan(16_384);
    expect(parseReceipt(fits)).toBeDefined();
    expect(parseReceipt(lengthOf(12_500))).toBeUndefined();
  });

  test.each([
    ['empty', ''],
    ['two parts', receipt.slice(0, receipt.lastIndexOf('.'))],
    ['four parts', `${receipt}.AAAA`],
    ['in spaces', ` ${receipt}`],
    ['ended by a line feed', `${receipt}\n`],
    ['padded', `${receipt}==`],
    ['without signature', `${receipt.slice(0, receipt.lastIndexOf('.'))}.`],
    ['signed with 63 bytes', receipt.slice(0, -2)],
    ['its own JSON', receiptPayload(claims, proof)],
  ])('when it is %s, then it is refused', (_what, text) => {
    expect(parseReceipt(text)).toBeUndefined();
  });

  test.each([
    ['another algorithm', header.replace('EdDSA', 'ES256')],
    ['no algorithm at all', header.replace('EdDSA', 'none')],
    ['another type', header.replace('erasure-receipt+jws', 'JWT')],
    ['no type', header.replace(/,"typ".*/, '}')],
    ['a key id of another length', header.replace(testLog.keyId, `${testLog.keyId}00`)],
    ['an upper-case key id', header.replace(testLog.keyId, 'ABCDEF01')],
    ['no key id', header.replace(testLog.keyId, '')],
    ['a critical extension', header.replace(',"typ"', ',"crit":["b64"],"typ"')],
    ['a key of its own', header.replace('{', '{"jwk":{},')],
    ['another order', `{"typ":"erasure-receipt+jws","alg":"EdDSA","kid":"${testLog.keyId}"}`],
    ['white space', header.replaceAll(',', ', ')],
    ['a byte order mark', `\ufeff${header}`],
    ['a member twice', header.replace('{', '{"alg":"EdDSA",')],
    ['no JSON', 'x'],
  ])('when its header has %s, then it is refused', (_what, head) => {
    expect(parseReceipt(withParts({ head }))).toBeUndefined();
  });

  const body = receiptPayload(claims, proof);
  test.each([
    ['white space', body.replace('{', '{ ')],
    ['a line feed at the end', `${body}\n`],
    ['a byte order mark', `\ufeff${body}`],
    ['a member twice', body.replace('{', '{"aud":"demo",')],
    ['another order', body.replace(/^\{("aud":"demo"),(.*)\}$/s, '{$2,$1}')],
    ['a number of another spelling', body.replace('"epoch":7', '"epoch":7.0')],
    ['an escape that it need not have', body.replace('"ada"', '"\\u0061da"')],
    ['a list around it', `[${body}]`],
    ['no JSON', body.slice(1)],
    ['null', 'null'],
    ['a text', '"receipt"'],
    ['a deep nesting', '['.repeat(10_000)],
  ])('when its payload has %s, then it is refused', (_what, changed) => {
    expect(changed).not.toBe(body);
    expect(parseReceipt(withParts({ body: changed }))).toBeUndefined();
  });

  test('when its payload is no UTF-8, then it is refused', () => {
    const bytes = Buffer.from(body, 'utf8').fill(0xff, 10, 11);
    const input = `${Buffer.from(header).toString('base64url')}.${bytes.toString('base64url')}`;
    expect(parseReceipt(sealed(input, testLog))).toBeUndefined();
  });

  test.each([
    'iss',
    'aud',
    'jti',
    'iat',
    'sub',
    'status',
    'scope',
    'method',
    'epoch',
    'k',
    'proof',
  ])('when %s is missing, then it is refused', (name) => {
    expect(parseReceipt(withClaims({ [name]: undefined }))).toBeUndefined();
  });

  test.each([
    { iss: 'lethe.example.com' },
    { iss: 'ftp://lethe.example.com' },
    { iss: 'https://lethe.example.com/path' },
    { iss: 'https://lethe.example.com\u001b[2J' },
    { iss: `https://${'a'.repeat(301)}` },
    { aud: '' },
    { aud: ['demo'] },
    { aud: 'a b' },
    { jti: 'x' },
    { jti: '01932E7C-5C00-7ABC-8DEF-0123456789AB' },
    { iat: -1 },
    { iat: 1.5 },
    { iat: '1893456000' },
    { iat: 253_402_300_800 },
    { sub: '' },
    { sub: 'a/b' },
    { sub: 'ada\n' },
    { sub: 'a'.repeat(129) },
    { sid: null },
    { sid: 'ada' },
    { txn: '' },
    { txn: 'a\u202eb' },
    { txn: 'x'.repeat(129) },
    { auditTag: '<b>' },
    { auditTag: 7 },
    { status: 'kept' },
    { scope: {} },
    { scope: [1, 2, 0] },
    { scope: { ...claims.scope, faces: 1 } },
    { scope: { ...claims.scope, webhooks: -1 } },
    { method: 'ce/keytree-v2' },
    { epoch: -7 },
    { epoch: 2 ** 53 },
    { irrecoverableBy: 'never' },
    { rc: [] },
    { rc: hash },
    { rc: new Array<string>(17).fill(hash) },
    { dc: [`${hash.slice(0, -1)}B`] },
    { dc: [`${hash}=`] },
    { dc: [7] },
    { k: hash.slice(1) },
    { k: `${hash.slice(0, -1)}B` },
    { proof: 7 },
    { exp: 1 },
    { leaf: 'x' },
  ])('when its claims have %j, then it is refused', (change) => {
    expect(parseReceipt(withClaims(change))).toBeUndefined();
  });

  test('when a claim is called __proto__, then it is refused like any that is not known', () => {
    const changed = body.replace('{', '{"__proto__":{"exp":1},');
    expect(parseReceipt(withParts({ body: changed }))).toBeUndefined();
  });
});
