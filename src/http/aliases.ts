import { invalidAt, type Problem, ServiceError } from '../errors/service-error.js';
import type { OperationType } from '../sessions/session.js';

const TYPES: ReadonlyMap<string, OperationType> = new Map([
  ['ENROLL', 'ENROLL'],
  ['REGISTER', 'ENROLL'],
  ['VERIFY', 'VERIFY'],
  ['VERIFY_ULTRA', 'VERIFY'],
  ['SIGN-IN', 'SIGN-IN'],
  ['SIGN_IN', 'SIGN-IN'],
  ['SIGNIN', 'SIGN-IN'],
  ['DELETE', 'DELETE'],
]);

const REDIRECT_NAMES = ['redirectURL', 'redirectUrl', 'successUrl'];
const SUBJECT_NAMES = ['uuid', 'puid'];

/** A request body in canonical names, and how the caller wrote it. */
export interface CanonicalBody {
  readonly type: OperationType;
  /** The type as the caller spelled it; answers repeat it. */
  readonly spelledType: string;
  /** What the schemas describe: aliases replaced, everything else as it came. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Pointers of canonical members to the members that the caller wrote instead. */
  readonly spelling: ReadonlyMap<string, string>;
}

/**
 * Replaces the aliases of the public clients and of the older dialects by the canonical names.
 * customerId is a member of its own: it names the subject only when neither uuid nor puid is
 * given, or when the type is VERIFY_ULTRA, which is defined by it.
 * Throws VALIDATION_FAILED: no object, no known type, or two aliases with different values.
 */
export function canonicalBody(body: unknown): CanonicalBody {
  if (!isRecord(body)) throw invalidAt('', 'must be object');
  const spelledType = readType(body);
  const type = operationOf(spelledType);
  const redirect = oneOf(body, REDIRECT_NAMES);
  const subject = subjectName(body, spelledType);

  const { redirectUrl: _redirectUrl, successUrl: _successUrl, puid: _puid, ...rest } = body;
  return {
    type,
    spelledType,
    body: {
      ...rest,
      type,
      ...(redirect !== undefined && { redirectURL: body[redirect] }),
      ...(subject !== undefined && { uuid: body[subject] }),
    },
    spelling: new Map([
      ['/redirectURL', `/${redirect ?? 'redirectURL'}`],
      ['/uuid', `/${subject ?? 'uuid'}`],
    ]),
  };
}

function readType(body: Readonly<Record<string, unknown>>): string {
  if (!Object.hasOwn(body, 'type')) throw invalidAt('/type', 'is required');
  const { type } = body;
  if (typeof type !== 'string') throw invalidAt('/type', 'must be string');
  return type;
}

function operationOf(spelledType: string): OperationType {
  // ASCII first: other letters may become ASCII in upper case.
  const type = /^[A-Za-z_-]{1,16}$/.test(spelledType)
    ? TYPES.get(spelledType.toUpperCase())
    : undefined;
  if (type === undefined) {
    throw invalidAt('/type', 'must be one of ENROLL, VERIFY, SIGN-IN, DELETE');
  }
  return type;
}

function subjectName(
  body: Readonly<Record<string, unknown>>,
  spelledType: string,
): string | undefined {
  const hasCustomer = Object.hasOwn(body, 'customerId');
  if (spelledType.toUpperCase() === 'VERIFY_ULTRA') {
    if (!hasCustomer) throw invalidAt('/customerId', 'is required');
    return oneOf(body, ['customerId', ...SUBJECT_NAMES]);
  }
  return oneOf(body, SUBJECT_NAMES) ?? (hasCustomer ? 'customerId' : undefined);
}

/** The first of the names that the body has; all that it has must agree. */
function oneOf(
  body: Readonly<Record<string, unknown>>,
  names: readonly string[],
): string | undefined {
  const given = names.filter((name) => Object.hasOwn(body, name));
  const [first, ...others] = given;
  if (first === undefined) return undefined;
  const differing = others.filter((name) => body[name] !== body[first]);
  if (differing.length > 0) {
    throw new ServiceError('VALIDATION_FAILED', {
      problems: [first, ...differing].map((name): Problem => {
        const rival = name === first ? differing[0] : first;
        return {
          pointer: `/${name}`,
          message: `differs from ${rival ?? ''}, which means the same`,
        };
      }),
    });
  }
  return first;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
