import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** PEM texts of a certificate and its private key. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of its own name. */
export interface Authority {
  /** Its certificate, PEM. */
  readonly cert: string;
  /** A certificate for a server at these DNS names and IPv4 addresses. */
  server(...hosts: string[]): Identity;
  /** A certificate for a client; with `key` (PEM) one for the same key as before. */
  client(options?: { key?: KeyObject; notAfter?: string }): Identity & { keyObject: KeyObject };
}

/**
 * Makes an authority and what it signs (X.509 v3, RFC 5280; Ed25519, RFC 8410), afresh for every
 * test file, so that no key lies in the repository.
 */
export function createAuthority(name: string): Authority {
  const { privateKey } = generateKeyPairSync('ed25519');
  const issue = (subject: Omit<Subject, 'issuer' | 'issuerKey'>): string =>
    certificate({ ...subject, issuer: name, issuerKey: privateKey });

  return {
    cert: issue({ name, key: privateKey, extensions: [IS_AUTHORITY] }),
    server: (...hosts) => {
      const { privateKey: key } = generateKeyPairSync('ed25519');
      const extensions = [purpose(SERVER_AUTH), alternativeNames(hosts)];
      return { cert: issue({ name: 'server', key, extensions }), key: pem(key) };
    },
    client: ({ key = generateKeyPairSync('ed25519').privateKey, notAfter } = {}) => ({
      cert: issue({
        name: 'client',
        key,
        extensions: [purpose(CLIENT_AUTH)],
        ...(notAfter !== undefined && { notAfter }),
      }),
      key: pem(key),
      keyObject: key,
    }),
  };
}

interface Subject {
  readonly name: string;
  readonly key: KeyObject;
  readonly issuer: string;
  readonly issuerKey: KeyObject;
  readonly extensions: readonly Buffer[];
  /** UTCTime, `YYMMDDhhmmssZ`. */
  readonly notAfter?: string;
}

const ED25519 = sequence(oid('2b6570'));
const SERVER_AUTH = oid('2b06010505070301');
const CLIENT_AUTH = oid('2b06010505070302');
/** basicConstraints, critical, CA:TRUE. */
const IS_AUTHORITY = sequence(
  oid('551d13'),
  der(0x01, Buffer.of(0xff)),
  der(0x04, sequence(der(0x01, Buffer.of(0xff)))),
);

function certificate(subject: Subject): string {
  const { issuerKey, notAfter = '491231235959Z' } = subject;
  const publicKey = publicKeyOf(subject.key);
  const content = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    // The first bit is 0, for a serial number is positive.
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ED25519,
    commonName(subject.issuer),
    sequence(der(0x17, Buffer.from('000101000000Z')), der(0x17, Buffer.from(notAfter))),
    commonName(subject.name),
    publicKey,
    der(0xa3, sequence(...subject.extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.of(0), sign(null, content, issuerKey)]));
  const base64 = sequence(content, ED25519, signature).toString('base64');
  const lines = base64.replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

function publicKeyOf(key: KeyObject): Buffer {
  const jwk = key.export({ format: 'jwk' });
  return sequence(
    ED25519,
    der(0x03, Buffer.concat([Buffer.of(0), Buffer.from(jwk.x ?? '', 'base64url')])),
  );
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
}

function purpose(extendedKeyUsage: Buffer): Buffer {
  return sequence(oid('551d25'), der(0x04, sequence(extendedKeyUsage)));
}

function alternativeNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    /^[\d.]+$/.test(host)
      ? der(0x87, Buffer.from(host.split('.').map(Number)))
      : der(0x82, Buffer.from(host)),
  );
  return sequence(oid('551d11'), der(0x04, sequence(...names)));
}

function oid(encoded: string): Buffer {
  return der(0x06, Buffer.from(encoded, 'hex'));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** Tag, length and content (X.690); lengths up to 65,535. */
function der(tag: number, content: Buffer): Buffer {
  const size = content.byteLength;
  const length =
    size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, Math.floor(size / 256), size % 256];
  return Buffer.concat([Buffer.of(tag, ...length), content]);
}
