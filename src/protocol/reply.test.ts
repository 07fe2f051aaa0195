import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { heapBytesPerRound } from '../../test/support/heap.js';
import { ReplyDecoder, type Reply as Sent } from '../../test/support/reply.js';
import { Region, toBinary } from '../base/region.js';
import { formatDouble } from './doubles.js';
import { EXEC_ABORT, SYNTAX } from './errors.js';
import { type GrowHook, Reply } from './reply.js';

function newReply(protocol: 2 | 3, bytes = 8): Reply {
  const reply = new Reply(new Region(new SharedArrayBuffer(bytes), 0));
  reply.protocol = protocol;
  return reply;
}

function written(reply: Reply): string {
  return toBinary(reply.region, reply.start, reply.length);
}

/** The replies that a client finds in what was written. */
function decoded(reply: Reply): Sent[] {
  const decoder = new ReplyDecoder();
  decoder.push(Buffer.from(written(reply), 'latin1'));
  const replies: Sent[] = [];
  for (let next = decoder.next(); next !== undefined; next = decoder.next()) replies.push(next);
  assert.equal(decoder.pending, 0, 'the last reply is complete');
  return replies;
}

/** What `write` writes, in RESP2 and RESP3. */
function both(write: (reply: Reply) => void): [string, string] {
  const [two, three] = [newReply(2), newReply(3)];
  write(two);
  write(three);
  return [written(two), written(three)];
}

function same(text: string): [string, string] {
  return [text, text];
}

