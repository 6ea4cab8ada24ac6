import { describe, expect, test } from '@jest/globals';
import { nodePrimitives } from '../../../src/audit/offline/node-primitives.js';
import { PolicyError, parsePolicy } from '../../../src/audit/offline/policy.js';
import { noteSigner } from '../../support/receipts.js';
import vectors from '../../vectors/offline-formats.json' with { type: 'json' };

const log = noteSigner('log.example/log', 'log').vkey;
const vkeyOf = (name: string) => noteSigner(`${name}.example`, 'witness').vkey;
const witness = (name: string) => `witness ${name} ${vkeyOf(name)}\n`;
const parse = async (text: string) => await parsePolicy(nodePrimitives, text);

/** Whether these witnesses are a quorum. */
async function isQuorum(text: string, ...names: readonly string[]): Promise<boolean> {
  return (await parse(text)).isQuorum(new Set(names.map(vkeyOf)));
}

/** The example of C2SP tlog-policy. */
const twoLevels = [
  `log ${log}\n\n`,
  ...['X1', 'X2', 'X3'].map(witness),
  'group X-witnesses 2 X1 X2 X3\n\n',
  ...['Y1', 'Y2', 'Y3'].map(witness),
  'group Y-witnesses any Y1 Y2 Y3\n\n',
  'group X-and-Y all X-witnesses Y-witnesses\n',
  'quorum X-and-Y\n',
].join('');

