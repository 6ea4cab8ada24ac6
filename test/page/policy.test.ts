import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Frame, Page } from 'playwright-core';
import { changeTenant } from '../../src/access/tenants.js';
import { encoded, face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { openBrowser, openPage } from './browser.js';
import { type Integrator, startIntegrator } from './integrator.js';

let lethe: TestLethe;
let tenant: TestTenant;
let integrator: Integrator;
let stranger: Integrator;
let browser: Browser;

beforeAll(async () => {
  [lethe, integrator, stranger, browser] = await Promise.all([
    TestLethe.start({ env: { LAUNCH_PAGE_PICKER: '1' } }),
    startIntegrator(),
    startIntegrator(),
    openBrowser(),
  ]);
  tenant = await lethe.tenant({ displayName: 'Bank of Tests' });
});
afterAll(async () => {
  await browser.close();
  await integrator.close();
  await stranger.close();
  await lethe.close();
});

const template = (name: string) =>
  JSON.stringify({ model: 'dlib-resnet-v1', embedding: encoded(face(name)) });

async function launchUrlOf(owner: TestTenant, body: object = {}): Promise<string> {
  const created = await lethe.create(owner, {
    type: 'ENROLL',
    redirectURL: `${integrator.origin}/done?sessionId=mine#top`,
    ...body,
  });
  return String(created.body['launchUrl']);
}

async function frameOf(page: Page): Promise<Frame> {
  const handle = await page.locator('iframe').elementHandle();
  const frame = await handle.contentFrame();
  if (!frame) throw new Error('the page has no frame');
  return frame;
}

describe("the contract's frame", () => {
  test('when the integrator frames the page, then the flow works and the redirect stays inside the frame', async () => {
    const embedding = integrator.framing(await launchUrlOf(tenant, { uuid: 'framed' }));
    const { page, context, observed } = await openPage(browser);
    await page.goto(embedding);
    const frame = await frameOf(page);
    await frame.getByLabel('Template as text').fill(template('framed'));
    await frame.getByRole('button', { name: 'Send' }).click();
    await frame.locator('#arrived').waitFor();
    expect(page.url()).toBe(embedding);
    const arrived = new URL(frame.url());
    expect(arrived.origin).toBe(integrator.origin);
    expect(arrived.searchParams.get('sessionId')).toBe('mine');
    expect(arrived.searchParams.get('reason')).toBe('success');
    expect(arrived.hash).toBe('#top');
    // Chromium warns of these attributes when frame and page are of one origin, as they are in the end.
    const complaints = observed.complaints.filter(
      (text) => !text.includes('escape its sandboxing'),
    );
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('when an origin that nobody registered frames the page, then the browser refuses to show it', async () => {
    const { page, context, observed } = await openPage(browser);
    await page.goto(stranger.framing(await launchUrlOf(tenant)));
    const frame = await frameOf(page);
    expect(await frame.getByText('Register your face').count()).toBe(0);
    expect(observed.complaints.join()).toContain('frame-ancestors');
    await context.close();
  });

  test('when the tenant has registered an origin, then that origin may frame the page', async () => {
    const registered = await lethe.tenant({ displayName: 'Framed shop' });
    const { store, sealer, pepper, clock, reviews, config } = lethe.context;
    await changeTenant(
      { store, sealer, pepper, clock, reviews, models: config.models },
      { tenantId: registered.tenantId, frameOrigins: [stranger.origin] },
    );
    const { page, context, observed } = await openPage(browser);
    await page.goto(stranger.framing(await launchUrlOf(registered)));
    const frame = await frameOf(page);
    await frame.getByRole('heading', { name: 'Register your face' }).waitFor();
    expect(observed.complaints).toEqual([]);
    await context.close();
  });
});

describe('the policy of the launch page', () => {
  test('when a tenant has a hostile name, then it is shown as text', async () => {
    const name = '"><img src=x onerror=alert(1)><script>alert(2)</script>\'&lt;';
    const hostile = await lethe.tenant({ displayName: name });
    const { page, context, observed } = await openPage(browser);
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await page.goto(await launchUrlOf(hostile));
    await page.locator('#picker').waitFor();
    expect(await page.locator('#who strong').textContent()).toBe(name);
    expect(await page.locator('#return').textContent()).toBe(`Continue to ${name}`);
    expect(await page.locator('img, script:not([src])').count()).toBe(0);
    expect(dialogs).toEqual([]);
    expect(observed.complaints).toEqual([]);
    await context.close();
  });

  test('when something is smuggled into the page, then each directive stops it', async () => {
    const { page, context, observed } = await openPage(browser);
    await page.goto(await launchUrlOf(tenant));
    await page.locator('#picker').waitFor();
    const before = stranger.visits.length;
    const violated = await page.evaluate(async (elsewhere) => {
      const directives = new Set<string>();
      document.addEventListener('securitypolicyviolation', (event) => {
        directives.add(event.effectiveDirective);
      });
      const add = (name: string, attributes: Record<string, string>, content = ''): HTMLElement => {
        const element = document.createElement(name);
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        element.textContent = content;
        return document.body.appendChild(element);
      };
      add('script', {}, 'window.smuggled = true');
      add('script', { src: `${elsewhere}/x.js` });
      add('style', {}, 'body { color: red }');
      add('img', { src: `${elsewhere}/x.png` });
      add('iframe', { src: `${elsewhere}/x` });
      add('object', { data: `${elsewhere}/x` });
      document.head.appendChild(add('base', { href: `${elsewhere}/` }));
      await fetch(`${elsewhere}/x`).catch(() => undefined);
      (add('form', { action: `${elsewhere}/x`, method: 'post' }) as HTMLFormElement).submit();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return { directives: [...directives].sort(), smuggled: 'smuggled' in window };
    }, stranger.origin);
    expect(violated).toEqual({
      directives: [
        'base-uri',
        'connect-src',
        'form-action',
        'frame-src',
        'img-src',
        'object-src',
        'script-src-elem',
        'style-src-elem',
      ],
      smuggled: false,
    });
    expect(stranger.visits.length).toBe(before);
    expect(observed.complaints).not.toEqual([]);
    await context.close();
  });

  test('when a form of the page leads to the integrator, then the policy lets it', async () => {
    const { page, context, observed } = await openPage(browser);
    await page.goto(await launchUrlOf(tenant));
    await page.locator('#picker').waitFor();
    await page.evaluate((action) => {
      const form = document.createElement('form');
      form.action = action;
      document.body.appendChild(form).submit();
    }, `${integrator.origin}/done`);
    await page.locator('#arrived').waitFor();
    expect(observed.complaints).toEqual([]);
    await context.close();
  });

  test.each([
    { width: 320, height: 640 },
    { width: 1280, height: 800 },
  ])(
    'when the window is $width wide, then nothing is cut off in light or dark',
    async (viewport) => {
      const wide = await lethe.tenant({ displayName: 'W'.repeat(100) });
      const launchUrl = await launchUrlOf(wide);
      const backgrounds = [];
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, context } = await openPage(browser, { viewport, colorScheme });
        await page.goto(launchUrl);
        await page.locator('#picker').waitFor();
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
});
