import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import {
  issueReceipt,
  noteSigner,
  type ReceiptPlan,
  sampleClaims,
  testLog,
  testWitness,
} from '../support/receipts.js';
import { type Observed, openBrowser, openPage } from './browser.js';
import { startVerifyServer, type VerifyServer } from './verify-server.js';

const strangerLog = noteSigner('log.example/log', 'log', 'somebody else');
const secondWitness = noteSigner('witness.example/w2', 'witness');
const SOUND = issueReceipt().receipt;
const NOT_VALID = 'The receipt is not valid.';

let server: VerifyServer;
let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-verify-page-'));
  [server, browser] = await Promise.all([startVerifyServer([testLog.vkey]), openBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

interface OpenedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly observed: Observed;
}

async function openForm(options: Parameters<typeof openPage>[1] = {}): Promise<OpenedPage> {
  const opened = await openPage(browser, options);
  await opened.page.goto(server.url);
  await opened.page.locator('#check').waitFor();
  return opened;
}

/** Runs a story on a fresh page; at its end nothing was asked of any server and nothing complained of. */
async function onPage(story: (page: Page) => Promise<void>): Promise<void> {
  const { page, context, observed } = await openForm();
  const loadedCount = observed.requests.length;
  await story(page);
  expect(observed.requests.slice(loadedCount).map((request) => request.url())).toEqual([]);
  expect(observed.complaints).toEqual([]);
  expect(page.url()).toBe(server.url);
  await context.close();
}

async function press(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Check the receipt' }).click();
}

async function checkText(page: Page, receipt: string): Promise<void> {
  await page.getByLabel('Receipt as text').fill(receipt);
  await press(page);
}

async function verdictOf(page: Page): Promise<string> {
  const status = page.getByRole('status');
  await status.filter({ hasText: /./ }).waitFor();
  return (await status.textContent()) ?? '';
}

const itemsBelow = async (page: Page, title: string) =>
  await page.locator(`h2:text-is("${title}") + ul > li`).allTextContents();

function fileWith(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function drop(page: Page, onto: string, file: { name: string; text: string }): Promise<void> {
  const transfer = await page.evaluateHandle(({ name, text }) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    return data;
  }, file);
  await page.dispatchEvent(onto, 'drop', { dataTransfer: transfer });
}

function policyOf(quorum: string, logs: readonly string[] = []): string {
  return [
    ...logs.map((vkey) => `log ${vkey}`),
    `witness w1 ${testWitness.vkey}`,
    `witness w2 ${secondWitness.vkey}`,
    'group both all w1 w2',
    `quorum ${quorum}`,
    '',
  ].join('\n');
}

async function fillPolicy(page: Page, policy: string): Promise<void> {
  await page.getByText('Witnesses (optional)').click();
  await page.getByLabel('Policy as text').fill(policy);
}

function witnessedBy(...witnesses: readonly (typeof testWitness)[]): ReceiptPlan {
  const timeSeconds = sampleClaims().iat + 60;
  return { witnessed: witnesses.map((by) => ({ by, timeSeconds })) };
}

describe('a receipt that is valid', () => {
  test('when it is pasted, then the page says what was proven, what was not and what it says', async () => {
    await onPage(async (page) => {
      await checkText(page, SOUND);
      expect(await verdictOf(page)).toBe('The receipt is valid.');
      const proven = await itemsBelow(page, 'What was proven');
      expect(proven.join('\n')).toContain('leaf 3 of the log log.example/log, in a tree of 6');
      const notProven = await itemsBelow(page, 'What was not proven');
      expect(notProven.join('\n')).toContain('nobody had copied');
      expect(notProven.at(-2)).toContain('you did not enter whom you expect');
      expect(notProven.at(-1)).toContain('it came from the operator');
      expect(await page.locator('dt:text-is("Person") + dd').textContent()).toBe('ada');
      expect(await page.locator('dt:text-is("Deleted at") + dd').textContent()).toBe(
        '2030-01-01T00:00:00Z',
      );
    });
  });

  test.each([
    ['an answer', JSON.stringify({ status: 'success', receipt: SOUND }, null, 2)],
    ['a mail that broke its lines', `\n${SOUND.replace(/.{76}/g, '$&\r\n')}\n`],
  ])('when it is pasted from %s, then it is found valid', async (_source, text) => {
    await onPage(async (page) => {
      await checkText(page, text);
      expect(await verdictOf(page)).toBe('The receipt is valid.');
    });
  });

  test('when its file is chosen, then the page reads it and finds it valid', async () => {
    await onPage(async (page) => {
      await page.getByLabel('Receipt from a file').setInputFiles(fileWith('receipt.jws', SOUND));
      expect(await verdictOf(page)).toBe('The file receipt.jws was read.');
      await press(page);
      await page.getByText('The receipt is valid.').waitFor();
    });
  });

  test('when its file is dropped anywhere, then the page stays and reads it', async () => {
    await onPage(async (page) => {
      await drop(page, 'h1', { name: 'dropped.txt', text: SOUND });
      expect(await verdictOf(page)).toBe('The file dropped.txt was read.');
      expect(await page.getByLabel('Receipt as text').inputValue()).toBe(SOUND);
    });
  });

  test('when the person is expected, then the page confirms whom it is about', async () => {
    await onPage(async (page) => {
      await page.getByLabel('uuid of the person').fill(' ada ');
      await checkText(page, SOUND);
      expect(await verdictOf(page)).toBe('The receipt is valid.');
      const proven = await itemsBelow(page, 'What was proven');
      expect(proven).toContain('It is about the subject that was expected.');
      const notProven = (await itemsBelow(page, 'What was not proven')).join('\n');
      expect(notProven).not.toContain('whom you expect');
    });
  });

  test('when the key was entered by the person, then it is no longer called the word of the operator', async () => {
    await onPage(async (page) => {
      await page.getByLabel('Keys of the log').fill(`${strangerLog.vkey}\n\n ${testLog.vkey}\n`);
      await checkText(page, SOUND);
      expect(await verdictOf(page)).toBe('The receipt is valid.');
      const notProven = (await itemsBelow(page, 'What was not proven')).join('\n');
      expect(notProven).not.toContain('it came from the operator');
    });
  });

  test('when an entry is changed afterwards, then the verdict goes away', async () => {
    await onPage(async (page) => {
      await checkText(page, SOUND);
      await page.getByText('The receipt is valid.').waitFor();
      await page.getByLabel('Keys of the log').press('End');
      await page.getByLabel('Keys of the log').press('x');
      expect(await page.getByRole('status').textContent()).toBe('');
      expect(await page.locator('#report').isVisible()).toBe(false);
    });
  });
});

describe('a receipt that is not valid', () => {
  const [header = '', payload = '', signature = ''] = SOUND.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const elsewhere = JSON.stringify({ ...claims, sub: 'eve' });

  test.each([
    [
      'its claims were changed',
      [header, Buffer.from(elsewhere).toString('base64url'), signature].join('.'),
      'it was changed',
    ],
    ['its end is missing', SOUND.slice(0, -10), 'not exactly a receipt'],
    ['it is garbage', 'hello, world', 'not exactly a receipt'],
    ['it is another JWS', 'eyJhbGciOiJub25lIn0.e30.', 'not exactly a receipt'],
    ['it has markup in it', '<img src=x onerror=alert(1)>', 'not exactly a receipt'],
    [
      'another log signed it under the same name',
      issueReceipt({ signer: strangerLog }).receipt,
      'not among the log keys',
    ],
    ['its leaf is not in the log', issueReceipt({ leaf: 'x' }).receipt, 'does not show'],
  ])('when %s, then the page says so and shows nothing of it', async (_what, receipt, reason) => {
    await onPage(async (page) => {
      await checkText(page, receipt);
      const verdict = await verdictOf(page);
      expect(verdict.startsWith(NOT_VALID)).toBe(true);
      expect(verdict).toContain(reason);
      expect(await page.locator('#report').isVisible()).toBe(false);
      expect(await page.locator('img').count()).toBe(0);
    });
  });

  test('when it is about somebody else than expected, then it is refused', async () => {
    await onPage(async (page) => {
      await page.getByLabel('uuid of the person').fill('eve');
      await checkText(page, SOUND);
      expect(await verdictOf(page)).toBe(
        `${NOT_VALID} The receipt is about another subject than the one that was expected.`,
      );
      expect(await page.locator('main').textContent()).not.toContain('ada');
    });
  });

  test('when a valid one was checked before, then nothing of that one stays', async () => {
    await onPage(async (page) => {
      await checkText(page, SOUND);
      await page.locator('#report').waitFor();
      await checkText(page, `${SOUND}x`);
      expect(await verdictOf(page)).toContain(NOT_VALID);
      expect(await page.locator('#report').textContent()).toBe('');
    });
  });
});

describe('witnesses', () => {
  test('when the quorum of a policy has cosigned, then the page names who saw the log and when', async () => {
    await onPage(async (page) => {
      await fillPolicy(page, policyOf('both'));
      await checkText(page, issueReceipt(witnessedBy(testWitness, secondWitness)).receipt);
      expect(await verdictOf(page)).toBe('The receipt is valid.');
      const proven = await itemsBelow(page, 'What was proven');
      for (const { name } of [testWitness, secondWitness])
        expect(proven).toContain(
          `The witness ${name} saw the log with this leaf at 2030-01-01T00:01:00Z.`,
        );
      expect(proven).toContain('These witnesses are a quorum of the policy.');
    });
  });

  test('when fewer have cosigned than the policy asks, then the receipt is refused', async () => {
    await onPage(async (page) => {
      await fillPolicy(page, policyOf('both'));
      await checkText(page, issueReceipt(witnessedBy(testWitness)).receipt);
      expect(await verdictOf(page)).toMatch(/^The receipt is not valid\. Fewer witnesses/);
    });
  });

  test('when a policy is dropped on its field, then it is unfolded and used', async () => {
    await onPage(async (page) => {
      await drop(page, '#policy-field summary', { name: 'policy', text: policyOf('w1') });
      await page.getByText('The file policy was read.').waitFor();
      expect(await page.getByLabel('Policy as text').isVisible()).toBe(true);
      await checkText(page, SOUND);
      await page.getByText('Fewer witnesses').waitFor();
    });
  });

  test('when a check is made while the file of a policy is read, then its verdict does not stay', async () => {
    await onPage(async (page) => {
      await page.evaluate(() => {
        const read = Blob.prototype.text;
        Blob.prototype.text = async function (this: Blob) {
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          return await Reflect.apply(read, this, []);
        };
      });
      await drop(page, '#policy-field summary', { name: 'policy', text: policyOf('both') });
      await checkText(page, SOUND);
      await page.getByText('The receipt is valid.').waitFor();
      await page.getByText('The file policy was read.').waitFor();
      expect(await page.locator('#report').isVisible()).toBe(false);
    });
  });

  test('when the policy names logs, then their keys count and not those of the operator', async () => {
    await onPage(async (page) => {
      await fillPolicy(page, policyOf('none', [strangerLog.vkey]));
      await checkText(page, SOUND);
      expect(await verdictOf(page)).toContain('not among the log keys');
      await checkText(page, issueReceipt({ signer: strangerLog }).receipt);
      expect(await verdictOf(page)).toBe('The receipt is valid.');
      const notProven = (await itemsBelow(page, 'What was not proven')).join('\n');
      expect(notProven).not.toContain('it came from the operator');
    });
  });
});

describe('entries that cannot be used', () => {
  test.each([
    ['policy', 'quorum nobody\n', /^The policy cannot be used: line 1: /],
    ['keys', '', 'Without a key of the log nothing can be checked.'],
    ['keys', `${testLog.vkey}\nnonsense`, 'Line 2 is not the key of a log.'],
    ['keys', testWitness.vkey, 'Line 1 is not the key of a log.'],
    ['receipt', '{"receipt": 7}', 'This is no receipt, and no JSON with a text "receipt".'],
    ['receipt', '{"receipt": "', 'This is no receipt, and no JSON with a text "receipt".'],
  ] as const)(
    'when the field %s holds %j, then the page says what is wrong and leads there',
    async (field, text, sentence) => {
      await onPage(async (page) => {
        await page.getByText('Witnesses (optional)').click();
        await page.locator('#receipt').fill(SOUND);
        await page.locator(`#${field}`).fill(text);
        await page.getByText('Witnesses (optional)').click();
        await press(page);
        expect(await verdictOf(page)).toEqual(expect.stringMatching(sentence));
        const entry = page.locator(`#${field}`);
        expect(await entry.getAttribute('aria-invalid')).toBe('true');
        expect(await page.evaluate(() => document.activeElement?.id)).toBe(field);

        await entry.fill(field === 'keys' ? testLog.vkey : field === 'receipt' ? SOUND : '');
        await press(page);
        expect(await verdictOf(page)).toBe('The receipt is valid.');
      });
    },
  );

  test('when nothing was entered, then nothing is checked', async () => {
    await onPage(async (page) => {
      await press(page);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('receipt');
      expect(await page.getByRole('status').textContent()).toBe('');
    });
  });

  test('when a file has 5 MB, then it is not read and the page stays usable', async () => {
    const path = fileWith('film.mp4', new Uint8Array(5_000_000));
    await onPage(async (page) => {
      await page.getByLabel('Receipt from a file').setInputFiles(path);
      expect(await verdictOf(page)).toBe(
        'The file film.mp4 has 4883 KiB; 64 KiB are the most that can be checked here. It was not read.',
      );
      expect(await page.getByLabel('Receipt as text').inputValue()).toBe('');
      await checkText(page, SOUND);
      await page.getByText('The receipt is valid.').waitFor();
    });
  });

  test('when a text of 5 MB is pasted, then it is not checked', async () => {
    await onPage(async (page) => {
      await page.evaluate(() => {
        const field = document.querySelector<HTMLTextAreaElement>('#receipt');
        if (field !== null) field.value = 'a'.repeat(5_000_000);
      });
      await press(page);
      expect(await verdictOf(page)).toContain('It was not checked.');
    });
  });

  test('when a file is not text, then it is refused as a receipt', async () => {
    const path = fileWith(
      'noise.bin',
      Uint8Array.from({ length: 256 }, (_, byte) => byte),
    );
    await onPage(async (page) => {
      await page.getByLabel('Receipt from a file').setInputFiles(path);
      await page.getByText('was read').waitFor();
      await press(page);
      await page.getByText('not exactly a receipt').waitFor();
    });
  });
});

describe('whoever opens the page', () => {
  test('when only the keyboard is used, then every field is reached in order and the verdict is announced', async () => {
    await onPage(async (page) => {
      const reached: string[] = [];
      for (let presses = 0; presses < 6; presses++) {
        await page.keyboard.press('Tab');
        reached.push(await page.evaluate(() => document.activeElement?.id ?? ''));
        if (reached.at(-1) === 'receipt') await page.keyboard.insertText(SOUND);
      }
      expect(reached).toEqual([
        'receipt-file',
        'receipt',
        'keys',
        'subject',
        'policy-summary',
        'send',
      ]);
      await page.keyboard.press('Enter');
      expect(await verdictOf(page)).toBe('The receipt is valid.');

      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('policy');
    });
  });

  test('when a reader of the screen meets a field, then it has a name and what is said of it exists', async () => {
    await onPage(async (page) => {
      const fields = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLInputElement>('input, textarea')].map((field) => ({
          label: field.labels?.[0]?.textContent ?? '',
          missing: (field.getAttribute('aria-describedby') ?? 'none')
            .split(' ')
            .filter((id) => document.getElementById(id) === null),
        })),
      );
      expect(fields).toHaveLength(6);
      for (const { label, missing } of fields) expect([label === '', missing]).toEqual([false, []]);
    });
  });

  test.each([
    { width: 320, height: 640 },
    { width: 1280, height: 800 },
  ])(
    'when the window is $width wide, then nothing is cut off in light or dark',
    async (viewport) => {
      const backgrounds = [];
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, context } = await openForm({ viewport, colorScheme });
        await fillPolicy(page, policyOf('none'));
        const claims = sampleClaims({ sub: 'w'.repeat(128), auditTag: 'W'.repeat(128) });
        await checkText(page, issueReceipt({ claims }).receipt);
        await page.locator('#report').waitFor();
        const seen = await page.evaluate(() => ({
          overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          background: getComputedStyle(document.body).backgroundColor,
        }));
        expect(seen.overflow).toBe(0);
        backgrounds.push(seen.background);
        await context.close();
      }
      expect(new Set(backgrounds).size).toBe(2);
    },
  );

  test('when the browser lacks Ed25519, then the page says so and names the command', async () => {
    const { page, context } = await openPage(browser);
    await page.addInitScript(() => {
      const supported = SubtleCrypto.prototype.generateKey;
      SubtleCrypto.prototype.generateKey = function (this: SubtleCrypto, ...args: unknown[]) {
        const { name } = args[0] as { name: string };
        if (name === 'Ed25519') throw new DOMException('Unrecognized name', 'NotSupportedError');
        return Reflect.apply(supported, this, args) as never;
      } as never;
    });
    await page.goto(server.url);
    const verdict = await verdictOf(page);
    expect(verdict).toContain('it lacks Ed25519');
    expect(verdict).toContain('lethe receipt verify');
    expect(await page.locator('#check').isVisible()).toBe(false);
    await context.close();
  });

  test('when the page did not come by https, then it says so and names the command', async () => {
    const { page, context } = await openPage(browser);
    await page.addInitScript(() => {
      Object.defineProperty(window, 'isSecureContext', { value: false });
    });
    await page.goto(server.url);
    const verdict = await verdictOf(page);
    expect(verdict).toContain('https');
    expect(verdict).toContain('lethe receipt verify');
    expect(await page.locator('#check').isVisible()).toBe(false);
    await context.close();
  });

  test('when there is no JavaScript, then no form can be sent and the command is named', async () => {
    const { page, context } = await openPage(browser, { javaScriptEnabled: false });
    await page.goto(server.url);
    expect(await page.locator('#check').isVisible()).toBe(false);
    expect(await page.locator('noscript').textContent()).toContain('lethe receipt verify');
    await context.close();
  });

  test('when something smuggled in tries to send what was entered, then the browser stops it', async () => {
    const { page, context, observed } = await openForm();
    const loadedCount = observed.requests.length;
    const stopped = await page.evaluate(async () => {
      const directives = new Set<string>();
      document.addEventListener('securitypolicyviolation', (event) => {
        directives.add(event.effectiveDirective);
      });
      await fetch('/verify?receipt=secret').catch(() => undefined);
      navigator.sendBeacon('/verify', 'secret');
      const form = document.createElement('form');
      form.action = '/verify';
      document.body.append(form);
      form.submit();
      try {
        document.body.innerHTML = '<p>';
      } catch {
        directives.add('trusted types');
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [...directives].sort();
    });
    expect(stopped).toEqual([
      'connect-src',
      'form-action',
      'require-trusted-types-for',
      'trusted types',
    ]);
    expect(observed.requests.slice(loadedCount)).toEqual([]);
    expect(page.url()).toBe(server.url);
    await context.close();
  });
});
