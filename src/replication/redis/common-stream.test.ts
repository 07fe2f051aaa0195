import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newRegion } from '../../base/owned-region.js';
import { Region, toBinary } from '../../base/region.js';
import {
  KIND_EFFECT,
  KIND_PART,
  partHeaderBytes,
  participantAt,
  participants,
  RECORD_DATABASE,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
} from '../../journal/record.js';
import { JournalRing } from '../../journal/ring.js';
import { ValueRecords } from '../primary/value-records.js';
import { CommandEncoder } from './command-encoder.js';
import { CommonStream } from './common-stream.js';
import { MarkLog } from './mark-log.js';
import { MergeMark } from './merge-mark.js';
import { FILLER_PADDING, FILLER_PING, PING_BYTES } from './padding.js';
import { RingSource } from './ring-source.js';
import { RULE_HELD, RULE_MARKED, type StreamRule } from './stream-figures.js';

const SHARDS = 3;
const STREAMS = SHARDS + 1;
const RING_BYTES = 1 << 20;
const NO_LOCKS = { lock() {}, unlock() {} };

/** A record of these words. */
function record(database: number, ...words: string[]): Buffer {
  const records = new ValueRecords();
  records.appendTo(newRegion(4096), 0);
  records.beginKeyless(words[0]!);
  for (const word of words.slice(1)) records.word(word);
  records.end();
  const { region } = records;
  region.view.setUint16(RECORD_DATABASE, database, true);
  region.bytes[RECORD_KIND] = KIND_EFFECT;
  return Buffer.from(region.bytes.subarray(0, region.words[0]!));
}

function regionOf(bytes: Uint8Array): Region {
  const region = newRegion((bytes.length + 7) & ~7);
  region.bytes.set(bytes);
  return region;
}

/** A server: its journals, and the stream that it makes or follows. */
class Server {
  readonly rings = Array.from(
    { length: STREAMS },
    () => new JournalRing(new Region(JournalRing.create(RING_BYTES), 0)),
  );
  rule: StreamRule = RULE_MARKED;
  readonly log = new MarkLog(this.rings, NO_LOCKS, () => this.rule);

  constructor(private readonly intervalBytes: number) {}

  get heads(): number[] {
    return this.rings.map((ring) => ring.head);
  }

  private parts(keptBytes = 1 << 30) {
    const encoder = new CommandEncoder({
      ...{ keyless: SHARDS, libraries: 'LIBRARIES', unknown: new Set<string>() },
      scored: { add: 'ZADD', remove: 'ZREM' },
    });
    const source = new RingSource(this.rings, NO_LOCKS, () => false);
    return { source, encoder, log: this.log, keptBytes, intervalBytes: this.intervalBytes };
  }

  begin(): CommonStream {
    return CommonStream.begin('making', this.parts(), this.heads);
  }

  resume(keptBytes?: number): CommonStream | null {
    return CommonStream.resume(this.parts(keptBytes));
  }

  append(stream: number, bytes: Uint8Array): void {
    this.rings[stream]!.appendRaw(regionOf(bytes), 0, bytes.length);
  }

  /** One transaction over these streams. */
  transaction(parts: ReadonlyMap<number, Buffer>): void {
    const streams = [...parts.keys()].sort((a, b) => a - b);
    const lsns = streams.map((stream) => this.rings[stream]!.head);
    for (const stream of streams) {
      const body = parts.get(stream)!;
      const header = partHeaderBytes(streams.length);
      const region = newRegion((header + body.length + 7) & ~7);
      region.view.setUint32(0, header + body.length, true);
      region.bytes[RECORD_KIND] = KIND_PART;
      region.view.setUint16(RECORD_HEADER_BYTES, streams.length, true);
      streams.forEach((other, i) => {
        region.view.setUint16(participantAt(0, i), other, true);
        region.view.setFloat64(participantAt(0, i) + 2, lsns[i]!, true);
      });
      region.bytes.set(body, header);
      this.rings[stream]!.appendRaw(region, 0, header + body.length);
    }
  }

