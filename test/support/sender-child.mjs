// Sends one webhook and prints the outcome, in a process with an environment of its own:
// node sender-child.mjs URL
import { createAddressPolicy } from '../../src/outbound/address-policy.ts';
import { createWebhookSender } from '../../src/outbound/webhook-sender.ts';

const [, , url] = process.argv;
const policy = createAddressPolicy({
  allowHttp: false,
  ports: [443],
  privateCidrs: ['127.0.0.1/32'],
});
const sender = createWebhookSender(policy);
const result = await sender.send({ url, headers: {}, body: new Uint8Array(2) });
await sender.close();
process.stdout.write(JSON.stringify(result));
