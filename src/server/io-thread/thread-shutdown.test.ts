import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControlBlock } from '../../memory/control.js';
import { ThreadShutdown } from './thread-shutdown.js';

test('a refusal that comes late is not for who has asked since', () => {
  const asked: number[] = [];
  const told: string[] = [];
  const shutdown = new ThreadShutdown({} as ControlBlock, (number) => asked.push(number));
  const request = { save: 'default', now: false, force: false } as const;
  shutdown.begin(request, (text) => told.push(`first: ${text}`));
  shutdown.begin({ ...request, save: 'nosave' }, (text) => told.push(`second: ${text}`));
  assert.deepEqual(asked, [1, 2]);
  shutdown.failed('BUSY', 1);
  assert.deepEqual(told, ['first: BUSY']);
  shutdown.failed('BUSY', 1);
  shutdown.failed('BUSY again', 2);
  assert.deepEqual(told, ['first: BUSY', 'second: BUSY again']);
});
