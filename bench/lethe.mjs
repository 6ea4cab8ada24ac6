// One Lethe under measurement: its start, the requests of each operation, and when it is idle again.
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { startProcess } from './processes.mjs';

const SESSIONS_PATH = '/v2/verification-session';
const IDLE_LIMIT_MS = 30_000;
/** Two conditions, because each has an index: a scan would take the processor from the server. */
const PENDING_DELIVERIES = ['IS NULL', 'IS NOT NULL'].map(
  (lease) => `deliveries WHERE state = 'pending' AND leaseId ${lease}`,
);

/** Starts the built service as `npm start` does, with a data directory of its own. */
export async function startLethe({ name, dir, receiverPort, sendsWebhooks }) {
  const dataDir = join(dir, name);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const log = openSync(join(dir, `${name}.log`), 'w', 0o600);
  const server = startProcess('../dist/main.js', {
    preload: ['./probe.mjs', ...(sendsWebhooks ? [] : ['./unsent.mjs'])],
    stdout: log,
    env: {
      DATA_DIR: dataDir,
      PORT: String(port),
      PUBLIC_URL: origin,
      PRIVATE_CALLBACK_CIDRS: '127.0.0.1/32',
      ALLOWED_HTTP_CALLBACKS: '1',
      MONGODB_URI: '',
    },
  });
  closeSync(log);
  await untilServing(server, origin);
  const database = new Database(join(dataDir, 'lethe.db'), { readonly: true });
  const { apiKey, clientID, clientSecret } = JSON.parse(
    readFileSync(join(dataDir, 'demo-credentials.json'), 'utf8'),
  );
  return {
    server,
    origin,
    database,
    sendsWebhooks,
    headers: {
      'content-type': 'application/json',
      x_api_key: apiKey,
      clientID,
      clientSecret,
    },
    callbackUrl: `http://127.0.0.1:${receiverPort}/webhook`,
    stop: async () => {
      database.close();
      await server.stop();
    },
  };
}

export function newSubjects(count) {
  return Array.from({ length: count }, () => ({ uuid: randomUUID(), embedding: newEmbedding() }));
}

/** POST /v2/verification-session with a body like the documented one, laid out as it is there. */
export function createRequest({ callbackUrl, type, uuid }) {
  const body = {
    type,
    redirectURL: 'https://your-app.com/deletion-callback',
    callback: { url: callbackUrl, headers: { authorization: 'Bearer YOUR_TOKEN' } },
    uuid,
    transactionID: 'txn-delete-445566',
    deviceInfo: { os: 'Windows 11', model: 'Dell XPS 15', resolution: '1920x1080' },
    auditTag: 'user-initiated-deletion',
    sessionExpiry: 600,
  };
  return { method: 'POST', path: SESSIONS_PATH, body: JSON.stringify(body, null, 2) };
}

export function readRequest({ sessionId }) {
  return { method: 'GET', path: `${SESSIONS_PATH}/${sessionId}` };
}

/** The in-session call with the template of a subject. */
export function submitRequest({ session, embedding, action }) {
  const body = { embedding, model: 'dlib-resnet-v1', nonce: session.challenge.nonce };
  return {
    method: 'POST',
    path: `${SESSIONS_PATH}/${session.sessionId}/${action}`,
    body: JSON.stringify(body),
  };
}

/**
 * Waits until nothing that the requests caused is left to do: every audit entry is in the chain,
 * every webhook was answered and that is recorded.
 */
export async function untilIdle({ database, sendsWebhooks }) {
  const waiting = ['pendingEntries', ...(sendsWebhooks ? PENDING_DELIVERIES : [])].map((rows) =>
    database.prepare(`SELECT EXISTS (SELECT 1 FROM ${rows})`).pluck(),
  );
  const givenUpAtMs = Date.now() + IDLE_LIMIT_MS;
  while (waiting.some((query) => query.get() === 1)) {
    if (Date.now() > givenUpAtMs) throw new Error('Lethe still works 30 s after the last answer');
    await pause(20);
  }
}

function newEmbedding() {
  const numbers = Float32Array.from({ length: 128 }, () => Math.random() - 0.5);
  return Buffer.from(numbers.buffer).toString('base64');
}

async function untilServing(server, origin) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (!server.isRunning()) break;
    const isLive = await fetch(`${origin}/health/live`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isLive) return;
    await pause(50);
  }
  throw new Error('Lethe did not start');
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
