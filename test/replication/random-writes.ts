/**
 * Random writes of all types for tests of replication. Few keys, so that commands meet each other's
 * values, in two databases; errors such as WRONGTYPE are part of it.
 */
import type { Random } from '../support/random.js';

const KEYS = 12;
const FIELDS = 40;
const DATABASES = 2;
/** What is to expire does so within this, or after 100 s. */
export const RANDOM_EXPIRY_MAX_MS = 1500;
const TYPES = ['string', 'hash', 'set', 'list', 'zset', 'stream'];
type Command = string[];

export class RandomWrites {
  private token = 0;

  /**
   * @param name of the client: its values are told apart from those of others
   * @param elements of the large collections, `hash:big` and so on
   */
  constructor(
    private readonly random: Random,
    private readonly name: string,
    private readonly elements: number,
  ) {}

  /** One command, or a transaction. */
  next(): Command[] {
    const { random } = this;
    const what = random.below(100);
    if (what < 6) return [['MULTI'], ...this.several(random.between(2, 5)), ['EXEC']];
    return [this.command()];
  }

  private several(count: number): Command[] {
    return Array.from({ length: count }, () => this.command());
  }

  private command(): Command {
    const { random } = this;
    const what = random.below(100);
    if (what < 10) return this.onString();
    if (what < 35) return this.onHash();
    if (what < 47) return this.onSet();
    if (what < 62) return this.onList();
    if (what < 74) return this.onSortedSet();
    if (what < 84) return this.onStream();
    if (what < 98) return this.onKey();
    return this.onDatabase();
  }

  private key(type: string = this.random.pick(TYPES)): string {
    // Keys of one hash tag lie in few shards.
    const tag = this.random.chance(0.2) ? '{tag}' : '';
    return `${tag}${type}:${this.random.below(KEYS)}`;
  }

  /** The key of a collection, large ones among them. */
  private collection(type: string, chance = 0.1): string {
    return this.random.chance(chance) ? `${type}:big` : this.key(type);
  }

  private number(): string {
    return String(this.random.below(1000));
  }

  private value(): string {
    return `${this.name}${++this.token}`.padEnd(this.random.chance(0.03) ? 9000 : 20, 'v');
  }

  private field(): string {
    const { random } = this;
    return `f${random.below(random.chance(0.5) ? FIELDS : this.elements)}`;
  }

  private list(make: () => string[]): string[] {
    return Array.from({ length: this.random.between(1, 6) }, make).flat();
  }

  private soon(): string {
    return String(this.random.between(1, RANDOM_EXPIRY_MAX_MS));
  }

  private onString(): Command {
    const { random } = this;
    const key = this.key('string');
    return random.pick([
      ['SET', key, this.value()],
      ['SET', key, this.value(), 'PX', this.soon()],
      ['SET', key, this.value(), random.pick(['NX', 'XX']), 'KEEPTTL'],
      ['GETEX', key, 'PX', this.soon()],
      ['GETDEL', key],
      ['APPEND', key, this.number()],
      ['SETRANGE', key, this.number(), this.value()],
      ['INCRBYFLOAT', `n${key}`, '0.1'],
      ['SETBIT', key, this.number(), '1'],
      ['BITFIELD', key, 'INCRBY', 'u8', '#3', '7', 'SET', 'i16', '100', '-5'],
      ['BITOP', 'XOR', this.key('string'), key, this.key('string')],
      ['PFADD', `hll:${random.below(3)}`, this.value(), this.value()],
      ['PFMERGE', `hll:${random.below(3)}`, 'hll:0', 'hll:1'],
      ['MSET', key, this.value(), this.key('string'), this.value(), this.key(), this.value()],
      ['MSETNX', key, this.value(), this.key('string'), this.value()],
    ]);
  }

