import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Problem, ServiceError } from '../../src/errors/service-error.js';
import type { Messages } from '../../src/http/message-types.js';
import { createValidator } from '../../src/http/validate.js';

const validator = createValidator(new URL('../../schemas/', import.meta.url));

function problemsOf(name: keyof Messages, value: unknown): readonly Problem[] {
  try {
    validator.validate(name, value);
    return [];
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    expect(error.code).toBe('VALIDATION_FAILED');
    return error.problems;
  }
}

function pointersOf(name: keyof Messages, value: unknown): string[] {
  return problemsOf(name, value).map(({ pointer }) => pointer);
}

const erase = {
  type: 'DELETE',
  uuid: '123e4567-e89b-12d3-a456-426614174000',
  redirectURL: 'https://your-app.com/deletion-callback',
  callback: { url: 'https://your-api.com/webhook', headers: { authorization: 'Bearer t' } },
};

describe('requests', () => {
  test('when the body fits, then it is given back unchanged', () => {
    expect(validator.validate('delete.request', erase)).toBe(erase);
  });

  test('when members are missing, then each is pointed to', () => {
    expect(problemsOf('delete.request', { type: 'DELETE' })).toEqual([
      { pointer: '/redirectURL', message: 'is required' },
      { pointer: '/callback', message: 'is required' },
      { pointer: '/uuid', message: 'is required' },
    ]);
    expect(pointersOf('delete.request', { ...erase, callback: {} })).toEqual(['/callback/url']);
  });

  test('when uuid is absent, then VERIFY and DELETE are refused, ENROLL and SIGN-IN are not', () => {
    const { uuid: _uuid, ...rest } = erase;
    expect(pointersOf('verify.request', { ...rest, type: 'VERIFY' })).toEqual(['/uuid']);
    expect(pointersOf('delete.request', rest)).toEqual(['/uuid']);
    expect(pointersOf('enroll.request', { ...rest, type: 'ENROLL' })).toEqual([]);
    expect(pointersOf('sign-in.request', { ...rest, type: 'SIGN-IN' })).toEqual([]);
  });

  test('when unknown members are at the top, then they are ignored; in callback they are refused', () => {
    expect(pointersOf('delete.request', { ...erase, customerIn: 1, '': null })).toEqual([]);
    const callback = { ...erase.callback, retries: 3 };
    expect(problemsOf('delete.request', { ...erase, callback })).toEqual([
      { pointer: '/callback/retries', message: 'is not a known member' },
    ]);
  });

  test.each<[string, unknown]>([
    ['/uuid', ''],
    ['/uuid', 'a'.repeat(129)],
    ['/uuid', 'a b'],
    ['/uuid', 'ä'],
    ['/uuid', 'a\n'],
    ['/uuid', 5],
    ['/uuid', null],
    ['/transactionID', 'a\u2028b'],
    ['/transactionID', 'a\u202eb'],
    ['/transactionID', 'a\0b'],
    ['/transactionID', '<b>'],
    ['/auditTag', 'tab\there'],
    ['/auditTag', '\ud800'],
    ['/auditTag', 'x'.repeat(129)],
    ['/sessionExpiry', 29],
    ['/sessionExpiry', 86401],
    ['/sessionExpiry', 600.5],
    ['/sessionExpiry', '600'],
    ['/sessionExpiry', 1e400],
    ['/debugMode', 'true'],
    ['/locale', 'en US'],
    ['/requirements', 'face'],
    ['/requirements/1', ['face', 'iris']],
    ['/redirectURL', `https://a/${'b'.repeat(2048)}`],
    ['/redirectURL', 'https://a/\r\nSet-Cookie: x'],
    ['/redirectURL', ['https://a']],
    ['/callback', 'https://a'],
    ['/callback', []],
    ['/callback/url', { url: '' }],
    ['/callback/url', { url: 'https://a b' }],
    ['/callback/headers', { url: 'https://a', headers: { 'bad name': 'x' } }],
    ['/callback/headers', { url: 'https://a', headers: { ['n'.repeat(65)]: 'x' } }],
    ['/callback/headers', { url: 'https://a', headers: { '': 'x' } }],
    ['/callback/headers/x-a', { url: 'https://a', headers: { 'x-a': 'b\r\nc: d' } }],
    ['/callback/headers/x-a', { url: 'https://a', headers: { 'x-a': 'v'.repeat(4097) } }],
    ['/callback/headers/x-a', { url: 'https://a', headers: { 'x-a': 1 } }],
    ['/deviceInfo', []],
    ['/deviceInfo/os', { os: 'a\u001bb' }],
    ['/deviceInfo/os', { os: 1 }],
    ['/deviceInfo/nested', { nested: { a: 1 } }],
    ['/deviceInfo/list', { list: [] }],
    ['/deviceInfo/long', { long: 'x'.repeat(257) }],
    ['/deviceInfo', { 'a/b': 1 }],
    ['/deviceInfo', Object.fromEntries([...Array(21).keys()].map((at) => [`m${String(at)}`, at]))],
  ])('when %s is wrong (%j), then it alone is pointed to', (pointer, value) => {
    const [, member = ''] = pointer.split('/');
    expect(pointersOf('delete.request', { ...erase, [member]: value })).toEqual([pointer]);
  });

  test.each<[string, unknown]>([
    ['uuid', 'NLOaU9FP-RvN7-TAmR-jR9T-nKt75q9L20ad'],
    ['uuid', 'a'.repeat(128)],
    ['transactionID', 'Bestellung Nr. 5/ä (日本語) नमस्ते #1 + a@b_c:d'],
    ['auditTag', 'user-initiated-deletion'],
    ['sessionExpiry', 30],
    ['sessionExpiry', 86400],
    ['locale', 'zh-Hant-TW'],
    ['locale', 'en_US'],
    ['requirements', ['face', 'identity_document', 'verification']],
    ['deviceInfo', {}],
    ['deviceInfo', { os: 'Windows 11', cores: 8, touch: false, name: '👩‍💻 ö' }],
    ['callback', { url: 'https://a/?b=c', headers: {} }],
    ['callback', { url: 'https://a', headers: { 'Content-Type': 'application/json', a: 'b\tc' } }],
    ['redirectURL', 'www.google.com'],
  ])('when %s is %j, then it is accepted', (member, value) => {
    expect(pointersOf('delete.request', { ...erase, [member]: value })).toEqual([]);
  });
});

