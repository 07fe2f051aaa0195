/**
 * Every command that writes leaves effects when it changes something, and they make the same data
 * elsewhere. A new command has to bring its example: the test fails without one.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplicationPort } from '../src/commands/contract/replication-port.js';
import { CommandTester } from '../src/commands/contract/test-support.js';
import { commandModules } from '../src/commands/index.generated.js';
import { definitionsOf } from '../src/engine/definitions.js';
import { isContainer } from '../src/engine/registry.js';
import type { ModelValue } from '../src/persistence/rdb/testing.js';
import { dumpValue } from '../src/persistence/rdb/testing-write.js';

const definitions = definitionsOf(commandModules);
const FAR_SECONDS = '4102444800';
const FAR_MS = `${FAR_SECONDS}000`;

/** So many that a HyperLogLog becomes dense. */
const MANY = Array.from({ length: 3000 }, (_, i) => `element${i}`).join(' ');

/** So many that a hash becomes nested. */
const MANY_FIELDS = Array.from({ length: 300 }, (_, i) => `f${i} ${i}`).join(' ');
/** The first ones are stored without their sign, as the set is a listpack yet. */
const MANY_ZEROS = Array.from({ length: 400 }, (_, i) => `-0 m${i}`).join(' ');
/** So many that a sorted set becomes nested. */
const MANY_SCORES = Array.from({ length: 400 }, (_, i) => `${i % 50} m${i}`).join(' ');

/** RESTORE with a payload of this value. Examples are cut at spaces. */
function restoring(key: string, value: ModelValue, ...options: string[]): string {
  const words = ['RESTORE', key, '0', dumpValue(value, { compression: false }), ...options];
  assert.ok(
    words.every((word) => !word.includes(' ')),
    'a payload has a space',
  );
  return words.join(' ');
}

/** What is there before each example. */
const GIVEN = [
  'SET number 10',
  'SET text abc',
  `SET large ${'x'.repeat(20_000)}`,
  `SET timed 5 PXAT ${FAR_MS}`,
  'PFADD registers a b c',
  `PFADD full ${MANY}`,
  'GEOADD places 12.48 41.89 Rome 2.35 48.85 Paris -0.13 51.5 London',
  'HSET map a 1 b 2 c 3',
  'HSET expiring a 1 b 2 c 3',
  `HPEXPIREAT expiring ${FAR_MS} FIELDS 1 a`,
  `HSET nested ${MANY_FIELDS}`,
  'RPUSH list a b a 12',
  'RPUSH single a',
  'RPUSH numbers 3 1 2',
  `PEXPIREAT single ${FAR_MS}`,
  `RPUSH long ${Array.from({ length: 1000 }, (_, i) => `e${i % 50}`).join(' ')}`,
  'SADD ints 1 2 3',
  'SADD words a b c 1',
  `SADD table ${MANY}`,
  `PEXPIREAT table ${FAR_MS}`,
  'SADD lone a',
  'ZADD ranking 1 a 2 b 3 c',
  `PEXPIREAT ranking ${FAR_MS}`,
  `ZADD crowd ${MANY_SCORES}`,
  `ZADD zeros ${MANY_ZEROS}`,
  'XADD stream 1-1 a b',
  'XADD stream 2-1 a b c 7',
  'XADD stream 3-1 a b',
  'XGROUP CREATE stream g 0',
  'XREADGROUP GROUP g c COUNT 2 STREAMS stream >',
  'XDEL stream 2-1',
];

