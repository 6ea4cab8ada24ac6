// The sending process. Its argument names the way in which it sends: `lethe`, the sender of the service;
// `fetch`, the one of Node, signing with the same functions; `unsigned` and `unsigned fetch`, both without
// their signatures.
import { signWebhook } from '../dist/callbacks/signature.js';
import { createAddressPolicy } from '../dist/outbound/address-policy.js';
import { createWebhookSender } from '../dist/outbound/webhook-sender.js';
import { newMessages, newSecrets, signingKey } from './callbacks-messages.mjs';
import { answerQuestions } from './processes.mjs';
import { profile } from './profile.mjs';
import { perPart, spent } from './timing.mjs';

const DEADLINE_MS = 15_000;
/** Those that the caller wants, and those of every attempt. */
const HEADERS = {
  'user-agent': 'Lethe',
  authorization: 'Bearer YOUR_TOKEN',
  'content-type': 'application/json',
  'webhook-attempt': '1',
  'webhook-attempts-left': '9',
  'webhook-first-attempted-at': new Date().toISOString(),
};

const loopback = { allowHttp: true, ports: [], privateCidrs: ['127.0.0.1/32'] };
const sender = createWebhookSender(createAddressPolicy(loopback));

const WAYS = {
  lethe: async (message) => await send(message, await signed(message)),
  unsigned: async (message) => await send(message, { 'webhook-id': message.deliveryId }),
  fetch: async (message) => await fetchOnce(message, await signed(message)),
  'unsigned fetch': async (message) => {
    return await fetchOnce(message, { 'webhook-id': message.deliveryId });
  },
};

async function fetchOnce({ url, body }, more) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...HEADERS, ...more },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  await response.arrayBuffer();
  return response.status;
}

async function signed({ deliveryId, body }) {
  const secrets = newSecrets();
  const attempt = { deliveryId, attemptedAtMs: Date.now(), body };
  const headers = await signWebhook({ signingKey, secrets }, attempt);
  for (const secret of secrets) secret.wipe();
  return headers;
}

async function send({ url, body }, more) {
  const result = await sender.send({ url, headers: { ...HEADERS, ...more }, body });
  return result.status ?? result.code;
}

/** Sends all, so many at once; every one must be accepted. */
async function sendAll(messages, { inFlight }) {
  const way = WAYS[process.argv[2]];
  let next = 0;
  const lane = async () => {
    while (next < messages.length) {
      const message = messages[next];
      next += 1;
      const status = await way(message);
      if (status !== 204) throw new Error(`a delivery ended with ${status}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

answerQuestions({
  run: async (slice) => {
    const messages = newMessages(slice);
    const total = await spent(() => sendAll(messages, slice));
    const { cpuMicros, wallMicros } = perPart(total, messages.length);
    return { cpuMicros, perSecond: 1_000_000 / wallMicros };
  },
  sign: async ({ count }) => {
    const messages = newMessages({ origins: ['http://127.0.0.1'], count });
    const total = await spent(async () => {
      for (const message of messages) await signed(message);
    });
    return perPart(total, count);
  },
  profile: async ({ path, ...slice }) => {
    const messages = newMessages(slice);
    await profile(path, () => sendAll(messages, slice));
  },
});
