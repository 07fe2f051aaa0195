/** The console in a real browser: by mouse and by keyboard, light and dark, on a desk and on a phone. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, HTTPRequest, Page } from 'puppeteer-core';
import { LinkProxy } from '../replication/proxy.js';
import { darterMissing, startDarter } from '../support/server.js';
import { until } from '../support/until.js';
import {
  accessibilityErrors,
  browserMissing,
  DESK,
  openPage,
  PHONE,
  show,
  startBrowser,
} from './browser.js';
import { type Site, startSite } from './support.js';

const HOSTILE = '<img src=x onerror="document.title=1">';
const VIEWS = [
  'replication',
  'clients',
  'slowlog',
  'configuration',
  'bigkeys',
  'commands',
  'overview',
];

const textOf = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent ?? '');

async function shows(page: Page, selector: string, pattern: RegExp): Promise<void> {
  await until(`${selector} shows ${pattern}`, async () => {
    const text = (await page.$(selector)) === null ? 'not there' : await textOf(page, selector);
    return pattern.test(text) || text.slice(0, 300);
  });
}

async function logIn(page: Page, user: string, password: string): Promise<void> {
  await page.waitForSelector('#login:not([hidden])');
  for (const [place, text] of [
    ['#login-user', user],
    ['#login-password', password],
  ] as const) {
    await page.$eval(place, (input) => {
      (input as unknown as { value: string }).value = '';
    });
    await page.type(place, text);
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector('#console:not([hidden])');
}

describe('the console in a browser', { skip: darterMissing() || browserMissing() }, () => {
  let site: Site & AsyncDisposable;
  let browser: Browser;
  before(async () => {
    [site, browser] = await Promise.all([startSite(), startBrowser()]);
    await site.server.ask('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
    const client = await site.server.client();
    await client.command('SELECT', '1');
    await client.command('SET', `key:${HOSTILE}`, 'x'.repeat(50_000));
    await client.close();
  });
  after(async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
  });

  async function enter(screen = DESK): Promise<[Page, string[]]> {
    const [page, troubles] = await openPage(browser, screen);
    await page.goto(site.url);
    await page.waitForSelector('#console:not([hidden])');
    // A first visit finds nobody logged in.
    troubles.splice(0);
    return [page, troubles];
  }

  test('through all views by mouse, while a replica gets a full sync', async (t) => {
    await site.server.ask('DEBUG', 'POPULATE', '100000', 'filler', '400');
    const client = await site.server.client();
    await client.command('CLIENT', 'SETNAME', HOSTILE.replaceAll(' ', '_'));
    const [page, troubles] = await enter();
    // More than is sent ahead of a replica, over a link so slow that the full sync is seen.
    const link = await LinkProxy.start(site.server.port);
    t.after(() => link.close());
    link.bytesPerSecond = 100_000;
    await using replica = await startDarter();
    assert.equal(await replica.ask('REPLICAOF', '127.0.0.1', String(link.port)), 'OK');
    await shows(page, '.tiles', /Keys100 k/);
    await page.click('#link-replication');
    await shows(page, '.map', new RegExp(`:${replica.port}full sync.*[1-9][.\\d]* %`));
    link.bytesPerSecond = 5000;
    await page.click('#link-clients');
    await shows(page, '[aria-label="Table of clients"]', /<img_src=x_onerror/);
    await client.command('CLIENT', 'SETNAME', 'renamed');
    await page.click('#link-clients');
    await shows(page, '[aria-label="Table of clients"]', /renamed/);
    await page.click('#link-slowlog');
    await shows(page, '[aria-label="Table of slow commands"]', /key:<img src=x onerror/);
    await page.click('#link-configuration');
    await page.type('#directive-filter', 'slowlog-max');
    await shows(page, '[aria-label="Table of directives"]', /slowlog-max-len128.*How many entries/);
    await page.click('[aria-label="Change slowlog-max-len"]');
    await page.type('[aria-label="value of slowlog-max-len"]', '64');
    await page.keyboard.press('Enter');
    await shows(page, '#announcement', /slowlog-max-len is set/);
    assert.match(await site.server.ask('CONFIG', 'GET', 'slowlog-max-len'), /64/);
    await page.click('#link-bigkeys');
    await page.$eval('[aria-labelledby="title-bigkeys"] input[type="number"]', (input) => {
      (input as unknown as { value: string }).value = '1';
    });
    await page.click('[aria-labelledby="title-bigkeys"] button');
    await shows(
      page,
      '[aria-label="Table of the largest keys"]',
      /key:<img src=x onerror.*string.*KiB/,
    );
    await page.click('#link-replication');
    await shows(page, '.map', /full sync/);
    link.bytesPerSecond = Number.POSITIVE_INFINITY;
    await shows(page, '.map', /online/);
    assert.notEqual(await page.title(), '1');
    assert.deepEqual(troubles, []);
    await client.close();
  });

  test('by keyboard alone: a view, a command with completion, killing a client', async () => {
    const victim = await site.server.client();
    await victim.command('CLIENT', 'SETNAME', 'victim');
    const [page, troubles] = await enter();
    await page.focus('#link-commands');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#command:focus');
    await until('completion is there', async () => {
      await page.$eval('#command', (input) => {
        (input as unknown as { value: string }).value = '';
      });
      await page.keyboard.type('config ge');
      return (await page.$('#completions:not([hidden])')) !== null;
    });
    await page.keyboard.press('Tab');
    await shows(page, '#command-help', /CONFIG GET parameter/);
    await page.keyboard.type('maxclients');
    await page.keyboard.press('Enter');
    await shows(page, '.output', /1\) "maxclients"/);
    await page.focus('#link-clients');
    await page.keyboard.press('Enter');
    await shows(page, '[aria-label="Table of clients"]', /victim/);
    await page.focus('#client-filter');
    await page.keyboard.type('victim');
    await shows(page, '[aria-labelledby="title-clients"] .note', /1 found/);
    await page.focus('[aria-label="Table of clients"] button');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await shows(page, '#announcement', /is disconnected/);
    assert.deepEqual(troubles, []);
    await victim.close().catch(() => {});
  });

  test('on a phone, in the dark: nothing wider than the screen, nothing that a checker finds', async () => {
    const [page, troubles] = await enter({ ...PHONE, isDark: true });
    await shows(page, '.tiles', /Memory[\d.]+ [KM]iB/);
    // Few rows: the checker takes its time for each.
    await page.click('#link-configuration');
    await page.type('#directive-filter', 'slowlog');
    for (const name of VIEWS) {
      await page.$eval(`#link-${name}`, (link) => (link as unknown as { click(): void }).click());
      await page.waitForSelector(`#link-${name}[aria-current]`);
      const width = await page.evaluate('document.documentElement.scrollWidth');
      assert.ok((width as number) <= PHONE.width, `${name}: ${width}`);
      if (name === 'clients' || name === 'configuration' || name === 'overview') {
        assert.deepEqual(await accessibilityErrors(page), [], name);
      }
    }
    await show(page, DESK);
    assert.deepEqual(await accessibilityErrors(page), [], 'light');
    assert.deepEqual(troubles, []);
  });

  test('who needs a password is asked for it', async () => {
    await site.server.ask('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@read', '+info');
    await site.server.ask('CONFIG', 'SET', 'requirepass', 'hidden');
    const [page] = await openPage(browser, DESK);
    await page.goto(site.url);
    await page.waitForSelector('#login:not([hidden])');
    assert.deepEqual(await accessibilityErrors(page), []);
    await page.type('#login-user', 'reader');
    await page.type('#login-password', 'wrong');
    await page.keyboard.press('Enter');
    await shows(page, '#login-error', /WRONGPASS/);
    await page.$eval('#login-password', (input) => {
      (input as unknown as { value: string }).value = '';
    });
    await page.type('#login-password', 'secret');
    await page.keyboard.press('Enter');
    await shows(page, '#user', /reader/);
    await page.click('#link-configuration');
    await shows(page, '#announcement', /NOPERM/);
    await page.click('#logout');
    await shows(page, '#login-error', /Logged out/);
  });

  test('what one session has asked for, the next one does not see', async () => {
    const client = await site.server.client();
    await client.command('AUTH', 'hidden');
    await client.command('ACL', 'SETUSER', 'next', 'on', '>secret', '+info');
    await client.close();
    const [page] = await openPage(browser, DESK);
    await page.goto(site.url);
    let held: HTTPRequest | undefined;
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (held === undefined && request.postData()?.includes('LIST') === true) held = request;
      else void request.continue();
    });
    await logIn(page, 'next', 'secret');
    await page.click('#link-clients');
    await until('it is asked', () => held !== undefined);
    await page.click('#logout');
    await shows(page, '#login-error', /Logged out/);
    await logIn(page, 'next', 'secret');
    const replies = ['id=7 addr=10.0.0.7:1 name=of-before user=default cmd=get\n'];
    await held!.respond({ contentType: 'application/json', body: JSON.stringify({ replies }) });
    // The server's answer to this comes later.
    await page.click('#link-slowlog');
    await shows(page, '#announcement', /NOPERM.*slowlog/);
    assert.doesNotMatch(await textOf(page, '#views'), /of-before/);
  });
});
