import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region, toBinary } from '../../base/region.js';
import { KIND_EFFECT, KIND_KEYLESS, RECORD_DATABASE, RECORD_KIND } from '../../journal/record.js';
import { encodeCommand } from '../../protocol/encode-command.js';
import { ValueRecords } from '../primary/value-records.js';
import { CommandEncoder } from './command-encoder.js';

const KEYLESS = 4;

function newEncoder(): CommandEncoder {
  return new CommandEncoder({
    ...{ keyless: KEYLESS, libraries: 'LIBRARIES' },
    unknown: new Set(['HPEXPIREAT']),
    scored: { add: 'ZADD', remove: 'ZREM' },
  });
}

/** A record of these words, one char per byte. */
function record(database: number, words: readonly string[], kind = KIND_EFFECT): Region {
  const records = new ValueRecords();
  records.appendTo(new Region(new SharedArrayBuffer(4096), 0), 0);
  records.beginKeyless(words[0]!);
  for (const word of words.slice(1)) records.word(word);
  records.end();
  records.region.view.setUint16(RECORD_DATABASE, database, true);
  records.region.bytes[RECORD_KIND] = kind;
  return records.region;
}

function taken(encoder: CommandEncoder): string {
  const text = toBinary(encoder.region, 0, encoder.length);
  encoder.clear();
  return text;
}

function commands(...all: string[][]): string {
  return all.map((words) => encodeCommand(words).toString('latin1')).join('');
}

test('effects are commands of their database, which is selected when it changes', () => {
  const encoder = newEncoder();
  const long = 'x'.repeat(1234);
  encoder.record(0, record(0, ['SET', 'a', long]), 0);
  encoder.record(2, record(0, ['DEL', 'b']), 0);
  encoder.record(1, record(15, ['INCR', 'c']), 0);
  encoder.record(1, record(3, ['FLUSHDB'], KIND_KEYLESS), 0);
  assert.equal(
    taken(encoder),
    commands(
      ['SELECT', '0'],
      ['SET', 'a', long],
      ['DEL', 'b'],
      ['SELECT', '15'],
      ['INCR', 'c'],
      ['SELECT', '3'],
      ['FLUSHDB'],
    ),
  );
  encoder.record(1, record(3, ['INCR', '']), 0);
  assert.equal(taken(encoder), commands(['INCR', '']));
});

test('a set with -0 is made a skiplist before, inside the transaction that there is', () => {
  const encoder = newEncoder();
  const adding = ['ZADD', 'set', 'NX', '1', 'a', '-0', 'b'];
  const member = 'darter: this member makes the set a skiplist, and goes again'.padEnd(256, '.');
  const kept = [['ZADD', 'set', '0', member], adding, ['ZREM', 'set', member]];
  encoder.record(0, record(0, ['ZADD', 'other', '1', '-0']), 0);
  encoder.record(0, record(0, adding), 0);
  encoder.begin();
  encoder.record(0, record(0, adding), 0);
  encoder.end();
  assert.equal(
    taken(encoder),
    commands(
      ['SELECT', '0'],
      ['ZADD', 'other', '1', '-0'],
      ...[['MULTI'], ...kept, ['EXEC'], ['MULTI'], ...kept, ['EXEC']],
    ),
  );
});

test('the stream without keys selects nothing; libraries replace those of before', () => {
  const encoder = newEncoder();
  encoder.record(KEYLESS, record(0, ['PUBLISH', 'channel', 'text']), 0);
  encoder.record(KEYLESS, record(0, ['LIBRARIES', 'code one', 'code two']), 0);
  encoder.record(KEYLESS, record(0, ['LIBRARIES']), 0);
  assert.equal(
    taken(encoder),
    commands(
      ['PUBLISH', 'channel', 'text'],
      ['MULTI'],
      ['FUNCTION', 'FLUSH'],
      ['FUNCTION', 'LOAD', 'code one'],
      ['FUNCTION', 'LOAD', 'code two'],
      ['EXEC'],
      ['MULTI'],
      ['FUNCTION', 'FLUSH'],
      ['EXEC'],
    ),
  );
});

test('what Redis does not know is refused by name and key', () => {
  const encoder = newEncoder();
  encoder.record(0, record(0, ['HPEXPIREAT', 'the key', '1', 'FIELDS', '1', 'f']), 0);
  assert.equal(
    encoder.refused,
    'Redis 7.0 does not know HPEXPIREAT, which changed the key the key',
  );
  assert.equal(encoder.length, 0);
});