describe('the example of C2SP', () => {
  test('when it is read, then it names one log and six witnesses', async () => {
    const { logs, witnesses } = await parse(twoLevels);
    expect(logs.map(({ key }) => key.vkey)).toEqual([log]);
    expect(witnesses.map(({ name }) => name)).toEqual(['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3']);
    expect(witnesses.every(({ key }) => key.type === 'witness')).toBe(true);
  });

  test.each([
    [true, ['X1', 'X3', 'Y2']],
    [true, ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3']],
    [false, []],
    [false, ['X1', 'X2', 'X3']],
    [false, ['X1', 'Y1', 'Y2', 'Y3']],
    [false, ['X1', 'stranger', 'Y1']],
  ])('when it is asked, then it says %s of %j', async (expected, names) => {
    expect(await isQuorum(twoLevels, ...names)).toBe(expected);
  });
});

describe('a policy', () => {
  test('when it asks for nobody, then nobody is enough', async () => {
    expect(await isQuorum('quorum none\n')).toBe(true);
    expect(await isQuorum(`${witness('w')}quorum none\n`, 'w')).toBe(true);
  });

  test('when it asks for one witness, then that one is needed', async () => {
    const text = `${witness('a')}${witness('b')}quorum b\n`;
    expect(await isQuorum(text, 'a')).toBe(false);
    expect(await isQuorum(text, 'b')).toBe(true);
  });

  test('when addresses, comments, tabs and an unended last line are in it, then it is read', async () => {
    const text = [
      '# comment',
      '',
      ` \t log\t${log}   https://log.example/log/ `,
      '  # another, with é and 🔑',
      `witness\twé ${vkeyOf('a')}\thttps://wé.example/`,
      'quorum wé',
    ].join('\n');
    const { logs, witnesses, isQuorum: judge } = await parse(text);
    expect(logs[0]?.url).toBe('https://log.example/log/');
    expect(witnesses[0]).toMatchObject({ name: 'wé', url: 'https://wé.example/' });
    expect(judge(new Set([vkeyOf('a')]))).toBe(true);
  });

  test('when a log and a witness have no address, then none is made up', async () => {
    const { logs, witnesses } = await parse(twoLevels);
    expect([logs[0], witnesses[0]].some((row) => 'url' in row!)).toBe(false);
  });

  test('when the keys that public witnesses publish are in it, then it is read', async () => {
    const { witnessKeys, logKey } = vectors.witnessed;
    const lines = witnessKeys.map((vkey, at) => `witness w${at} ${vkey}`);
    const text = [`log ${logKey}`, ...lines, 'group all all w0 w1 w2 w3', 'quorum all'].join('\n');
    expect((await parse(text)).isQuorum(new Set(witnessKeys))).toBe(true);
  });

  test('when names differ only in what looks alike, then they are two names', async () => {
    const text = `${witness('K')}witness \u212a ${vkeyOf('kelvin')}\nquorum \u212a\n`;
    expect(await isQuorum(text, 'K')).toBe(false);
    expect(await isQuorum(text, 'kelvin')).toBe(true);
  });

  test('when 32 logs, witnesses and groups are in it, and each group holds the one before, then it is read', async () => {
    const names = Array.from({ length: 32 }, (_, at) => at.toString());
    const text = [
      ...names.map((name) => `log ${noteSigner(`log${name}`, 'log').vkey}\n`),
      ...names.map((name) => witness(`w${name}`)),
      'group g0 all w0\n',
      ...names.slice(1).map((name) => `group g${name} all g${Number(name) - 1} w${name}\n`),
      'quorum g31\n',
    ].join('');
    const all = names.map((name) => `w${name}`);
    expect(await isQuorum(text, ...all)).toBe(true);
    expect(await isQuorum(text, ...all.slice(1))).toBe(false);
  });

  test('when thousands of groups hold each other, then it is judged all the same', async () => {
    const groups = Array.from({ length: 8_000 }, (_, at) => `group g${at + 1} any g${at}\n`);
    const text = `${witness('g0')}${groups.join('')}quorum g8000\n`;
    expect(await isQuorum(text, 'g0')).toBe(true);
    expect(await isQuorum(text, 'other')).toBe(false);
  });
});

const ab = `${witness('a')}${witness('b')}`;

describe('a policy that cannot be used', () => {
  test.each([
    ['nothing is in it', '', 0, 'no line `quorum`'],
    ['there is no quorum', twoLevels.replace(/quorum.*/, ''), 0, 'no line `quorum`'],
    ['there are two quorums', 'quorum none\nquorum none\n', 2, 'more than one quorum'],
    ['the quorum is not defined', `${ab}quorum c\n`, 3, 'neither none nor one name'],
    ['the quorum is defined later', `quorum a\n${ab}`, 1, 'neither none nor one name'],
    ['the quorum is two names', `${ab}quorum a b\n`, 3, 'neither none nor one name'],
    ['the quorum has no name', 'quorum\n', 1, 'neither none nor one name'],
    ['a word is not known', 'quorums none\n', 1, 'begins with none of'],
    ['a word is in upper case', 'Quorum none\n', 1, 'begins with none of'],
    ['a log has no key', 'log\nquorum none\n', 1, 'not the Ed25519 key of a log'],
    ['a log has the key of a witness', `log ${vkeyOf('a')}\n`, 1, 'not the Ed25519 key of a log'],
    ['a log has more than an address', `log ${log} u v\n`, 1, 'at most one address'],
    ['a log is there twice', `log ${log}\nlog ${log} u\n`, 2, 'the same key before'],
    ['a witness has no key', 'witness a\n', 1, 'not the Ed25519 key of a witness'],
    ['a witness has the key of a log', `witness a ${log}\n`, 1, 'not the Ed25519 key of a witness'],
    ['a witness has no name', `witness ${vkeyOf('a')}\n`, 1, 'not the Ed25519 key of a witness'],
    ['a witness is called none', `witness none ${vkeyOf('a')}\n`, 1, 'a name is missing'],
    ['a witness has more than an address', `witness a ${vkeyOf('a')} u v\n`, 1, 'one address'],
    ['a name is there twice', `${witness('a')}witness a ${vkeyOf('b')}\n`, 2, 'name is taken'],
    ['a key is there twice', `${witness('a')}witness b ${vkeyOf('a')}\n`, 2, 'same key before'],
    ['a group has the name of a witness', `${ab}group a any b\n`, 3, 'name is taken'],
    ['a group has no members', `${ab}group g any\n`, 3, 'threshold and members'],
    ['a group is called none', `${ab}group none any a\n`, 3, 'a name is missing'],
    ['a member is not defined', `${ab}group g any a c\n`, 3, 'not defined on a line before'],
    ['a member is the group itself', `${ab}group g any g\n`, 3, 'not defined on a line before'],
    ['a member is none', `${ab}group g any none\n`, 3, 'not defined on a line before'],
    ['a member is there twice', `${ab}group g any a a\n`, 3, 'was a member before'],
    ['a member is in two groups', `${ab}group g any a\ngroup h any a\n`, 4, 'a member before'],
    ['a threshold is 0', `${ab}group g 0 a b\n`, 3, 'neither any, all nor a number'],
    ['a threshold is too large', `${ab}group g 3 a b\n`, 3, 'neither any, all nor a number'],
    ['a threshold is negative', `${ab}group g -1 a b\n`, 3, 'neither any, all nor a number'],
    ['a threshold has a leading zero', `${ab}group g 01 a b\n`, 3, 'neither any, all nor'],
    ['a threshold is no number', `${ab}group g most a b\n`, 3, 'neither any, all nor a number'],
    [
      'a threshold is a name of JavaScript',
      `${ab}group g constructor a b\n`,
      3,
      'neither any, all',
    ],
    ['it has carriage returns', 'quorum none\r\n', 1, 'a carriage return'],
    ['it has a control character', '# \u0007\nquorum none\n', 1, 'a control character'],
    ['it has a DEL', '# \u007f\nquorum none\n', 1, 'a control character'],
    ['a no-break space parts its words', 'quorum\u00a0none\n', 1, 'begins with none of'],
    ['it is too long', `${'#'.repeat(262_144)}\n`, 0, 'too long'],
  ])('when %s, then the line and the reason are named', async (_what, text, line, reason) => {
    const error = await parse(text).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PolicyError);
    const { message, line: at } = error as PolicyError;
    expect(message).toContain(reason);
    expect([at, message.startsWith(`line ${line}: `)]).toEqual([line, line > 0]);
  });

  test('when one public key has two names, then it is one witness, and refused', async () => {
    const again = noteSigner('b.example', 'witness', 'a.example').vkey;
    await expect(parse(`${witness('a')}witness b ${again}\n`)).rejects.toThrow('same key before');
  });
});
