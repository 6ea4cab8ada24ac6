import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApiClient } from '../support/api-client.js';
import { freePort } from '../support/free-port.js';
import { eventually } from '../support/lethe.js';
import { Program } from '../support/program.js';
import { ServerProcess } from '../support/server-process.js';

let server: ServerProcess;
let receiver: Program;
let receiverUrl: string;

beforeAll(async () => {
  server = await ServerProcess.on(await freePort());
  await server.start();
  const port = await freePort();
  receiverUrl = `http://127.0.0.1:${port.toString()}/webhook`;
  const credentials = readFileSync(join(server.dataDir, 'demo-credentials.json'), 'utf8');
  const { webhookSecret } = JSON.parse(credentials) as { webhookSecret: string };
  const env = { PORT: port.toString(), WEBHOOK_SECRET: webhookSecret };
  receiver = await Program.start({ argv: ['examples/receiver/server.mjs'], env });
}, 60_000);
afterAll(async () => {
  await receiver.stop();
  await server.close();
});

test('when the example receives what the service sends, then it accepts each webhook once and logs nobody', async () => {
  const { url, credentials } = server;
  const client = new ApiClient({ url, credentials, callbackUrl: receiverUrl });
  expect((await client.enroll('ada')).status).toBe(200);
  expect((await client.delete('ada')).status).toBe(200);
  await eventually(() => receiver.output.includes('accepted: DELETE') || undefined);
  expect(receiver.output.match(/^accepted: .*$/gm)).toEqual([
    'accepted: ENROLL SUCCESS',
    'accepted: DELETE SUCCESS, keep its receipt',
  ]);
  expect(receiver.output).not.toMatch(/refused|ada/);
}, 60_000);

test('when somebody else posts to it, then it refuses and goes on', async () => {
  const headers = {
    'content-type': 'application/json',
    'webhook-id': 'forged',
    'webhook-timestamp': Math.floor(Date.now() / 1_000).toString(),
    'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
  };
  const answer = await fetch(receiverUrl, {
    method: 'POST',
    headers,
    body: '{"status":"SUCCESS"}',
  });
  expect([answer.status, await answer.json()]).toEqual([400, { error: 'SIGNATURE_INVALID' }]);
  const bare = await fetch(receiverUrl, { method: 'POST', body: 'x' });
  expect(bare.status).toBe(400);
});