/** For each command that writes: one that changes something, or several. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  append: ['APPEND text def', 'APPEND new def', 'APPEND large y'],
  bitfield: ['BITFIELD text SET u8 0 65', 'BITFIELD text GET u8 0 INCRBY i16 100 5'],
  bitop: ['BITOP NOT new text', 'BITOP AND timed timed text', 'BITOP OR text none none2'],
  copy: [
    'COPY long list REPLACE',
    'COPY single new',
    'COPY table new',
    'COPY ints table REPLACE',
    'COPY timed new',
    'COPY zeros new',
    'COPY large text REPLACE',
    'COPY text other DB 1',
    'COPY ranking new',
    'COPY crowd text REPLACE',
  ],
  decr: ['DECR number', 'DECR new'],
  decrby: ['DECRBY number 11', 'DECRBY timed 9007199254740993'],
  del: ['DEL number none text large crowd ranking'],
  expire: ['EXPIRE text 100', 'EXPIRE text -1'],
  expireat: [`EXPIREAT text ${FAR_SECONDS}`, 'EXPIREAT large 1'],
  flushall: ['FLUSHALL'],
  flushdb: ['FLUSHDB'],
  geoadd: ['GEOADD places 1 2 x', 'GEOADD new CH 10.5 -20 a 30 40 b', 'GEOADD places XX 1 1 Rome'],
  georadius: ['GEORADIUS places 12 41 500 km STORE new', 'GEORADIUS places 12 41 1 m STORE text'],
  georadiusbymember: [
    'GEORADIUSBYMEMBER places Rome 2000 km STOREDIST new',
    'GEORADIUSBYMEMBER places Rome 2000 km STORE places COUNT 1',
  ],
  geosearchstore: [
    'GEOSEARCHSTORE new places FROMMEMBER Rome BYBOX 2000 2000 km',
    'GEOSEARCHSTORE new places FROMLONLAT 2 48 BYRADIUS 9000 km STOREDIST COUNT 2 ANY',
    'GEOSEARCHSTORE text none FROMLONLAT 2 48 BYRADIUS 9000 km',
  ],
  getdel: ['GETDEL timed', 'GETDEL large'],
  getex: ['GETEX text EX 100', 'GETEX timed PERSIST', 'GETEX number PXAT 1'],
  hdel: ['HDEL map a none', 'HDEL map a b c', 'HDEL nested f1 f2'],
  hexpire: ['HEXPIRE map 100 FIELDS 2 a none', 'HEXPIRE nested 0 FIELDS 1 f1'],
  hexpireat: [`HEXPIREAT map ${FAR_SECONDS} FIELDS 1 a`, 'HEXPIREAT map 1 FIELDS 3 a b c'],
  hgetdel: ['HGETDEL map FIELDS 2 a none', 'HGETDEL map FIELDS 3 a b c'],
  hgetex: ['HGETEX map EX 100 FIELDS 1 a', 'HGETEX expiring PERSIST FIELDS 2 a b'],
  hpersist: ['HPERSIST expiring FIELDS 2 a b'],
  hpexpire: ['HPEXPIRE expiring 100 LT FIELDS 2 a b'],
  hpexpireat: [`HPEXPIREAT map ${FAR_MS} NX FIELDS 2 a b`],
  hsetex: [
    'HSETEX map EX 100 FIELDS 2 a 9 d 8',
    'HSETEX expiring KEEPTTL FIELDS 2 a 9 d 8',
    'HSETEX expiring FIELDS 1 a 9',
    'HSETEX expiring PXAT 1 FIELDS 1 a 9',
  ],
  hincrby: ['HINCRBY map a 5', 'HINCRBY new a 5', 'HINCRBY nested f1 -1'],
  hincrbyfloat: ['HINCRBYFLOAT map a 0.1', 'HINCRBYFLOAT new a 3', 'HINCRBYFLOAT nested f1 1.5'],
  hmset: ['HMSET map a 9 z 8', `HMSET map ${MANY_FIELDS}`],
  hset: [
    'HSET map a 9',
    'HSET map a 99 d 5 e 6',
    `HSET new ${MANY_FIELDS}`,
    'HSET nested f1 9 g 8',
  ],
  hsetnx: ['HSETNX map d 4', 'HSETNX new d 4'],
  getset: ['GETSET text new', 'GETSET timed new', 'GETSET none new'],
  incr: ['INCR number', 'INCR new', 'INCR timed'],
  incrby: ['INCRBY number 89', 'INCRBY number 90'],
  incrbyfloat: ['INCRBYFLOAT number 0.1', 'INCRBYFLOAT timed 0.1', 'INCRBYFLOAT new 3'],
  linsert: ['LINSERT list AFTER a new', 'LINSERT list BEFORE b x', 'LINSERT long AFTER e3 new'],
  blmove: [
    'BLMOVE list new LEFT RIGHT 0',
    'BLMOVE list list LEFT RIGHT 0',
    'BLMOVE single single LEFT LEFT 0',
  ],
  blmpop: ['BLMPOP 0 2 none list LEFT', 'BLMPOP 0 1 list LEFT COUNT 9'],
  blpop: ['BLPOP none list 0', 'BLPOP single 0'],
  brpop: ['BRPOP none list 0', 'BRPOP single 0'],
  brpoplpush: ['BRPOPLPUSH list new 0', 'BRPOPLPUSH long list 0', 'BRPOPLPUSH long long 0'],
  bzmpop: ['BZMPOP 0 2 none ranking MAX', 'BZMPOP 0 1 crowd MIN COUNT 9'],
  bzpopmax: ['BZPOPMAX none ranking 0'],
  bzpopmin: ['BZPOPMIN none ranking 0'],
  lmove: [
    'LMOVE list new LEFT RIGHT',
    'LMOVE list long RIGHT LEFT',
    'LMOVE list list LEFT RIGHT',
    'LMOVE long long RIGHT LEFT',
    'LMOVE single single LEFT LEFT',
    'LMOVE single list LEFT LEFT',
  ],
  lmpop: ['LMPOP 2 none list LEFT', 'LMPOP 1 long RIGHT COUNT 9', 'LMPOP 1 list LEFT COUNT 9'],
  lpop: ['LPOP list', 'LPOP long 100', 'LPOP list 9', 'LPOP single'],
  lpush: ['LPUSH list x y', 'LPUSH new a b c', 'LPUSH long x', `LPUSH list ${MANY}`],
  lpushx: ['LPUSHX list x'],
  lrem: ['LREM list 1 a', 'LREM list -1 a', 'LREM long 0 e3', 'LREM single 0 a'],
  lset: ['LSET list 0 x', 'LSET long -1 x', 'LSET list 1 1234567'],
  ltrim: ['LTRIM list 1 1', 'LTRIM long 5 -5', 'LTRIM list 5 1', 'LTRIM list 0 -1'],
  move: ['MOVE timed 1', 'MOVE large 2', 'MOVE long 1', 'MOVE crowd 1'],
  migrate: ['MIGRATE host 1 text 0 1', 'MIGRATE host 1  0 1 KEYS text none crowd large'],
  mset: ['MSET a 1 text 2 a 3'],
  msetnx: ['MSETNX a 1 b 2'],
  persist: ['PERSIST timed'],
  pexpire: ['PEXPIRE text 100000', 'PEXPIRE large 0'],
  pexpireat: [`PEXPIREAT text ${FAR_MS}`, 'PEXPIREAT text 9223372036854775807'],
  pfadd: ['PFADD registers new', 'PFADD new', 'PFADD full a b c', `PFADD new ${MANY}`],
  pfdebug: ['PFDEBUG TODENSE registers', 'PFDEBUG GETREG registers'],
  pfmerge: ['PFMERGE new registers', 'PFMERGE registers full', 'PFMERGE new'],
  psetex: ['PSETEX text 100000 v'],
  rpop: ['RPOP list', 'RPOP long 100', 'RPOP list 9'],
  rpoplpush: ['RPOPLPUSH list new', 'RPOPLPUSH long list', 'RPOPLPUSH single single'],
  rpush: ['RPUSH list x y', 'RPUSH new a b c', 'RPUSH long x', `RPUSH list ${MANY}`],
  rpushx: ['RPUSHX list x'],
  restore: [
    restoring('new', { kind: 'list', elements: ['a', 'b'] }),
    restoring('text', { kind: 'set', members: MANY.split(' ') }, 'REPLACE'),
    restoring('crowd', { kind: 'string', string: 'x' }, 'REPLACE'),
    restoring('new', { kind: 'string', string: '12' }).replace(' 0 ', ' 100000 '),
    restoring('crowd', { kind: 'string', string: '13' }, 'REPLACE', 'ABSTTL').replace(' 0 ', ' 1 '),
  ],
  'restore-asking': [restoring('new', { kind: 'string', string: 'x' }).replace('E ', 'E-ASKING ')],
  rename: ['RENAME timed text', 'RENAME large new', 'RENAME crowd ranking'],
  renamenx: ['RENAMENX timed new'],
  sadd: ['SADD ints 4 1', 'SADD ints x', 'SADD words d e', 'SADD table f', `SADD new ${MANY}`],
  sdiffstore: ['SDIFFSTORE new words ints', 'SDIFFSTORE table table words', 'SDIFFSTORE ints none'],
  set: [
    'SET text v',
    'SET timed v KEEPTTL',
    'SET timed v',
    'SET text v EX 100 GET',
    'SET new v NX PXAT 9223372036854775806',
  ],
  setbit: ['SETBIT text 0 1', 'SETBIT text 100 0', 'SETBIT new 3 0'],
  setex: ['SETEX timed 100 v'],
  setnx: ['SETNX new v'],
  setrange: ['SETRANGE text 1 xyz', 'SETRANGE new 5 x', 'SETRANGE large 19999 yy'],
  sort: [
    'SORT numbers STORE new',
    'SORT numbers BY nosort GET # GET w* STORE text',
    'SORT list ALPHA DESC STORE list',
    'SORT long ALPHA STORE single',
    'SORT none STORE list',
  ],
  sinterstore: ['SINTERSTORE new words ints', 'SINTERSTORE text table table'],
  smove: [
    'SMOVE words ints b',
    'SMOVE lone table a',
    'SMOVE table new element7',
    'SMOVE words ints 1',
  ],
  spop: [
    'SPOP ints',
    'SPOP words 2',
    'SPOP table 2000',
    'SPOP table 9',
    'SPOP lone',
    'SPOP ints 9',
  ],
  srem: [
    'SREM ints 1 9',
    'SREM words a c',
    `SREM table ${MANY}`,
    'SREM table element5',
    'SREM lone a',
  ],
  sunionstore: ['SUNIONSTORE new words ints none', 'SUNIONSTORE ints table lone'],
  swapdb: ['SWAPDB 0 1'],
  unlink: ['UNLINK large timed crowd'],
  xack: ['XACK stream g 1-1 9-9'],
  xadd: [
    'XADD stream * a b',
    'XADD new 5-* a b',
    'XADD stream MAXLEN 1 * x y',
    'XADD new MAXLEN 0 * a b',
  ],
  xautoclaim: ['XAUTOCLAIM stream g d 0 -', 'XAUTOCLAIM stream g c 0 2-1 JUSTID'],
  xclaim: ['XCLAIM stream g d 0 1-1 2-1', 'XCLAIM stream g d 0 3-1 FORCE LASTID 9-9'],
  xdel: ['XDEL stream 1-1 3-1 4-1'],
  'xgroup|create': ['XGROUP CREATE new g $ MKSTREAM', 'XGROUP CREATE stream h $ ENTRIESREAD 2'],
  'xgroup|createconsumer': ['XGROUP CREATECONSUMER stream g d'],
  'xgroup|delconsumer': ['XGROUP DELCONSUMER stream g c'],
  'xgroup|destroy': ['XGROUP DESTROY stream g'],
  'xgroup|setid': ['XGROUP SETID stream g $'],
  xreadgroup: [
    'XREADGROUP GROUP g c STREAMS stream 0',
    'XREADGROUP GROUP g new STREAMS stream >',
    'XREADGROUP GROUP g new NOACK STREAMS stream >',
  ],
  xsetid: ['XSETID stream 9-9 ENTRIESADDED 100 MAXDELETEDID 5-5'],
  xtrim: ['XTRIM stream MAXLEN 1', 'XTRIM stream MINID 9', 'XTRIM stream MAXLEN = 0'],
  zadd: [
    'ZADD ranking 5 a 6 d',
    'ZADD new NX 1.5 a -inf b',
    'ZADD ranking GT CH 0 a 7 b',
    'ZADD ranking INCR 2.5 a',
    `ZADD ranking ${MANY_SCORES}`,
    `ZADD crowd 1 new1 2 m5`,
    'ZADD ranking CH -0 -0 -0.0 new',
    'ZADD crowd -0 new',
    `ZADD new2 -0 a ${MANY_SCORES} -0 b`,
    `ZADD crowd 0 ${'x'.repeat(5000)}`,
  ],
  zdiffstore: ['ZDIFFSTORE new 2 crowd ranking', 'ZDIFFSTORE ranking 2 ranking ranking'],
  zincrby: [
    'ZINCRBY new -0 -0',
    'ZINCRBY ranking 0.1 a',
    'ZINCRBY new 3 a',
    'ZINCRBY crowd -7.5 m9',
  ],
  zinterstore: [
    'ZINTERSTORE new 2 crowd crowd WEIGHTS 2 0.5',
    'ZINTERSTORE ranking 2 ranking words',
  ],
  zmpop: ['ZMPOP 2 none ranking MAX', 'ZMPOP 1 crowd MIN COUNT 9', 'ZMPOP 1 crowd MAX COUNT 400'],
  zpopmax: ['ZPOPMAX ranking', 'ZPOPMAX crowd 10', 'ZPOPMAX ranking 5'],
  zpopmin: ['ZPOPMIN ranking', 'ZPOPMIN crowd 10', 'ZPOPMIN ranking 5'],
  zrangestore: [
    'ZRANGESTORE new crowd 5 20',
    'ZRANGESTORE new zeros 100 300',
    'ZRANGESTORE crowd crowd 0 -2',
    'ZRANGESTORE text ranking (1 3 BYSCORE',
    'ZRANGESTORE ranking none 0 -1',
  ],
  zrem: ['ZREM ranking a none', 'ZREM ranking a b c', 'ZREM crowd m1 m2 m399'],
  zremrangebylex: ['ZREMRANGEBYLEX ranking [a [b', 'ZREMRANGEBYLEX ranking - +'],
  zremrangebyrank: ['ZREMRANGEBYRANK ranking 0 0', 'ZREMRANGEBYRANK crowd 10 -10'],
  zunionstore: [
    'ZUNIONSTORE new 2 zeros zeros AGGREGATE MIN',
    'ZUNIONSTORE new 3 crowd ranking words',
    'ZUNIONSTORE ranking 2 ranking none AGGREGATE MAX',
    'ZUNIONSTORE text 1 none',
  ],
  zremrangebyscore: ['ZREMRANGEBYSCORE ranking (1 2', 'ZREMRANGEBYSCORE crowd -inf inf'],
};

/** Large values take most of the time: they are there for the examples that name their keys, or no key. */
const LARGE_BYTES = 1000;