  private recordAt(stream: number, lsn: number): Region {
    const ring = this.rings[stream]!;
    const bytes = ring.wordAt(lsn);
    const region = newRegion((bytes + 7) & ~7);
    ring.read(lsn, bytes, region, 0);
    return region;
  }

  /** Applies what comes next of a stream of the primary: a transaction when all of it is next. */
  receive(primary: Server, stream: number): void {
    const lsn = this.rings[stream]!.head;
    if (lsn >= primary.rings[stream]!.head) return;
    const region = primary.recordAt(stream, lsn);
    const all = [stream];
    if (region.bytes[RECORD_KIND] === KIND_PART) {
      all.length = 0;
      for (let i = 0; i < participants(region, 0); i++) {
        const other = region.view.getUint16(participantAt(0, i), true);
        if (this.rings[other]!.head !== region.view.getFloat64(participantAt(0, i) + 2, true)) {
          return;
        }
        all.push(other);
      }
    }
    for (const other of all) this.take(primary, other);
  }

  private take(primary: Server, stream: number): void {
    const ring = this.rings[stream]!;
    const lsn = ring.head;
    const region = primary.recordAt(stream, lsn);
    ring.appendRaw(region, 0, region.words[0]!);
    const isMark = stream === SHARDS && new MergeMark(STREAMS).decode(region, 0, lsn);
    if (isMark) ring.noteMark(lsn);
  }

  /** What the data is by the journals: the last value of each key. */
  get data(): Map<string, string> {
    const data = new Map<string, string>();
    for (let stream = 0; stream < SHARDS; stream++) {
      for (let lsn = 0; lsn < this.rings[stream]!.head; ) {
        const region = this.recordAt(stream, lsn);
        const bytes = region.words[0]!;
        const isPart = region.bytes[RECORD_KIND] === KIND_PART;
        let at = isPart ? partHeaderBytes(participants(region, 0)) : 0;
        for (; at < bytes; at += region.words[at >> 2]!) {
          const [, key, value] = wordsOf(region, at + RECORD_HEADER_BYTES);
          data.set(`${region.view.getUint16(at + RECORD_DATABASE, true)} ${key}`, value!);
        }
        lsn += bytes;
      }
    }
    return data;
  }
}

function wordsOf(region: Region, vector: number): string[] {
  const count = region.view.getUint32(vector, true);
  let at = vector + 4;
  return Array.from({ length: count }, () => {
    const length = region.view.getUint32(at, true);
    at += 4 + length;
    return toBinary(region, at - length, length);
  });
}

/** The bytes of a stream between two offsets that it has. */
function bytesOf({ backlog }: CommonStream, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; ) {
    const bytes = backlog.read(at, to - at);
    text += bytes.toString('latin1');
    at += bytes.length;
  }
  return text;
}

/** What a Redis has that began without data and got all these bytes. */
function applied(stream: string): Map<string, string> {
  const data = new Map<string, string>();
  let database = '0';
  for (let at = 0; at < stream.length; ) {
    const words: string[] = [];
    const count = Number(/\*(\d+)\r\n/y[Symbol.match](stream.slice(at, at + 9))![1]);
    at = stream.indexOf('\n', at) + 1;
    for (let i = 0; i < count; i++) {
      const body = stream.indexOf('\n', at) + 1;
      const length = Number(stream.slice(at + 1, body - 2));
      words.push(stream.slice(body, body + length));
      at = body + length + 2;
    }
    if (words[0] === 'SELECT') database = words[1]!;
    if (words[0] === 'SET') data.set(`${database} ${words[1]}`, words[2]!);
  }
  return data;
}

