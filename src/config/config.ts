import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { DAY_MS, SECOND_MS } from '../lib/clock.js';
import type { VariableName } from './env.js';
import { readVaultConfig, type VaultConfig } from './vault-config.js';

/** Similarity from which two templates of a model count as one person. */
export interface MatchThresholds {
  readonly verify: number;
  readonly signIn: number;
}

/** A face model whose templates the service accepts. */
export interface ModelConfig {
  readonly dimension: number;
  readonly thresholds: MatchThresholds;
}

/** Which addresses webhooks and redirects may go to. */
export interface EgressConfig {
  readonly allowHttp: boolean;
  readonly ports: readonly number[];
  /** Private networks that callbacks may reach nevertheless, as CIDR texts. */
  readonly privateCidrs: readonly string[];
}

/** The transparency log. */
export interface LogConfig {
  /** Its name when it is made: first line of every checkpoint. Later the log keeps the one it has. */
  readonly origin: string;
  /** C2SP tlog-policy: which witnesses there are, and which of them a checkpoint needs. */
  readonly witnessPolicyPath: string | undefined;
  /** How long review records and the claims of receipts outlive the month that they belong to. */
  readonly reviewRetentionMonths: number;
}

/** Everything that can be set, checked and typed; holds no secret. */
export interface Config {
  readonly isProduction: boolean;
  readonly logLevel: LogLevel;
  readonly dataDir: string;
  readonly mongodbUri: string | undefined;
  readonly serviceKeyPath: string;
  readonly vault: VaultConfig;
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly publicUrl: string;
    /** How many proxies in front of the service are trusted to name the client's address. */
    readonly trustedProxies: number;
    readonly deleteRateLimit: number;
    readonly authFailureRateLimit: number;
    readonly isPickerShown: boolean;
    readonly redirectWaitMs: number;
  };
  readonly egress: EgressConfig;
  /** Waiting time before each attempt of a delivery. */
  readonly deliveryScheduleMs: readonly number[];
  readonly retentionMs: number;
  readonly log: LogConfig;
  readonly models: Readonly<Record<string, ModelConfig>>;
}

const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A variable that stops the start: its name and the reason, in one sentence. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(variable: VariableName, reason: string) {
    super(`${variable} ${reason}`);
  }
}

type Given = Partial<Record<VariableName, string>>;

/** Checks the environment and fills in the defaults. Throws {@link ConfigError}. */
export function readConfig(env: Given): Config {
  const isProduction =
    oneOf(env, 'NODE_ENV', ['development', 'test', 'production'], 'development') === 'production';
  const dataDir = resolve(env.DATA_DIR ?? 'data');
  const port = integer(env, 'PORT', { fallback: 3000, min: 0, max: 65_535 });
  const allowHttp = flag(env, 'ALLOWED_HTTP_CALLBACKS');
  const isPickerShown = flag(env, 'LAUNCH_PAGE_PICKER');
  if (isProduction && isPickerShown)
    throw new ConfigError(
      'LAUNCH_PAGE_PICKER',
      'is for development and refused when NODE_ENV is production',
    );
  return {
    isProduction,
    logLevel: oneOf(env, 'LOG_LEVEL', LOG_LEVELS, 'info'),
    dataDir,
    mongodbUri: mongodbUri(env),
    serviceKeyPath: resolve(env.SERVICE_KEY_PATH ?? join(dataDir, 'service.key')),
    vault: readVaultConfig(env, {
      rootKeyPath: resolve(env.ROOT_KEY_PATH ?? join(dataDir, 'root.key')),
      refuse: (variable, reason) => {
        throw new ConfigError(variable, reason);
      },
    }),
    http: {
      host: env.HOST ?? '127.0.0.1',
      port,
      publicUrl: publicUrl(env, { port, isProduction }),
      trustedProxies: integer(env, 'TRUST_PROXY', { fallback: 0, min: 0, max: 10 }),
      deleteRateLimit: integer(env, 'DELETE_RATE_LIMIT', { fallback: 3, min: 1, max: 1_000_000 }),
      authFailureRateLimit: integer(env, 'AUTH_FAILURE_RATE_LIMIT', {
        fallback: 1_000,
        min: 1,
        max: 1_000_000,
      }),
      isPickerShown,
      redirectWaitMs:
        integer(env, 'REDIRECT_WAIT_SECONDS', { fallback: 5, min: 0, max: 30 }) * SECOND_MS,
    },
    egress: { allowHttp, ports: ports(env), privateCidrs: cidrs(env) },
    deliveryScheduleMs: schedule(env),
    retentionMs: integer(env, 'RETENTION_DAYS', { fallback: 30, min: 1, max: 3_650 }) * DAY_MS,
    log: {
      origin: logOrigin(env, publicUrl(env, { port, isProduction })),
      witnessPolicyPath: env.WITNESS_POLICY_PATH && resolve(env.WITNESS_POLICY_PATH),
      reviewRetentionMonths: integer(env, 'REVIEW_RETENTION_MONTHS', {
        fallback: 12,
        min: 1,
        max: 120,
      }),
    },
    models: models(env),
  };
}

