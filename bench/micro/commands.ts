/**
 * What a command on one hot key costs its thread, from the bytes of a pipeline to the reply, without a
 * network: the parser, the dispatcher with its locks, the command, the value. Members, fields and
 * scores are drawn from 100,000, as redis-benchmark does it.
 */

import { ping } from '../../src/commands/connection/ping.js';
import type { ServerPort } from '../../src/commands/contract/server-port.js';
import { pexpire } from '../../src/commands/generic/expire.js';
import { hset } from '../../src/commands/hash/hset.js';
import { rpop } from '../../src/commands/list/pop.js';
import { lpush } from '../../src/commands/list/push.js';
import { sadd } from '../../src/commands/set/sadd.js';
import { spop } from '../../src/commands/set/spop.js';
import { zadd, zincrby } from '../../src/commands/sorted-set/zadd.js';
import { zcard } from '../../src/commands/sorted-set/zcard.js';
import { zpopmin } from '../../src/commands/sorted-set/zpopmin.js';
import { zremrangebyscore } from '../../src/commands/sorted-set/zremrangebyrank.js';
import { xack } from '../../src/commands/stream/xack.js';
import { xadd } from '../../src/commands/stream/xadd.js';
import { xgroup, xgroupCreate } from '../../src/commands/stream/xgroup.js';
import { xreadgroup } from '../../src/commands/stream/xread.js';
import { get } from '../../src/commands/string/get.js';
import { incr } from '../../src/commands/string/incr.js';
import { mget } from '../../src/commands/string/mget.js';
import { mset } from '../../src/commands/string/mset.js';
import { set } from '../../src/commands/string/set.js';
import { Dispatcher } from '../../src/engine/dispatch.js';
import { Registry } from '../../src/engine/registry.js';
import { ClientSession } from '../../src/engine/session.js';
import { formatShard, Shards } from '../../src/keyspace/shards.js';
import { createPagedRegion, createRegion } from '../../src/platform/ffi/region.js';
import { COMMAND, RequestParser } from '../../src/protocol/parser.js';
import { Reply } from '../../src/protocol/reply.js';
import { micro } from './harness.js';

const SHARDS = 64;
const SHARD_BYTES = 2 ** 28;
/** So many keys, members or fields; the second argument says another number. */
const RANDOM_NUMBERS = Number(process.argv[3] ?? 100_000);
const RANDOM_WORD = '__rand_int__';
/** Commands in a pipeline. */
const PIPELINE = 16;
const REPLY_BYTES = 1 << 16;
const NOW_MS = 1_700_000_000_000;

const counters = new Int32Array(new SharedArrayBuffer(64));
const regions = Array.from({ length: SHARDS }, () => {
  const region = createPagedRegion(SHARD_BYTES);
  formatShard(region, 16, counters, 0, { key0: 11, key1: 22, spread: 8 });
  return region;
});
const registry = new Registry([
  ...[
    zadd,
    zincrby,
    zpopmin,
    zremrangebyscore,
    zcard,
    pexpire,
    sadd,
    spop,
    hset,
    lpush,
    rpop,
    incr,
    ping,
    get,
    set,
    mget,
    mset,
  ],
  ...[xadd, xgroup, xgroupCreate, xreadgroup, xack],
]);
const zeroes = () => new Float64Array(registry.all.length);
const reply = new Reply(createRegion(REPLY_BYTES));
const session = new ClientSession(1, 1, '', '', 0, () => true);
const dispatcher = new Dispatcher(
  registry,
  new Shards(regions, 16, counters, 0, 0),
  reply,
  {
    ...{ calls: zeroes(), microseconds: zeroes(), rejected: zeroes(), failed: zeroes() },
    ...{ timeEverything: false, errorReply() {}, timed() {} },
  },
  {
    failed(command, error) {
      throw new Error(`${command} failed`, { cause: error });
    },
    ...{ attacked() {}, waiting() {}, resumed() {} },
  },
  session,
);
dispatcher.server = {} as ServerPort;
dispatcher.settings.replaysEffects = false;
dispatcher.beginTurn(NOW_MS, 0);

const parser = new RequestParser();
const requests = createRegion(1 << 16);
let turn = 0;

/** Numbers in an order that caches cannot guess. */
function next(): number {
  turn = (Math.imul(turn, 1664525) + 1013904223) | 0;
  return Math.floor(((turn >>> 0) / 2 ** 32) * RANDOM_NUMBERS);
}

class Pipeline {
  private readonly text: string;
  private readonly places: number[] = [];

  constructor(
    words: readonly string[],
    private readonly commands = PIPELINE,
  ) {
    const lengths = words.map((word) => `$${word.length}\r\n${word}\r\n`);
    this.text = `*${words.length}\r\n${lengths.join('')}`.repeat(commands);
    for (let at = this.text.indexOf(RANDOM_WORD); at >= 0; ) {
      this.places.push(at);
      at = this.text.indexOf(RANDOM_WORD, at + 1);
    }
  }

  /** Runs commands, so many or a few more. */
  run(count: number): void {
    const { text, places } = this;
    requests.bytes.set(Buffer.from(text));
    for (let done = 0; done < count; done += this.commands) {
      for (const place of places) writeNumber(place, next());
      reply.rewind(0);
      for (let at = 0; at < text.length; at = parser.position) {
        if (parser.parse(requests, at, text.length) !== COMMAND) throw new Error('no command');
        dispatcher.dispatch(session, parser.args);
      }
    }
  }
}