type Step =
  | { readonly kind: 'write'; readonly stream: number; readonly database: number }
  | { readonly kind: 'publish' }
  | { readonly kind: 'transaction'; readonly streams: readonly number[] }
  | { readonly kind: 'make'; readonly stale: readonly boolean[] }
  | { readonly kind: 'fill'; readonly bytes: number }
  | { readonly kind: 'receive'; readonly stream: number; readonly count: number }
  | { readonly kind: 'follow' }
  | { readonly kind: 'hold' | 'release' };

const stream = fc.nat({ max: STREAMS - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      stream: fc.nat({ max: SHARDS - 1 }),
      database: fc.nat({ max: 2 }),
    }),
  },
  fc.record({ kind: fc.constant('publish' as const) }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      streams: fc.uniqueArray(stream, { minLength: 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('make' as const),
      stale: fc.array(fc.boolean(), { minLength: STREAMS, maxLength: STREAMS }),
    }),
  },
  fc.record({
    kind: fc.constant('fill' as const),
    bytes: fc.oneof(fc.constant(PING_BYTES), fc.integer({ min: 64, max: 200 })),
  }),
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('receive' as const),
      stream,
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  fc.record({ kind: fc.constant('follow' as const) }),
  fc.record({ kind: fc.constantFrom('hold' as const, 'release' as const) }),
);

/** A primary that makes the stream, a replica that may follow it, and what happens to them. */
class Pair {
  readonly primary: Server;
  readonly replica: Server;
  /** Behind the replica. */
  readonly third: Server;
  readonly made: CommonStream;
  followed: CommonStream | null = null;
  followedByThird: CommonStream | null = null;
  private number = 0;

  constructor(intervalBytes: number) {
    this.primary = new Server(intervalBytes);
    this.replica = new Server(intervalBytes);
    this.third = new Server(intervalBytes);
    this.replica.rule = RULE_HELD;
    this.third.rule = RULE_HELD;
    this.made = this.primary.begin();
  }

  private write(stream: number, database: number): Buffer {
    const number = ++this.number;
    if (stream === SHARDS) return record(0, 'PUBLISH', 'channel', `${number}`);
    return record(database, 'SET', `key:${stream}.${number % 3}`, `${number}`);
  }

  take(step: Step): void {
    const { primary, replica, third, made } = this;
    if (step.kind === 'write') {
      primary.append(step.stream, this.write(step.stream, step.database));
    } else if (step.kind === 'publish') primary.append(SHARDS, this.write(SHARDS, 0));
    else if (step.kind === 'transaction') {
      const parts = step.streams.map((at) => [at, this.write(at, this.number % 2)] as const);
      primary.transaction(new Map(parts));
    } else if (step.kind === 'make') {
      const { heads } = primary;
      made.make(heads.map((head, at) => (step.stale[at] ? made.positions[at]! : head)));
    } else if (step.kind === 'fill') {
      made.fill(step.bytes === PING_BYTES ? FILLER_PING : FILLER_PADDING, step.bytes);
    } else if (step.kind === 'receive') {
      const behind = (step.stream + step.count) % STREAMS;
      for (let i = 0; i < step.count; i++) {
        replica.receive(primary, step.stream);
        third.receive(replica, behind);
      }
    } else if (step.kind === 'follow') this.follow();
    else primary.rule = step.kind === 'hold' ? RULE_HELD : RULE_MARKED;
    assert.equal(made.broken, null);
  }

  after(steps: readonly Step[]): this {
    for (const what of steps) this.take(what);
    return this;
  }

  follow(): void {
    this.followed ??= this.replica.resume();
    followAll(this.followed, this.replica);
    this.followedByThird ??= this.third.resume();
    followAll(this.followedByThird, this.third);
  }
}

function followAll(stream: CommonStream | null, server: Server): void {
  while (stream?.follow(server.heads) === true);
  assert.equal(stream?.broken ?? null, null);
  assert.equal(stream?.areMarksCut ?? false, false);
}

