import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { capturedLog } from '../support/captured-log.js';
import { encoded, face } from '../support/embeddings.js';
import { CANARY, expectEnvelope, expectNothingInside } from '../support/envelope.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { naughtyStrings } from '../support/naughty-strings.js';

const COUNT = 5_000;
const AT_ONCE = 24;
const SESSIONS = '/v2/verification-session';
const strings = naughtyStrings(COUNT, CANARY);
const log = capturedLog();

let lethe: TestLethe;
let tenant: TestTenant;
let sessionId: string;
let nonce: string;

beforeAll(async () => {
  lethe = await TestLethe.start({
    overrides: { watch: log.watch },
    env: { AUTH_FAILURE_RATE_LIMIT: '1000000' },
  });
  tenant = await lethe.tenant();
  const { body } = await lethe.create(tenant, { type: 'ENROLL', sessionExpiry: 86_400 });
  sessionId = String(body['sessionId']);
  const session = await lethe.call('GET', `${SESSIONS}/${sessionId}`);
  ({ nonce } = session.body['challenge'] as { nonce: string });
});
afterAll(async () => {
  await lethe.close();
});

/** `count` texts from one on, around the end. */
function textsFrom(index: number, count: number): string[] {
  return Array.from({ length: count }, (_, place) => strings[(index + place) % COUNT] ?? '');
}

const good = () => ({
  type: 'SIGN-IN',
  redirectURL: 'https://app.example/',
  callback: { url: lethe.receiver.url },
});
const template = () => ({ model: 'dlib-resnet-v1', embedding: encoded(face('x')), nonce });

/** Every place of a create request that takes a text; the last ones are names of members. */
const PLACES: readonly ((text: string) => object)[] = [
  (type) => ({ type }),
  (uuid) => ({ uuid }),
  (puid) => ({ puid }),
  (customerId) => ({ customerId }),
  (transactionID) => ({ transactionID }),
  (auditTag) => ({ auditTag }),
  (locale) => ({ locale }),
  (productGroupId) => ({ productGroupId }),
  (redirectURL) => ({ redirectURL }),
  (failureUrl) => ({ failureUrl }),
  (url) => ({ callback: { url } }),
  (value) => ({ callback: { url: lethe.receiver.url, headers: { 'x-a': value } } }),
  (callback) => ({ callback }),
  (os) => ({ deviceInfo: { os } }),
  (deviceInfo) => ({ deviceInfo }),
  (item) => ({ requirements: [item] }),
  (sessionExpiry) => ({ sessionExpiry }),
  (debugMode) => ({ debugMode }),
  (unknown) => ({ unknown: [{ deep: unknown }] }),
];

/** Calls into a session, each with five texts. */
const IN_SESSION: readonly ((texts: readonly string[]) => readonly [string, object])[] = [
  ([embedding]) => ['enroll', { ...template(), embedding }],
  ([, model]) => ['enroll', { ...template(), model }],
  ([, , wrong]) => ['enroll', { ...template(), nonce: wrong }],
  ([, , , feedback]) => ['feedback', { feedback }],
  (texts) => ['collect', fiveFields(texts)],
  (texts) => ['enroll', fiveFields(texts)],
];

function fiveFields(texts: readonly string[]): object {
  const names = ['encryptedKey', 'encryptedMessage', 'iv', 'gcmTag', 'gcmAad'];
  return Object.fromEntries(names.map((name, index) => [name, texts[index]]));
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
}

