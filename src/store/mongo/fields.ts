import { ServiceError } from '../../errors/service-error.js';

type Reader<T> = (row: object, name: string) => T;

/** A member of a stored row, which is believed only after its type was checked. */
function member(row: object, name: string): unknown {
  return Reflect.get(row, name);
}

export function text(row: object, name: string): string {
  const value = member(row, name);
  return typeof value === 'string' ? value : damaged(name);
}

export function number(row: object, name: string): number {
  const value = member(row, name);
  return typeof value === 'number' ? value : damaged(name);
}

export function boolean(row: object, name: string): boolean {
  const value = member(row, name);
  return typeof value === 'boolean' ? value : damaged(name);
}

/** A copy, so that no row keeps the whole reply of the server in memory. */
export function bytes(row: object, name: string): Uint8Array {
  const value = member(row, name);
  return value instanceof Uint8Array ? Uint8Array.from(value) : damaged(name);
}

export function oneOf<T extends string>(values: readonly T[]): Reader<T> {
  return (row, name) => {
    const value = member(row, name);
    return values.find((candidate) => candidate === value) ?? damaged(name);
  };
}

export function listOf<T extends string>(values: readonly T[]): Reader<readonly T[]> {
  return (row, name) =>
    texts(row, name).map((item) => values.find((candidate) => candidate === item) ?? damaged(name));
}

export function object(row: object, name: string): object {
  const value = member(row, name);
  return isObject(value) ? value : damaged(name);
}

export function objects(row: object, name: string): readonly object[] {
  const value = member(row, name);
  return Array.isArray(value) && value.every(isObject) ? value : damaged(name);
}

export function texts(row: object, name: string): readonly string[] {
  const value = member(row, name);
  const isText = (item: unknown): item is string => typeof item === 'string';
  return Array.isArray(value) && value.every(isText) ? value : damaged(name);
}

/** The member alone in an object, to be spread; empty when the row does not have it. */
export function optional<N extends string, T>(
  read: Reader<T>,
  row: object,
  name: N,
): Readonly<Partial<Record<N, T>>> {
  const present = member(row, name) === undefined ? {} : { [name]: read(row, name) };
  return present as Partial<Record<N, T>>;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function damaged(name: string): never {
  throw new ServiceError('INTERNAL', { detail: `a stored row has no valid ${name}` });
}