function givenFor(example: string): string[] {
  const words = new Set(example.split(' '));
  const large = GIVEN.filter((command) => command.length > LARGE_BYTES);
  const keys = new Set(large.map((command) => command.split(' ')[1] as string));
  const namesKey = GIVEN.some((command) => words.has(command.split(' ')[1] as string));
  return GIVEN.filter((command) => {
    const key = command.split(' ')[1] as string;
    return !namesKey || !keys.has(key) || words.has(key);
  });
}

function tester(): CommandTester {
  // One shard, as each shard has its own effect of FLUSHDB and SWAPDB.
  const t = new CommandTester(definitions, {
    shards: 1,
    server: {
      // Another server, which takes everything.
      migration: {
        send: ({ count }, answer) => {
          const done = Array.from({ length: count }, (_, i) => i);
          answer({ answered: count, done, targetError: '', failedStep: '' });
        },
      },
      replication: { isReplica: false } as ReplicationPort,
    },
  });
  t.settings.sparseHyperLogLogBytesMax = 3000;
  t.settings.replaysEffects = false;
  return t;
}

/** How a collection is read whole; how many replies an element has, and whether their order counts. */
interface Read {
  readonly words: readonly [command: string, ...afterKey: string[]];
  readonly replies: number;
  readonly isOrdered: boolean;
}

