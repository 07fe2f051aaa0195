import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Log } from '../../base/log.js';
import { ShardWatch } from './shard-watch.js';

test('a shard at 90 % is told once, until it is below 80 % again', () => {
  const lines: string[] = [];
  const spaces = [
    { dataPages: 1000, freePages: 1000 },
    { dataPages: 1000, freePages: 101 },
  ];
  const watch = new ShardWatch(spaces, new Log((line) => lines.push(line)));
  const told = (freePages: number): number => {
    spaces[1]!.freePages = freePages;
    watch.check();
    return lines.splice(0).length;
  };
  assert.equal(told(101), 0);
  assert.equal(told(100), 1);
  assert.equal(told(10), 0);
  assert.equal(told(200), 0);
  assert.equal(told(50), 0, 'it was never below 80 %');
  assert.equal(told(201), 0);
  spaces[1]!.freePages = 80;
  watch.check();
  assert.match(lines[0]!, / # Shard 1 is 92 % full: once it is, writes to its keys fail\./);
});
