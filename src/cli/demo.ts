import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDemoTenant } from '../access/demo-tenant.js';
import { verifyReceipt } from '../audit/offline/in-node.js';
import { nodePrimitives } from '../audit/offline/node-primitives.js';
import { parseVerifierKey } from '../audit/offline/verifier-key.js';
import { verifyStoredLog } from '../audit/reading/verify-stored-log.js';
import { webhookPublicKeyText } from '../callbacks/signature.js';
import { readConfig } from '../config/config.js';
import { type Context, openContext } from '../context.js';
import { createApp } from '../http/app.js';
import { listen } from '../http/server.js';
import { type Command, readArguments } from './command.js';
import { type DemoReceiver, isWebhookGenuine, startDemoReceiver } from './demo-receiver.js';

/** `lethe demo`: the whole life of a template in one minute, on a store of its own that is thrown away. */
export const demoCommands: readonly Command[] = [
  {
    name: 'demo',
    summary: 'Show enrolment, verification and irrevocable deletion, step by step',
    usage: 'demo\n\nStarts a service and a webhook receiver on loopback with a temporary store.',
    run: async (context, args) => {
      readArguments(args, { positionals: [], options: {} });
      const steps: Step[] = [];
      await runDemo((step) => {
        steps.push(step);
        if (!context.isJson)
          console.log(
            `${steps.length.toString().padStart(2)}. ${step.title}\n    checked: ${step.checked}`,
          );
      });
      context.print({
        text: '\nEverything was checked. Next: npm start',
        json: { steps, ok: true },
      });
    },
  },
];

/** One thing that was done and what was found out about it. */
interface Step {
  readonly title: string;
  readonly checked: string;
}

type Report = (step: Step) => void;

interface Demo {
  readonly url: string;
  readonly receiver: DemoReceiver;
  readonly credentials: {
    apiKey: string;
    clientID: string;
    clientSecret: string;
    webhookSecret: string;
  };
  readonly publicJwk: { kid: string };
}

async function runDemo(report: Report): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lethe-demo-'));
  const receiver = await startDemoReceiver();
  const port = await freePort();
  const url = `http://127.0.0.1:${port.toString()}`;
  const config = readConfig({
    DATA_DIR: dataDir,
    PORT: port.toString(),
    PUBLIC_URL: url,
    LOG_LEVEL: 'error',
    PRIVATE_CALLBACK_CIDRS: '127.0.0.1/32',
    ALLOWED_HTTP_CALLBACKS: '1',
  });
  const context = await openContext(config);
  try {
    const path = join(dataDir, 'demo-credentials.json');
    const deps = { ...context, models: config.models };
    await createDemoTenant(deps, {
      path,
      webhookPublicKey: webhookPublicKeyText(context.signingKey),
    });
    await context.startWorkers();
    const listener = await listen(createApp(context.http), config.http);
    report({
      title: `A service is up on ${url}, a webhook receiver on ${receiver.url}`,
      checked: 'a fresh SQLite store, keys of its own',
    });
    const credentials = JSON.parse(readFileSync(path, 'utf8')) as Demo['credentials'];
    const jwks = (await getJson(`${url}/.well-known/jwks.json`)) as { keys: [{ kid: string }] };
    await tour({ url, receiver, credentials, publicJwk: jwks.keys[0] }, report);
    await listener.close(1_000);
    await checkLog(context, report);
  } finally {
    await context.close();
    await receiver.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function tour(demo: Demo, report: Report): Promise<void> {
  const face = Float32Array.from({ length: 128 }, () => randomBytes(4).readInt32LE() / 2 ** 31);

  const enrolment = await create(demo, { type: 'ENROLL' });
  report({
    title: 'ENROLL: the integrator opened a session',
    checked: `201, launch page at ${String(enrolment['launchUrl'])}`,
  });
  await submit(demo, { sessionId: enrolment.sessionId, action: 'enroll', face });
  const enrolled = await webhook(demo, enrolment.sessionId);
  const uuid = String(enrolled['puid']);
  report({
    title: 'The person’s device sent a template (here: 128 random numbers)',
    checked: `webhook SUCCESS for subject ${uuid}, HMAC and Ed25519 signatures right`,
  });
  report({
    title: 'The browser went back to the integrator',
    checked: await followRedirect(demo, enrolment.sessionId),
  });

  const verification = await create(demo, { type: 'VERIFY', uuid });
  await submit(demo, { sessionId: verification.sessionId, action: 'verify', face });
  const verified = await webhook(demo, verification.sessionId);
  expect(verified['status'] === 'SUCCESS', 'VERIFY succeeds');
  report({ title: 'VERIFY: the same face came again', checked: 'webhook SUCCESS, verified' });

  const deleted = await create(demo, { type: 'DELETE', uuid, auditTag: 'demo' });
  const { status } = deleted['identificationResult'] as { status: string };
  expect(status === 'deleted', 'DELETE answers deleted');
  report({
    title: 'DELETE: the integrator asked for erasure',
    checked: '200, identificationResult.status is deleted',
  });
  await checkReceipt(demo, { receipt: deleted['receipt'], uuid }, report);
  const told = await webhook(demo, deleted.sessionId);
  expect(told['status'] === 'SUCCESS', 'the DELETE webhook says SUCCESS');
  expect(told['receipt'] === deleted['receipt'], 'the webhook carries the same receipt');
  report({
    title: 'The deletion was announced',
    checked: 'webhook SUCCESS after the answer, both signatures right',
  });

  const refused = await post(
    demo,
    '/v2/verification-session',
    requestBody(demo, { type: 'VERIFY', uuid }),
  );
  expect(refused.status === 404, 'VERIFY of an erased subject is a 404');
  report({
    title: 'VERIFY once more: there is nobody to verify',
    checked: '404 SUBJECT_NOT_FOUND, as for a subject that never was',
  });
}

/** With nothing but the key of the log, as an auditor would anywhere. */
async function checkReceipt(
  demo: Demo,
  { receipt, uuid }: { receipt: unknown; uuid: string },
  report: Report,
): Promise<void> {
  const response = await fetch(`${demo.url}/log/keys`);
  const logKeys = (await response.text()).trim().split('\n');
  const verified = await verifyReceipt({ receipt: String(receipt), logKeys, subject: uuid });
  expect(verified.isValid, 'the receipt is valid');
  report({
    title: 'The answer carried a receipt',
    checked: `valid offline, proven: ${verified.proven[0] ?? ''}`,
  });
}

/** Follows the way back and checks the result that it carries. */
async function followRedirect(demo: Demo, sessionId: string): Promise<string> {
  const response = await fetch(`${demo.url}/launch/${sessionId}/return`, { redirect: 'manual' });
  const target = new URL(response.headers.get('location') ?? '');
  const [header = '', payload = '', signature = ''] = (
    target.searchParams.get('result') ?? ''
  ).split('.');
  const key = createPublicKey({ key: { ...demo.publicJwk }, format: 'jwk' });
  const isGenuine = verify(
    null,
    Buffer.from(`${header}.${payload}`),
    key,
    Buffer.from(signature, 'base64url'),
  );
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    sid: string;
    status: string;
  };
  expect(isGenuine && claims.sid === sessionId, 'the redirect carries a signed result');
  return `303 to ${target.origin}${target.pathname}, its own query kept, signed result says ${claims.status}`;
}

