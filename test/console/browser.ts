/** A headless Chromium for tests of the console, driven over the DevTools protocol. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, launch, type Page } from 'puppeteer-core';
import { programMissing } from '../support/server.js';

const PROGRAM = 'chromium';
/** A busy machine is slow: this bounds failures only. */
export const WITHIN_MS = 120_000;

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly isDark?: boolean;
}

export const DESK: Screen = { width: 1280, height: 860 };
export const PHONE: Screen = { width: 390, height: 844 };

/** For node:test's `skip`: why there is no browser, or false. */
export function browserMissing(): string | false {
  return programMissing(PROGRAM);
}

export function startBrowser(): Promise<Browser> {
  // Chromium refuses its sandbox to root, and tests may run as that in a container.
  const isRoot = process.getuid?.() === 0;
  return launch({
    executablePath: `/usr/bin/${PROGRAM}`,
    args: ['--disable-gpu', '--disable-dev-shm-usage', ...(isRoot ? ['--no-sandbox'] : [])],
    timeout: WITHIN_MS,
    protocolTimeout: WITHIN_MS,
  });
}

/** A page of a person of their own, whose troubles (exceptions, refused loads) are kept. */
export async function openPage(browser: Browser, screen: Screen): Promise<[Page, string[]]> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(WITHIN_MS);
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  await show(page, screen);
  return [page, troubles];
}

export async function show(page: Page, { width, height, isDark = false }: Screen): Promise<void> {
  await page.setViewport({ width, height });
  const value = isDark ? 'dark' : 'light';
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** What a checker of accessibility (WCAG 2 A and AA) finds wrong in the page as it is now. */
export async function accessibilityErrors(page: Page): Promise<string[]> {
  // Injected by the debugger, beside the page's policy.
  await page.evaluate(axe);
  const results = (await page.evaluate(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })`)) as AxeResults;
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)}: ${failureSummary}`),
  );
}
