import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ClosableWitnessChannel,
  createWitnessChannel,
} from '../../src/outbound/witness-channel.js';
import { selfSignedCertificate } from '../support/certificate.js';
import { freePort } from '../support/free-port.js';
import { type Behaviour, type Receiver, startReceiver } from '../support/receiver.js';

const body = Buffer.from('old 0\n\nlog.example/log\n');
const never = new AbortController().signal;

describe('the channel to witnesses', () => {
  let receiver: Receiver;
  let channel: ClosableWitnessChannel;

  beforeEach(async () => {
    receiver = await startReceiver();
    channel = createWitnessChannel({ deadlineMs: 1_000 });
  });
  afterEach(async () => {
    await channel.close();
    await receiver.close();
  });

  async function submit(url = `${receiver.origin}/w/add-checkpoint`) {
    return await channel.submit(url, body, never);
  }

  test('when a body is submitted, then its exact bytes arrive by POST at the path, and the answer comes back', async () => {
    receiver.behave({ status: 409, headers: { 'content-type': 'text/x.tlog.size' } });
    expect(await submit()).toEqual({ status: 409, contentType: 'text/x.tlog.size', body: 'ok' });
    const [request] = receiver.received;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe('/w/add-checkpoint');
    expect(request?.body.equals(body)).toBe(true);
  });

  test('when the answer has no media type, then it is empty', async () => {
    expect(await submit()).toEqual({ status: 200, contentType: '', body: 'ok' });
  });

  test('when a redirect is answered, then it is not followed', async () => {
    const other = await startReceiver();
    receiver.behave({ status: 307, headers: { location: other.url } });
    expect((await submit()).status).toBe(307);
    expect(other.received).toHaveLength(0);
    await other.close();
  });

  test.each<[Behaviour, string]>([
    ['hang', 'TIMEOUT'],
    ['drip', 'TIMEOUT'],
    [{ status: 200, delayMs: 1_500 }, 'TIMEOUT'],
    ['reset', 'BROKEN_OFF'],
    ['cut', 'BROKEN_OFF'],
    ['garbage', 'PROTOCOL'],
    ['huge', 'TOO_LONG'],
  ])(
    'when the witness does %j, then the code is %s within the deadline',
    async (behaviour, code) => {
      receiver.behave(behaviour);
      const beganMs = Date.now();
      await expect(submit()).rejects.toMatchObject({ code });
      expect(Date.now() - beganMs).toBeLessThan(2_500);
      receiver.behave({ status: 200 });
      expect((await submit()).status).toBe(200);
    },
  );

  test('when the answer has no end, then little more than 16 KiB of it is read', async () => {
    receiver.behave('huge');
    await expect(submit()).rejects.toMatchObject({ code: 'TOO_LONG' });
    // What the kernel buffers on both ends, not what a reader without limit would take.
    expect(receiver.bytesAnswered()).toBeLessThan(20 * 1_048_576);
  });

  test.each([
    'http://witness.example/add-checkpoint',
    'http://192.0.2.1/add-checkpoint',
    'http://127.0.0.1.example/add-checkpoint',
    'http://[::2]/add-checkpoint',
    'http://0.0.0.0/add-checkpoint',
    'https://user:password@witness.example/add-checkpoint',
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'witness.example',
    '',
  ])('when the address is %j, then nothing is connected', async (url) => {
    await expect(submit(url)).rejects.toMatchObject({ code: 'ADDRESS' });
  });

  test.each(['127.0.0.1', 'localhost'])(
    'when plain http goes to %s, then it is sent',
    async (host) => {
      expect((await submit(`http://${host}:${receiver.port.toString()}/`)).status).toBe(200);
    },
  );

  test.each(['127.0.0.9', '[::1]'])(
    'when nobody listens on %s, then the code says that it was tried',
    async (host) => {
      const url = `http://${host}:${(await freePort()).toString()}/`;
      await expect(submit(url)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    },
  );

  test('when the witness speaks https, then its certificate counts', async () => {
    const certificate = selfSignedCertificate('localhost');
    const secure = await startReceiver({ tls: certificate });
    await expect(submit(secure.url)).rejects.toMatchObject({ code: 'CERTIFICATE' });
    expect(secure.received).toHaveLength(0);
    const trusting = createWitnessChannel({ ca: certificate.cert });
    expect((await trusting.submit(secure.url, body, never)).status).toBe(200);
    const elsewhere = secure.url.replace('localhost', '127.0.0.1');
    await expect(trusting.submit(elsewhere, body, never)).rejects.toMatchObject({
      code: 'CERTIFICATE',
    });
    await trusting.close();
    await secure.close();
  });

  test('when the caller gives up, then the call ends at once', async () => {
    receiver.behave('hang');
    const giving = new AbortController();
    const call = channel.submit(receiver.url, body, giving.signal);
    const ended = call.catch((error: unknown) => error);
    await receiver.waitFor(1);
    giving.abort();
    expect(await ended).toMatchObject({ code: 'CLOSED' });
  });

  test('when the channel is closed, then what is under way and what follows rejects with CLOSED', async () => {
    receiver.behave('hang');
    const call = submit();
    const ended = call.catch((error: unknown) => error);
    await receiver.waitFor(1);
    await channel.close();
    expect(await ended).toMatchObject({ code: 'CLOSED' });
    await expect(submit()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('when one witness hangs, then another is served on connections that are used again', async () => {
    const slow = await startReceiver();
    slow.behave('hang');
    const hanging = submit(slow.url).catch((error: unknown) => error);
    for (let count = 0; count < 20; count += 1) expect((await submit()).status).toBe(200);
    expect(receiver.connections()).toBeLessThanOrEqual(2);
    expect(await hanging).toMatchObject({ code: 'TIMEOUT' });
    await slow.close();
  });
});
