import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Browser, Frame, Page } from 'playwright-core';
import { encoded, face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { openBrowser, openPage } from './browser.js';
import { type Integrator, startIntegrator } from './integrator.js';

let lethe: TestLethe;
let tenant: TestTenant;
let integrator: Integrator;
let browser: Browser;

beforeAll(async () => {
  [lethe, integrator, browser] = await Promise.all([
    TestLethe.start({ env: { LAUNCH_PAGE_PICKER: '1' } }),
    startIntegrator(),
    openBrowser(),
  ]);
  tenant = await lethe.tenant({ displayName: 'Bank of Tests' });
});
afterAll(async () => {
  await browser.close();
  await integrator.close();
  await lethe.close();
});
beforeEach(() => {
  lethe.receiver.behave({ status: 200 });
});

const template = (name: string) =>
  JSON.stringify({ model: 'dlib-resnet-v1', embedding: encoded(face(name)) });

async function launch(body: object): Promise<{ sessionId: string; launchUrl: string }> {
  const created = await lethe.create(tenant, {
    redirectURL: `${integrator.origin}/done?sessionId=mine&q=%7E+%2f#top`,
    ...body,
  });
  expect(created.status).toBe(201);
  return created.body as { sessionId: string; launchUrl: string };
}

async function pickText(page: Page | Frame, text: string): Promise<void> {
  await page.getByLabel('Template as text').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** The query that Lethe added, after checking that the integrator's own parts are as they were. */
function addedTo(address: string): URLSearchParams {
  const { origin } = integrator;
  const own = `${origin}/done?sessionId=mine&q=%7E+%2f&`;
  expect(address.startsWith(own)).toBe(true);
  expect(address.endsWith('#top')).toBe(true);
  return new URLSearchParams(address.slice(own.length, -'#top'.length));
}

async function verifyResult(result: string): Promise<Record<string, unknown>> {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', lethe.url));
  const { payload } = await jwtVerify(result, keys, {
    issuer: lethe.url,
    audience: integrator.origin,
    typ: 'lethe-result+jwt',
  });
  return payload;
}

describe('the launch page', () => {
  test('when a template is picked as text, then it leaves encrypted, the session succeeds and the browser arrives with a signed result', async () => {
    const { sessionId, launchUrl } = await launch({ type: 'ENROLL', uuid: 'page-text' });
    const { page, context, observed } = await openPage(browser);
    await page.goto(launchUrl);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Register your face');
    expect(await page.locator('#who').textContent()).toContain('Bank of Tests asks you');
    expect(await page.locator('#kept').textContent()).toContain('Only the template, encrypted');

    await pickText(page, template('page-text'));
    await page.locator('#arrived').waitFor();

    const added = addedTo(page.url());
    expect([...added.keys()]).toEqual(['reason', 'result']);
    expect(added.get('reason')).toBe('success');
    expect(await verifyResult(added.get('result') ?? '')).toMatchObject({
      sid: sessionId,
      status: 'SUCCESS',
    });
    expect(await lethe.webhook(sessionId)).toMatchObject({ status: 'SUCCESS', puid: 'page-text' });
    expect(await lethe.verifies(tenant, 'page-text', face('page-text'))).toBe(true);

    const posts = observed.requests.filter((request) => request.method() === 'POST');
    expect(posts.map((post) => new URL(post.url()).pathname)).toEqual([
      `/v2/verification-session/${sessionId}/enroll`,
    ]);
    const sent = posts[0]!.postData() ?? '';
    expect(Object.keys(JSON.parse(sent) as object).sort()).toEqual(
      ['encryptedKey', 'encryptedMessage', 'gcmAad', 'gcmTag', 'iv'].sort(),
    );
    expect(sent).not.toContain(encoded(face('page-text')).slice(0, 40));
    expect(sent).not.toContain('embedding');

    const elsewhere = observed.requests
      .map((request) => request.url())
      .filter((url) => !url.startsWith(`${lethe.url}/`));
    expect(elsewhere.filter((url) => !url.endsWith('/favicon.ico'))).toEqual([
      page.url().replace('#top', ''),
    ]);
    expect(observed.complaints).toEqual([]);
    await context.close();
  });

  test('when a template is picked as a file, then VERIFY succeeds with it', async () => {
    await lethe.enroll(tenant, 'page-file', face('page-file'));
    const { launchUrl } = await launch({ type: 'VERIFY', uuid: 'page-file' });
    const path = join(mkdtempSync(join(tmpdir(), 'lethe-page-')), 'template.json');
    writeFileSync(path, template('page-file'));
    const { page, context, observed } = await openPage(browser);
    await page.goto(launchUrl);
    await page.getByLabel('Template from a JSON file').setInputFiles(path);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#arrived').waitFor();
    expect(addedTo(page.url()).get('reason')).toBe('success');
    expect(observed.complaints).toEqual([]);
    await context.close();
  });

  test('when another face is shown, then the page says that it did not work and leads to failureUrl', async () => {
    await lethe.enroll(tenant, 'page-other', face('page-other'));
    const { launchUrl } = await launch({
      type: 'VERIFY',
      uuid: 'page-other',
      failureUrl: `${integrator.origin}/sorry`,
    });
    const { page, context } = await openPage(browser);
    await page.goto(launchUrl);
    await pickText(page, template('a stranger'));
    await page.getByRole('heading', { name: 'This did not work' }).waitFor();
    await page.locator('#arrived').waitFor();
    const { pathname, searchParams } = new URL(page.url());
    expect([pathname, searchParams.get('reason')]).toEqual(['/sorry', 'failed']);
    expect(await verifyResult(searchParams.get('result') ?? '')).toMatchObject({
      status: 'FAILED',
    });
    await context.close();
  });

  test('when only the keyboard is used, then the order of the focus is that of the page and Enter sends', async () => {
    const { launchUrl } = await launch({ type: 'ENROLL', uuid: 'page-keyboard' });
    const { page, context } = await openPage(browser);
    await page.goto(launchUrl);
    await page.locator('#picker').waitFor();
    const focused: string[] = [];
    for (let presses = 0; presses < 3; presses++) {
      await page.keyboard.press('Tab');
      focused.push(await page.evaluate(() => document.activeElement?.id ?? ''));
      if (focused.at(-1) === 'text') await page.keyboard.insertText(template('page-keyboard'));
    }
    expect(focused).toEqual(['file', 'text', 'send']);
    await page.keyboard.press('Enter');
    await page.locator('#arrived').waitFor();
    expect(addedTo(page.url()).get('reason')).toBe('success');
    await context.close();
  });

  test('when the text is not a template, then the page says so, sends nothing and loses nothing', async () => {
    const { sessionId, launchUrl } = await launch({ type: 'ENROLL', uuid: 'page-bad' });
    const { page, context, observed } = await openPage(browser);
    await page.goto(launchUrl);
    const status = page.getByRole('status');
    const text = page.getByLabel('Template as text');
    for (const bad of ['{"model": "dlib', '[1, 2]', 'null']) {
      await pickText(page, bad);
      await expect(status.textContent()).resolves.toMatch(/^This is not .*JSON.*Nothing was sent/);
      expect(await text.inputValue()).toBe(bad);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('text');
    }
    expect(observed.requests.filter((request) => request.method() === 'POST')).toEqual([]);

    await pickText(page, '{"model":"dlib-resnet-v1"}');
    await page.getByText('embedding is required').waitFor();
    await pickText(page, '{"model":"dlib-resnet-v1","embedding":"AAAAAAAAAAA="}');
    await page.getByText('The embedding').waitFor();
    expect((await lethe.call('GET', `/v2/verification-session/${sessionId}`)).body['status']).toBe(
      'CREATED',
    );

    await pickText(page, template('page-bad'));
    await page.locator('#arrived').waitFor();
    await context.close();
  });

  test('when Send is pressed twice, then one template is sent', async () => {
    const { launchUrl } = await launch({ type: 'ENROLL', uuid: 'page-twice' });
    const { page, context, observed } = await openPage(browser);
    await page.goto(launchUrl);
    await page.getByLabel('Template as text').fill(template('page-twice'));
    await page.getByRole('button', { name: 'Send' }).dblclick({ noWaitAfter: true });
    await page.locator('#arrived').waitFor();
    expect(observed.requests.filter((request) => request.method() === 'POST')).toHaveLength(1);
    expect(observed.complaints).toEqual([]);
    await context.close();
  });

  test('when an app completes the session meanwhile, then the page goes on by itself and leaves the history', async () => {
    const { sessionId, launchUrl } = await launch({ type: 'ENROLL', uuid: 'page-app' });
    const { page, context, observed } = await openPage(browser);
    await page.goto(`${integrator.origin}/before`);
    await page.goto(launchUrl);
    await page.locator('#picker').waitFor();
    await lethe.submit(sessionId, 'enroll', face('page-app'));
    await page.locator('#arrived').waitFor();
    expect(addedTo(page.url()).get('reason')).toBe('success');
    expect(observed.complaints).toEqual([]);
    await page.goBack();
    expect(page.url()).toBe(`${integrator.origin}/before`);
    await context.close();
  });

  test('when the receiver takes a second, then the browser arrives after it', async () => {
    lethe.receiver.behave({ status: 200, delayMs: 1_000 });
    const { sessionId, launchUrl } = await launch({ type: 'ENROLL', uuid: 'page-slow' });
    const { page, context } = await openPage(browser);
    await page.goto(launchUrl);
    // Locators wait for a navigation that has begun, so the page itself tells what it shows meanwhile.
    const shown: string[] = [];
    await page.exposeFunction('tell', (text: string) => shown.push(text));
    await page.evaluate(() => {
      const { tell } = window as unknown as { tell: (text: string) => void };
      document.querySelector('#return')?.addEventListener('focus', () => {
        tell(document.querySelector('[role=status]')?.textContent ?? '');
      });
    });
    await pickText(page, template('page-slow'));
    await page.locator('#arrived').waitFor();
    const delivery = await lethe.context.store.deliveries.findBySession(sessionId);
    expect(delivery?.state).toBe('delivered');
    expect(shown).toEqual(['You are being sent back.']);
    await context.close();
  });
});
