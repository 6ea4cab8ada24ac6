import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase } from './database.js';
import type { Credentials } from './lethe.js';
import { Program } from './program.js';

/** The service as its operators run it: a process of its own, which can be killed. */
export class ServerProcess {
  readonly dataDir: string;
  readonly url: string;
  readonly #env: Record<string, string>;
  readonly #database: Awaited<ReturnType<typeof testDatabase>>;
  #program: Program | undefined;

  private constructor(
    port: number,
    database: Awaited<ReturnType<typeof testDatabase>>,
    env: Record<string, string>,
  ) {
    this.dataDir = env['DATA_DIR'] ?? mkdtempSync(join(tmpdir(), 'lethe-process-'));
    this.url = `http://127.0.0.1:${String(port)}`;
    this.#database = database;
    this.#env = {
      DATA_DIR: this.dataDir,
      PORT: String(port),
      PUBLIC_URL: this.url,
      LOG_LEVEL: 'warn',
      PRIVATE_CALLBACK_CIDRS: '127.0.0.1/32',
      ALLOWED_HTTP_CALLBACKS: '1',
      DELIVERY_SCHEDULE_SECONDS: '0,0.2,0.5,1,2,2',
      ...(database.mongodbUri !== undefined && { MONGODB_URI: database.mongodbUri }),
      ...env,
    };
  }

  static async on(port: number, env: Record<string, string> = {}): Promise<ServerProcess> {
    return new ServerProcess(port, await testDatabase(), env);
  }

  get credentials(): Credentials {
    const text = readFileSync(join(this.dataDir, 'demo-credentials.json'), 'utf8');
    const { apiKey, clientID, clientSecret } = JSON.parse(text) as Record<string, string>;
    return { x_api_key: apiKey ?? '', clientID: clientID ?? '', clientSecret: clientSecret ?? '' };
  }

  /** Starts the process and waits for its `listening on` line. */
  async start(): Promise<void> {
    this.#program = await Program.start({ argv: ['src/main.ts'], env: this.#env });
  }

  /** Ends the process at once, as a power failure would. */
  async kill(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    await program?.kill();
  }

  /** Asks the process to stop and returns its exit code. */
  async stop(): Promise<number | null> {
    const program = this.#program;
    this.#program = undefined;
    return (await program?.stop()) ?? null;
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#database.drop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
