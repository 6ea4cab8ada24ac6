import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A webhook as it arrived. */
export interface ReceivedWebhook {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What an integrator runs: a small server that takes webhooks. */
export interface DemoReceiver {
  readonly url: string;
  /** The webhook of a session, as soon as it is there. */
  webhookOf(sessionId: string): Promise<ReceivedWebhook>;
  close(): Promise<void>;
}

const WAIT_MS = 15_000;

export async function startDemoReceiver(): Promise<DemoReceiver> {
  const received: ReceivedWebhook[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port.toString()}/webhook`,
    webhookOf: async (sessionId) => {
      const untilMs = Date.now() + WAIT_MS;
      while (Date.now() < untilMs) {
        const found = received.find(({ body }) => body.includes(sessionId));
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error('the webhook did not arrive');
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Checks a webhook as a receiver should, with nothing of Lethe's: Standard Webhooks v1 and v1a. */
export function isWebhookGenuine(
  webhook: ReceivedWebhook,
  keys: { webhookSecret: string; publicJwk: object },
): boolean {
  const { headers, body } = webhook;
  const id = String(headers['webhook-id']);
  const timestamp = String(headers['webhook-timestamp']);
  const signatures = String(headers['webhook-signature']).split(' ');
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const secret = Buffer.from(keys.webhookSecret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', secret).update(signed).digest();
  const publicKey = createPublicKey({ key: { ...keys.publicJwk }, format: 'jwk' });
  const isSymmetricRight = signatures
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice(3), 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
  const isAsymmetricRight = signatures
    .filter((signature) => signature.startsWith('v1a,'))
    .some((signature) =>
      verify(null, signed, publicKey, Buffer.from(signature.slice(4), 'base64')),
    );
  return isSymmetricRight && isAsymmetricRight;
}
