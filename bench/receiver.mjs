// Receives the webhooks and counts them, each delivery once.
import { createServer } from 'node:http';
import { answerQuestions } from './processes.mjs';

const deliveryIds = new Set();
let requests = 0;

const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    requests += 1;
    deliveryIds.add(request.headers['webhook-id']);
    response.writeHead(204).end();
  });
});

const listening = new Promise((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve(server.address().port));
});

answerQuestions({
  port: () => listening,
  counts: () => ({ deliveries: deliveryIds.size, requests }),
});