describe('replies, byte by byte', () => {
  const source = new Region(new SharedArrayBuffer(64), 0);
  source.bytes.set(Buffer.from('..hello..'));
  const cases: [string, (reply: Reply) => void, [string, string]][] = [
    ['ok', (r) => r.ok(), same('+OK\r\n')],
    ['simple', (r) => r.simple('QUEUED'), same('+QUEUED\r\n')],
    ['encoded', (r) => r.encoded(Uint8Array.from([43, 65, 13, 10])), same('+A\r\n')],
    ['raw', (r) => r.raw(source, 2, 5), same('hello')],
    ['error', (r) => r.error(SYNTAX), same('-ERR syntax error\r\n')],
    ['error text', (r) => r.errorText('ERR a\r\nb\nc'), same('-ERR a  b c\r\n')],
    ['null bulk', (r) => r.nullBulk(), ['$-1\r\n', '_\r\n']],
    ['null array', (r) => r.nullArray(), ['*-1\r\n', '_\r\n']],
    ['empty array', (r) => r.emptyArray(), same('*0\r\n')],
    ['empty bulk', (r) => r.emptyBulk(), same('$0\r\n\r\n')],
    ['bulk', (r) => r.bulk(source, 2, 5), same('$5\r\nhello\r\n')],
    ['bulk text', (r) => r.bulkText('h\u00e9'), same('$3\r\nh\xc3\xa9\r\n')],
    ['bulk binary', (r) => r.bulkBinary('h\u00e9\n'), same('$3\r\nh\xe9\n\r\n')],
    ['bulk integer', (r) => r.bulkInteger(-42), same('$3\r\n-42\r\n')],
    ['boolean', (r) => r.boolean(true), [':1\r\n', '#t\r\n']],
    ['boolean', (r) => r.boolean(false), [':0\r\n', '#f\r\n']],
    ['big integer', (r) => r.bigInteger(-(2n ** 63n)), same(':-9223372036854775808\r\n')],
    [
      'big number',
      (r) => r.bigNumber(2n ** 64n),
      ['$20\r\n18446744073709551616\r\n', '(18446744073709551616\r\n'],
    ],
    [
      'verbatim',
      (r) => r.verbatim('txt', 'h\u00e9'),
      ['$3\r\nh\xc3\xa9\r\n', '=7\r\ntxt:h\xc3\xa9\r\n'],
    ],
    ['map', (r) => r.map(2), ['*4\r\n', '%2\r\n']],
    ['set', (r) => r.set(2), ['*2\r\n', '~2\r\n']],
    ['push', (r) => r.push(3), ['*3\r\n', '>3\r\n']],
    ['array', (r) => r.array(123456), same('*123456\r\n')],
    [
      'double',
      (r) => r.double(0.1),
      ['$19\r\n0.10000000000000001\r\n', ',0.10000000000000001\r\n'],
    ],
    ['double', (r) => r.double(-3), ['$2\r\n-3\r\n', ',-3\r\n']],
    ['double', (r) => r.double(-0), ['$2\r\n-0\r\n', ',-0\r\n']],
    ['double', (r) => r.double(Infinity), ['$3\r\ninf\r\n', ',inf\r\n']],
    ['double', (r) => r.double(-Infinity), ['$4\r\n-inf\r\n', ',-inf\r\n']],
    ['double', (r) => r.double(Number.NaN), ['$3\r\nnan\r\n', ',nan\r\n']],
  ];
  for (const [name, write, expected] of cases) {
    test(`${name} ${JSON.stringify(expected[0])}`, () => assert.deepEqual(both(write), expected));
  }

  test('attributes exist in RESP3 only', () => {
    const reply = newReply(3);
    reply.attribute(1);
    reply.bulkText('ttl');
    reply.integer(5);
    reply.ok();
    assert.equal(written(reply), '|1\r\n$3\r\nttl\r\n:5\r\n+OK\r\n');
    assert.throws(() => newReply(2).attribute(1));
  });

  test('errors are counted, with their code', () => {
    const reply = newReply(2);
    reply.error(EXEC_ABORT);
    assert.deepEqual([reply.errors, reply.errorCode], [1, 'EXECABORT']);
    reply.errorText('NOGROUP none');
    assert.deepEqual([reply.errors, reply.errorCode], [2, 'NOGROUP']);
    const codes = [30, 31].map((length) => {
      reply.errorText(`${'K'.repeat(length)} x`);
      return reply.errorCode;
    });
    assert.deepEqual(codes, ['K'.repeat(30), 'ERR']);
    reply.errorText('alone');
    assert.equal(reply.errorCode, 'ERR');
  });

  test('a bulk written by the caller', () => {
    const reply = newReply(2);
    reply.beginBulk(300);
    reply.region.bytes.fill(120, reply.position, reply.position + 300);
    reply.position += 300;
    reply.endBulk();
    assert.equal(written(reply), `$300\r\n${'x'.repeat(300)}\r\n`);
  });
});

/** A reply as a tree, to be written and to be found again. */
type Tree =
  | { readonly kind: 'integer' | 'double' | 'bulk-integer'; readonly value: number }
  | { readonly kind: 'bulk' | 'text' | 'error'; readonly value: string }
  | { readonly kind: 'null' | 'null-array' | 'ok' | 'true' | 'false' }
  | { readonly kind: 'array' | 'set' | 'deferred'; readonly items: readonly Tree[] }
  | {
      readonly kind: 'map' | 'deferred-map';
      readonly entries: readonly (readonly [Tree, Tree])[];
    };

const safeInteger = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.integer({ min: -200, max: 20000 }),
);
const number = fc.oneof(fc.double(), safeInteger);
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({ kind: fc.constant('integer' as const), value: safeInteger }),
    fc.record({ kind: fc.constant('bulk-integer' as const), value: safeInteger }),
    fc.record({ kind: fc.constant('double' as const), value: number }),
    fc.record({ kind: fc.constant('bulk' as const), value: fc.string({ unit: 'binary-ascii' }) }),
    fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
    fc.record({ kind: fc.constant('error' as const), value: fc.string({ unit: 'binary-ascii' }) }),
    fc.constantFrom<Tree>(
      ...(['null', 'null-array', 'ok', 'true', 'false'] as const).map((kind) => ({ kind })),
    ),
    fc.record({
      kind: fc.constantFrom('array' as const, 'set' as const, 'deferred' as const),
      items: fc.array(tie('tree'), { maxLength: 12 }),
    }),
    fc.record({
      kind: fc.constantFrom('map' as const, 'deferred-map' as const),
      entries: fc.array(fc.tuple(tie('tree'), tie('tree')), { maxLength: 5 }),
    }),
  ),
}));

