// A webhook receiver with Express. Start it from a clone of Lethe, beside the service:
//   WEBHOOK_SECRET=whsec_… PORT=8080 node examples/receiver/server.mjs
// The secret is `webhookSecret` in data/demo-credentials.json, or what `lethe tenant create` printed.
import express from 'express';
import { verify, WebhookError } from 'lethe/webhook';

const secrets = (process.env.WEBHOOK_SECRET ?? '').split(',').filter(Boolean);
const port = Number(process.env.PORT ?? 8080);

/** Stands for your database: record the id in the transaction of what you do. */
const done = new Map();

const app = express();
app.disable('x-powered-by');

// The exact bytes are signed: no JSON parser before the check.
app.post(
  '/webhook',
  express.raw({ type: 'application/json', limit: '1mb' }),
  async (request, response) => {
    const isKnown = (webhookId) => done.has(webhookId);
    try {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const webhook = await verify(request.headers, body, { secrets }, { isKnown });
      if (!webhook.isDuplicate) act(webhook);
      response.sendStatus(204);
    } catch (error) {
      if (!(error instanceof WebhookError)) throw error;
      console.error(`refused: ${error.code}`);
      response.status(400).json({ error: error.code });
    }
  },
);

/** Names nobody: what arrives is personal data and belongs in no log. */
function act({ webhookId, event }) {
  done.set(webhookId, event.sessionId);
  const receipt = event.receipt === undefined ? '' : ', keep its receipt';
  console.log(`accepted: ${event.type} ${event.status}${receipt}`);
}

const server = app.listen(port, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhook`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.close());
