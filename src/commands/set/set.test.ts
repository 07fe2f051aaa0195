/** The commands of sets, one by one: replies, events and effects; test/differential compares replies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SET_INTEGER_TABLE, SET_INTEGERS, SET_PACKED, SET_TABLE } from '../../values/set/kinds.js';
import { numbers, SetTester, words } from './lib/test-support.js';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';

function tester(): SetTester {
  const t = new SetTester();
  t.listen();
  return t;
}

/** What happened since the last call. */
function taken(t: SetTester): { effects: string[]; events: string[] } {
  return { effects: t.takeEffects(), events: t.takeEvents() };
}

test('SADD counts the new members; its effect is the command, once, when there are any', () => {
  const t = tester();
  assert.equal(t.run('SADD', 's', 'a', 'b', 'a'), 2);
  assert.equal(t.changes, 2);
  assert.equal(t.run('SADD', 's', 'b'), 0);
  assert.equal(t.changes, 0);
  assert.equal(t.run('SADD', 's', 'c'), 1);
  assert.deepEqual(taken(t), {
    effects: ['0 SADD s a b a', '0 SADD s c'],
    events: ['sadd s', 'sadd s'],
  });
  assert.deepEqual(t.members('s'), ['a', 'b', 'c']);
});

test('SREM removes members, and the key with the last of them', () => {
  const t = tester();
  t.run('SADD', 's', 'a', 'b', '1');
  t.run('SADD', 'i', '1', '2');
  taken(t);
  assert.equal(t.run('SREM', 's', 'none'), 0);
  assert.equal(t.run('SREM', 's', 'a', 'none', 'a'), 1);
  assert.equal(t.run('SREM', 's', '1', 'b', 'x'), 2);
  assert.equal(t.changes, 2);
  assert.equal(t.run('SREM', 'i', '1'), 1);
  assert.equal(t.run('SREM', 'i', '2', '2'), 1);
  assert.deepEqual(taken(t), {
    effects: ['0 SREM s a none a', '0 DEL s', '0 SREM i 1', '0 DEL i'],
    events: ['srem s', 'srem s', 'del s', 'srem i', 'srem i', 'del i'],
  });
  assert.equal(t.run('SCARD', 's'), 0);
});

test('a set is told as Redis tells it, whatever it is stored as', () => {
  const t = tester();
  t.run('SADD', 's', ...numbers(512));
  assert.equal(t.encoding('s'), 'intset');
  assert.equal(t.kind('s'), SET_INTEGERS);
  assert.equal(t.run('SADD', 's', '511'), 0);
  assert.equal(t.encoding('s'), 'intset');
  t.run('SADD', 's', '512');
  assert.equal(t.encoding('s'), 'hashtable');
  assert.equal(t.kind('s'), SET_TABLE);
  t.run('SADD', 'words', 'a');
  assert.equal(t.encoding('words'), 'hashtable');
  assert.equal(t.kind('words'), SET_PACKED);
  t.run('SADD', 'mixed', '1', '2');
  assert.equal(t.encoding('mixed'), 'intset');
  t.run('SADD', 'mixed', 'x');
  t.run('SREM', 'mixed', 'x');
  assert.equal(t.encoding('mixed'), 'hashtable');
  assert.deepEqual(t.members('mixed'), ['1', '2']);
  t.checkAll();
});

test('set-max-intset-entries is the border of intset, however many integers there are', () => {
  const t = tester();
  t.settings.setIntsetEntriesMax = 0;
  t.run('SADD', 's', '1');
  assert.equal(t.encoding('s'), 'hashtable');
  assert.equal(t.kind('s'), SET_PACKED);
  t.settings.setIntsetEntriesMax = 40_000;
  t.run('SADD', 'large', ...numbers(40_000));
  assert.equal(t.encoding('large'), 'intset');
  assert.equal(t.kind('large'), SET_INTEGER_TABLE);
  t.run('SADD', 'medium', ...numbers(30_000));
  assert.equal(t.kind('medium'), SET_INTEGERS);
  t.run('SADD', 'medium', '9223372036854775807');
  assert.equal(t.kind('medium'), SET_INTEGER_TABLE);
  assert.equal(t.run('SCARD', 'medium'), 30_001);
  t.run('SADD', 'medium', 'x');
  assert.equal(t.encoding('medium'), 'hashtable');
  t.run('SADD', 'large', '39999');
  assert.equal(t.encoding('large'), 'intset');
  t.run('SADD', 'large', '40000');
  assert.equal(t.encoding('large'), 'hashtable');
  assert.equal(t.run('SCARD', 'large'), 40_001);
  t.checkAll();
});

