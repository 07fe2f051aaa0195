/** Entries of a block in any order of asking: they are parsed as far as somebody asks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Region } from '../../base/region.js';
import { createRegion } from '../../platform/ffi/region.js';
import { Arguments } from '../../protocol/parser.js';
import { Int64 } from '../../structures/packed/integer.js';
import { BLOCK_LAST_ID, BLOCK_USED, BlockReader, FieldReader } from './block.js';
import { BlockWriter } from './block-writer.js';
import { StreamId } from './stream-id.js';
import { isBlock } from './verify-block.js';

/** Where a block lies, behind its id. */
const BLOCK_AT = 16;

/** A step in milliseconds and in the sequence number, from one id to the next; not both 0. */
const step = fc.oneof(
  fc.record({ ms: fc.constant(0), seq: fc.integer({ min: 1, max: 70 }) }),
  fc.record({ ms: fc.integer({ min: 1, max: 300 }), seq: fc.nat({ max: 5 }) }),
  fc.record({ ms: fc.constant(0), seq: fc.integer({ min: 1, max: 2 ** 30 }) }),
);
interface Entry {
  readonly step: { readonly ms: number; readonly seq: number };
  readonly value: string;
  readonly isCommon: boolean;
}
const entry: fc.Arbitrary<Entry> = fc.record({
  step,
  value: fc.stringMatching(/^[a-z0-9]{0,140}$/),
  isCommon: fc.boolean(),
});

const entries = fc.array(entry, { minLength: 1, maxLength: 60 });
/** Numbers whose lower word is about to overflow. */
const firstMs = fc.constantFrom(1000, 2 ** 32 - 100, 2 ** 43 - 50);
const firstSequence = fc.constantFrom(0, 2 ** 32 - 40);

interface Written {
  /** The id of the first entry, and the block behind it. */
  readonly region: Region;
  readonly ids: readonly StreamId[];
}

/** @param plan a value for each entry, and how far its id is from the one before */
function written(plan: readonly Entry[], msBefore: number, seqBefore: number): Written {
  const source = createRegion(4096);
  const writer = new BlockWriter();
  const ids: StreamId[] = [];
  let [ms, seq] = [msBefore, seqBefore];
  for (const [index, { step, value, isCommon }] of plan.entries()) {
    seq = (step.ms > 0 ? 0 : seq) + step.seq;
    ms += step.ms;
    const args = new Arguments();
    args.region = source;
    const name = isCommon ? 'field' : 'other';
    source.bytes.set(Buffer.from(name + value));
    args.push(0, name.length);
    args.push(name.length, value.length);
    const high = (number: number) => Math.floor(number / 2 ** 32);
    const id = new StreamId().set(high(ms), ms | 0, high(seq), seq | 0);
    if (index === 0) writer.begin(args, 0);
    writer.append(id, args, 0);
    ids.push(id);
  }
  const region = createRegion(BLOCK_AT + writer.length);
  ids[0]!.write(region, 0);
  region.bytes.set(writer.region.bytes.subarray(0, writer.length), BLOCK_AT);
  return { region, ids };
}

test('a block answers the same whichever entry is asked for first', () => {
  const question = fc.record({ kind: fc.nat({ max: 3 }), at: fc.nat() });
  fc.assert(
    fc.property(
      ...([entries, fc.array(question, { maxLength: 80 }), firstMs, firstSequence] as const),
      (plan, questions, ms, seq) => {
        const { region, ids } = written(plan, ms, seq);
        const block = new BlockReader();
        block.load(region, 0, BLOCK_AT);
        assert.equal(block.count, plan.length);
        const [id, fields] = [new StreamId(), new FieldReader()];
        for (const { kind, at } of questions) {
          const index = at % plan.length;
          const wanted = ids[index]!;
          if (kind === 0) assert.equal(block.idAt(index, id).compare(wanted), 0);
          else if (kind === 1) assert.equal(block.search(wanted), index);
          else if (kind === 2) assert.equal(block.startAt(plan.length), BLOCK_AT + block.length);
          else {
            block.startFields(index, fields);
            fields.next();
            const text = Buffer.alloc(fields.valueLength);
            const target = createRegion(256);
            fields.copyValue(target, 0);
            text.set(target.bytes.subarray(0, fields.valueLength));
            assert.equal(text.toString(), plan[index]!.value);
          }
        }
        assert.equal(block.search(new StreamId().setHighest()), plan.length);
        assert.equal(block.search(new StreamId()), 0);
      },
    ),
    { numRuns: 200 },
  );
});