function writePairs(reply: Reply, entries: readonly (readonly [Tree, Tree])[]): void {
  for (const [key, value] of entries) {
    writeTree(reply, key);
    writeTree(reply, value);
  }
}

function writeTree(reply: Reply, node: Tree): void {
  const mark = reply.mark();
  switch (node.kind) {
    case 'integer':
      reply.integer(node.value);
      break;
    case 'bulk-integer':
      reply.bulkInteger(node.value);
      break;
    case 'double':
      reply.double(node.value);
      break;
    case 'bulk':
      reply.bulkBinary(node.value);
      break;
    case 'text':
      reply.bulkText(node.value);
      break;
    case 'error':
      reply.errorText(node.value);
      break;
    case 'null':
      reply.nullBulk();
      break;
    case 'null-array':
      reply.nullArray();
      break;
    case 'ok':
      reply.ok();
      break;
    case 'true':
    case 'false':
      reply.boolean(node.kind === 'true');
      break;
    case 'array':
    case 'set':
      if (node.kind === 'array') reply.array(node.items.length);
      else reply.set(node.items.length);
      for (const item of node.items) writeTree(reply, item);
      break;
    case 'deferred':
      for (const item of node.items) writeTree(reply, item);
      reply.patchArray(mark, node.items.length);
      break;
    case 'map':
      reply.map(node.entries.length);
      writePairs(reply, node.entries);
      break;
    case 'deferred-map':
      writePairs(reply, node.entries);
      reply.patchMap(mark, node.entries.length);
      break;
  }
}

/** What a client should see of the tree. */
function expected(node: Tree, protocol: 2 | 3): Sent {
  const two = protocol === 2;
  switch (node.kind) {
    case 'integer':
      return { type: 'integer', text: String(node.value).replace(/^-0$/, '0') };
    case 'bulk-integer':
      return { type: 'bulk', text: String(node.value) };
    case 'double':
      return { type: two ? 'bulk' : 'double', text: formatDouble(node.value) };
    case 'bulk':
      return { type: 'bulk', text: node.value };
    case 'text':
      return { type: 'bulk', text: Buffer.from(node.value).toString('latin1') };
    case 'error':
      return { type: 'error', text: node.value.replace(/[\r\n]+$/, '').replace(/[\r\n]/g, ' ') };
    case 'null':
      return { type: 'null', text: two ? '$-1' : '_' };
    case 'null-array':
      return { type: 'null', text: two ? '*-1' : '_' };
    case 'ok':
      return { type: 'simple', text: 'OK' };
    case 'true':
    case 'false': {
      const value = node.kind === 'true';
      if (two) return { type: 'integer', text: value ? '1' : '0' };
      return { type: 'boolean', text: value ? 't' : 'f' };
    }
    case 'array':
    case 'deferred':
    case 'set': {
      const type = node.kind === 'set' && !two ? 'set' : 'array';
      return { type, items: node.items.map((item) => expected(item, protocol)) };
    }
    case 'map':
    case 'deferred-map': {
      const items = node.entries.flat().map((item) => expected(item, protocol));
      return { type: two ? 'array' : 'map', items };
    }
  }
}