  private onHash(): Command {
    const { random } = this;
    const key = this.collection('hash');
    const fields = (): string[] => {
      const names = this.list(() => [this.field()]);
      return ['FIELDS', String(names.length), ...names];
    };
    const pairs = (): string[] => {
      const all = this.list(() => [this.field(), this.value()]);
      return ['FIELDS', String(all.length / 2), ...all];
    };
    return random.pick([
      ['HSET', key, ...this.list(() => [this.field(), this.value()])],
      ['HSETNX', key, this.field(), this.value()],
      ['HDEL', key, ...this.list(() => [this.field()])],
      ['HINCRBY', key, `n${this.field()}`, this.number()],
      ['HINCRBYFLOAT', key, `d${this.field()}`, '1.25'],
      ['HPEXPIRE', key, this.soon(), ...fields()],
      ['HPEXPIRE', key, this.soon(), random.pick(['NX', 'XX', 'GT', 'LT']), ...fields()],
      ['HPEXPIRE', key, '0', ...fields()],
      ['HPERSIST', key, ...fields()],
      ['HSETEX', key, 'PX', this.soon(), ...pairs()],
      ['HSETEX', key, random.pick(['FNX', 'FXX']), 'KEEPTTL', ...pairs()],
      ['HSETEX', key, 'KEEPTTL', ...pairs()],
      ['HGETEX', key, 'PX', this.soon(), ...fields()],
      ['HGETEX', key, 'PERSIST', ...fields()],
      ['HGETDEL', key, ...fields()],
    ]);
  }

  private onSet(): Command {
    const { random } = this;
    const key = this.collection('set');
    return random.pick([
      ['SADD', key, ...this.list(() => [this.field()])],
      ['SADD', key, ...this.list(() => [this.number()])],
      ['SREM', key, ...this.list(() => [this.field()])],
      ['SPOP', key],
      ['SPOP', key, String(random.below(20))],
      ['SMOVE', key, this.key('set'), this.field()],
      [
        random.pick(['SUNIONSTORE', 'SINTERSTORE', 'SDIFFSTORE']),
        this.key('set'),
        key,
        this.key('set'),
      ],
    ]);
  }

  private onList(): Command {
    const { random } = this;
    const key = this.collection('list');
    const end = (): string => random.pick(['LEFT', 'RIGHT']);
    return random.pick([
      [random.pick(['LPUSH', 'RPUSH']), key, ...this.list(() => [this.value()])],
      [random.pick(['LPUSH', 'RPUSH']), key, ...this.list(() => [this.number()])],
      [random.pick(['LPUSHX', 'RPUSHX']), key, this.value()],
      [random.pick(['LPOP', 'RPOP']), key, String(random.below(4))],
      ['LSET', key, String(random.between(-5, 5)), this.value()],
      ['LINSERT', key, random.pick(['BEFORE', 'AFTER']), this.number(), this.value()],
      ['LREM', key, String(random.between(-1, 1)), this.number()],
      ['LTRIM', key, String(random.below(2)), String(-1 - random.below(2))],
      ['LMOVE', key, this.key('list'), end(), end()],
      ['RPOPLPUSH', key, this.key('list')],
      ['LMPOP', '2', key, this.key('list'), end(), 'COUNT', '3'],
      ['SORT', key, 'BY', 'nosort', 'STORE', this.key('list')],
      ['SORT', this.key(random.pick(['list', 'set', 'zset'])), 'ALPHA', 'STORE', this.key('list')],
    ]);
  }