test('a block that was written is verified, and only behind what comes before it', () => {
  fc.assert(
    fc.property(entries, firstMs, firstSequence, (plan, ms, seq) => {
      const { region, ids } = written(plan, ms, seq);
      const length = region.view.getUint32(BLOCK_AT + BLOCK_USED, true);
      const below = new StreamId().copyFrom(ids[0]!);
      assert.ok(!isBlock(region, 0, BLOCK_AT, length, below));
      below.decrement();
      assert.ok(isBlock(region, 0, BLOCK_AT, length, below));
      assert.ok(!isBlock(region, 0, BLOCK_AT, length - 1, below));
      // No longer one of the lengths that its header says.
      region.view.setUint32(BLOCK_AT + BLOCK_USED, length - 1, true);
      assert.ok(!isBlock(region, 0, BLOCK_AT, length - 1, below));
    }),
    { numRuns: 200 },
  );
});

test('what is verified of damaged blocks has its ids in order, ends with its last entry, and has canonical integers', () => {
  let [refused, passed] = [0, 0];
  fc.assert(
    fc.property(
      entries,
      firstMs,
      firstSequence,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (...drawn) => {
        const [plan, ms, seq, place, bits] = drawn;
        const { region } = written(plan, ms, seq);
        const length = region.view.getUint32(BLOCK_AT + BLOCK_USED, true);
        region.bytes[place % (BLOCK_AT + length)]! ^= bits;
        if (!isBlock(region, 0, BLOCK_AT, length, new StreamId())) {
          refused++;
          return;
        }
        passed++;
        const block = new BlockReader();
        block.load(region, 0, BLOCK_AT);
        const [id, before, fields] = [new StreamId(), new StreamId(), new FieldReader()];
        for (let i = 0; i < block.count; i++) {
          assert.ok(block.idAt(i, id).compare(before) > 0);
          before.copyFrom(id);
          block.startFields(i, fields);
          assert.ok(fields.left > 0);
          while (fields.left > 0) {
            fields.next();
            if (!fields.isInteger) continue;
            const text = createRegion(32);
            fields.copyValue(text, 0);
            assert.ok(new Int64().parse(text, 0, fields.valueLength));
            assert.equal(fields.integer.width, fields.end - fields.valueOffset);
          }
          assert.equal(fields.end, block.startAt(i + 1));
        }
        assert.equal(block.startAt(block.count), BLOCK_AT + length);
        assert.equal(id.read(region, BLOCK_AT + BLOCK_LAST_ID).compare(before), 0);
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(refused > 200 && passed > 200, `${refused} refused, ${passed} passed`);
});

test('of a block that is right but for one entry nothing is taken', () => {
  for (const isCommon of [true, false]) {
    const damaged = (value: string, damage: (region: Region, entryAt: number) => void): boolean => {
      const step = { ms: 0, seq: 5 };
      const plan = [
        { step, value: 'abc', isCommon: true },
        { step: { ms: 1, seq: 0 }, value, isCommon },
      ];
      const { region } = written(plan, 1000, 0);
      const block = new BlockReader();
      block.load(region, 0, BLOCK_AT);
      const entryAt = block.startAt(1);
      const length = region.length - BLOCK_AT;
      const used = region.view.getUint32(BLOCK_AT + BLOCK_USED, true);
      assert.ok(length - used < 8 && isBlock(region, 0, BLOCK_AT, used, new StreamId()));
      damage(region, entryAt);
      return !isBlock(region, 0, BLOCK_AT, used, new StreamId());
    };
    const end = (region: Region) => BLOCK_AT + region.view.getUint32(BLOCK_AT + BLOCK_USED, true);
    // An integer of two bytes that one could hold.
    assert.ok(damaged('300', (region) => region.view.setInt16(end(region) - 2, 5, true)));
    assert.ok(damaged('-300', (region) => region.view.setInt16(end(region) - 2, -5, true)));
    // A value that ends before its entry does, and one that ends behind it.
    assert.ok(
      damaged('xyz', (region) => region.bytes.fill(2 * 2, end(region) - 4, end(region) - 3)),
    );
    assert.ok(
      damaged('xyz', (region) => region.bytes.fill(4 * 2, end(region) - 4, end(region) - 3)),
    );
    // The time of the entry before, and a lower sequence number than that has.
    const isLower = (region: Region, entryAt: number): void => {
      region.bytes[entryAt]! &= 3;
      new StreamId().set(0, 1000, 0, 0).write(region, BLOCK_AT + BLOCK_LAST_ID);
    };
    assert.ok(damaged('xyz', isLower));
  }
});
