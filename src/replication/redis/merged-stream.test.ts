import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region, toBinary } from '../../base/region.js';
import {
  KIND_EFFECT,
  KIND_KEYLESS,
  KIND_PART,
  partHeaderBytes,
  participantAt,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
} from '../../journal/record.js';
import {
  MergedStream,
  type MergeSink,
  type MergeSource,
  type RecordChunk,
} from './merged-stream.js';

const STREAMS = 4;

/** Streams in memory, to which simple records and transactions are appended. */
class Journal implements MergeSource {
  readonly streams = STREAMS;
  readonly bytes: number[][] = Array.from({ length: STREAMS }, () => []);
  /** Records in a read. */
  readRecords = 1;
  /** By stream: the LSN before which nothing is held. */
  readonly starts = new Float64Array(STREAMS);

  heads(): number[] {
    return this.bytes.map((stream) => stream.length);
  }

  append(stream: number, name: string): void {
    this.bytes[stream]!.push(...simple(KIND_EFFECT, name));
  }

  /** One transaction: what it does to each stream; '!' at the beginning of a name is a barrier. */
  transaction(parts: ReadonlyMap<number, readonly string[]>): void {
    const streams = [...parts.keys()].sort((a, b) => a - b);
    const lsns = streams.map((stream) => this.bytes[stream]!.length);
    for (const stream of streams) {
      const records = parts
        .get(stream)!
        .flatMap((name) => simple(name.startsWith('!') ? KIND_KEYLESS : KIND_EFFECT, name));
      const header = partHeaderBytes(streams.length);
      const region = regionOf(header);
      region.view.setUint32(0, header + records.length, true);
      region.bytes[RECORD_KIND] = KIND_PART;
      region.view.setUint16(RECORD_HEADER_BYTES, streams.length, true);
      streams.forEach((other, i) => {
        region.view.setUint16(participantAt(0, i), other, true);
        region.view.setFloat64(participantAt(0, i) + 2, lsns[i]!, true);
      });
      this.bytes[stream]!.push(...region.bytes.subarray(0, header), ...records);
    }
  }

  read(stream: number, from: number, end: number, chunk: RecordChunk): boolean {
    if (from < this.starts[stream]!) return false;
    const bytes = this.bytes[stream]!;
    let at = from;
    for (let i = 0; i < this.readRecords && at < end; i++) {
      at += Buffer.from(bytes.slice(at, at + 4)).readUInt32LE();
    }
    assert.ok(at <= end, 'a record lies across the ends');
    chunk.reserve(at - from).bytes.set(bytes.slice(from, at));
    chunk.length = at - from;
    return true;
  }
}

function regionOf(bytes: number): Region {
  return new Region(new SharedArrayBuffer((bytes + 7) & ~7), 0);
}

/** A record whose body is a name. */
function simple(kind: number, name: string): number[] {
  const bytes = (RECORD_HEADER_BYTES + 4 + name.length + 3) & ~3;
  const region = regionOf(bytes);
  region.view.setUint32(0, bytes, true);
  region.bytes[RECORD_KIND] = kind;
  region.view.setUint32(RECORD_HEADER_BYTES, name.length, true);
  region.bytes.set(Buffer.from(name), RECORD_HEADER_BYTES + 4);
  return [...region.bytes.subarray(0, bytes)];
}

class Emitted implements MergeSink {
  readonly words: string[] = [];

  begin(): void {
    this.words.push('(');
  }

  end(): void {
    this.words.push(')');
  }

  record(_stream: number, region: Region, offset: number): void {
    const length = region.view.getUint32(offset + RECORD_HEADER_BYTES, true);
    this.words.push(toBinary(region, offset + RECORD_HEADER_BYTES + 4, length));
  }
}

function finish(merged: MergedStream, ends: readonly number[]): void {
  merged.begin(ends);
  while (merged.step());
}

test('a transaction is emitted whole, once, where its last part is due', () => {
  const journal = new Journal();
  const emitted = new Emitted();
  const merged = new MergedStream(journal, emitted, journal.heads());
  journal.append(0, 'a');
  journal.append(1, 'b');
  journal.transaction(
    new Map([
      [0, ['t0']],
      [1, ['t1']],
    ]),
  );
  journal.append(0, 'c');
  journal.append(1, 'd');
  finish(merged, journal.heads());
  assert.equal(emitted.words.join(' '), 'a b ( t0 t1 ) d c');
});

test('a transaction across the ends waits for the next interval, and so does what follows it', () => {
  const journal = new Journal();
  const emitted = new Emitted();
  const merged = new MergedStream(journal, emitted, journal.heads());
  journal.append(1, 'b');
  const before = journal.heads();
  journal.transaction(
    new Map([
      [0, ['t0']],
      [1, ['t1']],
    ]),
  );
  journal.append(0, 'c');
  finish(merged, [journal.heads()[0]!, before[1]!, 0, 0]);
  assert.equal(emitted.words.join(' '), 'b');
  assert.deepEqual([...merged.positions], before);
  finish(merged, journal.heads());
  assert.equal(emitted.words.join(' '), 'b ( t0 t1 ) c');
});