test('many members, or long ones, lie in a table', () => {
  const t = tester();
  t.run('SADD', 'many', ...words(512, 'm'));
  assert.equal(t.kind('many'), SET_PACKED);
  t.run('SADD', 'many', 'one more');
  assert.equal(t.kind('many'), SET_TABLE);
  t.run('SADD', 'long', 'x'.repeat(4000));
  assert.equal(t.kind('long'), SET_PACKED);
  t.run('SADD', 'long', 'y'.repeat(1_000_000), '1');
  assert.equal(t.kind('long'), SET_TABLE);
  assert.equal(t.run('SISMEMBER', 'long', 'y'.repeat(1_000_000)), 1);
  assert.equal(t.run('SISMEMBER', 'long', 'y'.repeat(999_999)), 0);
  assert.equal(t.run('SREM', 'long', 'y'.repeat(1_000_000)), 1);
  t.checkAll();
});

test('members of an intset come in ascending order', () => {
  const t = tester();
  t.run('SADD', 's', '300', '-70000', '5', '9223372036854775807', '-1', '-9223372036854775808');
  const expected = ['-9223372036854775808', '-70000', '-1', '5', '300', '9223372036854775807'];
  assert.deepEqual(t.run('SMEMBERS', 's'), expected);
  assert.deepEqual(t.run('SUNION', 's', 'none', 's'), expected);
  assert.deepEqual(t.run('SSCAN', 's', '7'), ['0', expected]);
});

test('only the canonical text of an integer is one', () => {
  const t = tester();
  const texts = ['1', '01', '+1', '-0', '0', ' 1', '1.0', '', '9223372036854775808'];
  assert.equal(t.run('SADD', 's', ...texts), texts.length);
  assert.deepEqual(t.members('s'), [...texts].sort());
  for (const text of texts) assert.equal(t.run('SISMEMBER', 's', text), 1, text);
  assert.equal(t.run('SISMEMBER', 's', '00'), 0);
});

test('SMISMEMBER answers for each member, also without a set', () => {
  const t = tester();
  t.run('SADD', 's', 'a', '7');
  assert.deepEqual(t.run('SMISMEMBER', 's', '7', 'b', 'a', 'a'), [1, 0, 1, 1]);
  assert.deepEqual(t.run('SMISMEMBER', 'none', 'a', 'b'), [0, 0]);
  assert.equal(t.run('SISMEMBER', 'none', 'a'), 0);
});

test('SMOVE has an effect for each key; events come in the order of Redis', () => {
  const t = tester();
  t.run('SADD', 'a', 'x', 'y');
  t.run('SADD', 'b', 'y');
  taken(t);
  assert.equal(t.run('SMOVE', 'a', 'b', 'none'), 0);
  assert.equal(t.run('SMOVE', 'none', 'b', 'x'), 0);
  assert.equal(t.run('SMOVE', 'a', 'a', 'x'), 1);
  assert.equal(t.run('SMOVE', 'a', 'a', 'none'), 0);
  assert.deepEqual(taken(t), { effects: [], events: [] });
  assert.equal(t.run('SMOVE', 'a', 'b', 'x'), 1);
  assert.equal(t.run('SMOVE', 'a', 'b', 'y'), 1);
  assert.equal(t.run('SMOVE', 'b', 'new', 'y'), 1);
  assert.deepEqual(taken(t), {
    effects: ['0 SADD b x', '0 SREM a x', '0 DEL a', '0 SADD new y', '0 SREM b y'],
    events: ['srem a', 'sadd b', 'srem a', 'del a', 'srem b', 'sadd new'],
  });
});

test('SPOP is replayed as the removal of what it chose', () => {
  const t = tester();
  t.run('SADD', 's', 'a', 'b', 'c');
  taken(t);
  const popped = [t.run('SPOP', 's'), t.run('SPOP', 's')];
  assert.deepEqual(taken(t), {
    effects: popped.map((member) => `0 SREM s ${member}`),
    events: ['spop s', 'spop s'],
  });
  popped.push(t.run('SPOP', 's'));
  assert.deepEqual(taken(t), { effects: ['0 DEL s'], events: ['spop s', 'del s'] });
  assert.deepEqual(popped.sort(), ['a', 'b', 'c']);
  assert.equal(t.run('SPOP', 's'), null);
  assert.deepEqual(t.run('SPOP', 's', '3'), []);
});

