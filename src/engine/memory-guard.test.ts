import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PAGE_BYTES } from '../base/limits.js';
import { DONE } from '../base/outcome.js';
import type { CommandDefinition } from '../commands/contract/definition.js';
import * as del from '../commands/generic/del.js';
import * as hset from '../commands/hash/hset.js';
import * as get from '../commands/string/get.js';
import * as set from '../commands/string/set.js';
import { EVICTION_POLICIES } from '../keyspace/eviction.js';
import { waitsForReclaim } from '../keyspace/reclaim-list.js';
import { definitionsOf } from './definitions.js';
import { GATE_MEMORY_LIMIT } from './gates.js';
import { evictionTimeMs, MemoryGuard } from './memory-guard.js';
import { checkAll, createShards, lockedShards, openShards, TestEngine } from './testing.js';

const SHARDS = 8;
const DEFINITIONS = definitionsOf([set, get, del, hset]) as CommandDefinition[];
const VALUE = 'v'.repeat(200);
const LIMIT_PAGES = 300;

function guarded(policy: string): { engine: TestEngine; guard: MemoryGuard; used: () => number } {
  const shared = createShards(SHARDS);
  const engine = new TestEngine(shared, 0, DEFINITIONS, 2);
  const { dispatcher } = engine;
  const used = () => shared.counters[0]!;
  const guard = new MemoryGuard(dispatcher, () => used() * PAGE_BYTES);
  guard.limitBytes = LIMIT_PAGES * PAGE_BYTES;
  guard.tenacity = 100;
  guard.policy = EVICTION_POLICIES[policy]!;
  dispatcher.keys.order = guard.policy.order;
  dispatcher.memory = guard;
  dispatcher.beginTurn(1_700_000_000_000, GATE_MEMORY_LIMIT);
  return { engine, guard, used };
}

function fill(engine: TestEngine, count: number, name: (i: number) => string): string[] {
  const answers = new Set<string>();
  for (let i = 0; i < count; i++) {
    assert.equal(engine.dispatch(0, `SET ${name(i)} ${VALUE}`), DONE);
    answers.add(engine.answer);
  }
  return [...answers];
}

describe('maxmemory', () => {
  test('each policy keeps what is used below it, and shards whole', () => {
    for (const policy of ['allkeys-lru', 'allkeys-lfu', 'allkeys-random']) {
      const { engine, used } = guarded(policy);
      assert.deepEqual(
        fill(engine, 8000, (i) => `key:${i}`),
        ['+OK\r\n'],
        policy,
      );
      assert.ok(used() <= LIMIT_PAGES + 2, `${used()} pages`);
      assert.ok(engine.dispatcher.keys.evicted > 1000);
      assert.ok(checkAll(engine.shards) > 3000);
      assert.deepEqual(lockedShards(engine.shards), []);
      assert.deepEqual(engine.failures, []);
    }
  });

  test('room for the keys of one shard comes from all shards', () => {
    const { engine } = guarded('allkeys-lru');
    fill(engine, 8000, (i) => `key:${i}`);
    const sizes = () => engine.shards.spaces.map((_, i) => engine.shards.table(i, 0).size);
    const before = sizes();
    const shard = (name: string) => {
      assert.equal(engine.dispatch(0, `GET ${name}`), DONE);
      return engine.dispatcher.keys.shard;
    };
    let written = 0;
    for (let i = 0; written < 2400; i++) {
      if (shard(`more:${i}`) !== 0) continue;
      assert.equal(engine.dispatch(0, `SET more:${i} ${VALUE}`), DONE);
      written++;
    }
    const after = sizes();
    assert.ok(after[0]! > before[0]!);
    for (let i = 1; i < SHARDS; i++) assert.ok(after[i]! < before[i]!, `shard ${i}`);
  });

  test('a shard that another thread holds is left alone, and nothing waits for it', () => {
    const { engine, used } = guarded('allkeys-lru');
    fill(engine, 4000, (i) => `key:${i}`);
    const { shards } = engine;
    const other = openShards(
      {
        buffers: shards.spaces.map(({ region }) => region.buffer as SharedArrayBuffer),
        counters: shards.spaces[0]!.counters,
      },
      1,
    );
    for (let shard = 0; shard < SHARDS; shard++) assert.ok(other.tryLock(shard));
    engine.dispatcher.memory!.limitBytes = 0.5 * used() * PAGE_BYTES;
    const before = used();
    // It goes on to its own shard, finds that taken, and is tried again later.
    assert.notEqual(engine.dispatch(0, `SET new ${VALUE}`), DONE);
    assert.equal(used(), before);
    for (let shard = 1; shard < SHARDS; shard++) other.unlock(shard);
    engine.dispatch(0, `SET new ${VALUE}`);
    assert.ok(used() < before);
    other.unlock(0);
    assert.deepEqual(lockedShards(shards), []);
  });

  test('what waits to be freed is freed before any key goes', () => {
    const { engine, guard, used } = guarded('allkeys-lru');
    for (let i = 0; i < 8000; i++)
      engine.dispatch(0, `HSET large field:${i} ${VALUE.slice(0, 60)}`);
    fill(engine, 100, (i) => `key:${i}`);
    const { evicted } = engine.dispatcher.keys;
    guard.limitBytes = 0;
    engine.dispatch(0, 'DEL large');
    assert.ok(engine.shards.spaces.some(waitsForReclaim));
    guard.limitBytes = (used() - 40) * PAGE_BYTES;
    engine.dispatch(0, `SET new ${VALUE}`);
    assert.ok(used() <= guard.limitBytes / PAGE_BYTES + 2);
    assert.equal(engine.dispatcher.keys.evicted, evicted);
  });

  test('a command that may need memory is refused when nothing may go, and others run', () => {
    for (const policy of ['noeviction', 'volatile-lru', 'volatile-ttl']) {
      const { engine } = guarded(policy);
      const answers = fill(engine, 8000, (i) => `key:${i}`);
      assert.equal(answers.length, 2, policy);
      assert.match(answers[1]!, /^-OOM command not allowed when used memory > 'maxmemory'\./);
      engine.dispatch(0, 'GET key:1');
      assert.match(engine.answer, /^\$200/);
      engine.dispatch(0, 'DEL key:1');
      assert.equal(engine.answer, ':1\r\n');
    }
  });

  test('a key that expires makes room under a volatile policy', () => {
    const { engine } = guarded('volatile-random');
    fill(engine, 2000, (i) => `key:${i}`);
    for (let i = 0; i < 8000; i++) engine.dispatch(0, `SET brief:${i} ${VALUE} EX 100`);
    assert.equal(engine.answer, '+OK\r\n');
    for (let i = 0; i < 2000; i++) {
      engine.dispatch(0, `GET key:${i}`);
      assert.match(engine.answer, /^\$200/);
    }
  });

  test('the time to evict for a command grows with the tenacity as in Redis', () => {
    assert.deepEqual([0, 1, 10, 100].map(evictionTimeMs), [0, 0.05, 0.5, Number.POSITIVE_INFINITY]);
    assert.ok(Math.abs(evictionTimeMs(50) - 133.93) < 0.01);
  });
});
