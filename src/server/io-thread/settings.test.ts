import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThreadSettings } from './settings.js';

/** @returns the limit in bytes that follows */
function clientMemory(limit: string, maxMemory: string): number {
  const values: Record<string, string> = {
    'maxmemory-clients': limit,
    maxmemory: maxMemory,
    'maxmemory-policy': 'noeviction',
    'client-output-buffer-limit': 'normal 0 0 0 slave 0 0 0 pubsub 0 0 0',
  };
  const settings = new ThreadSettings();
  settings.load((name) => values[name] ?? '0');
  return settings.clientMemoryBytes;
}

test('the memory of clients has a limit that leaves room for one who changes it, or none', () => {
  assert.equal(clientMemory('0', '0'), 0);
  assert.equal(clientMemory('5%', '0'), 0);
  assert.equal(clientMemory('1', '0'), 128 * 1024);
  assert.equal(clientMemory('100%', '1'), 128 * 1024);
  assert.equal(clientMemory('1%', '1'), 128 * 1024);
  assert.equal(clientMemory('50%', '10000000'), 5_000_000);
});