describe('problems', () => {
  test('when there are many, then ten are told, and one where the body is huge', () => {
    function body(count: number): object {
      const members = Array.from({ length: count }, (_, at) => [`h${String(at)}`, at]);
      return { ...erase, callback: { url: 'https://a', headers: Object.fromEntries(members) } };
    }
    expect(problemsOf('delete.request', body(500))).toHaveLength(10);
    expect(problemsOf('delete.request', body(9000))).toEqual([
      { pointer: '/callback/headers', message: 'must not have more than 20 properties' },
    ]);
  });

  test('when the caller used an alias, then the pointer names what the caller wrote', () => {
    const spelling = new Map([['/uuid', '/puid']]);
    const body = { ...erase, uuid: 'not allowed' };
    expect(() => validator.validate('delete.request', body, spelling)).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ pointer: '/puid' })] }),
    );
  });

  test('when a name is long or strange, then the pointer ends at its parent', () => {
    for (const name of ['n'.repeat(65), 'a b', 'ä', '<script>', '\u202e', 'a/b/../c d']) {
      const callback = { url: 'https://a', [name]: 1 };
      expect(pointersOf('delete.request', { ...erase, callback })).toEqual(['/callback']);
    }
    const callback = { url: 'https://a', 'a/b~c': 1 };
    expect(pointersOf('delete.request', { ...erase, callback })).toEqual(['/callback/a~1b~0c']);
  });

  test('when any member is replaced by any value, then no message repeats the value', () => {
    const marked = fc.string({ minLength: 1, maxLength: 40 }).map((text) => `sëcret-${text}`);
    const value = fc.oneof(
      marked,
      fc.dictionary(marked, marked),
      fc.array(marked),
      marked.map((text) => ({ url: text, headers: { [text]: text, a: { b: text } } })),
    );
    const member = fc.constantFrom(
      ...['type', 'uuid', 'redirectURL', 'callback', 'transactionID', 'deviceInfo', 'auditTag'],
      ...['sessionExpiry', 'debugMode', 'locale', 'requirements', 'productGroupId', 'failureUrl'],
    );
    fc.assert(
      fc.property(member, value, (name, wrong) => {
        const told = JSON.stringify(problemsOf('delete.request', { ...erase, [name]: wrong }));
        expect(told).not.toContain('crot');
        expect(told).not.toContain('cret');
      }),
    );
  });

  test('when any JSON value is validated by any schema, then it is accepted or refused cleanly', () => {
    const names: (keyof Messages)[] = [
      'enroll.request',
      'template.request',
      'encrypted.request',
      'collect.request',
      'feedback.request',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.jsonValue(), (name, value) => {
        const problems = problemsOf(name, value);
        expect(problems.length).toBeLessThanOrEqual(10);
        if (typeof value !== 'object' || value === null || Array.isArray(value)) {
          expect(problems).toEqual([{ pointer: '', message: 'must be object' }]);
        }
      }),
    );
  });

  test('when a text is naughty, then safe text refuses it or it is one harmless line', () => {
    const naughty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        ...['\u0000', '\u0007', '\u001b[31m', '\u007f', '\u0085', '\u00ad', '\u200b', '\u200e'],
        ...['\u2028', '\u2029', '\u202a', '\u202e', '\u2066', '\u2069', '\ufeff', '\ufff9'],
        ...['%s%n', '${1}', '{{1}}', "' OR 1=1 --", '"><img src=x>', '`id`', '$(id)', '\\x00'],
        ...['Ω≈ç√', '（╯°□°）', '👾', '田中さん', 'הָיְתָה', 'ﷺ', 'Z̮̞̠͙', '\u{E0001}', '\ud800'],
      ),
    );
    fc.assert(
      fc.property(naughty, (text) => {
        if (pointersOf('delete.request', { ...erase, auditTag: text }).length === 0) {
          expect(text).toMatch(/^[\p{L}\p{M}\p{N} _.:/@+#()-]{1,128}$/u);
          expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}<>"'`$%&\\]/u);
        }
      }),
    );
  });
});

