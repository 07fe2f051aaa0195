/** Streams against a plain model, their effects, groups, and a full shard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openStream } from '../../values/stream/views.js';
import { CommandTester, type Decoded, type Word } from '../contract/test-support.js';
import { copy } from '../generic/copy.js';
import { del } from '../generic/del.js';
import { pexpireat } from '../generic/expire.js';
import { rename } from '../generic/rename.js';
import { xack } from './xack.js';
import { xadd } from './xadd.js';
import { xautoclaim } from './xautoclaim.js';
import { xclaim } from './xclaim.js';
import { xdel } from './xdel.js';
import {
  xgroup,
  xgroupCreate,
  xgroupCreateConsumer,
  xgroupDelConsumer,
  xgroupDestroy,
  xgroupHelp,
  xgroupSetid,
} from './xgroup.js';
import { xinfo, xinfoConsumers, xinfoGroups, xinfoHelp, xinfoStream } from './xinfo.js';
import { xlen } from './xlen.js';
import { xpending } from './xpending.js';
import { xrange, xrevrange } from './xrange.js';
import { xread, xreadgroup } from './xread.js';
import { xsetid } from './xsetid.js';
import { xtrim } from './xtrim.js';

const DEFINITIONS = [
  ...[copy, del, pexpireat, rename, xack, xadd, xautoclaim, xclaim, xdel, xgroup, xgroupCreate],
  ...[xgroupCreateConsumer, xgroupDelConsumer, xgroupDestroy, xgroupHelp, xgroupSetid, xinfo],
  ...[xinfoConsumers, xinfoGroups, xinfoHelp, xinfoStream, xlen, xpending, xrange, xrevrange],
  ...[xread, xreadgroup, xsetid, xtrim],
];
const MIB = 1 << 20;

/** As a server's own thread runs commands: see CommandSettings.replaysEffects. */
function newTester(options: { shards?: number; shardBytes?: number } = {}): CommandTester {
  const tester = new CommandTester(DEFINITIONS, options);
  tester.settings.replaysEffects = false;
  return tester;
}

function checkStream({ keys }: CommandTester): void {
  openStream(keys).check();
}

const value = fc.oneof(
  { weight: 5, arbitrary: fc.string({ maxLength: 30, unit: 'binary-ascii' }) },
  { weight: 3, arbitrary: fc.integer().map(String) },
  { weight: 1, arbitrary: fc.integer({ min: 900, max: 6000 }).map((n) => 'v'.repeat(n)) },
);
const fields = fc.oneof(
  fc.tuple(value, value).map(([a, b]) => ['name', a, 'age', b]),
  fc
    .array(fc.tuple(fc.constantFrom('a', 'b', ''), value), { minLength: 1, maxLength: 4 })
    .map((pairs) => pairs.flat()),
);
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      ms: fc.constantFrom(0, 0, 1, 1, 70, 2 ** 33, 2 ** 40),
      sequence: fc.constantFrom(0, 1, 62, 63, 64, 2 ** 32, 2 ** 45),
      fields,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('del' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const), at: fc.nat() }) },
);

test('entries are what a plain list has, after additions, removals and trims', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const tester = newTester({ shards: 1 });
      let model: [string, string[]][] = [];
      let ms = 1n;
      let sequence = 0n;
      for (const each of steps) {
        if (each.kind === 'add') {
          ms += BigInt(each.ms);
          sequence = (each.ms === 0 ? sequence + 1n : 0n) + BigInt(each.sequence);
          const id = `${ms}-${sequence}`;
          assert.equal(tester.run('XADD', 's', id, ...each.fields), id);
          model.push([id, each.fields]);
        } else if (model.length === 0) continue;
        else if (each.kind === 'del') {
          const [[id]] = model.splice(each.at % model.length, 1) as [[string, string[]]];
          assert.equal(tester.run('XDEL', 's', id), 1);
          assert.equal(tester.run('XDEL', 's', id), 0);
        } else {
          const keep = each.at % (model.length + 1);
          assert.equal(tester.run('XTRIM', 's', 'MAXLEN', keep), model.length - keep);
          model = model.slice(model.length - keep);
        }
        tester.run('XLEN', 's');
        checkStream(tester);
      }
      assert.deepEqual(tester.run('XRANGE', 's', '-', '+'), model);
      assert.deepEqual(tester.run('XREVRANGE', 's', '+', '-'), [...model].reverse());
      for (const [i, [id]] of model.entries()) {
        assert.deepEqual(tester.run('XRANGE', 's', id, '+', 'COUNT', 1), [model[i]]);
        assert.deepEqual(
          tester.run('XRANGE', 's', `(${id}`, '+', 'COUNT', 1),
          model.slice(i + 1, i + 2),
        );
        assert.deepEqual(
          tester.run('XREVRANGE', 's', `(${id}`, '-', 'COUNT', 1),
          model.slice(0, i).slice(-1),
        );
      }
    }),
    { numRuns: 60 },
  );
});

