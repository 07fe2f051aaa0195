/** Entries of a block in any order of asking: they are parsed as far as somebody asks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRegion } from '../../platform/ffi/region.js';
import { Arguments } from '../../protocol/parser.js';
import { BlockReader, FieldReader } from './block.js';
import { BlockWriter } from './block-writer.js';
import { StreamId } from './stream-id.js';

/** A step in milliseconds and in the sequence number, from one id to the next; not both 0. */
const step = fc.oneof(
  fc.record({ ms: fc.constant(0), seq: fc.integer({ min: 1, max: 70 }) }),
  fc.record({ ms: fc.integer({ min: 1, max: 300 }), seq: fc.nat({ max: 5 }) }),
  fc.record({ ms: fc.constant(0), seq: fc.integer({ min: 1, max: 2 ** 30 }) }),
);
const entry = fc.record({
  step,
  value: fc.stringMatching(/^[a-z0-9]{0,140}$/),
  isCommon: fc.boolean(),
});

test('a block answers the same whichever entry is asked for first', () => {
  const source = createRegion(4096);
  const first = createRegion(16);
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 60 }),
      fc.array(fc.record({ kind: fc.nat({ max: 3 }), at: fc.nat() }), { maxLength: 80 }),
      // Numbers whose lower word is about to overflow.
      fc.constantFrom(1000, 2 ** 32 - 100, 2 ** 43 - 50),
      fc.constantFrom(0, 2 ** 32 - 40),
      (entries, questions, firstMs, firstSequence) => {
        const writer = new BlockWriter();
        const ids: StreamId[] = [];
        let [ms, seq] = [firstMs, firstSequence];
        for (const [index, { step, value, isCommon }] of entries.entries()) {
          seq = (step.ms > 0 ? 0 : seq) + step.seq;
          ms += step.ms;
          const args = new Arguments();
          args.region = source;
          const name = isCommon ? 'field' : 'other';
          source.bytes.set(Buffer.from(name + value));
          args.push(0, name.length);
          args.push(name.length, value.length);
          const id = new StreamId().set(
            Math.floor(ms / 2 ** 32),
            ms | 0,
            Math.floor(seq / 2 ** 32),
            seq | 0,
          );
          if (index === 0) {
            writer.begin(args, 0);
            id.write(first, 0);
          }
          writer.append(id, args, 0);
          ids.push(id);
        }
        const block = new BlockReader();
        block.load(joined(writer, first), 0, 16);
        assert.equal(block.count, entries.length);
        const [id, fields] = [new StreamId(), new FieldReader()];
        for (const { kind, at } of questions) {
          const index = at % entries.length;
          const wanted = ids[index]!;
          if (kind === 0) assert.equal(block.idAt(index, id).compare(wanted), 0);
          else if (kind === 1) assert.equal(block.search(wanted), index);
          else if (kind === 2) assert.equal(block.startAt(entries.length), 16 + block.length);
          else {
            block.startFields(index, fields);
            fields.next();
            const text = Buffer.alloc(fields.valueLength);
            const target = createRegion(256);
            fields.copyValue(target, 0);
            text.set(target.bytes.subarray(0, fields.valueLength));
            assert.equal(text.toString(), entries[index]!.value);
          }
        }
        assert.equal(block.search(new StreamId().setHighest()), entries.length);
        assert.equal(block.search(new StreamId()), 0);
      },
    ),
    { numRuns: 200 },
  );
});

/** The id of the first entry, and the block behind it. */
function joined(
  writer: BlockWriter,
  first: { bytes: Uint8Array },
): ReturnType<typeof createRegion> {
  const region = createRegion(16 + writer.length);
  region.bytes.set(first.bytes.subarray(0, 16));
  region.bytes.set(writer.region.bytes.subarray(0, writer.length), 16);
  return region;
}
