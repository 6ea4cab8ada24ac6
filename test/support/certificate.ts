import { generateKeyPairSync, sign } from 'node:crypto';

/** Keys, and the signature algorithms that they are used with. TLS before 1.2 knows ECDSA only. */
const KINDS = {
  ed25519: {
    generate: () => generateKeyPairSync('ed25519'),
    algorithm: '06032b6570',
    hash: null,
  },
  ecdsa: {
    generate: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    algorithm: '06082a8648ce3d040302',
    hash: 'sha256',
  },
} as const;

/**
 * A self-signed certificate (RFC 5280; Ed25519 by RFC 8410 or ECDSA by RFC 5758) for one DNS name,
 * valid from 2000 to 2049, in PEM; it is its own authority. Made afresh, so that no key lies in the
 * repository.
 */
export function selfSignedCertificate(
  dnsName: string,
  kind: keyof typeof KINDS = 'ed25519',
): { key: string; cert: string } {
  const { generate, algorithm: algorithmId, hash } = KINDS[kind];
  const { privateKey, publicKey } = generate();
  const algorithm = sequence(Buffer.from(algorithmId, 'hex'));
  const name = sequence(
    der(0x31, sequence(Buffer.concat([Buffer.from('0603550403', 'hex'), der(0x0c, dnsName)]))),
  );
  const validity = sequence(
    Buffer.concat([der(0x17, '000101000000Z'), der(0x17, '491231235959Z')]),
  );
  const alternativeNames = sequence(
    Buffer.concat([Buffer.from('0603551d11', 'hex'), der(0x04, sequence(der(0x82, dnsName)))]),
  );
  const certificate = sequence(
    Buffer.concat([
      Buffer.from('a003020102' + '020101', 'hex'),
      algorithm,
      name,
      validity,
      name,
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(alternativeNames)),
    ]),
  );
  const signature = Buffer.concat([Buffer.of(0), sign(hash, certificate, privateKey)]);
  const signed = sequence(Buffer.concat([certificate, algorithm, der(0x03, signature)]));
  const base64 = signed.toString('base64').replace(/.{1,64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}-----END CERTIFICATE-----\n`,
  };
}

function sequence(content: Buffer): Buffer {
  return der(0x30, content);
}

/** Tag, length and content (X.690); lengths up to 65,535. */
function der(tag: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const size = bytes.byteLength;
  const length =
    size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, Math.floor(size / 256), size % 256];
  return Buffer.concat([Buffer.of(tag, ...length), bytes]);
}
