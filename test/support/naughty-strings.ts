/** Texts that break parsers, quoting, encodings, pages, shells, queries and logs, one per trick. */
const TRICKS: readonly string[] = [
  '',
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\0',
  '\\',
  '/',
  '.',
  '..',
  '-',
  '_',
  '"',
  "'",
  '`',
  '``',
  "''",
  '""',
  'null',
  'NULL',
  'undefined',
  'NaN',
  'Infinity',
  '-0',
  '1e400',
  '0x10',
  '1/0',
  'true',
  'false',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'then',
  'toJSON',
  '$where',
  '{"$ne":""}',
  '{"$gt":""}',
  "' OR '1'='1",
  "'; DROP TABLE subjects; --",
  '" OR ""="',
  '1;--',
  "admin'/*",
  'x\'||"',
  '%27%20OR',
  "' UNION SELECT wrapped FROM wrappedKeys --",
  '$(id)',
  '`id`',
  '; cat /etc/passwd',
  '| ls',
  '&& reboot',
  '../../../../etc/passwd',
  '..\\..\\boot.ini',
  '%2e%2e%2f',
  '%00',
  '%0d%0aSet-Cookie: a=b',
  '\r\nX-Injected: 1',
  '%s%s%s%n',
  '${jndi:ldap://x/a}',
  '{{7*7}}',
  '<%= 7 %>',
  '#{7}',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  'javascript:1',
  'data:text/html,<b>',
  '<!--',
  ']]>',
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///">]>',
  'file:///etc/passwd',
  'gopher://x',
  'http://169.254.169.254/latest',
  'http://[::1]/',
  'http://0/',
  'https://user:pass@x/',
  'https://x\\@y/',
  '//x',
  'https://',
  'https://\u0000x/',
  'https://x:99999/',
  '=1+1',
  '@SUM(A1)',
  '+1',
  '(((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+$',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u200d',
  '\ufeff',
  '\u2028',
  '\u2029',
  '\u0085',
  '\u00a0',
  '\u3000',
  '\ud800',
  '\udfff',
  '\ud83d',
  '\ude00\ud83d',
  '\uffff',
  '\ufffe',
  '\u{10ffff}',
  '\u0000\u0000',
  'A\u030a',
  '\u212b',
  'ﬁ',
  'İ',
  'ı',
  'ß',
  'ſ',
  'Ω',
  'ｅｎｒｏｌｌ',
  'ЕNROLL',
  'ENROLL\u0000',
  ' ENROLL',
  '😀',
  '👩‍👩‍👧‍👦',
  '🏳️‍🌈',
  '🇦🇶',
  '❤️',
  '表ポあA鷗ŒéＢ',
  '社會科學院語學研究所',
  'مُنَاقَشَة',
  'שלום',
  '̡͓̞ͅI̗̘̦͝n͇͇͙v̮̫ok̲̫̙͈i̖͙̭̹̠̞n̡̻̮̣̺g',
  '"}]}',
  '{"type":"DELETE"}',
  '\\u0000',
  '\\ud800',
  '[[[[[[[[',
  '\u001b[2J',
  '\u0007',
  '\u007f',
  'eyJhbGciOiJub25lIn0.e30.',
  'Bearer null',
  'Basic Og==',
  '٠١٢',
  '１２３',
  '1_000',
  '１e9',
  '-1',
  '9'.repeat(40),
];

/** One character of every tenth code point of each plane's start, and around every boundary. */
function characters(count: number): string[] {
  const planes = [0x0000, 0x0300, 0x0600, 0x1f00, 0x2000, 0x2e80, 0xd7f0, 0xe000, 0xfe00, 0xff00];
  const starts = [...planes, 0x1f000, 0x1f600, 0xe0000, 0xf0000, 0x10fb00];
  return Array.from({ length: count }, (_, index) => {
    const start = starts[index % starts.length] ?? 0;
    return String.fromCodePoint(start + Math.floor(index / starts.length) * 7);
  });
}

/**
 * `count` different texts, always the same ones: the tricks; each with the mark before, after and in
 * the middle, or repeated until it is long; then single characters, alone and marked.
 */
export function naughtyStrings(count: number, mark: string): readonly string[] {
  const all = new Set<string>(TRICKS);
  for (const trick of TRICKS) {
    const half = Math.ceil(trick.length / 2);
    all
      .add(mark + trick)
      .add(trick + mark)
      .add(trick.slice(0, half) + mark + trick.slice(half));
    all.add(trick.repeat(9) + mark).add(mark + trick.repeat(Math.ceil(129 / (trick.length || 1))));
    for (const other of ['\0', '\n', '\u202e', '😀', '"', '<']) all.add(mark + other + trick);
  }
  for (const size of [64, 127, 128, 129, 255, 256, 257, 2_048, 2_049, 4_097]) {
    for (const unit of ['a', 'ä', '😀', ' ', '%', '\ud800']) all.add(mark + unit.repeat(size));
  }
  for (const character of characters(1_400)) {
    all
      .add(character)
      .add(mark + character)
      .add(`${character}${mark}${character}`);
  }
  const texts = [...all].slice(0, count);
  if (texts.length < count) throw new Error(`only ${String(texts.length)} texts`);
  return texts;
}
