import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Problem } from '../errors/service-error.js';

const MAX_PROBLEMS = 10;
/** Names that an answer may repeat; longer and stranger ones end the pointer at their parent. */
const PLAIN_SEGMENT = /^[A-Za-z0-9_.~:-]{1,64}$/;

/**
 * What ajv found, as places and sentences for the caller: one per place, at most ten, and never
 * with a value of the request. `spelling` gives back the names that the caller wrote.
 */
export function toProblems(
  errors: readonly ErrorObject[],
  spelling: ReadonlyMap<string, string> = new Map(),
): Problem[] {
  const problems = new Map<string, Problem>();
  for (const error of errors) {
    if (problems.size === MAX_PROBLEMS) break;
    // Told by the propertyNames error that follows.
    if (error.propertyName !== undefined) continue;
    const pointer = spelled(plain(pointerOf(error)), spelling);
    if (!problems.has(pointer)) problems.set(pointer, { pointer, message: sentence(error) });
  }
  return [...problems.values()];
}

function pointerOf(error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
      return `${error.instancePath}/${escaped(param(error, 'missingProperty'))}`;
    case 'additionalProperties':
      return `${error.instancePath}/${escaped(param(error, 'additionalProperty'))}`;
    default:
      return error.instancePath;
  }
}

function sentence(error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'is not a known member';
    case 'propertyNames':
      return 'has a member whose name is not allowed';
    case 'pattern':
      return 'has a form or a character that is not allowed';
    case 'const':
      return `must be ${param(error, 'allowedValue')}`;
    case 'enum':
      return `must be one of ${param(error, 'allowedValues').replaceAll(',', ', ')}`;
    default:
      return (error.message ?? 'is not valid').replace('NOT', 'not');
  }
}

function param(error: ErrorObject, name: string): string {
  const params = error.params as Readonly<Record<string, unknown>>;
  return String(params[name]);
}

function escaped(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

function plain(pointer: string): string {
  const segments = pointer.split('/').slice(1);
  const strange = segments.findIndex((segment) => !PLAIN_SEGMENT.test(segment));
  const kept = strange === -1 ? segments : segments.slice(0, strange);
  return kept.map((segment) => `/${segment}`).join('');
}

function spelled(pointer: string, spelling: ReadonlyMap<string, string>): string {
  return spelling.get(pointer) ?? pointer;
}
