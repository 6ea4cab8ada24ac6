import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import * as formats from 'ajv-formats';
import { ServiceError } from '../errors/service-error.js';
import type { Messages } from './message-types.js';
import { toProblems } from './problems.js';

/** In a body with more values than this, only the first problem is told: telling all costs more. */
const MAX_VALUES_FOR_ALL = 1_000;

/** Checks messages against the files of schemas/, by the file's name without `.json`. */
export interface Validator {
  /**
   * The value as its type. Throws VALIDATION_FAILED with at most ten problems; `spelling` maps
   * pointers to the names that the caller used (see canonicalBody).
   */
  validate<Name extends keyof Messages>(
    name: Name,
    value: unknown,
    spelling?: ReadonlyMap<string, string>,
  ): Messages[Name];
  /** The value again. Throws INTERNAL: an answer that breaks the contract must not leave. */
  checkResponse<Name extends keyof Messages>(name: Name, value: Messages[Name]): Messages[Name];
}

/** Reads and compiles every schema of the directory once; a faulty schema stops the start. */
export function createValidator(schemasDir: URL | string): Validator {
  const schemas = readSchemas(schemasDir);
  const firstError = register(schemas, { allErrors: false, validateSchema: true });
  // Compiled when a message of that kind is refused for the first time.
  const allErrors = register(schemas, { allErrors: true, validateSchema: false });
  for (const file of schemas.keys()) firstError.getSchema(file);

  function errorsOf(name: string, value: unknown): readonly ErrorObject[] {
    const first = errorsBy(firstError, name, value);
    const isTold = first.length === 0 || !hasAtMost(MAX_VALUES_FOR_ALL, value);
    return isTold ? first : errorsBy(allErrors, name, value);
  }

  return {
    validate(name, value, spelling) {
      const errors = errorsOf(name, value);
      if (errors.length > 0) {
        throw new ServiceError('VALIDATION_FAILED', { problems: toProblems(errors, spelling) });
      }
      return value as Messages[typeof name];
    },
    checkResponse(name, value) {
      const errors = errorsOf(name, value);
      if (errors.length > 0) {
        const places = toProblems(errors).map(({ pointer, message }) => `${pointer} ${message}`);
        throw new ServiceError('INTERNAL', { detail: `${name}: ${places.join('; ')}` });
      }
      return value;
    },
  };
}

type Schemas = ReadonlyMap<string, object>;

function readSchemas(schemasDir: URL | string): Schemas {
  const directory = typeof schemasDir === 'string' ? schemasDir : fileURLToPath(schemasDir);
  const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
  return new Map(
    files.map((file) => [file, JSON.parse(readFileSync(join(directory, file), 'utf8')) as object]),
  );
}

function register(
  schemas: Schemas,
  options: { allErrors: boolean; validateSchema: boolean },
): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    ...options,
  });
  formats.default.default(ajv, ['date-time']);
  ajv.addKeyword('x-lethe-extension');
  // The file name is the base that `$ref: ./other.json` is resolved against.
  for (const [file, schema] of schemas) ajv.addSchema(schema, file);
  return ajv;
}

function errorsBy(ajv: Ajv2020, name: string, value: unknown): readonly ErrorObject[] {
  const check = ajv.getSchema(`${name}.json`);
  if (check === undefined) throw new Error(`there is no schema ${name}`);
  return check(value) ? [] : (check.errors ?? []);
}

function hasAtMost(limit: number, value: unknown): boolean {
  const waiting: unknown[] = [value];
  for (let count = 0; waiting.length > 0; count += 1) {
    if (count === limit) return false;
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const inner of Object.values(next)) waiting.push(inner);
  }
  return true;
}
