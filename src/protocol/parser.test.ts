import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { heapBytesPerRound } from '../../test/support/heap.js';
import { copyBytes, Region } from '../base/region.js';
import { COMMAND, INCOMPLETE, PROTOCOL_ERROR, RequestParser } from './parser.js';
import { argumentsBinary } from './text.js';

function regionOf(bytes: ArrayLike<number>, before = 0): Region {
  const region = new Region(new SharedArrayBuffer((before + bytes.length + 15) & ~7), 0);
  region.bytes.set(bytes, before);
  return region;
}

function latin1(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}

interface Outcome {
  readonly commands: string[][];
  readonly error: string;
}

/** Feeds the bytes up to each of `cuts` and then all of them, as a connection would. */
function parseAll(
  bytes: ArrayLike<number>,
  cuts: readonly number[],
  parser: RequestParser,
): Outcome {
  const region = regionOf(bytes);
  const commands: string[][] = [];
  let position = 0;
  for (const end of [...cuts, bytes.length]) {
    for (;;) {
      const status = parser.parse(region, position, end);
      if (status === PROTOCOL_ERROR) return { commands, error: parser.error };
      assert.ok(parser.position >= position && parser.position <= end, 'the position is sane');
      position = parser.position;
      if (status === INCOMPLETE) break;
      commands.push(argumentsBinary(parser.args, 0));
    }
    if (parser.missing > 0) {
      assert.ok(end + parser.missing > end, 'more bytes are announced as missing');
    }
  }
  return { commands, error: '' };
}

function parseText(text: string, parser = new RequestParser()): Outcome {
  return parseAll(latin1(text), [], parser);
}

function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

/** Byte strings with a taste for what matters to the parser, some of them long. */
const argument = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '\r\n', '$3\r\n', '*1\r\n', '\0', '"') },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(9, 10, 99, 100, 999, 1000, 9999, 10000, 17000), fc.nat(2))
      .map(([length, more]) => 'x'.repeat(length + more)),
  },
);
const command = fc.oneof(
  { weight: 5, arbitrary: fc.array(argument, { minLength: 1, maxLength: 5 }) },
  { weight: 1, arbitrary: fc.array(argument, { minLength: 9, maxLength: 40 }) },
);
const filler = fc.constantFrom('', '', '', '\r\n', '\n', '*0\r\n', '*-1\r\n', '   \r\n');

function cutsOf(fractions: readonly number[], length: number): number[] {
  return fractions.map((x) => Math.floor(x * length)).sort((a, b) => a - b);
}
const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

