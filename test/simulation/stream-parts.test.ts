/**
 * Streams that are shipped in parts while they change: each group with its consumers, then entries with what
 * is pending of them, then figures. Each case is tried at many places between two parts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW, Pair } from './pair.js';
import type { SimulatedServer } from './server.js';

type Command = readonly (string | number)[];

const ENTRIES = 240;
const LAST = `${ENTRIES}-1`;
const GROUPS = ['a', 'b', 'c', 'd'];
const CONSUMERS = 12;
/** At how many places a case is tried: others for each case. */
const PLACES = 4;
const GOLDEN_SECTION = 0.618;

function fill(server: SimulatedServer): void {
  const run = (...words: Command) => {
    assert.doesNotMatch(server.execute(NOW, 0, ...words), /^-/, words.join(' '));
  };
  for (let i = 1; i <= ENTRIES; i++) run('XADD', 'k', `${i}-1`, 'field', `value ${i}`, 'n', i);
  for (const group of GROUPS) {
    run('XGROUP', 'CREATE', 'k', group, 0);
    for (let i = 0; i < CONSUMERS; i++) {
      run('XREADGROUP', 'GROUP', group, `c${i}`, 'COUNT', 5, 'STREAMS', 'k', '>');
    }
  }
}

/** Blocks of a sync between whose steps nothing happens. */
const undisturbed = (() => {
  const pair = new Pair(fill);
  pair.finish();
  return pair.valueBlocks;
})();

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${from + i}-1`);
const many = (count: number, command: (i: number) => Command): Command[] =>
  Array.from({ length: count }, (_, i) => command(i));

const CASES: Readonly<Record<string, readonly Command[]>> = {
  'entries are added before the older ones have arrived': [
    ['XADD', 'k', '*', 'f', 'v'],
    ['XADD', 'k', '*', 'g', 'w'],
  ],
  'entries go from everywhere': [['XDEL', 'k', '1-1', '60-1', '100-1', '180-1', LAST, '999-1']],
  'most entries go': [['XDEL', 'k', ...ids(1, ENTRIES - 2)]],
  'all entries go one by one, and others come': [
    ['XDEL', 'k', ...ids(1, ENTRIES + 1)],
    ['XADD', 'k', '*', 'f', 'v'],
  ],
  'it is trimmed to less than was shipped, and to less than was not': [
    ['XTRIM', 'k', 'MAXLEN', ENTRIES - 10],
    ['XADD', 'k', 'MAXLEN', ENTRIES / 2, '*', 'f', 'v'],
    ['XTRIM', 'k', 'MINID', '230-1'],
  ],
  'it is trimmed to nothing': [['XTRIM', 'k', 'MAXLEN', 0]],
  'it is trimmed to nothing and grows again': [
    ['XADD', 'k', 'MAXLEN', 0, '*', 'f', 'v'],
    ['XADD', 'k', '*', 'f', 'w'],
  ],
  'its figures change': [['XSETID', 'k', '9999-5', 'ENTRIESADDED', 70_000, 'MAXDELETEDID', '17-5']],
  'its last id is lowered, and entries come below where it was': [
    ['XDEL', 'k', ...ids(50, ENTRIES + 1)],
    ['XSETID', 'k', '60-1'],
    ['XADD', 'k', '61-0', 'f', 'v'],
    ['XADD', 'k', '62-0', 'f', 'v'],
  ],
  'what is pending changes hands': [
    ['XCLAIM', 'k', 'b', 'c0', 0, ...ids(20, 40), 'RETRYCOUNT', 8],
    ['XCLAIM', 'k', 'b', 'new', 0, ...ids(30, 35)],
    ['XAUTOCLAIM', 'k', 'c', 'c3', 0, '20-1', 'COUNT', 20],
    ['XREADGROUP', 'GROUP', 'b', 'c1', 'STREAMS', 'k', 0],
  ],
  'an entry that was not shipped is claimed by force': [
    ['XCLAIM', 'k', 'c', 'c0', 0, LAST, '200-1', 'FORCE'],
    ['XCLAIM', 'k', 'b', 'z', 0, LAST, '1-1', 'FORCE', 'LASTID', LAST],
  ],
  'what is pending is gone, and is claimed': [
    ['XDEL', 'k', ...ids(1, 30)],
    ['XAUTOCLAIM', 'k', 'b', 'c5', 0, '-', 'COUNT', 50],
    ['XCLAIM', 'k', 'c', 'c5', 0, ...ids(1, 20)],
  ],
  'groups read on': [
    ...GROUPS.map((group) => ['XREADGROUP', 'GROUP', group, 'c5', 'COUNT', 9, 'STREAMS', 'k', '>']),
    ['XREADGROUP', 'GROUP', 'c', 'other', 'NOACK', 'COUNT', 9, 'STREAMS', 'k', '>'],
  ],
  'entries are acknowledged': GROUPS.map((group) => ['XACK', 'k', group, ...ids(3, 50)]),
  'consumers come and go': GROUPS.flatMap((group) => [
    ['XGROUP', 'CREATECONSUMER', 'k', group, 'a new one'],
    ['XGROUP', 'CREATECONSUMER', 'k', group, 'zzz'],
    ['XGROUP', 'DELCONSUMER', 'k', group, 'c3'],
    ['xgroup', 'delconsumer', 'k', group, 'c9'],
  ]),
  'a consumer goes and comes again': GROUPS.flatMap((group) => [
    ['XGROUP', 'DELCONSUMER', 'k', group, 'c5'],
    ['XREADGROUP', 'GROUP', group, 'c5', 'COUNT', 3, 'STREAMS', 'k', '>'],
  ]),
  'each group is removed': GROUPS.map((group) => ['XGROUP', 'DESTROY', 'k', group]),
  'each group is removed and made anew': GROUPS.flatMap((group) => [
    ['xgroup', 'destroy', 'k', group],
    ['XGROUP', 'CREATE', 'k', group, 100],
    ['XREADGROUP', 'GROUP', group, 'c7', 'COUNT', 4, 'STREAMS', 'k', '>'],
  ]),
  'groups come before, between and behind': [
    ['XGROUP', 'CREATE', 'k', '', 5],
    ['XGROUP', 'CREATE', 'k', 'b\0', 5],
    ['XGROUP', 'CREATE', 'k', 'bb', '$'],
    ['XGROUP', 'CREATE', 'k', 'z', 5],
    ['XREADGROUP', 'GROUP', 'bb', 'x', 'STREAMS', 'k', '>'],
    ['XREADGROUP', 'GROUP', 'b\0', 'x\0', 'COUNT', 70, 'STREAMS', 'k', '>'],
    ['XGROUP', 'SETID', 'k', 'b', 3],
    ['XGROUP', 'SETID', 'k', 'd', '$', 'ENTRIESREAD', 77],
  ],
  'it is removed': [['DEL', 'k']],
  'it is removed and made anew': [
    ['DEL', 'k'],
    ['XGROUP', 'CREATE', 'k', 'b', 0, 'MKSTREAM'],
    ['XADD', 'k', '7-7', 'f', 'v'],
  ],
  'another type takes its place': [['SET', 'k', 'string']],
  'it is renamed to where the walk has been, and back': [
    ['RENAME', 'k', 'a'],
    ['XADD', 'a', '*', 'f', 'v'],
    ['RENAME', 'a', 'k'],
    ['XADD', 'k', '*', 'f', 'v'],
  ],
  'it is renamed to many places': many(8, (i) => [
    'RENAME',
    i === 0 ? 'k' : `to ${i - 1}`,
    `to ${i}`,
  ]),
  'it is copied': [
    ['COPY', 'k', 'x'],
    ['COPY', 'k', 'y'],
    ['XACK', 'x', 'b', '16-1'],
    ['COPY', 'x', 'k', 'REPLACE'],
  ],
  'its database is emptied': [['FLUSHDB'], ['XADD', 'k', '*', 'f', 'v']],
  'databases are exchanged': [
    ['SWAPDB', 0, 1],
    ['XADD', 'k', '*', 'f', 'v'],
  ],
  'in a transaction': [
    ['MULTI'],
    ['XADD', 'k', '*', 'f', 'v'],
    ['XDEL', 'k', '5-1', '150-1'],
    ['XGROUP', 'DESTROY', 'k', 'b'],
    ['XGROUP', 'CREATE', 'k', 'b', 0],
    ['XREADGROUP', 'GROUP', 'b', 'x', 'COUNT', 7, 'STREAMS', 'k', '>'],
    ['EXEC'],
  ],
  'it expires later': [['PEXPIREAT', 'k', NOW + 90_000]],
};

for (const [index, [what, commands]] of Object.entries(CASES).entries()) {
  test(`a stream in parts: ${what}`, () => {
    for (let place = 0; place < PLACES; place++) {
      const pair = new Pair(fill);
      const share = (place + ((index * GOLDEN_SECTION) % 1)) / PLACES;
      pair.until(Math.floor(share * (undisturbed - 1)));
      for (const command of commands) pair.run(...command);
      pair.finish();
    }
  });
}

test('a stream in parts is as many parts as it is long', () => {
  // Its entries are in a few blocks, which go whole; its groups are the most of it.
  assert.ok(undisturbed > 20, `${undisturbed} blocks`);
});

/** Blocks of a sync when these commands run at each step of its first part, in turn. */
function blocksWith(...commands: readonly Command[]): number {
  const pair = new Pair(fill);
  for (let i = 0; !pair.step(); i++) {
    assert.ok(i < 2000);
    if (pair.valueBlocks > 0 && i < undisturbed) pair.run(...commands[i % commands.length]!);
  }
  pair.finish();
  return pair.valueBlocks;
}

test('what consumers do at each step makes no part begin again', () => {
  const blocks = blocksWith(
    ['XREADGROUP', 'GROUP', 'b', 'c5', 'COUNT', 1, 'STREAMS', 'k', '>'],
    ['XAUTOCLAIM', 'k', 'b', 'c0', 0, '-', 'COUNT', 1],
    ['XACK', 'k', 'b', '7-1', '9-1', '10-1'],
    ['XGROUP', 'CREATECONSUMER', 'k', 'd', 'c5'],
  );
  assert.ok(Math.abs(blocks - undisturbed) < 20, `${blocks} blocks, ${undisturbed} otherwise`);
});

test('a stream that is added to and trimmed at each step goes on where its parts have come to', () => {
  const blocks = blocksWith(
    ['XADD', 'k', '*', 'f', 'v'],
    ['XTRIM', 'k', 'MAXLEN', ENTRIES],
    ['XDEL', 'k', '40-1', '70-1', '200-1'],
  );
  assert.ok(Math.abs(blocks - undisturbed) < 20, `${blocks} blocks, ${undisturbed} otherwise`);
});

test('a group with a long name and consumers with longer ones', () => {
  const pair = new Pair((server) => {
    fill(server);
    const group = 'b'.repeat(10_000);
    server.execute(NOW, 0, 'XGROUP', 'CREATE', 'k', group, 0);
    for (let i = 0; i < 8; i++) {
      const consumer = 'c\0'.repeat(5000 * i) + String(i);
      server.execute(NOW, 0, 'XREADGROUP', 'GROUP', group, consumer, 'STREAMS', 'k', '>');
    }
  });
  pair.finish();
});

test('a stream of groups alone', () => {
  const pair = new Pair((server) => {
    for (let i = 0; i < 300; i++)
      server.execute(NOW, 0, 'XGROUP', 'CREATE', 'k', `g${i}`, i, 'MKSTREAM');
  });
  pair.until(10);
  for (let i = 0; i < 300; i += 7) pair.run('XGROUP', 'DESTROY', 'k', `g${i}`);
  pair.run('XADD', 'k', '*', 'f', 'v');
  pair.finish();
  assert.ok(pair.valueBlocks > 20);
});
