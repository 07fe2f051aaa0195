/** Every type and encoding, opcodes, versions: files made byte by byte. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonical, canonicalValue, type ModelValue, readModel } from './testing.js';
import {
  BODIES,
  big,
  fileOf,
  intsetOf,
  keyOf,
  lengthOf,
  listpackOf,
  little,
  streamOf,
  stringOf,
  ziplistOf,
  zipmapOf,
} from './testing-files.js';

function values(body: string, header?: string): Record<string, string> {
  const file = fileOf(body, header);
  const model = readModel(file, file.length, { skipModules: true });
  for (const piece of [1, 2, 3, 7, 64]) {
    const pieces = readModel(file, piece, { skipModules: true });
    assert.deepEqual(canonical(pieces.keys), canonical(model.keys), `in pieces of ${piece}`);
  }
  return Object.fromEntries(model.keys.map(({ name, value }) => [name, canonicalValue(value)]));
}

function refused(body: string, header?: string, checksum?: boolean): string {
  try {
    const file = fileOf(body, header, checksum);
    readModel(file, file.length);
  } catch (error) {
    assert.equal((error as Error).name, 'RdbError');
    return (error as Error).message;
  }
  return 'not refused';
}

describe('values of every type and encoding', () => {
  test('strings', () => {
    assert.deepEqual(values(BODIES.strings!), {
      plain: '"value"',
      int8: '"-128"',
      int16: '"-32768"',
      int32: '"-2147483648"',
      lzf: `"${'x'.repeat(30)}"`,
      'long form': '"ab"',
    });
  });

  test('lists', () => {
    assert.deepEqual(values(BODIES.lists!), {
      linked: '"a" "5" ""',
      ziplist: `"a" "${'b'.repeat(300)}" "5" "-1" "1099511627776"`,
      quick: '"a" "7" "b"',
      quick2: '"a" "1" "plain" "z"',
    });
  });

  test('sets', () => {
    assert.deepEqual(values(BODIES.sets!), {
      table: '"7" "a"',
      integers2: '"-5" "0" "9"',
      integers4: '"-70000" "9"',
      integers8: '"-1" "-9223372036854775808" "9223372036854775807"',
      listpack: '"100" "a" "b"',
    });
  });

  test('hashes, with fields that expire', () => {
    assert.deepEqual(values(BODIES.hashes!), {
      table: '"f"="v"@-1',
      zipmap: `"f"="v"@-1 "${'g'.repeat(300)}"=""@-1`,
      ziplist: '"f"="1"@-1 "g"="v"@-1',
      listpack: '"f"="1"@-1 "g"="v"@-1',
      'metadata pre': '"f"="1"@2000000000000',
      metadata: '"f"="v"@-1 "g"="w"@2000000000005',
      'listpack pre': '"f"="v"@2000000000000 "g"="w"@-1',
      'listpack ex': '"f"="v"@2000000000000 "g"="w"@-1',
    });
  });

  test("hashes of Valkey, whose type 22 is another one than Redis's", () => {
    const value = `${lengthOf(2)}\x01f\x01v${little(2_000_000_000_000, 8)}\x01g\x01w${little(-1, 8)}`;
    const body = keyOf(22, 'hash', value);
    const expected = { hash: '"f"="v"@2000000000000 "g"="w"@-1' };
    assert.deepEqual(values(body, 'VALKEY080'), expected);
    assert.match(refused(keyOf(24, 'h', value), 'VALKEY080'), /^Unknown type of a value, 24,/);
  });

  test('sorted sets', () => {
    assert.deepEqual(values(BODIES['sorted sets']!), {
      text: '"c"=-Infinity "d"=-1 "a"=1.5 "b"=Infinity',
      binary: '"a"=-0.1 "b"=Infinity',
      ziplist: '"a"=1 "b"=1.5 "c"=Infinity',
      listpack: '"a"=-1 "b"=2.25',
    });
  });

  test('streams: entries, groups, consumers, pending entries', () => {
    const entries = [
      '5-7 ["name","Ada","12","1"]',
      '6-0 ["alone","x"]',
      '1099511627781-12 ["name","Bob","12","-4"]',
    ];
    const consumers = [
      'consumer "idle" 1700',
      'consumer "one" 1600; pending 6-0 2000 3',
      'consumer "two" 1800; pending 5-7 1000 1',
    ];
    const told = (state: string, read: string): string =>
      [...entries, state, `group "group" 5-8 ${read}`, ...consumers].join('; ');
    assert.deepEqual(values(BODIES.streams!), {
      v1: told('state 3 1099511627781-12 5-7 0-0 3', '-1'),
      v2: told('state 3 1099511627781-12 5-7 5-8 4', '-1'),
      v3: told('state 3 1099511627781-12 5-7 5-8 4', '-1'),
    });
    const model = readModel(fileOf(BODIES.streams!));
    const stream = (name: string): Extract<ModelValue, { kind: 'stream' }>['stream'] => {
      const { value } = model.keys.find((one) => one.name === name)!;
      assert.ok(value.kind === 'stream');
      return value.stream;
    };
    assert.equal(stream('v3').groups[0]!.consumers[0]!.activeMs, 1500);
    assert.equal(stream('v2').groups[0]!.consumers[0]!.activeMs, 1600);
  });

  test('modules are skipped when that is asked for, and refused by name otherwise', () => {
    assert.deepEqual(values(BODIES.modules!), { after: '"x"' });
    const file = fileOf(BODIES.modules!);
    const model = readModel(file, file.length, { skipModules: true });
    assert.deepEqual(model.modules, ['sampletyp', 'sampletyp']);
    assert.match(refused(BODIES.modules!), /^Can't load a setting of module type 'sampletyp', at/);
    const value = BODIES.modules!.slice(BODIES.modules!.indexOf('\x07\x06module'));
    assert.match(
      refused(value),
      /^Can't load a value of module type 'sampletyp', .* key "module"$/,
    );
    assert.match(
      refused(keyOf(6, 'old', '')),
      /^Can't load a module value of a Redis before 4.0.0/,
    );
  });
});

describe('opcodes', () => {
  test('settings, functions, hints, what is said of keys', () => {
    const model = readModel(fileOf(BODIES.opcodes!));
    assert.deepEqual(
      [...model.settings],
      [
        ['redis-ver', '8.0.0'],
        ['bits', '64'],
      ],
    );
    assert.deepEqual(model.functions, ['#!lua name=x']);
    const said = model.keys.map(({ name, database, expiryMs, idleSeconds, frequency }) =>
      [name, database, expiryMs, idleSeconds, frequency].join(' '),
    );
    assert.deepEqual(said, [
      'idle 9 1700000000123 70 -1',
      'used 9 1700000000000 -1 7',
      'neither 9 -1 -1 -1',
    ]);
  });

  test('a setting with a compressed name comes in pieces, a long one is left out', () => {
    const name = `\xc3${lengthOf(5)}${lengthOf(30)}\x00x\xe0\x14\x00`;
    const long = `\xfa${stringOf('lua')}${stringOf('y'.repeat(2000))}`;
    const file = fileOf(`\xfa${name}${stringOf('value')}${long}\xfa\x01a\x01b`);
    for (const piece of [1, 5, file.length]) {
      assert.deepEqual(
        [...readModel(file, piece).settings],
        [
          ['x'.repeat(30), 'value'],
          ['a', 'b'],
        ],
      );
    }
  });

  test('what cannot be loaded is refused by name', () => {
    assert.match(refused('\xf6'), /^Can't load functions of a Redis before 7.0.0, at offset 10$/);
    assert.match(
      refused('\xf3', 'VALKEY080'),
      /^Can't load .* while a slot was imported, at offset/,
    );
    assert.match(refused('\xf3'), /^Unknown opcode, 243, at offset 10$/);
    assert.match(refused(keyOf(8, 'k', '')), /^Unknown type of a value, 8, at offset 12, key "k"$/);
    assert.match(refused(keyOf(26, 'k', '')), /^Unknown type of a value, 26/);
  });
});

describe('versions and checksums', () => {
  const body = keyOf(0, 'k', stringOf('v'));

  test('versions 1 to 12 of Redis and 80 of Valkey are read', () => {
    for (let version = 1; version <= 12; version++) {
      assert.deepEqual(values(body, `REDIS00${String(version).padStart(2, '0')}`), { k: '"v"' });
    }
    assert.deepEqual(values(body, 'VALKEY080'), { k: '"v"' });
  });

  test('others are refused', () => {
    for (const header of ['REDIS0000', 'REDIS0013', 'REDIS0080', 'VALKEY011', 'VALKEY081']) {
      assert.match(
        refused(body, header),
        /^Can't handle RDB format version (REDIS|VALKEY) \d+, at/,
      );
    }
    for (const header of ['RADIS0010', 'REDIS00x0', 'REDIS 010']) {
      assert.equal(refused(body, header), 'Not an RDB file: wrong signature, at offset 0');
    }
  });

  test('a wrong checksum is refused, 0 means that there is none', () => {
    const file = fileOf(body);
    file[13] ^= 1;
    assert.throws(() => readModel(file), { message: 'Wrong checksum, at offset 15' });
    assert.equal(readModel(file, 1, { checksum: false }).keys.length, 1);
    assert.equal(readModel(fileOf(body, 'REDIS0010', false)).keys.length, 1);
  });

  test('before version 5 a file ends without one', () => {
    const file = fileOf(body, 'REDIS0004');
    assert.equal(String.fromCharCode(file.at(-1)!), '\xff');
    assert.equal(readModel(file, 1).keys.length, 1);
  });
});

describe('damage is refused with its reason', () => {
  const cases: Readonly<Record<string, readonly [number, string, RegExp]>> = {
    'a member that is there twice in a listpack': [
      20,
      stringOf(listpackOf(['a', 'b', 'a'])),
      /^Damaged listpack: element 2 is there twice/,
    ],
    'a field that is there twice, once as an integer': [
      13,
      stringOf(ziplistOf(['1', 'x', 1, 'y'])),
      /^Damaged ziplist: element 2 is there twice/,
    ],
    'a field that is there twice in a zipmap': [
      9,
      stringOf(zipmapOf(['a', 'x', 'a', 'y'])),
      /^Damaged zipmap: element 2 is there twice/,
    ],
    'a member that is there twice in a sorted set': [
      17,
      stringOf(listpackOf(['a', 1, 'b', 2, 'a', 3])),
      /^Damaged listpack: element 4 is there twice/,
    ],
    'integers that do not ascend': [
      11,
      stringOf(intsetOf([1, 1], 2)),
      /^Damaged intset: element 1 does not ascend/,
    ],
    'an intset without integers': [11, stringOf(intsetOf([], 2)), /^Damaged intset: empty/],
    'a field without value': [
      16,
      stringOf(listpackOf(['a', 'b', 'c'])),
      /^Damaged listpack: its last element has no partner/,
    ],
    'a score that is not a number': [
      3,
      `${lengthOf(1)}\x01a\xfd`,
      /has a score that is not a number/,
    ],
    'a score of nonsense in a listpack': [
      17,
      stringOf(listpackOf(['a', 'b'])),
      /has a score that is not a number/,
    ],
    'a list node of an unknown kind': [18, `${lengthOf(1)}\x03`, /a node of an unknown kind, 3/],
    'a list node without bytes': [14, `${lengthOf(1)}\x00`, /^List has a node without bytes/],
    'a field that expires after all time': [
      22,
      `${lengthOf(1)}${lengthOf(2n ** 48n)}\x01f\x01v`,
      /^Hash has an invalid expiry of a field/,
    ],
    'a stream without its nodes': [
      19,
      [0, 3, 5, 0, 0, 0, 0, 0, 0, 0].map(lengthOf).join(''),
      /^Stream has a length but no entries/,
    ],
    'a stream node whose key is no id': [
      19,
      lengthOf(1) + stringOf('short'),
      /^Stream has a node whose key is no id/,
    ],
    'stream entries that do not ascend': [
      19,
      lengthOf(1) +
        stringOf(big(5, 8) + big(5, 8)) +
        stringOf(listpackOf([2, 0, 1, 'f', 0, 2, 0, 1, 'v', 4, 2, 0, 0, 'v', 4])),
      /^Stream ids do not ascend/,
    ],
    'a stream entry of a wrong length': [
      19,
      lengthOf(1) +
        stringOf(big(5, 8) + big(5, 8)) +
        stringOf(listpackOf([1, 0, 1, 'f', 0, 2, 0, 1, 'v', 5])),
      /^Stream entry has a wrong length/,
    ],
    'a stream node that counts its entries wrong': [
      19,
      lengthOf(1) +
        stringOf(big(5, 8) + big(5, 8)) +
        stringOf(listpackOf([2, 0, 1, 'f', 0, 2, 0, 1, 'v', 4])),
      /^Stream node says 2 \+ 0 entries, has 1 \+ 0/,
    ],
    'a pending entry without consumer': [
      19,
      streamOf(2).slice(0, -17) + lengthOf(0),
      /^Stream group has a pending entry without consumer/,
    ],
    'a string that claims to be longer than it may': [
      0,
      lengthOf(2 ** 30),
      /^A string of 1073741824/,
    ],
    'a compressed string that claims to be longer than it can': [
      0,
      `\xc3${lengthOf(3)}${lengthOf(300_000_000)}abc`,
      /^A compressed string of 3 bytes claims to have 300000000/,
    ],
    'a compressed string that refers before its beginning': [
      0,
      `\xc3${lengthOf(2)}${lengthOf(3)}\x20\x05`,
      /^A damaged compressed string/,
    ],
    'an encoding that is none': [0, '\xc4', /^No such encoding of a string, 4/],
    'a length that is none': [0, '\x82', /^No such form of a length, 130/],
    'an encoded string for a count': [1, '\xc0\x01', /^An encoded string where a length must be/],
  };
  for (const [name, [type, value, expected]] of Object.entries(cases)) {
    test(name, () => {
      const message = refused(keyOf(type, 'the key', value));
      assert.match(message, expected);
      assert.match(message, /, at offset \d+, key "the key"$/);
    });
  }

  test("a consumer's pending entry that is not its group's, or another's too", () => {
    const one = big(6, 8) + big(0, 8);
    const at = streamOf(3).lastIndexOf(one);
    const owning = (id: string): string =>
      keyOf(21, 's', streamOf(3).slice(0, at) + id + streamOf(3).slice(at + 16));
    const foreign = owning(big(6, 8) + big(1, 8));
    assert.match(refused(foreign), /a pending entry that is not its group's/);
    assert.match(refused(owning(big(5, 8) + big(7, 8))), /an entry that is pending twice/);
  });

  test('collections without elements are no keys', () => {
    const empty = [keyOf(1, 'l', '\0'), keyOf(2, 's', '\0'), keyOf(4, 'h', '\0')];
    empty.push(keyOf(5, 'z', '\0'), keyOf(14, 'q', '\0'), keyOf(16, 'p', stringOf(listpackOf([]))));
    empty.push(keyOf(14, 'e', lengthOf(1) + stringOf(ziplistOf([]))));
    const model = readModel(fileOf(empty.join('')));
    assert.deepEqual(model.keys, []);
    assert.deepEqual(model.emptyKeys, ['l', 's', 'h', 'z', 'q', 'p', 'e']);
  });
});
