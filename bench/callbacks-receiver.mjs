// Receives webhooks on as many ports as it is asked for, and notes when each delivery arrived first.
import { createServer } from 'node:http';
import { answerQuestions } from './processes.mjs';

const arrivals = new Map();
const servers = [];
let requests = 0;
/** Ports that take a request and never answer. */
let hanging = new Set();

function onRequest(request, response) {
  request.resume();
  request.once('end', () => {
    requests += 1;
    const id = request.headers['webhook-id'];
    if (!arrivals.has(id)) arrivals.set(id, performance.timeOrigin + performance.now());
    if (!hanging.has(request.socket.localPort)) response.writeHead(204).end();
  });
}

async function listen() {
  const server = createServer({ keepAliveTimeout: 60_000 }, onRequest);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return server.address().port;
}

answerQuestions({
  ports: async ({ count }) => {
    while (servers.length < count) await listen();
    return servers.slice(0, count).map((server) => server.address().port);
  },
  hang: ({ ports }) => {
    hanging = new Set(ports);
    // Whoever was kept waiting is let go.
    if (ports.length === 0) for (const server of servers) server.closeAllConnections();
  },
  counts: () => ({ deliveries: arrivals.size, requests }),
  arrivals: ({ ids }) => ids.map((id) => arrivals.get(id)),
});
