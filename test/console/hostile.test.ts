/**
 * The console among people who mean harm, and people who may do little: whatever clients, users and peers have
 * chosen (names of keys, clients, users and commands, values of directives, addresses, errors) is shown as text in
 * every view, and a user without rights sees what is missing in place of data.
 */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'puppeteer-core';
import { claimPort, releasePort } from '../support/ports.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';
import { browserMissing, DESK, openPage, startBrowser } from './browser.js';
import { type Site, startSite } from './support.js';

const STEPS = 12;
/** Without spaces: names of clients and users have none. */
const MARKUP = [
  '<img/src=x/onerror=struck()>',
  '"><svg/onload=struck()>',
  '</code><script>struck()</script>',
  `'"--></title></style></textarea><iframe/srcdoc=<script>top.struck()</script>>`,
  '<a/href=javascript:struck()>x</a>',
  '<details/open/ontoggle=struck()>',
  '<style>*{display:none}</style>',
  '<input/autofocus/onfocus=struck()>',
  '<base/href=//evil.example/>',
  'javascript:struck()',
  '&lt;img&#32;src=x&gt;',
  '{{struck()}}',
  '__proto__',
];
const RENAMED = '<img/src=y/onerror=struck()>';
const VIEWS = ['overview', 'replication', 'clients', 'slowlog', 'configuration', 'bigkeys'];
/** What no view of the page has, unless somebody's text has become markup. */
const FOREIGN = `(() => {
  const tags = ['img', 'svg', 'iframe', 'base', 'style', 'script:not([src="/console/console.js"])'];
  const found = [...document.querySelectorAll([...tags, 'a:not([href^="#"])'].join())];
  const acting = [...document.querySelectorAll('*')].filter((element) =>
    [...element.attributes].some(({ name }) => name.startsWith('on')),
  );
  const markup = [...found, ...acting].map((element) => element.outerHTML.slice(0, 200));
  return globalThis.wasStruck ? [...markup, 'struck'] : markup;
})()`;

const click = (page: Page, view: string): Promise<void> =>
  page.$eval(`#link-${view}`, (link) => (link as unknown as { click(): void }).click());

/** The text of what is looked at. */
const shown = (page: Page): Promise<string> =>
  page.evaluate("document.querySelector('#console').innerText") as Promise<string>;

async function shows(page: Page, what: string): Promise<void> {
  await until(`the page shows ${what}`, async () => {
    const text = await shown(page);
    return text.includes(what) || text.slice(-300);
  });
}

async function open(browser: Browser, url: string): Promise<[Page, string[]]> {
  const [page, troubles] = await openPage(browser, DESK);
  await page.evaluateOnNewDocument('globalThis.struck = () => { globalThis.wasStruck = true; };');
  await page.goto(url);
  return [page, troubles];
}

async function logIn(page: Page, user: string, password: string): Promise<void> {
  await page.waitForSelector('#login:not([hidden])');
  await page.type('#login-user', user);
  await page.type('#login-password', password);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#console:not([hidden])');
}

