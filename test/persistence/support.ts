/** For tests of persistence with real processes: folders that outlive servers, data of all types. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from '../replication/support.js';
import { type Server, startDarter } from '../support/server.js';

export function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'darter-data-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function startIn(folder: string, ...args: string[]): Promise<Server> {
  return startDarter({ args: ['--enable-debug-command', 'yes', '--dir', folder, ...args] });
}

/** With one I/O thread, where a test is not about threads: it takes two thirds of the time to start. */
export function startSmallIn(folder: string, ...args: string[]): Promise<Server> {
  return startIn(folder, '--threads', '1', ...args);
}

const LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 'from f' end)";

/** Keys of all types and forms, in two databases, with functions. */
export async function fill(server: Server): Promise<void> {
  const client = await server.client({ timeout_ms: 60_000 });
  try {
    const big = 'x'.repeat(100_000);
    const commands: string[][] = [
      ['SET', 'string', 'value'],
      ['SET', 'number', '12345'],
      ['SET', 'big', big],
      ['SET', `key-${big}`, 'of a long name'],
      ['SET', 'expires', 'value', 'EX', '100000'],
      ['HSET', 'small-hash', 'a', '1', 'b', '2'],
      ['HSET', 'fields', 'stays', '1', 'goes', '2'],
      ['HEXPIRE', 'fields', '100000', 'FIELDS', '1', 'goes'],
      ['SADD', 'small-set', '1', '2', '3'],
      ['SADD', 'words', 'a', 'b'],
      ['ZADD', 'small-scores', '1', 'a', '-inf', 'b'],
      ['RPUSH', 'small-list', 'a', big],
      ['PFADD', 'hyperloglog', 'a', 'b', 'c'],
      ['GEOADD', 'places', '13.4', '52.5', 'berlin'],
      ['XADD', 'stream', '1-1', 'field', 'value'],
      ['XADD', 'stream', '2-1', 'field', 'value'],
      ['XGROUP', 'CREATE', 'stream', 'group', '0'],
      ['XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', '1', 'STREAMS', 'stream', '>'],
      ['FUNCTION', 'LOAD', LIBRARY],
      ['SELECT', '3'],
      ['SET', 'elsewhere', 'value'],
      ['SELECT', '0'],
      ['DEBUG', 'POPULATE', '3000', 'many', '40'],
    ];
    for (let from = 0; from < 6000; from += 1000) {
      const numbers = Array.from({ length: 1000 }, (_, i) => String(from + i));
      const words = numbers.map((number) => `element-${number}`);
      commands.push(['SADD', 'set', ...words], ['RPUSH', 'list', ...words]);
      commands.push(['HSET', 'hash', ...words.flatMap((word) => [word, word])]);
      commands.push(['ZADD', 'scores', ...words.flatMap((word, i) => [numbers[i]!, word])]);
    }
    for (const command of commands) await client.command(...command);
  } finally {
    await client.close();
  }
}

/** What a server holds, as text that can be compared. */
export async function contentOf(server: Server): Promise<string> {
  const client = await server.client({ timeout_ms: 60_000 });
  try {
    const parts: unknown[] = [];
    const questions = [
      ['DEBUG', 'DIGEST'],
      ['DBSIZE'],
      ['FUNCTION', 'LIST'],
      ['XINFO', 'STREAM', 'stream', 'FULL'],
      // Points in time: what is left until then would differ.
      ['PEXPIRETIME', 'expires'],
      ['HPEXPIRETIME', 'fields', 'FIELDS', '1', 'goes'],
    ];
    for (const question of questions) parts.push(await client.command(...question));
    const text = JSON.stringify(parts, (_, value) =>
      Buffer.isBuffer(value) ? value.toString('latin1') : value,
    );
    // Whoever loads a consumer has just seen it.
    return text.replace(/("seen-time"\},\{"type":"integer","text":")\d+/g, '$1seen');
  } finally {
    await client.close();
  }
}

/** Waits until so many snapshots were saved, and none is being written. */
export function saved(server: Server, count: number): Promise<void> {
  return until(`${count} snapshots`, async () => {
    const inProgress = await server.info('rdb_bgsave_in_progress');
    const saves = await server.info('rdb_saves');
    return (Number(saves) >= count && inProgress === '0') || `${saves} saves`;
  });
}