const READS: Readonly<Record<string, Read>> = {
  '+hash': { words: ['HGETALL'], replies: 2, isOrdered: false },
  '+list': { words: ['LRANGE', '0', '-1'], replies: 1, isOrdered: true },
  '+set': { words: ['SMEMBERS'], replies: 1, isOrdered: false },
  '+stream': { words: ['XRANGE', '-', '+'], replies: 1, isOrdered: true },
  '+zset': { words: ['ZRANGE', '0', '-1', 'WITHSCORES'], replies: 2, isOrdered: true },
};

/** Keys, values and expiry; how they are encoded may differ. */
function dataOf(t: CommandTester): [string, string, number][] {
  return [...t.dump()].map(([name, { value, expiry }]) => {
    const [database, key] = [name.slice(0, 1), name.slice(2)];
    t.session.database = Number(database);
    const read = READS[String(t.run('TYPE', key))];
    return [name, read === undefined ? value : contentOf(t, key, read), expiry];
  });
}

/** What is pending in the group of the stream, if both are there. */
function pendingOf(t: CommandTester): string {
  t.session.database = 0;
  const summary = JSON.stringify(t.run('XPENDING', 'stream', 'g'));
  return (
    summary + JSON.stringify(t.run('XPENDING', 'stream', 'g', '-', '+', 100)).replace(/,\d+,/g, '')
  );
}