function writeNumber(place: number, number: number, digits = RANDOM_WORD.length): void {
  let rest = number;
  for (let i = place + digits - 1; i >= place; i--) {
    const quotient = Math.floor(rest / 10);
    requests.bytes[i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
}

/** Only what has this word in its name, where one is given: filling takes a while. */
const only = process.argv[2] ?? '';

/** @param fill makes the collection as large as it gets */
function measuring(name: string, fill: () => void, body: (iterations: number) => void): void {
  if (!name.includes(only)) return;
  fill();
  micro(`commands: ${name}`, body);
}

function running(...words: readonly string[]): void {
  const pipeline = new Pipeline(words);
  measuring(
    words.join(' '),
    () => pipeline.run(2 * RANDOM_NUMBERS),
    (iterations) => pipeline.run(iterations),
  );
}

const member = `element:${RANDOM_WORD}`;
running('PING');
const key = `key:${RANDOM_WORD}`;
running('SET', key, 'value');
running('GET', key);
running('MSET', ...Array.from({ length: 10 }, () => [key, 'value']).flat());
running('MGET', ...Array.from({ length: 10 }, () => key));
running('INCR', `number:${RANDOM_WORD}`);
running('LPUSH', 'mylist', 'data');
running('SADD', 'myset', member);
running('HSET', 'myhash', member, 'data');
running('ZADD', 'myzset', RANDOM_WORD, member);
running('ZINCRBY', 'myzset', '1', member);
running('XADD', 'mystream', '*', 'field', 'data');

// Both halves are one operation: what is popped has to be there.
function pairing(add: Pipeline, pop: Pipeline, name: string, begin = () => {}): void {
  const fill = () => {
    begin();
    add.run(RANDOM_NUMBERS);
  };
  measuring(name, fill, (iterations) => {
    for (let done = 0; done < iterations; done += PIPELINE) {
      add.run(PIPELINE);
      pop.run(PIPELINE);
    }
  });
}

pairing(
  new Pipeline(['LPUSH', 'queue', 'data']),
  new Pipeline(['RPOP', 'queue']),
  'LPUSH, then RPOP',
);
pairing(
  new Pipeline(['ZADD', 'ranking', RANDOM_WORD, member]),
  new Pipeline(['ZPOPMIN', 'ranking']),
  'ZADD, then ZPOPMIN',
);

const acknowledge = new Pipeline(['XACK', 'jobs', 'g', `${RANDOM_WORD}-2`]);
const READ = ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS'];
pairing(
  new Pipeline(['XADD', 'events', '*', 'field', 'data']),
  new Pipeline([...READ, 'events', '>']),
  'XADD, then XREADGROUP of 1',
  () => new Pipeline(['XGROUP', 'CREATE', 'events', 'g', '0', 'MKSTREAM'], 1).run(1),
);
measuring(
  'XACK of what is not pending, among 100,000',
  () => {
    new Pipeline(['XGROUP', 'CREATE', 'jobs', 'g', '0', 'MKSTREAM'], 1).run(1);
    for (let i = 1; i <= RANDOM_NUMBERS; i += PIPELINE) {
      for (let k = i; k < i + PIPELINE; k++)
        new Pipeline(['XADD', 'jobs', `${k}-1`, 'f', 'v'], 1).run(1);
      new Pipeline([...READ, 'jobs', '>']).run(PIPELINE);
    }
  },
  (iterations) => acknowledge.run(iterations),
);

/**
 * Limiters by a sliding window, as scripts make them: a call is four commands on one of 10,000 keys,
 * which has so many members. Scores are times.
 */
const WINDOW_KEYS = 10_000;
const TIME_WORD = '_time_in_ms__';
const PAST_WORD = '_past_in_ms__';

function sliding(perKey: number): void {
  const key = `limit:${RANDOM_WORD}`;
  const call = [
    ['ZREMRANGEBYSCORE', key, '0', PAST_WORD],
    ['ZCARD', key],
    ['ZADD', key, TIME_WORD, `${TIME_WORD}-1`],
    ['PEXPIRE', key, '60000'],
  ];
  const lines = call.map((words) => {
    const counted = words.map((word) => `$${word.length}\r\n${word}\r\n`);
    return `*${words.length}\r\n${counted.join('')}`;
  });
  const text = lines.join('');
  const placesOf = (word: string) => [...text.matchAll(new RegExp(word, 'g'))].map((m) => m.index);
  const [keys, times, pasts] = [RANDOM_WORD, TIME_WORD, PAST_WORD].map(placesOf);
  let now = NOW_MS;
  const run = (calls: number) => {
    requests.bytes.set(Buffer.from(text));
    for (let done = 0; done < calls; done++) {
      const number = Math.floor((next() / RANDOM_NUMBERS) * WINDOW_KEYS);
      for (const place of keys!) writeNumber(place, number);
      for (const place of times!) writeNumber(place, now, TIME_WORD.length);
      for (const place of pasts!) writeNumber(place, now - perKey * WINDOW_KEYS, PAST_WORD.length);
      now++;
      reply.rewind(0);
      for (let at = 0; at < text.length; at = parser.position) {
        if (parser.parse(requests, at, text.length) !== COMMAND) throw new Error('no command');
        dispatcher.dispatch(session, parser.args);
      }
    }
  };
  const name = `a sliding window of ${perKey} members, 4 commands`;
  measuring(name, () => run(perKey * WINDOW_KEYS), run);
}

sliding(1);
sliding(10);
sliding(100);
