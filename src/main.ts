import { join } from 'node:path';
import { createDemoTenant, isDemoLive } from './access/demo-tenant.js';
import { LogRolledBackError } from './audit/kept-head.js';
import { webhookPublicKeyText } from './callbacks/signature.js';
import { ConfigError, readConfig } from './config/config.js';
import { readEnv } from './config/env.js';
import { SecretsError } from './config/secrets.js';
import { type Context, openContext } from './context.js';
import { createApp } from './http/app.js';
import type { Listener } from './http/listener.js';
import { listen } from './http/server.js';
import { SECOND_MS } from './lib/clock.js';
import { MongoStartError } from './store/mongo/connection.js';
import { DataDirLockedError, lockDataDir } from './store/sqlite/data-dir.js';
import { SchemaError } from './store/sqlite/schema.js';
import { WrongKeyError } from './vault/installation.js';
import { RootStoreError } from './vault/roots/root-store.js';
import { VaultError } from './vault/vault-error.js';

const STOP_GRACE_MS = 10 * SECOND_MS;

/** Errors whose message is all that an operator needs. */
const FORESEEN = [
  ConfigError,
  DataDirLockedError,
  LogRolledBackError,
  MongoStartError,
  RootStoreError,
  SchemaError,
  SecretsError,
  VaultError,
  WrongKeyError,
];

/** Starts the service; a signal stops it after what is under way was finished. */
async function main(): Promise<void> {
  const config = readConfig(readEnv());
  // With MongoDB any number of processes may serve; a data directory has one.
  const lock = config.mongodbUri === undefined ? lockDataDir(config.dataDir) : undefined;
  const context = await openContext(config);
  const demoCredentialsPath = await prepareDemo(context);
  const listener = await serve(context);
  announce(context, { port: listener.port, demoCredentialsPath });

  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    await listener.close(STOP_GRACE_MS);
    await context.close();
    lock?.release();
  };
  context.whenFenced
    .then((error) => {
      console.error(`lethe stops: ${error.message}`);
      process.exitCode = 1;
      return stop();
    })
    .catch(fail);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop().catch(fail);
    });
  }
}

async function serve(context: Context): Promise<Listener> {
  try {
    await context.startWorkers();
    return await listen(createApp(context.http), context.config.http);
  } catch (error) {
    await context.close();
    throw error;
  }
}

/** Credentials in a file are fine on a laptop and nowhere else. Returns where they were written. */
async function prepareDemo(context: Context): Promise<string | undefined> {
  const { config, signingKey } = context;
  const deps = { ...context, models: config.models };
  if (config.isProduction) {
    if (!(await isDemoLive(deps))) return undefined;
    throw new ConfigError(
      'NODE_ENV',
      'is production, but the demo client is live; revoke it first with `lethe client revoke`',
    );
  }
  const path = join(config.dataDir, 'demo-credentials.json');
  const webhookPublicKey = webhookPublicKeyText(signingKey);
  return (await createDemoTenant(deps, { path, webhookPublicKey })) ? path : undefined;
}

function announce(
  context: Context,
  at: { port: number; demoCredentialsPath: string | undefined },
): void {
  const { host, publicUrl } = context.config.http;
  if (at.demoCredentialsPath !== undefined) {
    console.log(`demo credentials written to ${at.demoCredentialsPath}`);
    console.log(`try it:\n${curlLine(at.demoCredentialsPath, publicUrl)}`);
  }
  console.log(
    `listening on http://${host === '127.0.0.1' ? 'localhost' : host}:${at.port.toString()}`,
  );
}

/** A first request that works as it stands: it opens a session in which somebody can enrol. */
function curlLine(path: string, publicUrl: string): string {
  const value = (name: string): string => `$(node -p "require('${path}').${name}")`;
  const body = {
    type: 'ENROLL',
    redirectURL: 'https://example.com/done',
    callback: { url: 'https://example.com/webhook' },
  };
  return [
    `curl -sS ${publicUrl}/v2/verification-session`,
    `-H "x_api_key: ${value('apiKey')}" -H "clientID: ${value('clientID')}" -H "clientSecret: ${value('clientSecret')}"`,
    `-H 'content-type: application/json' -d '${JSON.stringify(body)}'`,
  ].join(' ');
}

/** One clear sentence for what the operator can mend, the whole error for what nobody foresaw. */
function fail(error: unknown): void {
  const foreseen = FORESEEN.find((kind) => error instanceof kind);
  console.error(
    foreseen === undefined ? error : `lethe cannot start: ${String(error).replace(/^\w+: /, '')}`,
  );
  process.exitCode = 1;
}

main().catch(fail);