describe('the console shows what others have chosen', {
  skip: darterMissing() || browserMissing(),
}, () => {
  let site: Site & AsyncDisposable;
  let browser: Browser;
  const random = new Random(seedFromEnvironment());
  before(async () => {
    [site, browser] = await Promise.all([
      startSite('--rename-command', 'OBJECT', RENAMED, '--slowlog-log-slower-than', '0'),
      startBrowser(),
    ]);
  });
  after(async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
  });

  /** One more text of somebody's in a place where the page shows it. */
  async function plant(server: Server): Promise<void> {
    const client = await server.client();
    const markup = random.pick(MARKUP) + random.below(100);
    const spaced = `${markup} ${random.pick(MARKUP)}`;
    const ways: readonly (readonly string[])[] = [
      ['SET', `${spaced} ${random.binary(4)}`, spaced],
      ['HSET', markup, spaced, spaced],
      ['ACL', 'SETUSER', markup, 'on', '>secret', '~*', '+@all'],
      ['CONFIG', 'SET', 'masteruser', spaced],
      ['CONFIG', 'SET', 'proc-title-template', spaced.replaceAll(/[{}]/g, '')],
      ['EVAL', `return redis.error_reply(ARGV[1])`, '0', spaced],
      [RENAMED, 'ENCODING', spaced],
      [markup, spaced],
      ['PUBLISH', markup, spaced],
    ];
    await client.command('CLIENT', 'SETNAME', markup);
    await client.command(...random.pick(ways));
    kept.push(client);
    if (kept.length > 5) await kept.shift()!.close();
  }
  const kept: Awaited<ReturnType<Server['client']>>[] = [];

  test('as text: nothing of it is markup, in no view', async (t) => {
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const [page, troubles] = await open(browser, site.url);
    await page.waitForSelector('#console:not([hidden])');
    troubles.splice(0);
    await using replica = await startDarter({ args: ['--replica-announce-ip', MARKUP[0]!] });
    await replica.ask('REPLICAOF', '127.0.0.1', String(site.server.port));
    await click(page, 'replication');
    await shows(page, MARKUP[0]!);
    for (let step = 0; step < STEPS; step++) {
      await plant(site.server);
      const view = random.pick(VIEWS);
      await click(page, view);
      if (view === 'bigkeys') await page.click('[aria-labelledby="title-bigkeys"] button');
      if (random.chance(0.3)) await page.select('#client-order', 'address');
      assert.deepEqual(await page.evaluate(FOREIGN), [], view);
    }
    const name = '<b/onclick=struck()>name';
    const client = await site.server.client();
    await client.command('CLIENT', 'SETNAME', name);
    await client.command('SET', name, 'x'.repeat(100_000));
    for (const view of ['clients', 'slowlog', 'bigkeys']) {
      await click(page, view);
      if (view === 'bigkeys') {
        await page.waitForSelector('[aria-labelledby="title-bigkeys"] button:not([disabled])');
        await page.click('[aria-labelledby="title-bigkeys"] button:not([disabled])');
      }
      await shows(page, name);
      assert.deepEqual(await page.evaluate(FOREIGN), [], view);
    }
    await site.server.ask('CONFIG', 'SET', 'masteruser', name);
    await click(page, 'configuration');
    await shows(page, name);
    await click(page, 'commands');
    await page.waitForSelector('#command:focus');
    for (const line of [
      `get ${name}`,
      `nothing ${name}`,
      `echo "${MARKUP[1]!.replace('"', "'")}"`,
    ]) {
      await page.keyboard.type(line);
      await page.keyboard.press('Enter');
    }
    await shows(page, `with args beginning with: '${name}'`);
    assert.deepEqual(await page.evaluate(FOREIGN), []);
    assert.deepEqual(troubles, []);
    await client.close();
    for (const one of kept.splice(0)) await one.close();
  });

  test('a primary that answers with markup, and a user whose name is markup', async (t) => {
    const reason = '<img src=x onerror=struck()>';
    const sockets = new Set<Socket>();
    const port = await claimPort();
    const primary = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', () => socket.write(`-ERR ${reason}\r\n`));
    }).listen(port, '127.0.0.1');
    t.after(() => {
      primary.close();
      for (const socket of sockets) socket.destroy();
      releasePort(port);
    });
    await site.server.ask('ACL', 'SETUSER', MARKUP[1]!, 'on', '>secret', '+@all', '~*');
    await site.server.ask('REPLICAOF', '127.0.0.1', String(port));
    await site.server.ask('CONFIG', 'SET', 'requirepass', 'hidden');
    const [page] = await open(browser, site.url);
    await logIn(page, MARKUP[1]!, 'secret');
    await shows(page, MARKUP[1]!);
    await click(page, 'replication');
    await shows(page, reason);
    assert.deepEqual(await page.evaluate(FOREIGN), []);
    const client = await site.server.client();
    await client.command('AUTH', 'hidden');
    assert.equal(await client.text('REPLICAOF', 'NO', 'ONE'), 'OK');
    await client.close();
  });

  test('who may do little is told so in every view, and the page goes on', async () => {
    const client = await site.server.client();
    await client.command('AUTH', 'hidden');
    const rights: readonly (readonly [user: string, rights: readonly string[]])[] = [
      ['nothing', []],
      ['info', ['+info']],
      ['reader', ['~*', '+@read', '+info']],
    ];
    for (const [user, granted] of rights) {
      await client.command('ACL', 'SETUSER', user, 'on', '>secret', ...granted);
      const [page, troubles] = await open(browser, site.url);
      await logIn(page, user, 'secret');
      if (user === 'nothing') await shows(page, 'not live');
      else await shows(page, 'live');
      for (const view of ['clients', 'slowlog', 'configuration', 'commands']) {
        await click(page, view);
        await until(`${user}: ${view} is refused`, async () => {
          const told = await page.$eval('#announcement', (place) => place.textContent ?? '');
          return told.includes('NOPERM') || told;
        });
      }
      await page.keyboard.type('set key value');
      await page.keyboard.press('Enter');
      await shows(page, '(error) NOPERM');
      // The browser tells of every refused request; exceptions are none.
      const exceptions = troubles.filter((text) => !text.startsWith('Failed to load resource'));
      assert.deepEqual(exceptions, [], user);
      await page.click('#logout');
      await page.waitForSelector('#login:not([hidden])');
    }
    await client.close();
  });
});
