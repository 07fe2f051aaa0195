/** Random writes on collections, small ones and such as are shipped in parts. */
import type { Random } from '../support/random.js';

type Run = (...words: (string | number)[]) => void;

const KEYS = 3;
const TYPES = ['hash', 'list', 'set', 'zset', 'stream'];

/** How many elements the collections of a schedule have, and how long these are. */
export class CollectionWrites {
  private token = 0;

  constructor(
    private readonly random: Random,
    readonly elements: number,
  ) {}

  private value(): string {
    return `${++this.token}`.padEnd(this.random.between(1, 40), 'e');
  }

  private field(): string {
    return `field ${this.random.below(this.elements)}`;
  }

  private fields(): string[] {
    return Array.from({ length: this.random.between(1, 12) }, () => this.field());
  }

  private values(): string[] {
    return Array.from({ length: this.random.between(1, 12) }, () => this.value());
  }

  /** Fills one collection of each type. */
  fill(run: Run): void {
    const hash = this.key('hash');
    const list = this.key('list');
    const set = this.key('set');
    const sorted = this.key('zset');
    const stream = this.key('stream');
    for (let i = 0; i < this.elements; i += 100) {
      const count = Math.min(100, this.elements - i);
      const numbers = Array.from({ length: count }, (_, j) => i + j);
      run('HSET', hash, ...numbers.flatMap((n) => [`field ${n}`, this.value()]));
      run('SADD', set, ...numbers.map((n) => `field ${n}`));
      run('ZADD', sorted, ...numbers.flatMap((n) => [n % 70, `field ${n}`]));
      run('RPUSH', list, ...numbers.map(() => this.value()));
      for (const n of numbers) run('XADD', stream, `${n + 1}-1`, 'f', this.value());
    }
  }

  private key(type: string): string {
    return `${type}:${this.random.below(KEYS)}`;
  }

  write(run: Run): void {
    const { random } = this;
    const what = random.below(100);
    if (what < 28) this.writeHash(run, this.key('hash'));
    else if (what < 48) this.writeList(run, this.key('list'));
    else if (what < 60) this.writeSortedSet(run, this.key('zset'));
    else if (what < 66) this.writeSet(run, this.key('set'));
    else if (what < 84) this.writeStream(run, this.key('stream'));
    else if (what < 86) run('DEL', this.key(random.pick(TYPES)));
    else if (what < 88) this.rename(run, random.pick(TYPES));
    else if (what < 90) run('PEXPIRE', this.key(random.pick(TYPES)), 4000);
    else if (what < 92) run('PERSIST', this.key(random.pick(TYPES)));
    else if (what < 93) run('SET', this.key('hash'), this.value());
    else if (what < 96) this.fillSome(run);
    else this.writeTransaction(run);
  }

  private rename(run: Run, type: string): void {
    const { random } = this;
    run(random.pick(['RENAME', 'COPY']), this.key(type), this.key(type));
  }

  private fillSome(run: Run): void {
    const { random } = this;
    const first = random.below(this.elements);
    const count = Math.min(this.elements, 500);
    const numbers = Array.from({ length: count }, (_, j) => (first + j) % this.elements);
    if (random.chance(0.5)) {
      run('HSET', this.key('hash'), ...numbers.flatMap((n) => [`field ${n}`, this.value()]));
    } else run('RPUSH', this.key('list'), ...numbers.map(() => this.value()));
  }

  private writeTransaction(run: Run): void {
    run('MULTI');
    this.writeHash(run, this.key('hash'));
    this.writeList(run, this.key('list'));
    this.writeHash(run, this.key('hash'));
    this.writeSortedSet(run, this.key('zset'));
    run('EXEC');
  }

  private writeHash(run: Run, key: string): void {
    const what = this.random.below(10);
    if (what < 4) run('HSET', key, ...this.fields().flatMap((field) => [field, this.value()]));
    else if (what < 6) run('HDEL', key, ...this.fields());
    else if (what < 8) run('HINCRBY', key, `number ${this.random.below(50)}`, 1);
    else run('HSETNX', key, this.field(), this.value());
  }

  private writeSet(run: Run, key: string): void {
    const what = this.random.below(10);
    if (what < 4) run('SADD', key, ...this.fields());
    else if (what < 7) run('SREM', key, ...this.fields());
    else if (what < 8) run('SPOP', key, 3);
    else if (what < 9) run('SMOVE', key, this.key('set'), this.field());
    else run('SUNIONSTORE', key, key, this.key('set'));
  }