async function checkLog(context: Context, report: Report): Promise<void> {
  await context.sequencer.settle();
  const vkeys = (await context.store.logKeys.list()).map(({ vkey }) => vkey);
  const parsed = await Promise.all(
    vkeys.map(async (vkey) => await parseVerifierKey(nodePrimitives, vkey)),
  );
  const logKeys = parsed.filter((key) => key !== undefined);
  const result = await verifyStoredLog(context.store.log, { logKeys });
  expect(result.problemCount === 0, 'the log verifies');
  report({
    title: 'Every step stands in the log',
    checked: `${result.leaves.toString()} leaves, tree and signatures right, no name in it`,
  });
}

async function create(
  demo: Demo,
  body: object,
): Promise<Record<string, unknown> & { sessionId: string }> {
  const { status, body: answer } = await post(
    demo,
    '/v2/verification-session',
    requestBody(demo, body),
  );
  expect(status < 300, `the service answers ${JSON.stringify(answer)}`);
  return { ...answer, sessionId: String(answer['sessionId']) };
}

function requestBody(demo: Demo, body: object): object {
  return {
    redirectURL: 'https://integrator.example/done?order=7',
    callback: { url: demo.receiver.url },
    ...body,
  };
}

async function submit(
  demo: Demo,
  template: { sessionId: string; action: string; face: Float32Array },
): Promise<void> {
  const path = `/v2/verification-session/${template.sessionId}`;
  const session = (await getJson(`${demo.url}${path}`)) as { challenge: { nonce: string } };
  const embedding = Buffer.from(template.face.buffer).toString('base64');
  const body = { model: 'dlib-resnet-v1', embedding, nonce: session.challenge.nonce };
  const { status } = await post(demo, `${path}/${template.action}`, body);
  expect(status === 200, 'the template is accepted');
}

async function webhook(demo: Demo, sessionId: string): Promise<Record<string, unknown>> {
  const received = await demo.receiver.webhookOf(sessionId);
  const { webhookSecret } = demo.credentials;
  expect(
    isWebhookGenuine(received, { webhookSecret, publicJwk: demo.publicJwk }),
    'the webhook is signed',
  );
  return JSON.parse(received.body.toString()) as Record<string, unknown>;
}

async function post(
  demo: Demo,
  path: string,
  body: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { apiKey, clientID, clientSecret } = demo.credentials;
  const response = await fetch(`${demo.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', x_api_key: apiKey, clientID, clientSecret },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function getJson(url: string): Promise<unknown> {
  return await (await fetch(url)).json();
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`this should hold and does not: ${what}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
