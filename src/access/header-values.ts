/** Name and value of every header as received, one after the other: node's `rawHeaders`. */
export type RawHeaders = readonly string[];

/**
 * The different values that a request gives for one thing under any of its names, in lower case.
 * Read from the raw list, because node joins or drops repeated headers before they could be compared.
 */
export function headerValues(rawHeaders: RawHeaders, names: readonly string[]): readonly string[] {
  const values = new Set<string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase();
    const value = rawHeaders[index + 1];
    if (name !== undefined && value !== undefined && names.includes(name)) values.add(value);
  }
  return [...values];
}
