import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ServiceError } from '../../src/errors/service-error.js';
import { type CanonicalBody, canonicalBody } from '../../src/http/aliases.js';
import { createValidator } from '../../src/http/validate.js';

interface Fixture {
  readonly name: string;
  readonly source: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expect: {
    readonly status: number;
    readonly code?: string;
    readonly pointer?: string;
    readonly subject?: string;
    readonly body?: { readonly type?: string };
  };
}

const SCHEMAS = {
  ENROLL: 'enroll.request',
  VERIFY: 'verify.request',
  'SIGN-IN': 'sign-in.request',
  DELETE: 'delete.request',
} as const;

const validator = createValidator(new URL('../../schemas/', import.meta.url));
const fixtures = JSON.parse(
  readFileSync(new URL('../fixtures/contract/public-clients.json', import.meta.url), 'utf8'),
) as Fixture[];

function accept(body: unknown): CanonicalBody {
  const canonical = canonicalBody(body);
  validator.validate(SCHEMAS[canonical.type], canonical.body, canonical.spelling);
  return canonical;
}

function refusal(body: unknown): ServiceError {
  try {
    accept(body);
  } catch (error) {
    if (error instanceof ServiceError) return error;
  }
  throw new Error('the body was accepted');
}

describe('the bodies of the documentation and of public clients', () => {
  const refused = fixtures.filter((fixture) => fixture.expect.code === 'VALIDATION_FAILED');
  const accepted = fixtures.filter((fixture) => !refused.includes(fixture));

  test.each(refused)('when $name arrives, then it is refused at $expect.pointer', (fixture) => {
    const error = refusal(fixture.body);
    expect(error.code).toBe('VALIDATION_FAILED');
    expect(error.problems.map(({ pointer }) => pointer)).toEqual([fixture.expect.pointer]);
  });

  test.each(accepted)('when $name arrives, then the schema accepts it', (fixture) => {
    const { body, spelledType } = accept(fixture.body);
    const { subject, body: answer } = fixture.expect;
    if (subject !== undefined) expect(body['uuid']).toBe(subject);
    if (answer?.type !== undefined) expect(spelledType).toBe(answer.type);
  });

  test('when the list is read, then it has every client and both outcomes', () => {
    expect(refused.length).toBeGreaterThan(4);
    expect(accepted.length).toBeGreaterThan(8);
    expect(new Set(fixtures.map(({ name }) => name)).size).toBe(fixtures.length);
  });
});