function flag(env: Given, name: VariableName): boolean {
  return oneOf(env, name, ['0', '1'], '0') === '1';
}

function oneOf<T extends string>(
  env: Given,
  name: VariableName,
  values: readonly T[],
  fallback: T,
): T {
  const given = env[name] ?? fallback;
  const value = values.find((candidate) => candidate === given);
  if (value === undefined) throw new ConfigError(name, `must be one of ${values.join(', ')}`);
  return value;
}

function integer(
  env: Given,
  name: VariableName,
  range: { fallback: number; min: number; max: number },
): number {
  const text = env[name];
  if (text === undefined) return range.fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= range.min && value <= range.max)) {
    throw new ConfigError(
      name,
      `must be a whole number from ${range.min.toString()} to ${range.max.toString()}`,
    );
  }
  return value;
}

function mongodbUri(env: Given): string | undefined {
  const uri = env.MONGODB_URI;
  if (uri !== undefined && !/^mongodb(\+srv)?:\/\//.test(uri)) {
    throw new ConfigError('MONGODB_URI', 'must begin with mongodb:// or mongodb+srv://');
  }
  return uri;
}

function publicUrl(env: Given, base: { port: number; isProduction: boolean }): string {
  const text = env.PUBLIC_URL ?? `http://localhost:${base.port.toString()}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigError('PUBLIC_URL', 'must be an http or https address');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new ConfigError('PUBLIC_URL', 'must be an origin: no path, query, fragment or user name');
  }
  if (base.isProduction && url.protocol !== 'https:') {
    throw new ConfigError(
      'PUBLIC_URL',
      'must be given and begin with https:// when NODE_ENV is production',
    );
  }
  return url.origin;
}

/** C2SP tlog-tiles: where the log is served, without the scheme. */
function logOrigin(env: Given, publicUrl: string): string {
  const origin = env.LOG_ORIGIN ?? `${new URL(publicUrl).host}/log`;
  if (!/^[A-Za-z0-9._:[\]-]+(?:\/[A-Za-z0-9._-]+)*$/.test(origin) || origin.length > 200) {
    throw new ConfigError(
      'LOG_ORIGIN',
      'must be an address without scheme, such as lethe.example.com/log, of at most 200 characters',
    );
  }
  return origin;
}

function ports(env: Given): readonly number[] {
  const numbers = list(env.ALLOWED_CALLBACK_PORTS ?? '443,8443').map((text) =>
    /^\d{1,5}$/.test(text) ? Number(text) : 0,
  );
  if (numbers.length === 0 || numbers.some((port) => port < 1 || port > 65_535)) {
    throw new ConfigError(
      'ALLOWED_CALLBACK_PORTS',
      'must be a comma list of ports from 1 to 65535',
    );
  }
  return numbers;
}

function cidrs(env: Given): readonly string[] {
  const networks = list(env.PRIVATE_CALLBACK_CIDRS ?? '');
  if (!networks.every(isCidr)) {
    throw new ConfigError(
      'PRIVATE_CALLBACK_CIDRS',
      'must be a comma list of networks such as 127.0.0.1/32',
    );
  }
  return networks;
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}

function schedule(env: Given): readonly number[] {
  const fallback = '0,5,300,1800,7200,18000,36000,50400,72000,86400';
  const seconds = list(env.DELIVERY_SCHEDULE_SECONDS ?? fallback).map(Number);
  if (seconds.length === 0 || seconds.some((delay) => !(delay >= 0 && delay <= 604_800))) {
    throw new ConfigError(
      'DELIVERY_SCHEDULE_SECONDS',
      'must be a comma list of waiting times from 0 to 604800',
    );
  }
  return seconds.map((delay) => delay * SECOND_MS);
}

/**
 * Models that every installation knows. The starting thresholds of dlib-resnet-v1 stand for the
 * Euclidean limit of 0.4 between unit vectors that is in common use (cosine 0.92), and a stricter
 * one for 1:N; they were not measured here.
 */
const MODELS: Readonly<Record<string, ModelConfig>> = {
  'dlib-resnet-v1': { dimension: 128, thresholds: { verify: 0.92, signIn: 0.95 } },
};

/** MATCH_THRESHOLDS: comma list of `model:verify:signIn`. */
function models(env: Given): Readonly<Record<string, ModelConfig>> {
  const changed = list(env.MATCH_THRESHOLDS ?? '').map((text) => {
    const [name = '', verify = '', signIn = '', ...rest] = text.split(':');
    const model = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined;
    const thresholds = { verify: Number(verify), signIn: Number(signIn) };
    const areValid = [thresholds.verify, thresholds.signIn].every(
      (value) => value > 0 && value <= 1,
    );
    if (model === undefined || rest.length > 0 || !areValid) {
      throw new ConfigError(
        'MATCH_THRESHOLDS',
        'must be a comma list of model:verify:signIn with similarities from 0 to 1',
      );
    }
    return [name, { ...model, thresholds }] as const;
  });
  return { ...MODELS, ...Object.fromEntries(changed) };
}

function list(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
