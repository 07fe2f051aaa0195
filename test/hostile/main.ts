/**
 * `npm run hostile -- [--only TEXT]`: all attacks, one after another, those that take gigabytes too. A
 * script that is not over after a minute is killed. Tells what each took, and fails when the server dies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '../support/flags.js';
import { type Server, startDarter } from '../support/server.js';
import { attacks } from './attacks.js';
import { rawReply } from './raw-reply.js';

const KILL_AFTER_MS = 60_000;
const REPLY_MS = 300_000;
const SHOWN = 100;
const usage = `usage: npm run hostile [-- options]
  --only TEXT             attacks whose names have this text`;
const only = new Flags(usage, { only: 'text' }).text('only', '');

function start(): Promise<Server> {
  return startDarter({ args: ['--busy-reply-threshold', '500'], threads: 2 });
}

/** @returns how long SCRIPT KILL took to end the script */
async function killLater(server: Server, signal: AbortSignal): Promise<string> {
  try {
    await sleep(KILL_AFTER_MS, undefined, { signal });
  } catch {
    return '';
  }
  const began = performance.now();
  while (!signal.aborted && server.alive) {
    await server.ask('SCRIPT', 'KILL').catch(() => undefined);
    await sleep(100);
  }
  return `, killed within ${Math.round(performance.now() - began)} ms`;
}

let server = await start();
let deaths = 0;
for (const { name, words } of attacks) {
  if (!name.includes(only)) continue;
  const ended = new AbortController();
  const killing = killLater(server, ended.signal);
  const began = performance.now();
  const reply = await rawReply(server.port, words, REPLY_MS).catch((error: Error) => error.message);
  ended.abort();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const killed = await killing;
  const resident = server.alive ? `${Math.round(server.residentBytes() / 1e6)} MB` : 'DEAD';
  console.log(`${name}: ${seconds} s, ${resident}${killed}: ${reply.slice(0, SHOWN)}`);
  if (server.alive) continue;
  deaths++;
  server.showLog(name);
  await server.stop();
  server = await start();
}
await server.stop();
console.log(`${deaths} attacks ended the server`);
process.exit(deaths === 0 ? 0 : 1);
