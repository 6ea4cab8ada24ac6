import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encoded, face } from '../support/embeddings.js';
import { freePort } from '../support/free-port.js';
import { eventually } from '../support/lethe.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { ServerProcess } from '../support/server-process.js';

const PATIENCE_MS = 60_000;
const CLIENTS = 8;
/** Each round is killed in the middle of its work, after so many deletions. */
const KILLS_AFTER_DELETIONS = [3, 6, 12];

let server: ServerProcess;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  server = await ServerProcess.on(await freePort());
  await server.start();
}, 60_000);
afterAll(async () => {
  await server.close();
  await receiver.close();
});

interface Outcome {
  readonly enrolled: Set<string>;
  readonly deleted: Set<string>;
  readonly attempted: Set<string>;
  /** Sessions whose end was acknowledged: each must reach the receiver. */
  readonly ended: Set<string>;
}

describe('kill -9 during load', () => {
  test('when the service is killed again and again, then no acknowledged effect is lost and every webhook arrives', async () => {
    const outcome: Outcome = {
      enrolled: new Set(),
      deleted: new Set(),
      attempted: new Set(),
      ended: new Set(),
    };
    for (const [round, deletions] of KILLS_AFTER_DELETIONS.entries()) {
      const enough = outcome.deleted.size + deletions;
      let isRunning = true;
      const clients = Array.from({ length: CLIENTS }, async (_, client) => {
        for (let count = 0; isRunning; count += 1) {
          await live(`r${String(round)}-c${String(client)}-n${String(count)}`, outcome).catch(
            () => undefined,
          );
        }
      });
      await eventually(() => outcome.deleted.size >= enough || undefined, PATIENCE_MS);
      await server.kill();
      isRunning = false;
      await Promise.all(clients);
      await server.start();
    }
    for (const uuid of outcome.enrolled) {
      const isGone = (await create({ type: 'VERIFY', uuid })).status === 404;
      // An unanswered DELETE may have happened or not; an answered one has, an unasked one has not.
      if (outcome.deleted.has(uuid)) expect([uuid, isGone]).toEqual([uuid, true]);
      else if (!outcome.attempted.has(uuid)) expect([uuid, isGone]).toEqual([uuid, false]);
      else if (!isGone) expect((await create({ type: 'DELETE', uuid })).status).toBe(200);
    }
    for (const sessionId of outcome.ended) {
      const copies = await eventually(() => {
        const found = receiver.received.filter(({ body }) => body.includes(sessionId));
        return found.length > 0 ? found : undefined;
      }, PATIENCE_MS);
      expect(new Set(copies.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    }
  }, 120_000);

  test('when it is asked to stop, then it finishes and exits with 0', async () => {
    expect(await server.stop()).toBe(0);
  });
});

/** One subject: enrolled, and half of them deleted. */
async function live(uuid: string, outcome: Outcome): Promise<void> {
  const enrolment = await create({ type: 'ENROLL', uuid });
  const { nonce } = (await call('GET', String(enrolment.body['sessionId']))).body['challenge'] as {
    nonce: string;
  };
  const template = { model: 'dlib-resnet-v1', embedding: encoded(face(uuid)), nonce };
  const enrolled = await call('POST', `${String(enrolment.body['sessionId'])}/enroll`, template);
  if (enrolled.status !== 200) return;
  outcome.enrolled.add(uuid);
  outcome.ended.add(String(enrolment.body['sessionId']));
  if (uuid.length % 2 === 0 && Math.random() < 0.2) return;
  outcome.attempted.add(uuid);
  // An enrolment's webhook that is still queued is dropped with the subject.
  outcome.ended.delete(String(enrolment.body['sessionId']));
  const deleted = await create({ type: 'DELETE', uuid });
  if (deleted.status !== 200) return;
  outcome.deleted.add(uuid);
  outcome.ended.add(String(deleted.body['sessionId']));
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function create(body: object): Promise<Answer> {
  return await call('POST', '', {
    redirectURL: 'https://app.example/done',
    callback: { url: receiver.url },
    ...body,
  });
}

async function call(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(
    `${server.url}/v2/verification-session${path === '' ? '' : `/${path}`}`,
    {
      method,
      headers: { 'content-type': 'application/json', ...server.credentials },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    },
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
