/** For the tests of sets: a tester with their commands, what lies in it, and whether all is well. */
import assert from 'node:assert/strict';
import { PAGE_BYTES } from '../../../base/limits.js';
import { Table } from '../../../structures/table.js';
import { CommandTester, type TesterOptions } from '../../contract/test-support.js';
import { copy } from '../../generic/copy.js';
import { del } from '../../generic/del.js';
import { pexpireat } from '../../generic/expire.js';
import { object, objectEncoding } from '../../generic/object.js';
import { rename } from '../../generic/rename.js';
import { get } from '../../string/get.js';
import { set } from '../../string/set.js';
import { sadd } from '../sadd.js';
import { scard } from '../scard.js';
import { sdiff, sdiffstore } from '../sdiff.js';
import { sinter, sintercard, sinterstore } from '../sinter.js';
import { sismember, smismember } from '../sismember.js';
import { smembers } from '../smembers.js';
import { smove } from '../smove.js';
import { spop } from '../spop.js';
import { srandmember } from '../srandmember.js';
import { srem } from '../srem.js';
import { sscan } from '../sscan.js';
import { sunion, sunionstore } from '../sunion.js';

const SETS = [sadd, srem, sismember, smismember, smembers, scard, spop, srandmember, smove, sscan];
const ALGEBRA = [sinter, sinterstore, sintercard, sunion, sunionstore, sdiff, sdiffstore];
const OTHERS = [copy, del, get, object, objectEncoding, pexpireat, rename, set];
/** The page with the roots of a shard's databases. */
const ROOTS_PAGES = 1;

export class SetTester extends CommandTester {
  constructor(options: TesterOptions = {}) {
    super([...SETS, ...ALGEBRA, ...OTHERS], options);
  }

  /** The members in order, or what SMEMBERS answers when that is no list. */
  members(key: string): string[] {
    return this.list('SMEMBERS', key);
  }

  /** The strings of a reply, in order. */
  list(...words: string[]): string[] {
    const reply = this.run(...words);
    assert.ok(Array.isArray(reply), `${words[0]}: ${String(reply)}`);
    return reply.map(String).sort();
  }

  encoding(key: string): string {
    return String(this.run('OBJECT', 'ENCODING', key));
  }

  kind(key: string): number {
    return this.dump().get(`0 ${key}`)!.kind;
  }

  /** Checks all tables, the nested ones too, and that every page in use belongs to one of them. */
  checkAll(): void {
    this.check();
    const { shards, types } = this.keys;
    for (let shard = 0; shard < shards.count; shard++) {
      const space = shards.spaces[shard]!;
      let pages = ROOTS_PAGES;
      for (let database = 0; database < shards.databases; database++) {
        const table = shards.table(shard, database);
        pages += table.allocatedPages;
        for (let position = 0; position < 2 ** 32; ) {
          position = table.scan(position);
          for (let i = 0; i < table.scanCount; i++) {
            table.decode(table.scanOffsets[i]!);
            if (!types.owns(table.kind)) continue;
            const nested = new Table(space, table.valueOffset);
            nested.check();
            assert.ok(nested.size > 0, 'a set has members');
            assert.equal(types.of(table.kind).memory(table), nested.allocatedPages * PAGE_BYTES);
            pages += nested.allocatedPages;
          }
        }
      }
      assert.equal(space.residentPages, pages, `pages of shard ${shard}`);
    }
  }
}

export function numbers(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(first + i));
}

export function words(count: number, prefix = 'member:'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