/** A stream with groups, consumers, pending entries, some of which are gone from the stream. */
function fill(run: (...words: Word[]) => Decoded): void {
  for (let i = 1; i <= 300; i++) run('XADD', 's', `${i}-1`, 'name', `entry ${i}`, 'n', i);
  run('XGROUP', 'CREATE', 's', 'g', 0);
  run('XGROUP', 'CREATE', 's', 'h\0x', '$', 'ENTRIESREAD', 7);
  for (let i = 0; i < 9; i++) {
    run('XREADGROUP', 'GROUP', 'g', `c${i % 3}`, 'COUNT', 7, 'STREAMS', 's', '>');
  }
  run('XREADGROUP', 'GROUP', 'g', 'c1', 'STREAMS', 's', 0);
  run('XACK', 's', 'g', '1-1', '9-1', '10-1');
  run('XDEL', 's', '2-1', '11-1', '12-1', '299-1');
  run('XCLAIM', 's', 'g', 'new', 0, '3-1', '4-1', 'RETRYCOUNT', '9223372036854775807');
  run('XGROUP', 'CREATECONSUMER', 's', 'h\0x', 'n\0\0me');
}

/** All that can be seen of a stream but the times when consumers were seen. */
function seen(tester: CommandTester, key: string): string {
  const text = JSON.stringify(tester.run('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0), (_, part) =>
    typeof part === 'bigint' ? `${part}n` : part,
  );
  return text
    .replaceAll('],[', '],\n[')
    .replace(/"(seen-time|radix-tree-(keys|nodes))",\d+/g, '$1');
}

test('effects replayed elsewhere make the same stream', () => {
  const tester = newTester();
  fill((...words) => tester.run(...words));
  tester.run('XAUTOCLAIM', 's', 'g', 'c0', 0, '-', 'COUNT', 5);
  tester.run('XTRIM', 's', 'MAXLEN', '~', 100);
  tester.run('XADD', 's', 'MAXLEN', 80, '*', 'f', 'v');
  tester.run('XSETID', 's', '99999999999999-1', 'MAXDELETEDID', '5000-1');
  tester.run('XGROUP', 'SETID', 's', 'g', '150-1', 'ENTRIESREAD', 4);
  tester.run('XGROUP', 'DELCONSUMER', 's', 'g', 'c2');
  const replica = new CommandTester(DEFINITIONS);
  replica.now = 0;
  for (const { words } of tester.effectVectors) replica.run(...words);
  assert.equal(seen(replica, 's'), seen(tester, 's'));
});

test('copies, and the commands that rebuild a stream, have its groups and pending entries', () => {
  const tester = newTester();
  fill((...words) => tester.run(...words));
  const whole = seen(tester, 's');
  for (const to of ['t', 'u', 'v', 'w']) {
    tester.takeEffects();
    assert.equal(tester.run('COPY', 's', to), 1);
    assert.equal(seen(tester, to), whole);
    checkStream(tester);
    const replica = new CommandTester(DEFINITIONS);
    replica.now = 0;
    for (const { words } of tester.effectVectors) replica.run(...words);
    assert.equal(seen(replica, to), whole);
  }
  assert.equal(tester.run('RENAME', 's', 't'), '+OK');
  assert.equal(seen(tester, 't'), whole);
  tester.run('DEL', 't', 'u', 'v', 'w');
});

test('removed groups and streams leave no page behind', () => {
  const tester = newTester({ shards: 1 });
  tester.run('XADD', 'x', '1-1', 'a', 'b');
  const before = tester.keys.space.residentPages;
  fill((...words) => tester.run(...words));
  tester.run('XGROUP', 'DESTROY', 's', 'g');
  tester.run('XGROUP', 'DESTROY', 's', 'h\0x');
  assert.deepEqual(tester.run('XINFO', 'GROUPS', 's'), []);
  tester.run('XLEN', 's');
  checkStream(tester);
  assert.equal(openStream(tester.keys).members.count, 0);
  tester.run('DEL', 's');
  assert.equal(tester.keys.space.residentPages, before);
});

test('a full shard refuses additions and reads of groups, and loses nothing', () => {
  const tester = newTester({ shards: 1, shardBytes: 2 * MIB });
  tester.run('XGROUP', 'CREATE', 's', 'g', 0, 'MKSTREAM');
  let added = 0;
  const text = 'x'.repeat(700);
  for (; ; added++) {
    if (String(tester.run('XADD', 's', `${added + 1}-1`, 'f', text)).startsWith('-')) break;
    assert.ok(added < 100_000);
  }
  assert.equal(tester.run('XLEN', 's'), added);
  checkStream(tester);
  const reply = tester.run('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>');
  assert.match(String(reply), /^-/);
  assert.deepEqual((tester.run('XPENDING', 's', 'g') as Decoded[])[0], 0);
  tester.run('XTRIM', 's', 'MAXLEN', 100);
  assert.equal(
    (tester.run('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>') as Decoded[]).length,
    1,
  );
  tester.run('XLEN', 's');
  checkStream(tester);
});

test('~ trims whole blocks: what is left is enough, and not much more', () => {
  const tester = newTester({ shards: 1 });
  for (let i = 1; i <= 5000; i++) {
    tester.run('XADD', 's', 'MAXLEN', '~', 1000, `${i}-1`, 'name', `entry ${i}`, 'n', i);
    const length = tester.run('XLEN', 's') as number;
    assert.ok(length >= Math.min(i, 1000) && length < 1100, `${length} after ${i}`);
  }
});

test('an entry of three fields takes less than 40 bytes beside its values', () => {
  const tester = newTester({ shards: 1 });
  const before = tester.keys.space.residentPages;
  const count = 10_000;
  for (let i = 0; i < count; i++) {
    tester.run(
      'XADD',
      's',
      '*',
      'temperature',
      20 + (i % 9),
      'device',
      `device ${i % 100}`,
      'ok',
      'yes',
    );
  }
  const bytes = ((tester.keys.space.residentPages - before) * 4096) / count;
  // Redis has 4096 bytes for each 100 entries, and a node of its tree.
  assert.ok(bytes < 41, `${bytes.toFixed(1)} bytes an entry`);
});

test('HELP names the subcommands', () => {
  const tester = newTester();
  assert.match(JSON.stringify(tester.run('XGROUP', 'HELP')), /CREATECONSUMER key/);
  assert.match(JSON.stringify(tester.run('XINFO', 'HELP')), /CONSUMERS key/);
});

test('keyspace events are those of Redis', () => {
  const tester = newTester();
  tester.listen();
  tester.run('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
  tester.run('XADD', 's', 'MAXLEN', 0, '1-1', 'a', 'b');
  tester.run('XADD', 's', '2-1', 'a', 'b');
  tester.run('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>');
  tester.run('XGROUP', 'CREATECONSUMER', 's', 'g', 'd');
  tester.run('XGROUP', 'SETID', 's', 'g', 0);
  tester.run('XGROUP', 'DELCONSUMER', 's', 'g', 'd');
  tester.run('XACK', 's', 'g', '2-1');
  tester.run('XDEL', 's', '2-1');
  tester.run('XSETID', 's', '7-1');
  tester.run('XGROUP', 'DESTROY', 's', 'g');
  assert.deepEqual(
    tester.takeEvents().map((event) => event.split(' ')[0]),
    [
      ...['xgroup-create', 'xadd', 'xtrim', 'xadd', 'xgroup-createconsumer'],
      ...['xgroup-createconsumer', 'xgroup-setid', 'xgroup-delconsumer', 'xdel', 'xsetid'],
      'xgroup-destroy',
    ],
  );
});