describe('answers', () => {
  const sessionId = 'dac57c75-0ed8-40fa-b40e-f0620dbb9444';
  const documented = {
    message: 'Success!',
    status: 'success',
    sessionId,
    identificationResult: {
      uuid: '123e4567-e89b-12d3-a456-426614174000',
      auditTag: 'user-initiated-deletion',
      status: 'deleted',
    },
  } as const;

  test('when an answer fits, then it is given back; members of extensions may be added', () => {
    expect(validator.checkResponse('delete.response', documented)).toBe(documented);
    const more = { ...documented, receipt: 'a.b.c', later: {} };
    expect(validator.checkResponse('delete.response', more)).toBe(more);
  });

  test('when an answer breaks the contract, then it is INTERNAL and tells the place to the log', () => {
    const wrong = { ...documented, identificationResult: { uuid: 'u', status: 'pending' } };
    expect(() =>
      validator.checkResponse('delete.response', wrong as unknown as Messages['delete.response']),
    ).toThrow(
      expect.objectContaining({
        code: 'INTERNAL',
        problems: [],
        message: 'delete.response: /identificationResult/status must be deleted',
      }),
    );
  });

  test('when a time is no RFC 3339 time, then the answer is refused', () => {
    const answer = { sessionId, type: 'ENROLL', message: 'Success!', status: 'success' } as const;
    const urls = { launchUrl: 'https://a/launch' };
    function at(expiresAt: string): () => unknown {
      return () => validator.checkResponse('session.created', { ...answer, ...urls, expiresAt });
    }
    expect(at(new Date(0).toISOString())).not.toThrow();
    expect(at('1743795933839')).toThrow('session.created: /expiresAt');
  });

  test('when a redacted view or a browser answer has a further member, then it does not leave', () => {
    const answer = { success: true, status: 'SUCCESS', type: 'VERIFY', sessionId } as const;
    const full = { ...answer, statusCode: 200, tryAgain: false, confidence: 0.9 } as const;
    expect(() => validator.checkResponse('template.response', full)).toThrow('/confidence');
  });
});

test('when the directory has no schemas, then the start fails', () => {
  expect(() => createValidator('/nonexistent')).toThrow('ENOENT');
});
