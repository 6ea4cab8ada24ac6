import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { runCommandLine } from '../../src/cli/command-line.js';
import { receiptCommands } from '../../src/cli/receipt.js';
import { issueReceipt, noteSigner, testLog, testWitness } from '../support/receipts.js';

const dir = mkdtempSync(join(tmpdir(), 'lethe-receipt-'));
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const { claims } = issueReceipt();
const witnessed = [{ by: testWitness, timeSeconds: claims.iat + 5 }];
const { receipt, proof, note } = issueReceipt({ witnessed });
const stored = file('receipt.jws', `${receipt}\n`);
const nextLog = noteSigner(testLog.name, 'log', 'generation 2');
const keys = file('keys', `${nextLog.vkey}\n${testLog.vkey}\n`);
const policy = file('policy', `log ${testLog.vkey}\nwitness w ${testWitness.vkey}\nquorum w\n`);

/** As in an empty directory: opening a store is an error. */
async function lethe(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await runCommandLine(
    {
      commands: receiptCommands,
      openApplication: () => Promise.reject(new Error('there is no store')),
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
    },
    argv,
  );
  return { code, ...written };
}

const verify = async (...argv: string[]) => await lethe('receipt', 'verify', ...argv);

describe('lethe receipt verify', () => {
  test('when the receipt is valid, then it says what is proven and what is not, and exits with 0', async () => {
    const run = await verify(stored, '--key', testLog.vkey);
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toMatch(
      /^The receipt is valid\.\n\nProven:\n- https:\/\/lethe\.example\.com signed .*\n\nNot proven:\n- That nobody had copied .*\.\n$/s,
    );
  });

  test('when a key is in a file or a text, among others or with empty lines, then it is found', async () => {
    const spaced = file('spaced', `\n  ${testLog.vkey}\r\n\n`);
    for (const given of [keys, spaced])
      expect(await verify(stored, '--key', given)).toMatchObject({ code: 0, err: '' });
    const served = await verify(stored, '--key', `${nextLog.vkey}\n${testLog.vkey}\n`);
    expect(served).toMatchObject({ code: 0, err: '' });
    const both = await verify(stored, '--key', nextLog.vkey, '--key', testLog.vkey);
    expect(both).toMatchObject({ code: 0, err: '' });
  });

  test.each([
    ['the answer to a DELETE', { status: 'success', receipt }],
    ['a webhook', { sessionId: 'x', identificationResult: {}, receipt }],
    ['the receipt of a receipt response', { erasureId: claims.jti, receipt }],
  ])('when the file holds %s, then the receipt is taken out of it', async (_what, answer) => {
    const path = file('answer.json', JSON.stringify(answer, null, 2));
    expect(await verify(path, '--key', testLog.vkey)).toMatchObject({ code: 0, err: '' });
  });

  test('when a policy names log and quorum, then no key is needed, and the quorum is', async () => {
    const run = await verify(stored, '--policy', policy);
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toContain('These witnesses are a quorum of the policy.');
    const alone = file('alone.jws', issueReceipt().receipt);
    const refused = await verify(alone, '--policy', policy);
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('The receipt is not valid: QUORUM_MISSING: ');
  });

  test('when witness, subject and a kept checkpoint are given, then they are part of what is proven', async () => {
    const kept = file('kept', note);
    const others = ['--witness', testWitness.vkey, '--subject', 'ada', '--checkpoint', kept];
    const run = await verify(stored, '--key', testLog.vkey, ...others, '--json');
    expect(run.code).toBe(0);
    const report = JSON.parse(run.out) as { proven: string[] };
    expect(report).toMatchObject({ isValid: true, claims: { sub: 'ada' } });
    expect(report.proven).toHaveLength(6);
  });

  test.each([
    [['--key', nextLog.vkey], 'KEY_UNKNOWN'],
    [['--key', testLog.vkey, '--subject', 'bob'], 'SUBJECT_MISMATCH'],
    [['--key', testLog.vkey, '--witness', noteSigner('w2', 'witness').vkey], 'WITNESS_MISSING'],
    [['--key', testLog.vkey, '--checkpoint', keys], 'KEPT_INVALID'],
  ])(
    'when it is verified with %j, then it is not valid, and exits with 1',
    async (options, code) => {
      const run = await verify(stored, ...options);
      expect(run).toMatchObject({
        code: 1,
        err: 'lethe receipt verify: the receipt is not valid\n',
      });
      expect(run.out).toMatch(new RegExp(`^The receipt is not valid: ${code}: .*\\.\n$`));
      const inJson = await verify(stored, ...options, '--json');
      expect(inJson.code).toBe(1);
      expect(JSON.parse(inJson.out)).toMatchObject({ isValid: false, code, proven: [] });
    },
  );

  test.each([
    ['changed by a letter', receipt.replace('a', 'b')],
    ['cut off', receipt.slice(0, -10)],
    ['empty', ''],
    ['of other bytes', Buffer.from([0xff, 0x00, 0xfe])],
  ])('when the receipt is %s, then it is not valid, and exits with 1', async (_what, content) => {
    const path = file('wrong.jws', content);
    expect((await verify(path, '--key', testLog.vkey)).code).toBe(1);
  });

  const missing = join(dir, 'missing');
  test.each([
    [[], 'FILE is missing'],
    [['--key', testLog.vkey], 'FILE is missing'],
    [[stored], '--key is missing, and no --policy names a log'],
    [[stored, stored, '--key', testLog.vkey], 'unexpected argument'],
    [[stored, '--keys', keys], "Unknown option '--keys'"],
    [[missing, '--key', testLog.vkey], `${missing} cannot be read (ENOENT)`],
    [[dir, '--key', testLog.vkey], `${dir} cannot be read (EISDIR)`],
    [[stored, '--key', missing], `${missing} cannot be read (ENOENT)`],
    [[stored, '--key', `${testLog.vkey}A`], 'is not the verifier key of a log'],
    [[stored, '--key', testWitness.vkey], 'is not the verifier key of a log'],
    [
      [stored, '--key', testLog.vkey, '--witness', testLog.vkey],
      'not the verifier key of a witness',
    ],
    [[stored, '--key', stored], `line 1 of ${stored} is not the verifier key of a log`],
    [[stored, '--key', file('none', '\n')], 'holds no verifier key'],
    [[stored, '--key', file('w', testWitness.vkey)], 'is not the verifier key of a log'],
    [[stored, '--policy', keys], `${keys}: line 1: it begins with none of`],
    [[stored, '--policy', missing], `${missing} cannot be read (ENOENT)`],
    [[stored, '--key', testLog.vkey, '--checkpoint', missing], 'cannot be read (ENOENT)'],
    [
      [file('a.json', '{"status":"success"}'), '--key', testLog.vkey],
      'is no JSON with a text "receipt"',
    ],
    [[file('b.json', '{"receipt":7}'), '--key', testLog.vkey], 'is no JSON with a text "receipt"'],
    [[file('c.json', '{"receipt":'), '--key', testLog.vkey], 'is no JSON with a text "receipt"'],
    [[file('long', new Uint8Array(1_048_577)), '--key', testLog.vkey], 'longer than any answer'],
  ])(
    'when it cannot be checked (%j), then that is said, and exits with 2',
    async (argv, reason) => {
      const run = await verify(...argv);
      expect(run).toMatchObject({ code: 2, out: '' });
      expect(run.err).toContain(reason);
    },
  );
});

