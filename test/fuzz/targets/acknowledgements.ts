/** Acknowledgements of a hostile replica: none counts beyond what was sent, and nothing throws. */
import assert from 'node:assert/strict';
import {
  AcknowledgementReader,
  writeAcknowledgement,
} from '../../../src/replication/acknowledgement.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

function lsnsOf(lsns: Float64Array, mine: readonly number[]): Float64Array {
  return Float64Array.from(mine, (shard) => lsns[shard]!);
}

export const target: FuzzTarget = {
  name: 'acknowledgements',
  summary: 'Acknowledgements, damaged or lying, are refused, or count no more than was sent.',
  run(random: Random) {
    const mine = Array.from({ length: random.between(1, 5) }, (_, i) => i * 2);
    const sent = Float64Array.from({ length: 10 }, () => random.below(2 ** 31) * 4);
    const taken = new Float64Array(10);
    const reader = new AcknowledgementReader(mine, {
      lsn: (shard, lsn) => {
        if (lsn > sent[shard]!) return 'too much';
        taken[shard] = lsn;
        return null;
      },
      cut: (offset) => {
        assert.ok(Number.isSafeInteger(offset) && offset >= 0);
        return null;
      },
      durable: (offset) => {
        assert.ok(Number.isSafeInteger(offset) && offset >= 0);
        return null;
      },
    });
    const expected = new Float64Array(10);
    let refused: string | null = null;
    for (let i = random.between(1, 4); i > 0 && refused === null; i--) {
      const honest = random.chance(0.7);
      const lsns = sent.map((lsn) => (honest ? random.below(lsn + 1) : random.next() * 4));
      const bytes = writeAcknowledgement(lsnsOf(lsns, mine));
      const damaged = random.chance(0.2);
      if (damaged) bytes[random.below(bytes.length)] = random.below(256);
      const cut = random.below(bytes.length + 1);
      refused = reader.feed(bytes.subarray(0, cut)) ?? reader.feed(bytes.subarray(cut));
      if (damaged) break;
      if (honest) {
        assert.equal(refused, null);
        for (const shard of mine) expected[shard] = lsns[shard]!;
        assert.deepEqual(taken, expected);
      }
    }
    for (const shard of mine) {
      assert.ok(taken[shard]! >= 0 && taken[shard]! <= sent[shard]!);
      assert.ok(Number.isSafeInteger(taken[shard]!));
    }
  },
};
