import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ERRORS, type ErrorRow } from '../../src/errors/codes.js';
import type { Messages } from '../../src/http/message-types.js';
import { createValidator } from '../../src/http/validate.js';
import type { ErrorAnswer } from '../../src/lib/messages.js';

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly operationId: string;
  readonly description?: string;
  readonly 'x-lethe-extension'?: boolean;
  readonly responses: Readonly<Record<string, Json>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly webhooks: Readonly<Record<string, { readonly post: Operation & { requestBody: Json } }>>;
  readonly components: {
    readonly responses: Readonly<Record<string, Json>>;
    readonly examples: Readonly<Record<string, { summary: string; value: ErrorAnswer }>>;
  };
}

const root = new URL('../../', import.meta.url);
const api = parse(read('openapi.yaml')) as Document;
const validator = createValidator(new URL('schemas/', root));
const rows = Object.entries<ErrorRow>(ERRORS);
const codes = rows.map(([code]) => code).sort();

const operations = Object.entries(api.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => method !== 'parameters')
    .map(([method, operation]) => ({ path, method, operation })),
);

function read(file: string): string {
  return readFileSync(new URL(file, root), 'utf8');
}

/** Every object anywhere in a document. */
function objectsIn(value: unknown): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Json, ...Object.values(value).flatMap(objectsIn)];
}

/** The statuses under which openapi.yaml lists an error as an answer of an operation. */
function statusesOf(code: string): Set<string> {
  const responses = Object.entries(api.components.responses).filter(([, response]) =>
    objectsIn(response).some((part) => part['$ref'] === `#/components/examples/${code}`),
  );
  const names = new Set(responses.map(([name]) => `#/components/responses/${name}`));
  const answers = operations.flatMap(({ operation }) => Object.entries(operation.responses));
  return new Set(
    answers.flatMap(([status, answer]) => (names.has(String(answer['$ref'])) ? [status] : [])),
  );
}

describe('the error codes', () => {
  test('when openapi.yaml is compared with the table, then both have the same codes', () => {
    expect(Object.keys(api.components.examples).sort()).toEqual(codes);
  });

  test.each(rows)(
    'when %s is an answer, then openapi.yaml shows it as the table has it',
    (code, row) => {
      const example = api.components.examples[code];
      expect(example?.summary).toBe(String(row.status));
      expect(example?.value).toMatchObject({
        status: 'error',
        message: row.message,
        errorCodes: row.contractCodes,
        code,
      });
      const status = String(row.status);
      const statuses = [...statusesOf(code)];
      expect(statuses.length).toBeGreaterThan(0);
      for (const documented of statuses)
        expect([status, `${status.charAt(0)}XX`, 'default']).toContain(documented);
    },
  );

  if (existsSync(new URL('README.md', root))) {
    test('when README.md is compared with the table, then both have the same codes and statuses', () => {
      const lines = read('README.md').matchAll(/^\| *`([A-Z][A-Z_]+)` *\| *(\d{3}) *\|/gm);
      expect([...lines].map(([, code = '', status = '']) => `${code} ${status}`).sort()).toEqual(
        rows.map(([code, { status }]) => `${code} ${String(status)}`).sort(),
      );
    });
  }
});

describe('openapi.yaml', () => {
  test('when an error is shown, then it fits its schema', () => {
    for (const { value } of Object.values(api.components.examples)) {
      expect(() => validator.checkResponse('error', value)).not.toThrow();
    }
  });

  test('when an answer is shown, then it fits the schema that it is shown under', () => {
    const contents = objectsIn(api)
      .filter((part) => part['schema'] !== undefined && part['examples'] !== undefined)
      // A text is its own schema.
      .filter(({ schema }) => objectsIn(schema).some((part) => isSchemaFile(part['$ref'])))
      .map((part) => part as { schema: Json; examples: Record<string, { value?: unknown }> });
    let checked = 0;
    for (const { schema, examples } of contents) {
      const references = objectsIn(schema).map((part) => part['$ref']);
      const files = references.filter(isSchemaFile);
      const names = files.map((file) => file.slice('./schemas/'.length, -'.json'.length));
      for (const { value } of Object.values(examples)) {
        if (value === undefined) continue;
        const fitting = names.filter((name) => fits(name as keyof Messages, value));
        expect({ value, fitting }).toEqual({
          value,
          fitting: expect.arrayContaining([expect.any(String)]),
        });
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(20);
  });

  test('when schemas/ and openapi.yaml are compared, then every message is documented', () => {
    const text = read('openapi.yaml');
    const messages = readdirSync(new URL('schemas/', root));
    const parts = messages.flatMap((file) => [...read(`schemas/${file}`).matchAll(/"\.\/(.*?)"/g)]);
    const used = new Set(parts.map(([, file]) => file));
    const undocumented = messages.filter(
      (file) => !used.has(file) && !text.includes(`./schemas/${file}`),
    );
    // Leaves are served in bundles; queries are documented parameter by parameter.
    expect(undocumented).toEqual([
      'delivery.query.json',
      'log-leaf.json',
      'review.query.json',
      'user.query.json',
    ]);
  });

  test('when an operation is an extension, then its mark and its description agree', () => {
    for (const { operation } of operations) {
      const says = /^Extension[.:]/.test(operation.description ?? '');
      expect([operation.operationId, says]).toEqual([
        operation.operationId,
        operation['x-lethe-extension'] === true,
      ]);
    }
  });

  test('when the endpoints are listed, then each is there under its method', () => {
    const session = '/v2/verification-session/{sessionId}';
    expect(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).sort()).toEqual(
      [
        'POST /v2/verification-session',
        `GET ${session}`,
        `GET ${session}/webhook`,
        `GET ${session}/webhook-payload`,
        ...['cancel', 'result', 'enroll', 'verify', 'sign-in', 'collect', 'feedback', 'img'].map(
          (call) => `POST ${session}/${call}`,
        ),
        'GET /v2/erasures/{erasureId}/receipt',
        'GET /v2/users/{uuid}/biometric-status',
        'GET /v2/audit/entries',
        'GET /v2/deliveries',
        'GET /v2/deliveries/{deliveryId}',
        'POST /v2/deliveries/{deliveryId}/replay',
        'POST /v2/deliveries/replay',
        'POST /v2/deliveries/test',
        'GET /v2/destinations',
        'POST /v2/destinations/enable',
        'GET /log/checkpoint',
        'GET /log/keys',
        'GET /log/tile/{tile}',
        'GET /verify',
        'GET /public-key',
        'GET /launch/{sessionId}',
        'GET /launch/{sessionId}/return',
        'GET /.well-known/jwks.json',
        'GET /health/live',
        'GET /health/ready',
        'GET /v2/health',
        'GET /metrics',
      ].sort(),
    );
    expect(Object.keys(api.webhooks)).toEqual(['testEvent', 'sessionStarted', 'sessionEnded']);
  });
});

function fits(name: keyof Messages, value: unknown): boolean {
  try {
    validator.validate(name, value);
    return true;
  } catch {
    return false;
  }
}

function isSchemaFile(reference: unknown): reference is string {
  return typeof reference === 'string' && reference.startsWith('./schemas/');
}