test('SPOP with a count: all members, some of each form, none', () => {
  for (const members of [numbers(100), words(100), words(2000), numbers(2000)]) {
    for (const count of [1, 40, 99]) {
      const t = tester();
      t.run('SADD', 's', ...members);
      taken(t);
      assert.deepEqual(t.run('SPOP', 's', '0'), []);
      assert.deepEqual(taken(t), { effects: [], events: [] });
      const popped = t.list('SPOP', 's', String(count));
      assert.equal(t.changes, count);
      assert.equal(new Set(popped).size, count);
      const { effects, events } = taken(t);
      assert.deepEqual(events, ['spop s']);
      assert.deepEqual(effects.join(' ').replaceAll('0 SREM s ', '').split(' ').sort(), popped);
      const left = members.filter((member) => !popped.includes(member)).sort();
      assert.deepEqual(t.members('s'), left);
      t.checkAll();
      assert.deepEqual(t.list('SPOP', 's', '1000000'), left);
      assert.deepEqual(taken(t), { effects: ['0 DEL s'], events: ['spop s', 'del s'] });
    }
  }
});

test('what SPOP removes from a large set is bounded vectors', () => {
  const t = tester();
  t.run('SADD', 's', ...words(3000), 'x'.repeat(70_000));
  t.takeEffects();
  const popped = t.list('SPOP', 's', '2500');
  const vectors = t.effectVectors.map(({ words: [name, key, ...rest] }) => {
    assert.equal(`${name} ${key}`, 'SREM s');
    assert.ok(rest.length <= 512);
    return rest;
  });
  assert.deepEqual(vectors.flat().sort(), popped);
  t.checkAll();
});

test('SPOP and SRANDMEMBER refuse what is no count', () => {
  const t = tester();
  t.run('SADD', 's', 'a');
  for (const count of ['-1', 'x', '', '1.5', '9223372036854775808']) {
    assert.equal(t.run('SPOP', 's', count), '-ERR value is out of range, must be positive');
  }
  assert.equal(t.run('SPOP', 's', '1', '2'), '-ERR syntax error');
  assert.equal(t.run('SRANDMEMBER', 's', '1', '2'), '-ERR syntax error');
  assert.equal(t.run('SRANDMEMBER', 's', 'x'), '-ERR value is not an integer or out of range');
  assert.deepEqual(t.run('SPOP', 's', '9223372036854775807'), ['a']);
});

test('SRANDMEMBER: distinct members, or with a negative count any', () => {
  const t = tester();
  for (const members of [numbers(60), words(60), words(1500)]) {
    t.run('DEL', 's');
    t.run('SADD', 's', ...members);
    for (const count of [0, 1, 5, 59, members.length, members.length + 9]) {
      const chosen = t.list('SRANDMEMBER', 's', String(count));
      assert.equal(chosen.length, Math.min(count, members.length));
      assert.equal(new Set(chosen).size, chosen.length);
      for (const member of chosen) assert.ok(members.includes(member));
      const any = t.list('SRANDMEMBER', 's', String(-count));
      assert.equal(any.length, count);
      for (const member of any) assert.ok(members.includes(member));
    }
    assert.ok(members.includes(String(t.run('SRANDMEMBER', 's'))));
  }
  assert.equal(t.run('SRANDMEMBER', 'none'), null);
  assert.deepEqual(t.run('SRANDMEMBER', 'none', '5'), []);
});

test('each member is as likely to be popped', () => {
  const trials = 4000;
  for (const members of [numbers(8), words(8)]) {
    const counts = new Map<string, number>();
    const t = tester();
    for (let i = 0; i < trials; i++) {
      t.run('SADD', 's', ...members);
      for (const member of t.list('SPOP', 's', '3')) {
        counts.set(member, (counts.get(member) ?? 0) + 1);
      }
    }
    for (const count of counts.values()) {
      const expected = (trials * 3) / 8;
      assert.ok(Math.abs(count - expected) < 6 * Math.sqrt(expected * (5 / 8)), `${count}`);
    }
  }
});