function contentOf(t: CommandTester, key: string, read: Read): string {
  const [command, ...afterKey] = read.words;
  const replies = t.run(command, key, ...afterKey);
  assert.ok(Array.isArray(replies));
  const elements: string[] = [];
  for (let i = 0; i < replies.length; i += read.replies) {
    elements.push(replies.slice(i, i + read.replies).join(' '));
  }
  return (read.isOrdered ? elements : elements.sort()).join(', ');
}

describe('effects of every command that writes', () => {
  for (const definition of definitions) {
    if (isContainer(definition) || !definition.flags.includes('write')) continue;
    // Libraries of functions are no keys: test/replication/scripts.test.ts.
    if (definition.group === 'scripting') continue;
    // The flow of a sync brings it, and no client: src/values/native-parts.test.ts, test/simulation.
    if (definition.name === 'darter|part') continue;
    test(definition.name.toUpperCase(), () => {
      const examples = EXAMPLES[definition.name] ?? [];
      assert.ok(examples.length > 0, 'an example in test/effects.test.ts');
      for (const example of examples) {
        const [primary, replica] = [tester(), tester()];
        replica.keys.expiresKeys = false;
        for (const words of givenFor(example)) {
          primary.run(...words.split(' '));
          replica.run(...words.split(' '));
        }
        primary.effectVectors.length = 0;
        const raw = primary.runRaw(...example.split(' '));
        assert.ok(!raw.startsWith('-'), `${example}: ${raw}`);
        assert.ok(primary.changes > 0, `${example} changes something`);
        assert.ok(primary.effectVectors.length > 0, `${example} has an effect`);
        replica.now = 0;
        replica.settings.sparseHyperLogLogBytesMax = Number.MAX_SAFE_INTEGER;
        replica.settings.replaysEffects = true;
        for (const { database, words, keyless } of primary.effectVectors) {
          assert.equal(keyless, definition.effect === 'keyless', words.join(' '));
          replica.session.database = database;
          const answer = replica.runRaw(...words);
          assert.ok(!answer.startsWith('-'), `${words.join(' ')}: ${answer}`);
        }
        assert.deepEqual(dataOf(replica), dataOf(primary), example);
        assert.equal(pendingOf(replica), pendingOf(primary), example);
      }
    });
  }
});