describe('lethe receipt proof', () => {
  test('when a receipt is given, then its proof is printed, byte for byte', async () => {
    expect(await lethe('receipt', 'proof', stored)).toEqual({ code: 0, out: proof, err: '' });
    const inJson = await lethe('receipt', 'proof', stored, '--json');
    expect(JSON.parse(inJson.out)).toEqual({ proof });
  });

  test('when there is no receipt, then that is said, and exits with 2', async () => {
    expect(await lethe('receipt', 'proof', keys)).toEqual({
      code: 2,
      out: '',
      err: `lethe receipt proof: ${keys} does not hold a receipt as Lethe writes it\n`,
    });
  });
});

describe('the command in a process of its own', () => {
  const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    import { runCommandLine } from ${here('../../src/cli/command-line.ts')};
    import { receiptCommands } from ${here('../../src/cli/receipt.ts')};
    process.exitCode = await runCommandLine(
      {
        commands: receiptCommands,
        openApplication: () => { throw new Error('opened'); },
        out: (text) => process.stdout.write(text),
        err: (text) => process.stderr.write(text),
      },
      process.argv.slice(1),
    );`;
  const hooks = fileURLToPath(new URL('../support/typescript-hooks.mjs', import.meta.url));

  function run(input: string | Uint8Array, ...argv: string[]) {
    const cwd = mkdtempSync(join(dir, 'empty-'));
    const options = ['--import', hooks, '--input-type=module', '-e', script, '--'];
    const env = { PATH: process.env['PATH'] };
    const { status, stdout, stderr } = spawnSync(process.execPath, [...options, ...argv], {
      ...{ cwd, env, input, encoding: 'utf8' },
    });
    return { status, stdout, stderr, left: readdirSync(cwd) };
  }

  test('when the receipt comes by stdin, in an empty directory, then it is verified, and nothing is left behind', () => {
    const answer = JSON.stringify({ receipt });
    const valid = run(answer, 'receipt', 'verify', '-', '--key', testLog.vkey);
    expect(valid).toMatchObject({ status: 0, stderr: '', left: [] });
    expect(valid.stdout).toContain('The receipt is valid.');
    const wrong = run('x', 'receipt', 'verify', '-', '--key', testLog.vkey);
    expect(wrong).toMatchObject({ status: 1, left: [] });
    const long = run(new Uint8Array(2_000_000), 'receipt', 'verify', '-', '--key', testLog.vkey);
    expect(long).toMatchObject({ status: 2, stdout: '', left: [] });
    expect(long.stderr).toContain('- is longer than any answer that holds a receipt');
  });
});
