import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../src/access/clients.js';
import type { ClientScope } from '../../src/access/tenant.js';
import { createTenant, type TenantOptions } from '../../src/access/tenants.js';
import type { Overrides } from '../../src/application.js';
import { readConfig } from '../../src/config/config.js';
import type { VariableName } from '../../src/config/env.js';
import { type Context, openContext } from '../../src/context.js';
import { createApp } from '../../src/http/app.js';
import type { Listener } from '../../src/http/listener.js';
import { listen } from '../../src/http/server.js';
import { TestClock } from './clock.js';
import { testDatabase } from './database.js';
import { encoded } from './embeddings.js';
import { freePort } from './free-port.js';
import { type Receiver, startReceiver } from './receiver.js';

/** Headers of a client that may do everything. */
export interface Credentials {
  readonly x_api_key: string;
  readonly clientID: string;
  readonly clientSecret: string;
}

export interface TestTenant {
  readonly tenantId: string;
  readonly credentials: Credentials;
  readonly webhookSecret: string;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** The real service on a loopback port, with the real store under test and a real receiver. */
export class TestLethe {
  readonly clock = new TestClock();
  readonly receiver: Receiver;
  readonly url: string;
  readonly #env: Partial<Record<VariableName, string>>;
  readonly #overrides: Overrides;
  readonly #database: Awaited<ReturnType<typeof testDatabase>>;
  #context: Context | undefined;
  #listener: Listener | undefined;

  private constructor(parts: {
    receiver: Receiver;
    url: string;
    env: Partial<Record<VariableName, string>>;
    overrides: Overrides;
    database: Awaited<ReturnType<typeof testDatabase>>;
  }) {
    this.receiver = parts.receiver;
    this.url = parts.url;
    this.#env = parts.env;
    this.#overrides = parts.overrides;
    this.#database = parts.database;
  }

  static async start(
    options: { env?: Partial<Record<VariableName, string>>; overrides?: Overrides } = {},
  ): Promise<TestLethe> {
    const port = await freePort();
    const url = `http://127.0.0.1:${String(port)}`;
    const database = await testDatabase();
    const lethe = new TestLethe({
      receiver: await startReceiver(),
      url,
      database,
      overrides: options.overrides ?? {},
      env: {
        DATA_DIR: mkdtempSync(join(tmpdir(), 'lethe-test-')),
        PORT: String(port),
        PUBLIC_URL: url,
        LOG_LEVEL: 'error',
        PRIVATE_CALLBACK_CIDRS: '127.0.0.1/32',
        ALLOWED_HTTP_CALLBACKS: '1',
        DELIVERY_SCHEDULE_SECONDS: '0,0.2,0.2,0.5,1',
        ...(database.mongodbUri !== undefined && { MONGODB_URI: database.mongodbUri }),
        ...options.env,
      },
    });
    await lethe.open();
    return lethe;
  }

  get context(): Context {
    if (this.#context === undefined) throw new Error('the service is stopped');
    return this.#context;
  }

  async open(): Promise<void> {
    const config = readConfig(this.#env);
    this.#context = await openContext(config, { clock: this.clock, ...this.#overrides });
    await this.#context.startWorkers();
    this.#listener = await listen(createApp(this.#context.http), config.http);
  }

  /** Stops the service; its data stays for another open(). */
  async stop(): Promise<void> {
    await this.#listener?.close(1_000);
    await this.#context?.close();
    this.#listener = undefined;
    this.#context = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.receiver.close();
    await this.#database.drop();
    rmSync(this.#env.DATA_DIR ?? '', { recursive: true, force: true });
  }

  async tenant(
    settings: TenantOptions & { displayName?: string; scopes?: readonly ClientScope[] } = {},
  ): Promise<TestTenant> {
    const { store, sealer, pepper, clock, reviews, config } = this.context;
    const deps = { store, sealer, pepper, clock, reviews, models: config.models };
    const { scopes = [], ...policy } = settings;
    const { tenant, webhookSecret } = await createTenant(deps, { displayName: 'Test', ...policy });
    const { client, apiKey, clientSecret } = await createClient(deps, {
      tenantId: tenant.tenantId,
      scopes,
    });
    return {
      tenantId: tenant.tenantId,
      webhookSecret,
      credentials: { x_api_key: apiKey, clientID: client.clientId, clientSecret },
    };
  }

  async call(
    method: string,
    path: string,
    request: { headers?: object; body?: unknown; text?: string } = {},
  ): Promise<TestAnswer> {
    const text =
      request.text ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const response = await fetch(`${this.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(text !== undefined && { 'content-type': 'application/json' }),
        ...(request.headers as Record<string, string>),
      },
      ...(text !== undefined && { body: text }),
    });
    const answer = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? (JSON.parse(answer) as Record<string, unknown>) : { text: answer },
    };
  }

  /** POST /v2/verification-session with a callback to the receiver. */
  async create(tenant: TestTenant, body: object, headers: object = {}): Promise<TestAnswer> {
    return await this.call('POST', '/v2/verification-session', {
      headers: { ...tenant.credentials, ...headers },
      body: {
        redirectURL: 'https://app.example/done?keep=1#top',
        callback: { url: this.receiver.url, headers: { authorization: 'Bearer receiver' } },
        ...body,
      },
    });
  }

  /** Sends a template into a session, with the session's nonce. */
  async submit(sessionId: unknown, action: string, embedding: Float32Array): Promise<TestAnswer> {
    const session = await this.call('GET', `/v2/verification-session/${String(sessionId)}`);
    const { nonce } = (session.body['challenge'] ?? {}) as { nonce?: string };
    return await this.call('POST', `/v2/verification-session/${String(sessionId)}/${action}`, {
      body: { model: 'dlib-resnet-v1', embedding: encoded(embedding), nonce: nonce ?? 'none' },
    });
  }

  /** Enrols a face and returns the session id. */
  async enroll(tenant: TestTenant, uuid: string, embedding: Float32Array): Promise<string> {
    const created = await this.create(tenant, { type: 'ENROLL', uuid });
    const { sessionId } = created.body;
    const enrolled = await this.submit(sessionId, 'enroll', embedding);
    if (enrolled.status !== 200)
      throw new Error(`enrolment failed: ${JSON.stringify(enrolled.body)}`);
    return String(sessionId);
  }

  /** Whether a face passes as a subject. */
  async verifies(tenant: TestTenant, uuid: string, embedding: Float32Array): Promise<boolean> {
    const created = await this.create(tenant, { type: 'VERIFY', uuid });
    if (created.status !== 201) return false;
    const answer = await this.submit(created.body['sessionId'], 'verify', embedding);
    return answer.body['success'] === true;
  }

  /** The body of a session's webhook, once the receiver has it. */
  async webhook(sessionId: unknown): Promise<Record<string, unknown>> {
    const request = await eventually(() =>
      this.receiver.received.find(({ body }) => body.includes(String(sessionId))),
    );
    return JSON.parse(request.body.toString()) as Record<string, unknown>;
  }
}

/** Waits until a look finds something; fails after ten seconds, or as long as is said. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  limitMs = 10_000,
): Promise<T> {
  const untilMs = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > untilMs) throw new Error(`it did not happen in ${String(limitMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