/** The same bytes at the same offsets, as far as both have them. */
function assertAlike(one: CommonStream, other: CommonStream): void {
  const from = Math.max(one.backlog.start, other.backlog.start);
  const to = Math.min(one.backlog.end, other.backlog.end);
  if (from < to) assert.equal(bytesOf(one, from, to), bytesOf(other, from, to));
}

const history = {
  steps: fc.array(step, { maxLength: 120 }),
  intervalBytes: fc.constantFrom(1, 100, 1 << 18),
};

test('a server that follows makes the same bytes, whenever it reads what', () => {
  fc.assert(
    fc.property(fc.record(history), ({ steps, intervalBytes }) => {
      const pair = new Pair(intervalBytes);
      for (const what of steps) {
        pair.take(what);
        if (pair.followed !== null) {
          assertAlike(pair.made, pair.followed);
          assert.ok(pair.followed.backlog.end <= pair.made.backlog.end);
        }
      }
      // In the end it has all.
      pair.primary.rule = RULE_MARKED;
      while (pair.made.make(pair.primary.heads));
      for (let i = 0; i < 200; i++) {
        for (let at = 0; at < STREAMS; at++) pair.replica.receive(pair.primary, at);
      }
      pair.follow();
      if (pair.followed === null) return;
      assert.equal(pair.followed.backlog.end, pair.made.backlog.end);
      assertAlike(pair.made, pair.followed);
    }),
    { numRuns: 150 },
  );
});