test('SSCAN sees each member, in pages where the set is a table', () => {
  const t = tester();
  t.run('SADD', 's', ...words(5000));
  const seen = new Set<string>();
  let cursor = '0';
  let pages = 0;
  do {
    const [next, page] = t.run('SSCAN', 's', cursor, 'COUNT', '50') as [string, string[]];
    for (const member of page) seen.add(member);
    cursor = next;
    pages++;
  } while (cursor !== '0');
  assert.equal(seen.size, 5000);
  assert.ok(pages > 50 && pages < 200, `${pages} pages`);
  t.run('SADD', 'small', 'a', 'ab', 'b', '12');
  const [, some] = t.run('SSCAN', 'small', '0', 'MATCH', '?', 'COUNT', '1') as [string, string[]];
  assert.deepEqual(some.sort(), ['a', 'b']);
  assert.deepEqual(t.run('SSCAN', 'none', '0', 'FOO'), ['0', []]);
  assert.equal(t.run('SSCAN', 's', 'x'), '-ERR invalid cursor');
  assert.equal(t.run('SSCAN', 's', '0', 'FOO', '1'), '-ERR syntax error');
  assert.deepEqual(t.run('SSCAN', 's', '18446744073709551615'), ['0', []]);
});

test('SINTER, SUNION, SDIFF over sets of every form', () => {
  const t = tester();
  t.run('SADD', 'ints', ...numbers(300));
  t.run('SADD', 'packed', ...numbers(150, 200), 'x', 'y');
  t.run('SADD', 'table', ...numbers(600, 250), 'x');
  const common = numbers(50, 250).sort();
  assert.deepEqual(t.list('SINTER', 'ints', 'table', 'packed', 'ints'), common);
  assert.deepEqual(t.list('SINTER', 'table', 'packed', 'ints'), common);
  assert.deepEqual(t.list('SDIFF', 'packed', 'table', 'none'), [...numbers(50, 200), 'y'].sort());
  assert.deepEqual(t.list('SDIFF', 'ints', 'packed', 'none', 'table'), numbers(200).sort());
  const union = [...numbers(850), 'x', 'y'].sort();
  assert.deepEqual(t.list('SUNION', 'packed', 'ints', 'none', 'table'), union);
  assert.deepEqual(t.list('SINTER', 'ints', 'none'), []);
  assert.deepEqual(t.list('SDIFF', 'none', 'ints'), []);
  assert.deepEqual(t.list('SDIFF', 'ints', 'ints'), []);
  t.checkAll();
});

test('SDIFF by subtracting gives what probing gives', () => {
  const t = tester();
  t.run('SADD', 'large', ...words(3000));
  for (let i = 0; i < 6; i++)
    t.run('SADD', `part${i}`, ...words(3000).slice(i * 400, i * 400 + 400));
  const parts = [0, 1, 2, 3, 4, 5].map((i) => `part${i}`);
  assert.deepEqual(t.list('SDIFF', 'large', ...parts), words(3000).slice(2400).sort());
  assert.equal(t.run('SDIFFSTORE', 'left', 'large', ...parts), 600);
  assert.deepEqual(t.members('left'), words(3000).slice(2400).sort());
  t.checkAll();
});

test('what is stored replaces the key; nothing to store removes it', () => {
  const t = tester();
  t.run('SADD', 'a', '1', '2', 'x');
  t.run('SADD', 'b', '2', 'x', '3');
  t.run('SET', 'target', 'text');
  taken(t);
  assert.equal(t.run('SINTERSTORE', 'target', 'a', 'b'), 2);
  assert.equal(t.run('SUNIONSTORE', 'a', 'a', 'b'), 4);
  assert.equal(t.run('SDIFFSTORE', 'c', 'a', 'b'), 1);
  assert.equal(t.run('SDIFFSTORE', 'c', 'b', 'a'), 0);
  assert.equal(t.run('SINTERSTORE', 'target', 'a', 'none'), 0);
  assert.equal(t.run('SINTERSTORE', 'target', 'a', 'none'), 0);
  const { effects, events } = taken(t);
  assert.deepEqual(events, [
    ...['sinterstore target', 'sunionstore a', 'sdiffstore c', 'del c', 'del target'],
  ]);
  assert.deepEqual(
    effects.map((effect) => effect.split(' ').slice(0, 3).join(' ')),
    [
      ...['0 DEL target', '0 SADD target', '0 DEL a', '0 SADD a', '0 DEL c', '0 SADD c'],
      ...['0 DEL c', '0 DEL target'],
    ],
  );
  t.checkAll();
});