describe('round trip', () => {
  test('any reply is decoded to what was written, in either protocol', () => {
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 5 }), fc.constantFrom(2, 3), (trees, protocol) => {
        const reply = newReply(protocol as 2 | 3);
        for (const node of trees) writeTree(reply, node);
        assert.deepEqual(
          decoded(reply),
          trees.map((node) => expected(node, reply.protocol)),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('nothing is written beyond the limit, wherever it is', () => {
    const guard = 0xee;
    const hook: GrowHook = (reply, bytes) => {
      const end = reply.region.bytes.subarray(reply.limit);
      assert.ok(
        end.every((byte) => byte === guard),
        'the bytes after the limit were touched',
      );
      // Room for exactly what was asked for, as the meanest arena would give it.
      const used = reply.length;
      const region = new Region(new SharedArrayBuffer((used + bytes + 71) & ~7), 0);
      region.bytes.fill(guard);
      region.bytes.set(reply.region.bytes.subarray(reply.start, reply.position));
      reply.region = region;
      reply.start = 0;
      reply.position = used;
      reply.limit = used + bytes;
    };
    fc.assert(
      fc.property(tree, fc.constantFrom(2, 3), (node, protocol) => {
        const reply = new Reply(new Region(new SharedArrayBuffer(64), 0), hook);
        reply.limit = 0;
        reply.region.bytes.fill(guard);
        reply.protocol = protocol as 2 | 3;
        writeTree(reply, node);
        hook(reply, 1);
        assert.deepEqual(decoded(reply), [expected(node, reply.protocol)]);
      }),
      { numRuns: 500 },
    );
  });

  test('what was written since a mark can be taken back', () => {
    const reply = newReply(2);
    reply.ok();
    const mark = reply.mark();
    reply.bulkText('x'.repeat(1000));
    reply.rewind(mark);
    reply.integer(1);
    assert.equal(written(reply), '+OK\r\n:1\r\n');
  });

  test('growing moves only the bytes from start on', () => {
    const reply = newReply(2, 16);
    reply.ok();
    reply.start = reply.position;
    reply.bulkText('hello, world');
    assert.equal(written(reply), '$12\r\nhello, world\r\n');
  });
});

test('the header of a set is put in when its members are known', () => {
  const replies = both((reply) => {
    reply.integer(7);
    const mark = reply.mark();
    for (let i = 0; i < 12; i++) reply.bulkInteger(i % 10);
    reply.patchSet(mark, 12);
  });
  const members = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1].map((n) => `$1\r\n${n}\r\n`).join('');
  assert.deepEqual(replies, [`:7\r\n*12\r\n${members}`, `:7\r\n~12\r\n${members}`]);
});

test('the replies of the data path allocate nothing', () => {
  const reply = newReply(2, 64 * 1024);
  const source = new Region(new SharedArrayBuffer(1024), 0);
  const bytes = heapBytesPerRound((i) => {
    if (reply.position > 60_000) reply.position = 0;
    reply.ok();
    reply.integer(i);
    reply.bulkInteger(-i);
    // Longer copies go through native code, which is not installed here.
    reply.bulk(source, 3, i % 300);
    reply.nullBulk();
    reply.error(SYNTAX);
    reply.array(i & 255);
    reply.double(i);
  });
  assert.ok(bytes < 1, `${bytes} bytes a round`);
});

test('an error quotes bytes of any length, on one line', () => {
  const bytes = 'a\r\nb\xff'.padEnd(200_000, 'q');
  const source = new Region(new SharedArrayBuffer((bytes.length + 15) & ~7), 0);
  source.bytes.set(Buffer.from(bytes, 'latin1'), 3);
  const reply = newReply(2);
  reply.errorQuoting("ERR Unknown '", source, 3, bytes.length, "'.");
  assert.equal(written(reply), `-ERR Unknown 'a  b\xff${'q'.repeat(199_995)}'.\r\n`);
  assert.deepEqual([reply.errors, reply.errorCode], [1, 'ERR']);
  reply.errorQuoting('', source, 3, 4, '');
  assert.deepEqual([reply.errors, reply.errorCode], [2, 'a']);
});
