import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../src/access/clients.js';
import { createTenant } from '../../src/access/tenants.js';
import { openApplication } from '../../src/application.js';
import type { Subject } from '../../src/biometrics/subject-store.js';
import { readConfig } from '../../src/config/config.js';
import { ApiClient } from '../support/api-client.js';
import { freePort } from '../support/free-port.js';
import type { Credentials } from '../support/lethe.js';
import { Program } from '../support/program.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { ServerProcess } from '../support/server-process.js';
import { type Database, openDatabase } from './database.js';

/** Processes of one installation on one database, each with a folder of its own. */
export class Processes {
  readonly dir = mkdtempSync(join(tmpdir(), 'lethe-ks-'));
  readonly #database: Database;
  readonly #receiver: Receiver;
  readonly #started: (Program | ServerProcess)[] = [];

  private constructor(database: Database, receiver: Receiver) {
    this.#database = database;
    this.#receiver = receiver;
  }

  static async open(): Promise<Processes> {
    return new Processes(await openDatabase(), await startReceiver());
  }

  /** A path in the common folder. */
  path(name: string): string {
    return join(this.dir, name);
  }

  /** `lethe key-service` with its root at this path. */
  async keyService(rootPath: string, ...options: readonly string[]): Promise<Program> {
    const service = await Program.start({
      argv: ['src/cli/main.ts', 'key-service', ...options],
      env: {
        DATA_DIR: this.path('key-service'),
        MONGODB_URI: this.#database.uri,
        ROOT_KEY_PATH: rootPath,
        LOG_LEVEL: 'error',
      },
    });
    this.#started.push(service);
    return service;
  }

  /** An API server that is started; its data folder has its name. */
  async server(name: string, env: Readonly<Record<string, string>>): Promise<ServerProcess> {
    const server = await ServerProcess.on(await freePort(), {
      ...this.#env,
      DATA_DIR: this.path(name),
      ...env,
    });
    this.#started.push(server);
    await server.start();
    return server;
  }

  client({ url }: { url: string }, credentials: Credentials): ApiClient {
    return new ApiClient({ url, credentials, callbackUrl: this.#receiver.url });
  }

  /** A new tenant, made past the servers. */
  async tenant(): Promise<Credentials> {
    return await this.#withStore(async (application) => {
      const deps = { ...application, models: application.config.models };
      const { tenant } = await createTenant(deps, { displayName: 'Test' });
      const { tenantId } = tenant;
      const { client, apiKey, clientSecret } = await createClient(deps, { tenantId });
      return { x_api_key: apiKey, clientID: client.clientId, clientSecret };
    });
  }

  /** Every subject of every tenant, as it is stored. */
  async subjects(): Promise<readonly Subject[]> {
    return await this.#withStore(({ store }) =>
      store.subjects.scanAll({ after: undefined, limit: 1_000 }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.map((process) => process.kill()));
    await this.#receiver.close();
    await this.#database.drop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get #env() {
    return { MONGODB_URI: this.#database.uri, SERVICE_KEY_PATH: this.path('service.key') };
  }

  async #withStore<T>(
    work: (application: Awaited<ReturnType<typeof openApplication>>) => Promise<T>,
  ): Promise<T> {
    const config = readConfig({ ...this.#env, DATA_DIR: this.path('past-the-servers') });
    const application = await openApplication(config);
    try {
      return await work(application);
    } finally {
      await application.close();
    }
  }
}

/** What a process says that ends before it listens. */
export async function refusalOf(start: Promise<unknown>): Promise<string> {
  const refusal = await start.then(
    () => 'it started',
    (error: unknown) => (error as Error).message,
  );
  return refusal.replace(/^.* ended with 1: /, '').trim();
}