test('what is stored loses the expiry that the key had', () => {
  const t = tester();
  t.run('SADD', 's', 'a');
  t.run('PEXPIREAT', 's', '4102444800000');
  t.run('SADD', 's', 'b');
  assert.equal(t.dump().get('0 s')?.expiry, 4102444800000);
  t.run('SUNIONSTORE', 's', 's');
  assert.equal(t.dump().get('0 s')?.expiry, 0);
});

test('SINTERCARD counts up to a limit', () => {
  const t = tester();
  t.run('SADD', 'a', ...numbers(20));
  t.run('SADD', 'b', ...numbers(30, 10));
  assert.equal(t.run('SINTERCARD', '2', 'a', 'b'), 10);
  assert.equal(t.run('SINTERCARD', '2', 'a', 'b', 'LIMIT', '0'), 10);
  assert.equal(t.run('SINTERCARD', '2', 'a', 'b', 'limit', '4'), 4);
  assert.equal(t.run('SINTERCARD', '2', 'a', 'none'), 0);
  for (const [words_, error] of [
    ['0 a', 'numkeys should be greater than 0'],
    ['x a', 'numkeys should be greater than 0'],
    ['9999999999999999999 a', 'numkeys should be greater than 0'],
    ['3 a b', "Number of keys can't be greater than number of args"],
    ['1 a b', 'syntax error'],
    ['1 a LIMIT', 'syntax error'],
    ['1 a LIMIT -1', "LIMIT can't be negative"],
    ['1 a LIMIT x', "LIMIT can't be negative"],
  ] as const) {
    assert.equal(t.run('SINTERCARD', ...words_.split(' ')), `-ERR ${error}`, words_);
  }
});

test('a key that holds something else is refused, and nothing changes', () => {
  const t = tester();
  t.run('SET', 'text', 'v');
  t.run('SADD', 's', 'a');
  taken(t);
  const before = t.dump();
  for (const command of [
    ...['SADD text a', 'SREM text a', 'SISMEMBER text a', 'SMISMEMBER text a', 'SMEMBERS text'],
    ...['SCARD text', 'SPOP text', 'SPOP text 0', 'SRANDMEMBER text', 'SRANDMEMBER text 2'],
    ...['SMOVE text s a', 'SMOVE s text a', 'SMOVE s text none', 'SSCAN text 0 FOO'],
    ...['SINTER none text', 'SUNION s text', 'SDIFF text s', 'SDIFF none text'],
    ...['SINTERSTORE s none text', 'SUNIONSTORE s s text', 'SDIFFSTORE s text'],
    ...['SINTERCARD 2 s text', 'SINTERCARD 2 none text'],
  ]) {
    assert.equal(t.run(...command.split(' ')), WRONG_TYPE, command);
  }
  assert.equal(t.run('SMOVE', 'none', 'text', 'a'), 0);
  assert.deepEqual(taken(t), { effects: [], events: [] });
  assert.deepEqual(t.dump(), before);
});

test('a copy shares nothing, a name keeps all', () => {
  const t = tester();
  for (const members of [numbers(10), words(10), words(1000)]) {
    t.run('DEL', 's', 'copy', 'c', 'named');
    t.run('SADD', 's', ...members);
    t.run('COPY', 's', 'copy');
    t.run('COPY', 's', 'c');
    t.run('SREM', 's', ...members.slice(0, 5));
    t.run('RENAME', 's', 'named');
    assert.deepEqual(t.members('copy'), [...members].sort());
    assert.deepEqual(t.members('c'), [...members].sort());
    assert.deepEqual(t.members('named'), members.slice(5).sort());
    t.checkAll();
  }
});

test('a table that lost most of its members gives pages back', () => {
  const t = new SetTester({ shards: 1 });
  t.run('SADD', 's', ...words(30_000));
  const space = t.keys.shards.spaces[0]!;
  const before = space.residentPages;
  for (let i = 0; i < 29_000; i++) t.run('SREM', 's', `member:${i}`);
  t.checkAll();
  assert.ok(space.residentPages < before / 4, `${space.residentPages} of ${before} pages`);
  assert.deepEqual(t.members('s'), words(30_000).slice(29_000).sort());
});