describe('RESP commands', () => {
  test('several in one buffer', () => {
    const outcome = parseText('*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$11\r\nhello\r\nkeys\r\n');
    assert.deepEqual(outcome.commands, [['PING'], ['GET', 'hello\r\nkeys']]);
  });

  test('empty commands are skipped', () => {
    const outcome = parseText('\r\n\n*0\r\n*-1\r\n*-7\r\n  \r\n*1\r\n$4\r\nPING\r\n');
    assert.deepEqual(outcome, { commands: [['PING']], error: '' });
  });

  test('the bytes that end a line or a bulk are not looked at, like in Redis', () => {
    assert.deepEqual(parseText('*1\rX$4\rXPINGxx*1\r\n$1\r\na\r\n').commands, [['PING'], ['a']]);
  });

  test('any commands, cut anywhere, come out the same', () => {
    const input = fc.tuple(fc.array(fc.tuple(filler, command), { maxLength: 8 }), fractions);
    fc.assert(
      fc.property(input, ([parts, at]) => {
        const bytes = latin1(parts.map(([before, args]) => before + encode(args)).join(''));
        const outcome = parseAll(bytes, cutsOf(at, bytes.length), new RequestParser());
        assert.deepEqual(outcome, { commands: parts.map(([, args]) => args), error: '' });
      }),
      { numRuns: 400 },
    );
  });

  test('byte by byte', () => {
    const commands = [['SET', 'key', 'x'.repeat(120)], ['PING'], Array(30).fill('ab')];
    const bytes = latin1(commands.map(encode).join(''));
    const outcome = parseAll(bytes, [...bytes.keys()], new RequestParser());
    assert.deepEqual(outcome.commands, commands);
  });

  test('the bytes may move to another region between two pieces', () => {
    fc.assert(
      fc.property(command, fractions, fc.nat(100), (args, at, shift) => {
        const bytes = latin1(encode(args));
        const parser = new RequestParser();
        let region = regionOf(bytes, 8);
        let base = 8;
        let position = base;
        for (const cut of cutsOf(at, bytes.length - 1)) {
          assert.equal(parser.parse(region, position, base + cut), INCOMPLETE);
          const moved = new Region(new SharedArrayBuffer((shift + bytes.length + 23) & ~7), 0);
          copyBytes(moved, shift, region, base, bytes.length);
          region.bytes.fill(0xee);
          parser.rebase(moved, shift - base);
          region = moved;
          base = shift;
          position = parser.position;
          assert.equal(parser.start, base);
        }
        assert.equal(parser.parse(region, position, base + bytes.length), COMMAND);
        assert.equal(parser.args.region, region);
        assert.deepEqual(argumentsBinary(parser.args, 0), args);
        assert.equal(parser.position, base + bytes.length);
      }),
    );
  });

  test('another parser can take a command over at any point', () => {
    const args = ['SET', 'key', 'x'.repeat(2000), ...Array(40).fill('more')];
    const bytes = latin1(encode(args));
    const region = regionOf(bytes);
    for (let cut = 0; cut < bytes.length; cut += 7) {
      const first = new RequestParser();
      const second = new RequestParser();
      assert.equal(first.parse(region, 0, cut), INCOMPLETE);
      second.takeOver(first);
      assert.equal(second.parse(region, second.position, bytes.length), COMMAND);
      assert.deepEqual(argumentsBinary(second.args, 0), args);
      assert.equal(first.parse(region, 0, bytes.length), COMMAND);
      assert.deepEqual(argumentsBinary(first.args, 0), args);
    }
  });

  test('after a reset the next command starts afresh', () => {
    const bytes = latin1(encode(['GET', 'key']));
    const region = regionOf(bytes);
    for (let cut = 0; cut < bytes.length; cut++) {
      const parser = new RequestParser();
      parser.parse(region, 0, cut);
      parser.reset();
      assert.equal(parser.parse(region, 0, bytes.length), COMMAND);
      assert.deepEqual(argumentsBinary(parser.args, 0), ['GET', 'key']);
    }
  });

  test('missing tells how much of a bulk has not come', () => {
    const bytes = latin1('*2\r\n$3\r\nGET\r\n$1000\r\nabc');
    const parser = new RequestParser();
    const region = regionOf(bytes);
    assert.equal(parser.parse(region, 0, 3), INCOMPLETE);
    assert.equal(parser.missing, 0);
    assert.equal(parser.parse(region, parser.position, 10), INCOMPLETE);
    assert.equal(parser.missing, 3);
    assert.equal(parser.parse(region, parser.position, 16), INCOMPLETE);
    assert.equal(parser.missing, 0);
    assert.equal(parser.parse(region, parser.position, bytes.length), INCOMPLETE);
    assert.equal(parser.missing, 999);
    assert.equal(parser.start, 0);
  });

  test('a huge count allocates nothing before the arguments are there', () => {
    const parser = new RequestParser();
    assert.equal(parseText('*2147483647\r\n$1\r\na\r\n', parser).error, '');
    assert.equal(parser.args.count, 1);
    assert.ok(parser.args.offset.length <= 16);
  });

  test('a million arguments in small pieces', () => {
    const count = 1_000_000;
    const bytes = Buffer.from(`*${count}\r\n${'$2\r\nab\r\n'.repeat(count)}`);
    const cuts: number[] = [];
    for (let at = 61; at < bytes.length; at += 61) cuts.push(at);
    const region = regionOf(bytes);
    const parser = new RequestParser();
    let position = 0;
    for (const cut of cuts) {
      assert.equal(parser.parse(region, position, cut), INCOMPLETE);
      position = parser.position;
    }
    assert.equal(parser.parse(region, position, bytes.length), COMMAND);
    assert.equal(parser.args.count, count);
    assert.equal(parser.args.offset[count - 1], bytes.length - 4);
  });
});

describe('inline commands', () => {
  const cases: [string, string[]][] = [
    ['PING\r\n', ['PING']],
    ['  SET  a\tb \n', ['SET', 'a', 'b']],
    ['PING\r\r\n', ['PING']],
    ['P\rING a\r\n', ['P', 'ING', 'a']],
    ['\x0bPING\x0ca\r\n', ['PING\x0ca']],
    ['SET a "b c" \'d e\'\r\n', ['SET', 'a', 'b c', 'd e']],
    ['"\\x41\\x6a\\n\\r\\t\\b\\a\\"\\q\\xzz\\x4"\n', ['Aj\n\r\t\b\x07"qxzzx4']],
    ["'a\\'b\\n' \"\" ''\r\n", ["a'b\\n", '', '']],
    ['a"b c"\r\n', ['ab c']],
    ["a'b\"' c\r\n", ['ab"', 'c']],
    ['a\\x41 b\\\r\n', ['a\\x41', 'b\\']],
    ['SET k \xff\xfe\r\n', ['SET', 'k', '\xff\xfe']],
  ];
  for (const [line, args] of cases) {
    test(JSON.stringify(line), () => {
      assert.deepEqual(parseText(line), { commands: [args], error: '' });
      const bytes = latin1(line);
      assert.deepEqual(parseAll(bytes, [...bytes.keys()], new RequestParser()).commands, [args]);
    });
  }

  test('quotes that do not end, or end within a word', () => {
    for (const line of [
      '"a\r\n',
      "'a\r\n",
      '"a"b\r\n',
      "'a'b\n",
      '"a\\\r\n',
      '"a\\"\n',
      '""""\n',
    ]) {
      assert.equal(parseText(line).error, 'Protocol error: unbalanced quotes in request', line);
    }
  });

  test('inline and RESP commands take turns', () => {
    const outcome = parseText(`PING\r\n${encode(['GET', 'a'])}SET b "c"\n`);
    assert.deepEqual(outcome.commands, [['PING'], ['GET', 'a'], ['SET', 'b', 'c']]);
  });
});

