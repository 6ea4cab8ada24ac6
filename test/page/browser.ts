import {
  type Browser,
  type BrowserContext,
  chromium,
  type Page,
  type Request,
} from 'playwright-core';

/** What a page did that nobody clicked for. */
export interface Observed {
  /** Console errors and warnings, exceptions and CSP violations. */
  readonly complaints: string[];
  readonly requests: Request[];
}

export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: process.env['LETHE_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A fresh profile with one page, watched from its first byte on. */
export async function openPage(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ context: BrowserContext; page: Page; observed: Observed }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const observed: Observed = { complaints: [], requests: [] };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) observed.complaints.push(message.text());
  });
  page.on('pageerror', (error) => observed.complaints.push(error.message));
  page.on('request', (request) => observed.requests.push(request));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      reportError(new Error(`violated: ${event.violatedDirective} by ${event.blockedURI}`));
    });
  });
  return { context, page, observed };
}