/** Sends, and expects a good answer or the envelope; returns the status. */
async function send({ method = 'POST', path = SESSIONS, body, headers = {} }: Sent) {
  const response = await fetch(lethe.url + path, {
    method,
    redirect: 'manual',
    headers: { 'content-type': 'application/json', ...tenant.credentials, ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expectNothingInside(text + JSON.stringify([...response.headers]));
  if (response.status >= 400) expectEnvelope({ status: response.status, text });
  return response.status;
}

/** Texts that are new in each request that has one in every place: each text comes to several places. */
const TOGETHER = 4;

/** Makes a request of every `step` texts, some at once, and counts the answers by status. */
async function sendAll(step: number, request: (index: number, texts: string[]) => Sent) {
  const counts: Record<number, number> = {};
  let next = 0;
  async function worker(): Promise<void> {
    while (next < COUNT) {
      const index = next;
      next += step;
      const status = await send(request(index / step, textsFrom(index, step)));
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return counts;
}

/** What of a text a header may hold. */
function asHeader(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => (byte < 32 || byte === 127 ? ' ' : String.fromCharCode(byte)))
    .join('')
    .trim()
    .slice(0, 1_000);
}

/** Percent-encoded bytes: also those of texts that are not well-formed. */
function asSegment(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
    .join('')
    .slice(0, 900);
}

describe('5,000 naughty strings', () => {
  test('when they are in every place of a request at once, then each is refused', async () => {
    const counts = await sendAll(TOGETHER, (index) => {
      const others = textsFrom(index * TOGETHER, PLACES.length);
      const given = PLACES.slice(1).map((put, place) => put(others[place] ?? ''));
      return { body: Object.assign({}, good(), ...given) as object };
    });
    // Some are too large together.
    const { 400: invalid = 0, 413: tooLarge = 0, ...others } = counts;
    expect([invalid + tooLarge, others]).toEqual([COUNT / TOGETHER, {}]);
  }, 120_000);

  test('when one is in one place of a good request, then it is taken or refused, never failed', async () => {
    const counts = await sendAll(4, (index, [text = '']) => ({
      body: { ...good(), ...PLACES[index % PLACES.length]?.(text) },
    }));
    expect(Object.keys(counts)).toEqual(['201', '400']);
    expect(counts[400]).toBeGreaterThan(500);
  }, 120_000);

  test('when they come into a session, then it takes no template of them', async () => {
    await sendAll(5, (index, texts) => {
      const [action, body] = IN_SESSION[index % IN_SESSION.length]?.(texts) ?? ['', {}];
      return { path: `${SESSIONS}/${sessionId}/${action}`, body };
    });
    const session = await lethe.call('GET', `${SESSIONS}/${sessionId}`);
    expect(session.body['status']).toBe('IN_PROGRESS');
  }, 120_000);

  test('when they are names of members, then each is taken or refused', async () => {
    const counts = await sendAll(10, (index, texts) => {
      // A name may come back in a pointer, so that these bring no canary.
      const names = new Set(texts.map((text) => JSON.stringify(text.replaceAll(CANARY, 'name'))));
      const named = JSON.parse(`{${[...names].map((name) => `${name}:"a"`).join(',')}}`) as object;
      const places = [
        { callback: { url: lethe.receiver.url, headers: named } },
        { callback: { url: lethe.receiver.url, ...named } },
        { deviceInfo: named },
        { ...named, ...good() },
      ];
      return { body: { ...good(), ...places[index % places.length] } };
    });
    expect(Object.keys(counts)).toEqual(['201', '400']);
  }, 120_000);

  test('when they are in addresses and headers, then each is answered', async () => {
    const counts = await sendAll(5, (index, [first = '', second = '', third = '', ...last]) => {
      const headers = {
        'x-device-info': asHeader(first),
        accept: asHeader(second),
        [['idempotency-key', 'x-timestamp', 'SLC', 'clientSecret'][index % 4] ?? '']:
          asHeader(third),
      };
      if (index % 2 === 0) return { body: good(), headers };
      const [segment = '', query = ''] = last.map(asSegment);
      return { method: 'GET', path: `${SESSIONS}/${segment}/webhook?q=${query}`, headers };
    });
    expect(counts[200]).toBeUndefined();
  }, 120_000);

  test('when all of them were sent, then the log has one line per event and nothing of them', () => {
    expect(log.text()).not.toContain(CANARY);
    const lines = log.text().trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(COUNT);
    const seen = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(seen.filter(({ level }) => level === 'error')).toEqual([]);
    expect(seen.filter(({ event }) => typeof event !== 'string')).toEqual([]);
  });
});
