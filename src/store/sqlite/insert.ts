import type { SqlValue } from './connection.js';

/** A statement that inserts one row, and the values of a row in its order. */
export interface Insert<Row> {
  readonly text: string;
  values(row: Row): readonly SqlValue[];
}

/**
 * Makes an INSERT for all columns of a table. The columns are given as an object, so that the
 * compiler misses none; `onConflict` says what happens when the key is taken.
 */
export function insertInto<Row extends { readonly [K in keyof Row]?: SqlValue }>(
  table: string,
  columns: Readonly<Record<keyof Row & string, true>>,
  onConflict: '' | 'ON CONFLICT DO NOTHING' | 'OR REPLACE' = '',
): Insert<Row> {
  const names = Object.keys(columns) as (keyof Row & string)[];
  const places = names.map(() => '?').join(', ');
  const [verb, ending] =
    onConflict === 'OR REPLACE' ? ['INSERT OR REPLACE', ''] : ['INSERT', onConflict];
  return {
    text: `${verb} INTO ${table} (${names.join(', ')}) VALUES (${places}) ${ending}`,
    values: (row) => names.map((name): SqlValue => row[name] ?? null),
  };
}
