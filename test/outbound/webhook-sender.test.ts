import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAddressPolicy } from '../../src/outbound/address-policy.js';
import { type ClosableSender, createWebhookSender } from '../../src/outbound/webhook-sender.js';
import { selfSignedCertificate } from '../support/certificate.js';
import { type Behaviour, type Receiver, startReceiver } from '../support/receiver.js';

const policy = createAddressPolicy({
  allowHttp: true,
  ports: [443],
  privateCidrs: ['127.0.0.1/32'],
});
const body = Buffer.from('{"message":"grüße"}');

describe('the webhook sender', () => {
  let receiver: Receiver;
  let sender: ClosableSender;

  beforeEach(async () => {
    receiver = await startReceiver();
    sender = createWebhookSender(policy, { deadlineMs: 1_500 });
  });
  afterEach(async () => {
    await sender.close();
    await receiver.close();
  });

  async function send(path = '/webhook'): ReturnType<ClosableSender['send']> {
    return await sender.send({ url: receiver.origin + path, headers: { 'x-a': '1' }, body });
  }

  test('when a webhook is sent, then the exact bytes, path and headers arrive by POST', async () => {
    expect(await send('/in?token=a%20b#f')).toEqual({ kind: 'answered', status: 200 });
    const [request] = receiver.received;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe('/in?token=a%20b');
    expect(request?.headers).toMatchObject({ 'x-a': '1', 'content-length': '21' });
    expect(request?.body.equals(body)).toBe(true);
  });

  test.each([201, 204, 400, 404, 410, 500, 503])(
    'when %d is answered, then that is the result',
    async (status) => {
      receiver.behave({ status });
      expect(await send()).toEqual({ kind: 'answered', status });
    },
  );

  test('when a redirect is answered, then it is not followed', async () => {
    const other = await startReceiver();
    receiver.behave({ status: 307, headers: { location: other.url } });
    expect(await send()).toEqual({ kind: 'answered', status: 307 });
    expect(other.received).toHaveLength(0);
    await other.close();
  });

  test.each([
    ['120', 120],
    ['0', 0],
    ['soon', undefined],
    ['-1', undefined],
    [new Date(Date.now() + 100_000).toUTCString(), expect.any(Number)],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
  ])('when Retry-After is %s, then the seconds are %p', async (value, seconds) => {
    receiver.behave({ status: 503, headers: { 'retry-after': value } });
    expect(await send()).toEqual({
      kind: 'answered',
      status: 503,
      ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
    });
  });

  test.each<[string, object]>([
    ['abort-message', { isAborted: true }],
    ['abort', {}],
  ])('when webhook-delivery is %s, then the answer says %j', async (value, said) => {
    receiver.behave({ status: 500, headers: { 'webhook-delivery': value } });
    expect(await send()).toEqual({ kind: 'answered', status: 500, ...said });
  });

  test.each<[Behaviour, string]>([
    ['hang', 'TIMEOUT'],
    ['reset', 'RESET'],
    ['garbage', 'PROTOCOL'],
    [{ status: 200, headers: { 'x-big': 'x'.repeat(20_000) } }, 'RESPONSE_TOO_LARGE'],
  ])('when the receiver does %j, then the code is %s', async (behaviour, code) => {
    receiver.behave(behaviour);
    expect(await send()).toEqual({ kind: 'failed', code });
    receiver.behave({ status: 200 });
    expect(await send()).toEqual({ kind: 'answered', status: 200 });
  });

  test.each<Behaviour>(['drip', 'cut'])(
    'when the body does %s after the status, then the status counts',
    async (behaviour) => {
      receiver.behave(behaviour);
      expect(await send()).toEqual({ kind: 'answered', status: 200 });
    },
  );

  test('when the answer has no end, then the status counts and the rest is not read', async () => {
    receiver.behave('huge');
    expect(await send()).toEqual({ kind: 'answered', status: 200 });
    // What the kernel buffers on both ends, not what a sender without limit would read.
    expect(receiver.bytesAnswered()).toBeLessThan(20 * 1_048_576);
  });

  test('when several are sent one after the other, then connections are used again', async () => {
    for (let count = 0; count < 20; count += 1) await send();
    expect(receiver.connections()).toBeLessThanOrEqual(2);
  });

  test('when the address is not allowed now, then nothing is connected', async () => {
    const strict = createWebhookSender(
      createAddressPolicy({ allowHttp: true, ports: [443], privateCidrs: [] }),
    );
    const message = { url: receiver.url, headers: {}, body };
    expect(await strict.send(message)).toEqual({ kind: 'failed', code: 'BLOCKED_ADDRESS' });
    await strict.close();
    expect(receiver.connections()).toBe(0);
  });

  test('when a name leads to a private address by attempt time, then nothing is connected', async () => {
    const rebound = createWebhookSender(policy, {
      lookup: (_host, _options, done) => {
        setImmediate(done, null, [{ address: '127.0.0.2', family: 4 }]);
      },
    });
    const url = `http://hooks.example:${receiver.port}/`;
    expect(await rebound.send({ url, headers: {}, body })).toEqual({
      kind: 'failed',
      code: 'BLOCKED_ADDRESS',
    });
    await rebound.close();
    expect(receiver.connections()).toBe(0);
  });

  test('when a header cannot be sent, then it fails without an exception', async () => {
    const message = { url: receiver.url, headers: { 'x-a': 'b\r\nhost: c' }, body };
    expect(await sender.send(message)).toEqual({ kind: 'failed', code: 'PROTOCOL' });
    const unparsable = { url: 'not a url', headers: {}, body };
    expect(await sender.send(unparsable)).toEqual({ kind: 'failed', code: 'BLOCKED_ADDRESS' });
  });

  test('when one destination hangs, then another is served', async () => {
    const slow = await startReceiver();
    slow.behave('hang');
    const hanging = Array.from({ length: 64 }, async () =>
      sender.send({ url: slow.url, headers: {}, body }),
    );
    // Each has a connection of its own: how many are under way is for the worker to bound.
    await slow.waitFor(64);
    const healthy = await Promise.all(Array.from({ length: 50 }, async () => send()));
    expect(new Set(healthy.map((result) => JSON.stringify(result)))).toEqual(
      new Set(['{"kind":"answered","status":200}']),
    );
    for (const result of await Promise.all(hanging)) {
      expect(result).toEqual({ kind: 'failed', code: 'TIMEOUT' });
    }
    await slow.close();
  });

  test('when the sender is closed, then what is under way and what follows fails with CLOSED', async () => {
    receiver.behave('hang');
    const underWay = send();
    await receiver.waitFor(1);
    await sender.close();
    expect(await underWay).toEqual({ kind: 'failed', code: 'CLOSED' });
    expect(await send()).toEqual({ kind: 'failed', code: 'CLOSED' });
  });

  test('when the receiver speaks https with a known authority, then it is sent', async () => {
    const certificate = selfSignedCertificate('localhost');
    const secure = await startReceiver({ tls: certificate });
    const trusting = createWebhookSender(policy, { ca: certificate.cert });
    const message = { url: secure.url, headers: {}, body };
    expect(await trusting.send(message)).toEqual({ kind: 'answered', status: 200 });
    expect(await sender.send(message)).toEqual({ kind: 'failed', code: 'TLS' });
    expect(secure.received).toHaveLength(1);
    await trusting.close();
    await secure.close();
  });
});
