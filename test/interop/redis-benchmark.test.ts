/** redis-benchmark runs unmodified and reports a rate for each of its tests. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { darterMissing, programMissing, type Server, startDarter } from '../support/server.js';

const skip = darterMissing() || programMissing('redis-benchmark');

describe('redis-benchmark', { skip }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter();
  });
  after(() => server.stop());

  /** The rates by test, from its CSV. */
  function benchmark(...args: string[]): Promise<Map<string, number>> {
    return new Promise((resolve, reject) => {
      const all = ['-p', String(server.port), '--csv', ...args];
      const child = spawn('redis-benchmark', all, { stdio: ['ignore', 'pipe', 'pipe'] });
      const timer = setTimeout(() => child.kill('SIGTERM'), 120_000);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString();
        });
      }
      child.on('error', reject);
      child.on('close', (code) => {
        clearTimeout(timer);
        const rates = new Map<string, number>();
        for (const [, name, rate] of output.matchAll(/^"([^"]+)","([\d.]+)"/gm)) {
          rates.set(name as string, Number(rate));
        }
        if (code === 0) resolve(rates);
        else reject(new Error(`redis-benchmark ended with ${code}:\n${output}`));
      });
    });
  }

  function assertRates(rates: Map<string, number>, names: readonly string[]): void {
    assert.deepEqual([...rates.keys()].sort(), [...names].sort());
    for (const [name, rate] of rates) assert.ok(rate > 100, `${name}: ${rate}`);
  }

  const tests = ['PING_INLINE', 'PING_MBULK', 'SET', 'GET', 'INCR', 'MSET (10 keys)'];
  const options = ['-n', '10000', '-t', 'ping,set,get,incr,mset'];

  test('one request at a time', async () => {
    assertRates(await benchmark(...options), tests);
  });

  test('-P 16, random keys', async () => {
    assertRates(await benchmark(...options, '-P', '16', '-r', '1000'), tests);
  });

  test('RESP3, large values, few and many clients', async () => {
    const get = ['-n', '3000', '-t', 'set,get', '-d', '10000'];
    assertRates(await benchmark(...get, '-3', '-c', '1'), ['SET', 'GET']);
    assertRates(await benchmark(...get, '-c', '200'), ['SET', 'GET']);
  });

  test('lists', async () => {
    const ranges = [100, 300, 500, 600].map((n) => `LRANGE_${n} (first ${n} elements)`);
    assertRates(await benchmark('-n', '2000', '-P', '16', '-t', 'lpush,rpush,lpop,rpop,lrange'), [
      ...['LPUSH', 'RPUSH', 'LPOP', 'RPOP'],
      'LPUSH (needed to benchmark LRANGE)',
      ...ranges,
    ]);
  });

  test('several threads', async () => {
    assertRates(await benchmark(...options, '--threads', '2', '-P', '8'), tests);
  });
});
