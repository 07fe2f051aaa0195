import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region, toBinary } from '../../base/region.js';
import { RECORD_HEADER_BYTES, VECTOR_HEADER_BYTES } from '../../journal/record.js';
import { ValueRecords } from './value-records.js';

const WORDS = ['RPUSH', 'element', 'x'.repeat(13)];

test('records follow each other wherever the region given ends', () => {
  for (let bytes = 8; bytes <= 400; bytes += 8) {
    const records = new ValueRecords();
    records.appendTo(new Region(new SharedArrayBuffer(bytes), 0), 0);
    for (let i = 0; i < 5; i++) {
      records.beginKeyless(WORDS[0]!);
      for (const word of WORDS.slice(1)) records.word(word);
      records.end();
    }
    const { region } = records;
    let at = 0;
    for (let i = 0; i < 5; i++) {
      assert.equal(region.view.getUint32(at + RECORD_HEADER_BYTES, true), WORDS.length);
      let word = at + RECORD_HEADER_BYTES + VECTOR_HEADER_BYTES;
      for (const expected of WORDS) {
        const length = region.view.getUint32(word, true);
        assert.equal(toBinary(region, word + 4, length), expected, `${bytes} bytes, record ${i}`);
        word += 4 + length;
      }
      at += region.view.getUint32(at, true);
    }
    assert.equal(at, records.position);
  }
});
