import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { face } from '../support/embeddings.js';
import { TestLethe, type TestTenant } from '../support/lethe.js';
import { openBrowser, openPage } from './browser.js';
import { type Integrator, startIntegrator } from './integrator.js';

let lethe: TestLethe;
let tenant: TestTenant;
let integrator: Integrator;
let browser: Browser;

// Without LAUNCH_PAGE_PICKER, as an installation is unless somebody develops on it.
beforeAll(async () => {
  [lethe, integrator, browser] = await Promise.all([
    TestLethe.start(),
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

async function launch(body: object): Promise<{ sessionId: string; launchUrl: string }> {
  const created = await lethe.create(tenant, { redirectURL: `${integrator.origin}/done`, ...body });
  const sessionId = String(created.body['sessionId']);
  return { sessionId, launchUrl: `${lethe.url}/launch/${sessionId}` };
}

async function cancel(sessionId: string): Promise<void> {
  const canceled = await lethe.call('POST', `/v2/verification-session/${sessionId}/cancel`, {
    headers: tenant.credentials,
  });
  expect(canceled.status).toBe(200);
}

/** A session of each ending, with the words that its page begins with. */
const ENDINGS: Readonly<Record<string, { title: string; make: () => Promise<string> }>> = {
  success: {
    title: 'Your face is registered',
    make: async () => {
      const { sessionId, launchUrl } = await launch({ type: 'ENROLL', uuid: 'ending-used' });
      await lethe.submit(sessionId, 'enroll', face('ending-used'));
      return launchUrl;
    },
  },
  failed: {
    title: 'This did not work',
    make: async () => {
      await lethe.enroll(tenant, 'ending-failed', face('ending-failed'));
      const { sessionId, launchUrl } = await launch({ type: 'VERIFY', uuid: 'ending-failed' });
      await lethe.submit(sessionId, 'verify', face('a stranger'));
      return launchUrl;
    },
  },
  canceled: {
    title: 'This was canceled',
    make: async () => {
      const { sessionId, launchUrl } = await launch({ type: 'ENROLL' });
      await cancel(sessionId);
      return launchUrl;
    },
  },
  expired: {
    title: 'This link has expired',
    make: async () => {
      const { launchUrl } = await launch({ type: 'ENROLL', sessionExpiry: 30 });
      lethe.clock.advance(31_000);
      return launchUrl;
    },
  },
};

describe('the launch page of a session that is over', () => {
  test.each(Object.entries(ENDINGS))(
    'when it ended with %s, then the page says so and offers the way on',
    async (reason, { title, make }) => {
      const { page, context, observed } = await openPage(browser);
      await page.goto(await make());
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(title);
      expect(await page.locator('#who').textContent()).toContain('Bank of Tests');
      await page.getByRole('link', { name: 'Continue to Bank of Tests' }).click();
      await page.locator('#arrived').waitFor();
      expect(new URL(page.url()).searchParams.get('reason')).toBe(reason);
      expect(observed.complaints).toEqual([]);
      await context.close();
    },
  );

  test('when scripts are not allowed, then the words and the way on are there nevertheless', async () => {
    const { page, context } = await openPage(browser, { javaScriptEnabled: false });
    await page.goto(await ENDINGS['canceled']!.make());
    await page.getByRole('link', { name: 'Continue to Bank of Tests' }).click();
    await page.locator('#arrived').waitFor();
    await context.close();
  });

  test('when it was a DELETE, then the page says what was destroyed and goes on by itself', async () => {
    await lethe.enroll(tenant, 'ending-delete', face('ending-delete'));
    const { launchUrl } = await launch({ type: 'DELETE', uuid: 'ending-delete' });
    const { page, context, observed } = await openPage(browser);
    await page.goto(launchUrl);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
      'Your face data was deleted',
    );
    expect(await page.locator('#what').textContent()).toContain('cannot be restored');
    await page.locator('#arrived').waitFor();
    expect(new URL(page.url()).searchParams.get('reason')).toBe('success');
    expect(observed.complaints).toEqual([]);
    await context.close();
  });

  test('when nobody knows the session, then the page and its way back say so', async () => {
    for (const path of ['/launch/00000000-0000-4000-8000-000000000000', '/launch/x/return']) {
      const { page, context } = await openPage(browser);
      const response = await page.goto(`${lethe.url}${path}`);
      expect(response?.status()).toBe(404);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(
        'This link is not valid',
      );
      expect(await page.locator('main').textContent()).toContain('ask for a new one');
      await context.close();
    }
  });
});

describe('the launch page of an open session', () => {
  test('when there is no picker, then it offers none and leads to the app', async () => {
    const { launchUrl } = await launch({ type: 'ENROLL' });
    const { page, context, observed } = await openPage(browser);
    await page.goto(launchUrl);
    await page.getByText('Please continue in the app').waitFor();
    expect(await page.locator('form, input, textarea, button').count()).toBe(0);
    expect(await page.getByRole('link').count()).toBe(0);
    expect(observed.complaints).toEqual([]);
    await context.close();
  });

  test('when the integrator cancels meanwhile, then the page says so and goes back', async () => {
    const { sessionId, launchUrl } = await launch({ type: 'ENROLL' });
    const { page, context } = await openPage(browser);
    await page.goto(launchUrl);
    await page.getByText('Please continue in the app').waitFor();
    await cancel(sessionId);
    await page.getByRole('heading', { name: 'This was canceled' }).waitFor();
    await page.locator('#arrived').waitFor();
    expect(new URL(page.url()).searchParams.get('reason')).toBe('canceled');
    await context.close();
  });

  test('when its time runs out meanwhile, then the page says so and goes back', async () => {
    const { launchUrl } = await launch({ type: 'ENROLL', sessionExpiry: 30 });
    const { page, context } = await openPage(browser);
    await page.goto(launchUrl);
    await page.getByText('Please continue in the app').waitFor();
    lethe.clock.advance(31_000);
    await page.getByRole('heading', { name: 'This link has expired' }).waitFor();
    await page.locator('#arrived').waitFor();
    expect(new URL(page.url()).searchParams.get('reason')).toBe('expired');
    await context.close();
  });
});
