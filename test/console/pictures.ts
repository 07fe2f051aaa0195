/**
 * `npm run pictures`: the pictures of docs/console.md, taken of a primary under load while a replica gets a
 * full sync. Chromium writes millions of colours; few are left, so that the files are small.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'puppeteer-core';
import { LinkProxy } from '../replication/proxy.js';
import { rootDirectory, type Server, startDarter } from '../support/server.js';
import { DESK, openPage, PHONE, show, startBrowser } from './browser.js';
import { reduceColours } from './reduced-png.js';
import { startSite } from './support.js';

const FOLDER = join(rootDirectory, 'docs', 'images');
const WATCHED_MS = 40_000;
const LINK_BYTES_A_SECOND = 4_000_000;
const KEYS = '400000';

async function take(page: Page, name: string): Promise<void> {
  const picture = reduceColours(Buffer.from(await page.screenshot()));
  writeFileSync(join(FOLDER, `${name}.png`), picture);
  process.stdout.write(`docs/images/${name}.png: ${picture.length} bytes\n`);
}

/** A few clients that read and write, not as fast as they can. */
async function load(server: Server, isOver: () => boolean): Promise<void> {
  const connection = await server.client();
  for (let i = 0; !isOver(); i++) {
    const key = `key:${(i * 7919) % 500_000}`;
    const batch = Array.from({ length: 20 + Math.round(12 * Math.sin(i / 40)) }, (_, n) => [
      ['GET', key],
      ['SET', `session:${i % 5000}`, 'x'.repeat(100), 'EX', '3600'],
      ['GET', `session:${(i + n) % 6000}`],
      ['INCR', `count:${n}`],
      ['HSET', `user:${i % 900}`, 'seen', String(i)],
    ]).flat();
    await connection.pipeline(batch);
    await new Promise((resolve) => setTimeout(resolve, 12));
  }
  await connection.close();
}

mkdirSync(FOLDER, { recursive: true });
await using site = await startSite();
const browser = await startBrowser();
await site.server.ask('DEBUG', 'POPULATE', KEYS, 'key', '100');
let isOver = false;
const loads = [0, 1].map(() => load(site.server, () => isOver));
const [page] = await openPage(browser, { ...DESK, height: 740 });
await page.goto(site.url);
await page.waitForSelector('#console:not([hidden])');
await page.select('#window', '60');
await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
await page.mouse.move(0, 0);
await take(page, 'console-overview');
await show(page, { ...PHONE, isDark: true });
await take(page, 'console-phone');
await show(page, { width: 1000, height: 480 });
await page.$eval('#link-replication', (link) => (link as unknown as { click(): void }).click());
const link = await LinkProxy.start(site.server.port);
link.bytesPerSecond = LINK_BYTES_A_SECOND;
await using replica = await startDarter();
await replica.ask('REPLICAOF', '127.0.0.1', String(link.port));
await page.waitForFunction("/[3-9]\\d\\.\\d %/.test(document.querySelector('.map').textContent)");
await take(page, 'console-replication');
isOver = true;
await link.close();
await Promise.all(loads);
await browser.close();