  private onSortedSet(): Command {
    const { random } = this;
    const key = this.collection('zset');
    const scored = (): string[] => this.list(() => [this.number(), this.field()]);
    return random.pick([
      ['ZADD', key, ...scored()],
      ['ZADD', key, random.pick(['NX', 'XX', 'GT', 'LT']), 'CH', ...scored()],
      ['ZADD', key, 'XX', 'INCR', '1.5', this.field()],
      ['ZINCRBY', key, '0.3', this.field()],
      ['ZREM', key, ...this.list(() => [this.field()])],
      [random.pick(['ZPOPMIN', 'ZPOPMAX']), key, String(random.between(1, 3))],
      ['ZMPOP', '2', key, this.key('zset'), 'MIN', 'COUNT', '2'],
      ['ZREMRANGEBYRANK', key, '2', '3'],
      ['ZREMRANGEBYSCORE', key, this.number(), '(1000'],
      ['ZREMRANGEBYLEX', key, '[f1', '[f2'],
      ['ZRANGESTORE', this.key('zset'), key, '0', String(random.below(20))],
      ['ZUNIONSTORE', this.key('zset'), '2', key, this.key('set'), 'WEIGHTS', '2', '0.5'],
      [random.pick(['ZINTERSTORE', 'ZDIFFSTORE']), this.key('zset'), '2', key, this.key('zset')],
      ['GEOADD', `geo:${random.below(3)}`, `13.${this.number()}`, '38.1', this.field()],
      ['GEOSEARCHSTORE', 'geo:3', `geo:${random.below(3)}`, ...AROUND],
      ['GEOSEARCHSTORE', key, `geo:${random.below(3)}`, ...AROUND, 'STOREDIST'],
    ]);
  }

  private onStream(): Command {
    const { random } = this;
    const key = this.collection('stream');
    const group = random.pick(['g', 'h']);
    const consumer = random.pick(['alice', 'bob', 'carol']);
    const id = (): string => `${random.below(40)}-${random.below(4)}`;
    const one = random.below(4) === 0 ? this.key('stream') : key;
    return random.pick([
      ['XADD', key, '*', 'name', this.value(), 'age', this.number()],
      ['XADD', key, '*', this.field(), this.value()],
      ['XADD', key, 'MAXLEN', random.pick(['~', '=']), '50', '*', 'name', this.value()],
      ['XADD', key, id(), 'f', this.number(), this.field(), this.value()],
      ['XTRIM', key, 'MAXLEN', random.pick(['~', '=']), this.number()],
      ['XDEL', key, id(), id(), id()],
      ['XGROUP', 'CREATE', key, group, random.pick(['0', '$', id()]), 'MKSTREAM'],
      ['XGROUP', 'CREATECONSUMER', key, group, consumer],
      random.chance(0.3)
        ? ['XGROUP', 'DESTROY', key, group]
        : ['XGROUP', 'DELCONSUMER', key, group, consumer],
      ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', '3', 'STREAMS', key, one, '>', '0'],
      ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', '9', 'STREAMS', key, '>'],
      ['XREADGROUP', 'GROUP', group, consumer, 'NOACK', 'STREAMS', key, '>'],
      ['XACK', key, group, id(), id(), id(), id()],
      ['XCLAIM', key, group, consumer, '0', id(), id(), 'FORCE', 'LASTID', id()],
      ['XAUTOCLAIM', key, group, consumer, '0', '0', 'COUNT', '5'],
      ['XSETID', key, id(), 'ENTRIESADDED', '500', 'MAXDELETEDID', '1-1'],
    ]);
  }

  private onKey(): Command {
    const { random } = this;
    const type = random.pick(TYPES);
    const key = this.collection(type, 0.02);
    return random.pick([
      ['DEL', key, this.key()],
      ['UNLINK', key],
      ['RENAME', key, this.key(type)],
      ['RENAMENX', key, this.key(type)],
      ['COPY', key, this.key(type), 'REPLACE'],
      ['COPY', key, key, 'DB', String(random.below(DATABASES)), 'REPLACE'],
      ['MOVE', key, String(random.below(DATABASES))],
      ['PEXPIRE', key, this.soon()],
      ['PEXPIRE', key, this.soon(), random.pick(['NX', 'XX', 'GT', 'LT'])],
      ['PEXPIRE', key, '100000'],
      ['PERSIST', key],
      ['EXISTS', key],
    ]);
  }

  private onDatabase(): Command {
    const { random } = this;
    const what = random.below(400);
    if (what < 30) return ['SWAPDB', '0', '1'];
    if (what < 31) return ['FLUSHDB'];
    return ['SELECT', String(random.below(DATABASES))];
  }
}

const AROUND = ['FROMLONLAT', '13.5', '38', 'BYRADIUS', '50', 'km', 'ASC'];