test('a promoted server continues every replica that is not ahead of its data', () => {
  let followers = 0;
  fc.assert(
    fc.property(
      fc.record({ ...history, more: fc.array(step, { maxLength: 20 }) }),
      ({ steps, intervalBytes, more }) => {
        const pair = new Pair(intervalBytes).after(steps);
        const { made, replica, followed, third } = pair;
        // The primary is gone.
        replica.log.settle(replica.heads);
        third.log.settle(third.heads);
        const stream = followed ?? replica.resume();
        if (stream === null) return;
        while (stream.follow(replica.heads));
        assert.equal(stream.broken, null);
        const limit = stream.backlog.end;
        stream.beginToMake();
        replica.rule = RULE_MARKED;
        for (const what of more) {
          if (what.kind === 'write') {
            replica.append(what.stream, record(1, 'SET', `key:${what.stream}.0`, 'new'));
          } else if (what.kind === 'make') stream.make(replica.heads);
        }
        while (stream.make(replica.heads));
        assert.equal(stream.broken, null);
        // Wherever a Redis is in the stream of before, it ends up with the data that is here.
        const { start, end } = made.backlog;
        for (let at = start; at <= end; at += 1 + Math.floor((end - start) / 50)) {
          const isThere: boolean = at >= stream.backlog.start && at <= limit;
          assert.equal(stream.accepts(made.id, at), isThere, `offset ${at} of ${limit}`);
          if (!isThere) continue;
          const bytes: string = bytesOf(made, start, at) + bytesOf(stream, at, stream.backlog.end);
          assert.deepEqual(sorted(applied(bytes)), sorted(replica.data));
        }
        // Who follows the promoted server makes its bytes, and nothing of the marks that it lacked.
        for (let i = 0; i < 400; i++) {
          for (let at = 0; at < STREAMS; at++) third.receive(replica, at);
          if (i % 7 === 0) followAll(pair.followedByThird, third);
        }
        const other = pair.followedByThird ?? third.resume();
        // It has no mark yet, and none has come since: it waits for the next one.
        if (other === null) return;
        followers++;
        followAll(other, third);
        assert.equal(other.backlog.end, stream.backlog.end);
        assertAlike(stream, other);
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(followers > 0);
});

test('nobody continues where a replica was catching up at the primary, or may still be', () => {
  const { primary, replica, made } = new Pair(1);
  const write = (value: string) => {
    primary.append(0, record(0, 'SET', 'key', value));
    made.make(primary.heads);
  };
  const receive = () => {
    for (let i = 0; i < 20; i++) {
      for (let at = 0; at < STREAMS; at++) replica.receive(primary, at);
    }
  };
  write('before');
  const from = made.backlog.end + PING_BYTES;
  made.catchUps.begin(from);
  made.fill(FILLER_PING, PING_BYTES);
  write('meanwhile');
  receive();
  const early = replica.resume()!;
  followAll(early, replica);
  early.beginToMake();
  assert.ok(early.accepts(made.id, from - 1));
  assert.ok(!early.accepts(made.id, from));
  assert.ok(!early.accepts(made.id, early.backlog.end));

  const joined = made.backlog.end;
  made.catchUps.end(from);
  made.catchUps.add(from, joined);
  made.fill(FILLER_PING, PING_BYTES);
  receive();
  const late = replica.resume()!;
  followAll(late, replica);
  late.beginToMake();
  assert.ok(!late.accepts(made.id, joined - 1));
  assert.ok(late.accepts(made.id, joined));
  assert.ok(late.accepts(made.id, made.backlog.end));
});

test('while a takeover holds writes nothing is told, and the heir tells what was held', () => {
  const { primary, replica, made } = new Pair(1 << 18);
  primary.append(0, record(0, 'SET', 'a', '1'));
  made.make(primary.heads);
  primary.append(1, record(0, 'SET', 'b', '2'));
  primary.rule = RULE_HELD;
  const { end } = made.backlog;
  assert.equal(made.make(primary.heads), false);
  assert.equal(made.fill(FILLER_PING, PING_BYTES), false);
  assert.equal(made.backlog.end, end);
  for (let i = 0; i < 9; i++) {
    for (let at = 0; at < STREAMS; at++) replica.receive(primary, at);
  }
  replica.log.settle(replica.heads);
  const heir = replica.resume()!;
  followAll(heir, replica);
  assert.equal(heir.backlog.end, end);
  heir.beginToMake();
  replica.rule = RULE_MARKED;
  while (heir.make(replica.heads));
  // The former primary follows, from where it was.
  made.beginToFollow();
  for (let i = 0; i < 9; i++) {
    for (let at = 0; at < STREAMS; at++) primary.receive(replica, at);
  }
  followAll(made, primary);
  assert.equal(made.id, heir.id);
  assert.equal(made.backlog.end, heir.backlog.end);
  assertAlike(made, heir);
  assert.ok(applied(bytesOf(heir, end, heir.backlog.end)).has('0 b'));
});

test('a mark of another form, or that does not fit the journals, is not followed', () => {
  const { primary, replica, made } = new Pair(1 << 18);
  primary.append(0, record(0, 'SET', 'a', '1'));
  made.make(primary.heads);
  primary.append(0, record(0, 'SET', 'a', '22'));
  made.make(primary.heads);
  for (let i = 0; i < 9; i++) {
    for (let at = 0; at < STREAMS; at++) replica.receive(primary, at);
  }
  const stream = replica.resume()!;
  // A byte more in the value, and nothing else.
  primary.append(0, record(0, 'SET', 'a', '333'));
  made.make(primary.heads);
  replica.append(0, record(0, 'SET', 'b', '4444'));
  for (let i = 0; i < 9; i++) replica.receive(primary, SHARDS);
  while (stream.follow(replica.heads));
  assert.match(stream.broken!, /a mark of the merged stream is not reached/);
  // No mark where the newest is said to be.
  replica.rings[SHARDS]!.noteMark(replica.rings[SHARDS]!.head - 4);
  assert.equal(replica.resume(), null);
  replica.rings[SHARDS]!.noteMark(4);
  assert.equal(replica.resume(), null);
});

function sorted(data: ReadonlyMap<string, string>): [string, string][] {
  return [...data].sort(([a], [b]) => (a < b ? -1 : 1));
}
