import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import packageJson from '../../../package.json' with { type: 'json' };
import { verifyReceipt as verifyInBrowser } from '../../../src/audit/offline/in-browser.js';
import { verifyReceipt as verifyInNode } from '../../../src/audit/offline/in-node.js';
import { PolicyError } from '../../../src/audit/offline/policy.js';
import { issueReceipt, noteSigner, testLog, testWitness } from '../../support/receipts.js';

const src = resolve('src');
const folder = join(src, 'audit/offline');

/** What a file imports: values and types, with and without names. */
function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  const statements = /^\s*(?:import|export)\b[^;]*?\bfrom\s+'([^']+)'|\bimport\s*\(?\s*'([^']+)'/gm;
  return [...source.matchAll(statements)].map(([, named, bare]) => named ?? bare ?? '');
}

/** The files that a file needs, itself included, and what they import that is no file. */
function closureOf(entry: string): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) visit(resolve(dirname(file), name.replace(/\.js$/, '.ts')));
      else packages.add(name);
    }
  };
  visit(join(folder, entry));
  return { files: [...files].map((file) => relative(src, file)), packages: [...packages] };
}

describe('what verifies a receipt', () => {
  test('when a browser loads it, then nothing of Node and nothing else of Lethe comes with it', () => {
    const { files, packages } = closureOf('in-browser.ts');
    expect(packages).toEqual([]);
    expect(files.length).toBeGreaterThan(10);
    const foreign = files.filter((file) => !file.startsWith('audit/offline/'));
    expect(foreign).toEqual(['lib/canonical-json.ts']);
  });

  test('when Node loads it, then node:crypto comes with it, and nothing else', () => {
    expect(closureOf('in-node.ts').packages).toEqual(['node:crypto']);
  });

  test('when all files are searched, then one imports a Node module, and none uses what only Node has', () => {
    const names = readdirSync(folder);
    const withModules = names.filter((name) =>
      importsOf(join(folder, name)).some((from) => !from.startsWith('.')),
    );
    expect(withModules).toEqual(['node-primitives.ts']);
    const withNode = names.filter((name) =>
      /\b(?:Buffer|process|global|require|__dirname)\b[.(]/.test(
        readFileSync(join(folder, name), 'utf8'),
      ),
    );
    expect(withNode).toEqual([]);
  });

  test('when the package is imported, then browsers get their file and others that of Node', () => {
    expect(packageJson.exports['./receipt']).toEqual({
      browser: './dist/audit/offline/in-browser.js',
      default: './dist/audit/offline/in-node.js',
    });
  });
});

describe.each([
  ['Node', verifyInNode],
  ['browsers', verifyInBrowser],
])('the module for %s', (_where, verifyReceipt) => {
  const { iat } = issueReceipt().claims;
  const witnessed = [{ by: testWitness, timeSeconds: iat }];
  const { receipt, note } = issueReceipt({ witnessed });
  const logKeys = [testLog.vkey];

  test('when a receipt and keys are given as text, then it is verified', async () => {
    const policy = `witness w ${testWitness.vkey}\nquorum w\n`;
    const given = { receipt, logKeys, witnesses: [testWitness.vkey], policy };
    const report = await verifyReceipt({ ...given, keptCheckpoint: note, subject: 'ada' });
    expect(report).toMatchObject({ isValid: true, claims: { sub: 'ada' } });
    expect(report.proven).toHaveLength(7);
    expect((await verifyReceipt({ ...given, subject: 'bob' })).code).toBe('SUBJECT_MISMATCH');
    expect((await verifyReceipt({ ...given, receipt: issueReceipt().receipt })).code).toBe(
      'WITNESS_MISSING',
    );
  });

  test('when the policy names the log, then no other key is needed', async () => {
    const policy = `log ${testLog.vkey}\nquorum none\n`;
    expect(await verifyReceipt({ receipt, logKeys: [], policy })).toMatchObject({ isValid: true });
  });

  test('when keys or the policy are none, then that is thrown: it says nothing of the receipt', async () => {
    const stranger = noteSigner('stranger', 'witness').vkey;
    for (const wrong of [
      { receipt, logKeys: [] },
      { receipt, logKeys: ['x'] },
      { receipt, logKeys: [stranger] },
      { receipt, logKeys, witnesses: [testLog.vkey] },
    ])
      await expect(verifyReceipt(wrong)).rejects.toThrow(TypeError);
    await expect(verifyReceipt({ receipt, logKeys, policy: '' })).rejects.toThrow(PolicyError);
  });
});
