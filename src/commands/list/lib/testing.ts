/** What the tests of lists share: a tester, and a list as a plain array does its commands. */
import assert from 'node:assert/strict';
import type { Decoded } from '../../contract/test-decoder.js';
import { CommandTester, type TesterOptions, type Word } from '../../contract/test-support.js';
import { copy } from '../../generic/copy.js';
import { del } from '../../generic/del.js';
import { pexpire, pexpireat } from '../../generic/expire.js';
import { flushall } from '../../generic/flushall.js';
import { object, objectEncoding } from '../../generic/object.js';
import { rename } from '../../generic/rename.js';
import { pttl } from '../../generic/ttl.js';
import { set } from '../../string/set.js';
import { lindex } from '../lindex.js';
import { linsert } from '../linsert.js';
import { llen } from '../llen.js';
import { lmove, rpoplpush } from '../lmove.js';
import { lmpop } from '../lmpop.js';
import { lpos } from '../lpos.js';
import { lrange } from '../lrange.js';
import { lrem } from '../lrem.js';
import { lset } from '../lset.js';
import { ltrim } from '../ltrim.js';
import { lpop, rpop } from '../pop.js';
import { lpush, lpushx, rpush, rpushx } from '../push.js';

const LIST_COMMANDS = [
  ...[lindex, linsert, llen, lmove, rpoplpush, lmpop, lpop, rpop, lpos, lpush, lpushx, rpush],
  ...[rpushx, lrange, lrem, lset, ltrim],
];
const OTHER_COMMANDS = [
  ...[copy, del, flushall, object, objectEncoding, pexpire, pexpireat, pttl, rename, set],
];

export function listTester(options: TesterOptions = {}): CommandTester {
  return new CommandTester([...LIST_COMMANDS, ...OTHER_COMMANDS], options);
}

export function elementsOf(t: CommandTester, key: string): Decoded {
  return t.run('LRANGE', key, 0, -1);
}

/** Runs the effects of one tester in another, as a replica does. */
export function replay(t: CommandTester, replica: CommandTester): void {
  for (const { database, words } of t.effectVectors) {
    replica.session.database = database;
    const raw = replica.runRaw(...words);
    assert.ok(!raw.startsWith('-'), `${words.join(' ')}: ${raw}`);
  }
  t.takeEffects();
}

/** Nothing is left in any shard once all keys are gone. */
export function assertNothingLeft(t: CommandTester, basePages: readonly number[]): void {
  assert.equal(t.run('FLUSHALL'), '+OK');
  t.check();
  for (const [i, space] of t.keys.shards.spaces.entries()) {
    space.check();
    assert.equal(space.residentPages, basePages[i], `pages of shard ${i}`);
  }
}

export function pagesOf(t: CommandTester): number[] {
  return t.keys.shards.spaces.map((space) => space.residentPages);
}

/** Lists as arrays. Each method answers as the command of its name does. */
export class ListModel {
  readonly lists = new Map<string, string[]>();

  run(words: readonly Word[]): Decoded {
    const [name, key, ...rest] = words.map(String) as [string, string, ...string[]];
    const method = this[name.toLowerCase() as 'lpush'];
    return method.call(this, key, ...rest);
  }

  private list(key: string): string[] {
    return this.lists.get(key) ?? [];
  }

  private keep(key: string, list: string[]): void {
    if (list.length > 0) this.lists.set(key, list);
    else this.lists.delete(key);
  }

  lpush(key: string, ...elements: string[]): Decoded {
    this.keep(key, [...elements.reverse(), ...this.list(key)]);
    return this.list(key).length;
  }

  rpush(key: string, ...elements: string[]): Decoded {
    this.keep(key, [...this.list(key), ...elements]);
    return this.list(key).length;
  }

  lpushx(key: string, ...elements: string[]): Decoded {
    return this.lists.has(key) ? this.lpush(key, ...elements) : 0;
  }

  rpushx(key: string, ...elements: string[]): Decoded {
    return this.lists.has(key) ? this.rpush(key, ...elements) : 0;
  }

  lpop(key: string, count?: string): Decoded {
    const list = this.list(key);
    if (list.length === 0) return null;
    const taken = list.splice(0, count === undefined ? 1 : Number(count));
    this.keep(key, list);
    return count === undefined ? taken[0]! : taken;
  }

  rpop(key: string, count?: string): Decoded {
    this.list(key).reverse();
    const reply = this.lpop(key, count);
    this.list(key).reverse();
    return reply;
  }

  llen(key: string): Decoded {
    return this.list(key).length;
  }

  lrange(key: string, start: string, stop: string): Decoded {
    const list = this.list(key);
    const [first, last] = [at(list, start), at(list, stop)];
    return list.slice(Math.max(0, first), Math.max(0, last + 1));
  }

  lindex(key: string, index: string): Decoded {
    const list = this.list(key);
    return list[at(list, index)] ?? null;
  }

  lset(key: string, index: string, element: string): Decoded {
    const list = this.list(key);
    if (list.length === 0) return '-ERR no such key';
    if (list[at(list, index)] === undefined) return '-ERR index out of range';
    list[at(list, index)] = element;
    return '+OK';
  }

  linsert(key: string, where: string, pivot: string, element: string): Decoded {
    const list = this.list(key);
    if (list.length === 0) return 0;
    const index = list.indexOf(pivot);
    if (index < 0) return -1;
    list.splice(where === 'AFTER' ? index + 1 : index, 0, element);
    return list.length;
  }

  lrem(key: string, count: string, element: string): Decoded {
    const wished = Number(count);
    let left = wished === 0 ? Number.POSITIVE_INFINITY : Math.abs(wished);
    const before = this.list(key);
    const ordered = wished < 0 ? [...before].reverse() : before;
    const kept = ordered.filter((each) => each !== element || left-- <= 0);
    this.keep(key, wished < 0 ? kept.reverse() : kept);
    return before.length - kept.length;
  }

  ltrim(key: string, start: string, stop: string): Decoded {
    this.keep(key, this.lrange(key, start, stop) as string[]);
    return '+OK';
  }

  rpoplpush(source: string, target: string): Decoded {
    return this.lmove(source, target, 'RIGHT', 'LEFT');
  }

  lmove(source: string, target: string, from: string, to: string): Decoded {
    const element = from === 'LEFT' ? this.lpop(source) : this.rpop(source);
    if (element === null) return null;
    if (to === 'LEFT') this.lpush(target, element as string);
    else this.rpush(target, element as string);
    return element;
  }
}

function at(list: readonly string[], index: string): number {
  const number = Number(index);
  return number < 0 ? number + list.length : number;
}