  private writeSortedSet(run: Run, key: string): void {
    const { random } = this;
    const what = random.below(24);
    const score = random.between(-100, 100) / 4;
    if (what < 6) run('ZADD', key, ...this.fields().flatMap((field) => [score, field]));
    else if (what < 8) run('ZADD', key, 'GT', 'CH', score, this.field(), 7, this.field());
    else if (what < 12) run('ZREM', key, ...this.fields());
    else if (what < 15) run('ZINCRBY', key, score, this.field());
    else if (what < 18) run(random.pick(['ZPOPMIN', 'ZPOPMAX']), key, random.between(1, 9));
    else if (what < 20) run('ZREMRANGEBYSCORE', key, score, score + 0.25);
    else if (what < 21) run('ZREMRANGEBYRANK', key, -3, -2);
    else if (what < 22) run('GEOADD', key, score, score, this.field());
    else if (what < 23) run('ZRANGESTORE', key, this.key('zset'), 0, 200);
    else run('ZUNIONSTORE', key, 2, key, this.key('zset'), 'AGGREGATE', 'MIN');
  }

  private writeStream(run: Run, key: string): void {
    const { random } = this;
    const what = random.below(20);
    if (what < 6) run('XADD', key, '*', 'f', this.value(), random.pick(['f', 'g']), what);
    else if (what < 8) run('XDEL', key, this.id(), this.id());
    else if (what < 9) run('XTRIM', key, 'MAXLEN', '~', random.below(this.elements));
    else if (what < 10) run('XADD', key, 'MAXLEN', 20 + random.below(100), '*', 'f', 1);
    else if (what < 11) {
      const id = random.pick([this.id(), '9999999999999-1']);
      run('XSETID', key, id, 'ENTRIESADDED', 9999, 'MAXDELETEDID', '3-1');
      // The next id of the clock would be below it.
      run('XSETID', key, `${this.elements + 1}-1`);
    } else this.writeGroup(run, key, random.pick(['g', 'g', 'a', 'h\0']));
  }

  private id(): string {
    return `${this.random.below(this.elements)}-1`;
  }

  private writeGroup(run: Run, key: string, group: string): void {
    const { random } = this;
    const what = random.below(20);
    const consumer = random.pick(['alice', 'bob', `c${random.below(30)}`]);
    if (what < 3) run('XGROUP', 'CREATE', key, group, this.id(), 'MKSTREAM');
    else if (what < 9) {
      const from = random.pick(['>', '>', '0']);
      run('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 7, 'STREAMS', key, from);
    } else if (what < 11) run('XACK', key, group, this.id(), this.id(), this.id());
    else if (what < 13) run('XAUTOCLAIM', key, group, consumer, 0, '-', 'COUNT', 5);
    else if (what < 15) run('XCLAIM', key, group, consumer, 0, this.id(), this.id(), 'FORCE');
    else if (what < 16) run('XGROUP', 'SETID', key, group, this.id(), 'ENTRIESREAD', 7);
    else if (what < 17) run('XGROUP', 'CREATECONSUMER', key, group, consumer);
    else if (what < 19) run('XGROUP', 'DELCONSUMER', key, group, consumer);
    else run('XGROUP', 'DESTROY', key, group);
  }

  private writeList(run: Run, key: string): void {
    const { random } = this;
    const what = random.below(20);
    if (what < 4) run('RPUSH', key, ...this.values());
    else if (what < 8) run('LPUSH', key, ...this.values());
    else if (what < 11) run('LPOP', key, random.between(1, 10));
    else if (what < 14) run('RPOP', key, random.between(1, 10));
    else if (what < 17) run('LSET', key, random.between(-20, 200), this.value());
    else if (what === 17) this.moveElement(run, key);
    else if (what === 18) run('LREM', key, random.between(-2, 2), '1');
    else run('LTRIM', key, random.below(3), -1 - random.below(3));
  }

  private moveElement(run: Run, key: string): void {
    const { random } = this;
    const ends = ['LEFT', 'RIGHT'];
    const target = random.chance(0.5) ? key : this.key('list');
    run('LMOVE', key, target, random.pick(ends), random.pick(ends));
  }
}
