import { Writable } from 'node:stream';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ServiceError } from '../../src/errors/service-error.js';
import { createWatch, type Watch } from '../../src/watch/events.js';
import { createLog } from '../../src/watch/log.js';
import { Captured } from './captured.js';

const CANARY = 'jane.doe@example.com';
const UUID = '550e8400-e29b-41d4-a716-446655440000';
const TOKEN = 'c2VjcmV0LXRva2VuLTAxMjM0NTY3ODk';
const clock = { nowMs: () => Date.UTC(2026, 2, 1, 10) };
let stream: Captured;
let watch: Watch;

beforeEach(() => {
  stream = new Captured();
  watch = createWatch({ level: 'debug', stream, clock });
});

function expectNoCanary(): void {
  for (const canary of [CANARY, 'jane', UUID, TOKEN]) {
    expect(stream.text.toLowerCase()).not.toContain(canary.toLowerCase());
  }
}

describe('the log', () => {
  test('when something happens, then one line of JSON tells it, fields in their order', async () => {
    watch.requestAnswered({
      requestId: 'r-1',
      method: 'POST',
      route: '/v2/verification-session',
      status: 201,
      durationMs: 3.14159,
    });
    await watch.flush();
    expect(stream.text).toBe(
      '{"at":"2026-03-01T10:00:00.000Z","level":"info","event":"requestAnswered","requestId":"r-1",' +
        '"method":"POST","route":"/v2/verification-session","status":201,"durationMs":3.142}\n',
    );
  });

  test.each(['/log/tile/*tile', '/v2/users/:uuid/biometric-status', '/.well-known/jwks.json'])(
    'when the route is %s, then the log has its pattern',
    async (route) => {
      const answered = { requestId: UUID, method: 'GET', status: 200, durationMs: 1 };
      watch.requestAnswered({ ...answered, route });
      await watch.flush();
      expect(stream.lines[0]).toMatchObject({ route });
    },
  );

  test('when a call brings fields that a line does not have, then they do not come out, however deep', async () => {
    const planted = {
      event: 'sessionCreated',
      tenantId: 'demo',
      uuid: UUID,
      email: CANARY,
      body: { embedding: TOKEN, person: { name: 'Jane' } },
      headers: { authorization: `Bearer ${TOKEN}` },
      message: CANARY,
      level: CANARY,
      at: CANARY,
      splat: [CANARY],
      [Symbol.for('message')]: CANARY,
      [Symbol.for('splat')]: [{ email: CANARY }],
      toJSON: () => ({ email: CANARY }),
    };
    createLog({ level: 'debug', stream, clock }).write('info', planted);
    watch.sessionEnded({ type: 'VERIFY', state: 'SUCCESS', sessionId: 's-1', ...planted });
    await watch.flush();
    expect(stream.lines).toEqual([
      { at: '2026-03-01T10:00:00.000Z', level: 'info', event: 'sessionCreated', tenantId: 'demo' },
      {
        at: '2026-03-01T10:00:00.000Z',
        level: 'info',
        event: 'sessionEnded',
        tenantId: 'demo',
        sessionId: 's-1',
        state: 'SUCCESS',
        type: 'VERIFY',
      },
    ]);
    expectNoCanary();
  });

  test('when a field has a value of another form, then the value does not come out', async () => {
    const bent = {
      event: CANARY,
      requestId: CANARY,
      tenantId: { toString: () => CANARY },
      sessionId: `${UUID}?name=${CANARY}`,
      deliveryId: [CANARY],
      type: CANARY,
      state: `${CANARY}\n{"forged":1}`,
      worker: CANARY,
      code: CANARY,
      status: CANARY,
      method: `GET /${CANARY}`,
      route: `/v2/users/${UUID}`,
      durationMs: CANARY,
      attempt: [CANARY],
      count: Number.NaN,
      witness: CANARY,
      size: [CANARY],
      outcome: `https://hooks.example/${TOKEN}`,
      error: CANARY,
      detail: { person: CANARY },
      stack: [CANARY, { at: CANARY }],
    };
    createLog({ level: 'debug', stream, clock }).write('info', bent as never);
    await watch.flush();
    const { at: _at, level: _level, stack, ...others } = stream.lines[0] ?? {};
    expect(new Set(Object.values(others))).toEqual(new Set(['[dropped]']));
    expect(Object.keys(others)).toHaveLength(20);
    expect(stack).toEqual(['[dropped]', '[dropped]']);
    expectNoCanary();
  });

  test('when an unexpected error quotes what it choked on, then the log has its name, code and place, not its message', async () => {
    const messages = [
      `Unexpected token in JSON: {"email":"${CANARY}","uuid":"${UUID}"}`,
      `first line\n    at ${CANARY} (/app/${UUID}.js:1:1)\n    at Jane (file:///jane.js:1:1)`,
      '',
    ];
    for (const message of messages) {
      const cause = Object.assign(new RangeError(message), {
        code: 11000,
        keyValue: { uuid: UUID },
      });
      const error = Object.assign(new TypeError(message, { cause }), {
        code: 'ERR_SOMETHING',
        request: { body: CANARY },
      });
      watch.requestFailed({ requestId: 'r-1', code: 'INTERNAL', error });
    }
    await watch.flush();
    expect(stream.lines).toHaveLength(3);
    for (const line of stream.lines) {
      expect(line).toMatchObject({
        level: 'error',
        event: 'requestFailed',
        code: 'INTERNAL',
        error: 'TypeError ERR_SOMETHING < RangeError 11000',
      });
      expect(String(line['stack'])).toContain('log.test.ts');
      expect(line).not.toHaveProperty('detail');
    }
    expectNoCanary();
  });

  test('when what was thrown has canaries in name, code or is no error at all, then they do not come out', async () => {
    const odd = Object.assign(new Error('x'), { name: CANARY, code: CANARY });
    for (const error of [odd, CANARY, { email: CANARY }, undefined]) {
      watch.workerFailed({ worker: 'housekeeping', error });
    }
    await watch.flush();
    expect(stream.lines.map(({ error }) => error)).toEqual([
      'Error',
      'thrown string',
      'thrown object',
      'thrown undefined',
    ]);
    expectNoCanary();
  });

  test('when the service itself says why, then the sentence comes out without identifiers', async () => {
    const detail = `the subject ${UUID} of ${CANARY}\nhas the key ${TOKEN}; see mongodb://u:jane@h/db`;
    const error = new ServiceError('UNAVAILABLE', { detail });
    watch.requestFailed({ requestId: 'r-1', code: error.code, error });
    await watch.flush();
    expect(stream.lines[0]).toMatchObject({
      error: 'ServiceError UNAVAILABLE',
      detail: 'the subject [cut] of [cut] has the key [cut]; see [cut]',
    });
    expect(stream.lines[0]).not.toHaveProperty('stack');
    expectNoCanary();
  });

  test('when an error is its own cause, then the line ends all the same', async () => {
    const error = new Error('x');
    error.cause = error;
    watch.workerFailed({ worker: 'sequencer', error });
    await watch.flush();
    expect(stream.lines[0]?.['error']).toBe('Error < Error < Error');
  });

  test('when a witness is spoken of, then it is by the name of its key, if that is an address', async () => {
    watch.witnessConflicted({ witness: 'witness.example:8443/w1' });
    watch.witnessFailed({ witness: `${CANARY}/w1`, outcome: 'TIMEOUT' });
    watch.witnessCosigned({ size: 7 });
    await watch.flush();
    const [conflicted, failed, cosigned] = stream.lines;
    expect(conflicted).toMatchObject({ level: 'error', witness: 'witness.example:8443/w1' });
    expect(failed).toMatchObject({ level: 'warn', witness: '[dropped]', outcome: 'TIMEOUT' });
    expect(cosigned).toMatchObject({ level: 'debug', size: 7 });
    expectNoCanary();
  });

  test('when the level is higher, then lesser lines are not written, but counted', async () => {
    const quiet = createWatch({ level: 'error', stream, clock });
    quiet.entriesSequenced({ count: 7 });
    quiet.authenticationRefused({ requestId: 'r-1', code: 'UNAUTHENTICATED' });
    await watch.flush();
    expect(stream.text).toBe('');
    expect(await quiet.metricsText()).toContain('lethe_audit_entries_total 7\n');
  });

  test('when the reader is slow, then flushing waits until it has every line', async () => {
    let taken = '';
    const slow = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        taken += chunk.toString();
        setTimeout(done, 2);
      },
    });
    const patient = createWatch({ level: 'info', stream: slow });
    for (let index = 0; index < 20; index += 1) patient.erasureCompleted({ tenantId: 'demo' });
    await patient.flush();
    expect(taken.split('\n')).toHaveLength(21);
  });
});
