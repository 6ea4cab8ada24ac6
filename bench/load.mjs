// The load: a fixed list of requests, sent by a number of clients that each wait for their answer
// before they send the next. Every client has a connection of its own, open before the measurement.
import { Pool } from 'undici';
import { answerQuestions } from './processes.mjs';

let pool;
let clients = 0;

async function open({ origin, clients: count }) {
  pool = new Pool(origin, { connections: count, pipelining: 1 });
  clients = count;
  const greetings = Array.from({ length: count }, async () => {
    const response = await pool.request({ method: 'GET', path: '/health/live' });
    await response.body.dump();
  });
  await Promise.all(greetings);
}

async function run({ requests, headers, expectedStatus, keepBodies = false }) {
  const latenciesMs = [];
  const bodies = [];
  const unexpected = new Map();
  let next = 0;

  async function client() {
    while (next < requests.length) {
      const index = next;
      next += 1;
      const { method, path, body } = requests[index];
      const sentAtMs = performance.now();
      const response = await pool.request({ method, path, body, headers });
      const text = await response.body.text();
      latenciesMs.push(performance.now() - sentAtMs);
      if (response.statusCode !== expectedStatus) unexpected.set(response.statusCode, text);
      if (keepBodies) bodies[index] = text;
    }
  }

  const startedAtMs = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  const durationMs = performance.now() - startedAtMs;
  if (unexpected.size > 0) {
    throw new Error(`answers other than ${expectedStatus}: ${JSON.stringify([...unexpected])}`);
  }
  if (latenciesMs.length !== requests.length) throw new Error('some requests had no answer');
  return { durationMs, latenciesMs, bodies };
}

answerQuestions({
  open,
  run,
  close: async () => {
    await pool.close();
  },
});