describe('protocol errors', () => {
  const long = '1'.repeat(65536);
  const cases: [string, string][] = [
    ['*\r\n', 'invalid multibulk length'],
    ['*-0\r\n', 'invalid multibulk length'],
    ['*+1\r\n', 'invalid multibulk length'],
    ['*01\r\n', 'invalid multibulk length'],
    ['*1x\r\n', 'invalid multibulk length'],
    ['*2147483648\r\n', 'invalid multibulk length'],
    ['*-9223372036854775809\r\n', 'invalid multibulk length'],
    ['*1\r\nx\r\n', "expected '$', got 'x'"],
    ['*1\r\n\r\n', "expected '$', got '\r'"],
    ['*1\r\n\xff\r\n', "expected '$', got '\xff'"],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$\r\n', 'invalid bulk length'],
    ['*1\r\n$04\r\nPING\r\n', 'invalid bulk length'],
    ['*1\r\n$536870913\r\n', 'invalid bulk length'],
    ['*1\r\n$9007199254740993\r\n', 'invalid bulk length'],
    [`*${long}`, 'too big mbulk count string'],
    [`*1\r\n$${long}`, 'too big bulk count string'],
    [`${long}1`, 'too big inline request'],
    [`${long}1\r\n`, 'too big inline request'],
  ];
  for (const [bytes, error] of cases) {
    test(JSON.stringify(bytes.slice(0, 40)), () => {
      const expected = `Protocol error: ${error}`;
      assert.equal(parseText(bytes).error, expected);
      const all = latin1(bytes);
      const cuts = [...all.keys()].filter((i) => i < 50 || i > all.length - 50);
      assert.equal(parseAll(all, cuts, new RequestParser()).error, expected);
    });
  }

  test('just within the limits', () => {
    const texts = [long, `*${long.slice(1)}`, `*1\r\n$${long.slice(1)}`, '*1\r\n$536870912\r\n'];
    for (const text of texts) assert.equal(parseText(text).error, '', text.slice(0, 20));
  });

  test('the bulk limit is a setting', () => {
    const parser = new RequestParser();
    parser.bulkBytesMax = 1024 * 1024;
    assert.equal(
      parseText('*1\r\n$1048577\r\n', parser).error,
      'Protocol error: invalid bulk length',
    );
  });

  test('before authentication commands must be small', () => {
    const cases: [string, string][] = [
      ['*10\r\n', ''],
      ['*11\r\n', 'Protocol error: unauthenticated multibulk length'],
      ['*1\r\n$16384\r\n', ''],
      ['*1\r\n$16385\r\n', 'Protocol error: unauthenticated bulk length'],
    ];
    for (const [bytes, error] of cases) {
      const parser = new RequestParser();
      parser.authenticated = false;
      assert.equal(parseText(bytes, parser).error, error, bytes);
    }
  });

  test('arbitrary bytes, cut anywhere, end in the same commands and the same error', () => {
    const piece = fc.constantFrom(
      ...['*', '$', '1', '2', '3', '9', '-', '\r\n', '\r', '\n', 'a', 'PING', '"', "'", '\\x41'],
      ...['\\', ' ', '\0', '\xff', '*1\r\n', '*2\r\n$1\r\na\r\n', '$3\r\nabc\r\n', '$10\r\n'],
    );
    const noise = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(noise, fractions, (text, at) => {
        const bytes = latin1(text);
        const whole = parseAll(bytes, [], new RequestParser());
        const cut = parseAll(bytes, cutsOf(at, bytes.length), new RequestParser());
        const single = parseAll(bytes, [...bytes.keys()], new RequestParser());
        assert.deepEqual(cut, whole);
        assert.deepEqual(single, whole);
      }),
      { numRuns: 3000 },
    );
  });
});

test('parsing allocates nothing', () => {
  const text = encode(['SET', 'key', 'x'.repeat(100), 'EX', '10']) + encode(['GET', 'key']);
  const region = regionOf(latin1(text));
  const parser = new RequestParser();
  const bytes = heapBytesPerRound((i) => {
    const cut = i % text.length;
    let position = 0;
    for (let end = cut; ; end = text.length) {
      const status = parser.parse(region, position, end);
      position = parser.position;
      if (status === INCOMPLETE && end === text.length) break;
    }
  });
  assert.ok(bytes < 1, `${bytes} bytes a round`);
});