test('a change of databases is one command, between what came before it and after it', () => {
  const journal = new Journal();
  const emitted = new Emitted();
  const merged = new MergedStream(journal, emitted, journal.heads());
  journal.append(3, 'before');
  journal.transaction(
    new Map([
      [0, ['a', '!0', '!1', 'b']],
      [1, ['!0', '!1', 'c', '!2']],
      [2, ['d', '!0', '!1', '!2', 'e']],
    ]),
  );
  finish(merged, journal.heads());
  assert.equal(emitted.words.join(' '), '( a d !0 !1 b c !2 e ) before');
});

test('one command alone needs no transaction around it', () => {
  const journal = new Journal();
  const emitted = new Emitted();
  const merged = new MergedStream(journal, emitted, journal.heads());
  const everywhere = [0, 1, 2, 3].map((stream) => [stream, ['!0']] as const);
  journal.transaction(new Map(everywhere));
  journal.transaction(new Map([[2, ['x', 'y']]]));
  finish(merged, journal.heads());
  assert.equal(emitted.words.join(' '), '!0 ( x y )');
});

test('of a transaction that the first positions cut, the rest is emitted', () => {
  const journal = new Journal();
  const emitted = new Emitted();
  journal.transaction(
    new Map([
      [0, ['t0']],
      [1, ['t1']],
    ]),
  );
  const merged = new MergedStream(journal, emitted, [journal.heads()[0]!, 0, 0, 0]);
  finish(merged, journal.heads());
  assert.equal(emitted.words.join(' '), 't1');
});

test('a stream that was lost is told, and nothing more is emitted', () => {
  const journal = new Journal();
  const emitted = new Emitted();
  const merged = new MergedStream(journal, emitted, journal.heads());
  journal.append(1, 'a');
  journal.append(2, 'b');
  journal.starts[1] = 4;
  finish(merged, journal.heads());
  assert.equal(merged.lost, 1);
  assert.equal(merged.isDone, false);
  assert.deepEqual(emitted.words, []);
});

/** A history: simple records and transactions, with ends taken at each `cut`. */
type Step =
  | { readonly kind: 'record'; readonly stream: number }
  | { readonly kind: 'transaction'; readonly streams: readonly number[] }
  | { readonly kind: 'cut'; readonly stale: readonly boolean[] };

const stream = fc.nat({ max: STREAMS - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('record' as const), stream }),
  fc.record({
    kind: fc.constant('transaction' as const),
    streams: fc.uniqueArray(stream, { minLength: 1 }),
  }),
  fc.record({
    kind: fc.constant('cut' as const),
    stale: fc.array(fc.boolean(), { minLength: STREAMS, maxLength: STREAMS }),
  }),
);

/** Ends of which some are those of before, as heads are read one after the other. */
function nextEnds(before: number[], heads: readonly number[], stale: readonly boolean[]): number[] {
  return before.map((end, i) => (stale[i]! ? end : heads[i]!));
}

test('every record is emitted once, in the order of its stream, and the reads do not matter', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      (steps, size) => {
        const journal = new Journal();
        const runs = [1, size].map((readRecords) => {
          const emitted = new Emitted();
          return {
            ...{ readRecords, emitted },
            merged: new MergedStream(journal, emitted, journal.heads()),
          };
        });
        const wanted: string[][] = Array.from({ length: STREAMS }, () => []);
        let ends = journal.heads();
        steps.forEach((what, i) => {
          if (what.kind === 'record') {
            journal.append(what.stream, `r${i}`);
            wanted[what.stream]!.push(`r${i}`);
          } else if (what.kind === 'transaction') {
            const parts = what.streams.map((at) => [at, [`t${i}.${at}`, `u${i}.${at}`]] as const);
            journal.transaction(new Map(parts));
            for (const [at, names] of parts) wanted[at]!.push(...names);
          } else {
            ends = nextEnds(ends, journal.heads(), what.stale);
            for (const { merged, readRecords } of runs) {
              journal.readRecords = readRecords;
              finish(merged, ends);
            }
          }
        });
        for (const { merged } of runs) finish(merged, journal.heads());
        const [one, other] = runs.map(({ emitted }) => emitted.words.join(' '));
        assert.equal(one, other);
        const names = runs[0]!.emitted.words;
        wanted.forEach((expected) => {
          assert.deepEqual(
            names.filter((name) => expected.includes(name)),
            expected,
          );
        });
        assert.equal(names.filter((name) => !'()'.includes(name)).length, wanted.flat().length);
        // What one transaction did stands together.
        for (const group of one!.match(/\([^()]*\)/g) ?? []) {
          const numbers = group.match(/\d+(?=\.)/g)!;
          assert.equal(new Set(numbers).size, 1);
        }
      },
    ),
    { numRuns: 200 },
  );
});
