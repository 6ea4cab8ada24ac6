import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { OPERATIONS } from '../../src/operations/table.js';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const openapi = readFileSync(path('openapi.yaml'), 'utf8');
const readme = readFileSync(path('README.md'), 'utf8');

describe('one word runs through everything', () => {
  test.each(Object.entries(OPERATIONS))(
    'when the table has %s, then so have schemas, code, openapi.yaml and README',
    (type, operation) => {
      const word = type.toLowerCase();
      expect(existsSync(path(`src/operations/${word}.ts`))).toBe(true);
      expect(existsSync(path(`schemas/${operation.requestSchema}.json`))).toBe(true);
      expect(existsSync(path(`schemas/${operation.responseSchema}.json`))).toBe(true);
      expect(openapi).toContain(`./schemas/${operation.requestSchema}.json`);
      expect(readme).toContain(`| ${type} |`);
    },
  );

  test('when the README names a file or folder, then it exists', () => {
    const named = readme.match(/`(?:src|test|schemas|bench)\/[\w./-]+`/g) ?? [];
    const missing = named
      .map((name) => name.slice(1, -1))
      .filter((name) => !existsSync(path(name)));
    expect(named.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });
});
