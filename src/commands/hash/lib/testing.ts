/** What the tests of hash commands share: a tester with them, and a plain model of a hash. */
import { CommandTester, type TesterOptions } from '../../contract/test-support.js';
import { copy } from '../../generic/copy.js';
import { del } from '../../generic/del.js';
import { pexpireat } from '../../generic/expire.js';
import { object, objectEncoding } from '../../generic/object.js';
import { set } from '../../string/set.js';
import { hdel } from '../hdel.js';
import { hexpire, hexpireat, hpexpire, hpexpireat } from '../hexpire.js';
import { hexists, hget, hlen, hmget, hstrlen } from '../hget.js';
import { hgetall, hkeys, hvals } from '../hgetall.js';
import { hgetdel } from '../hgetdel.js';
import { hgetex } from '../hgetex.js';
import { hincrby } from '../hincrby.js';
import { hincrbyfloat } from '../hincrbyfloat.js';
import { hrandfield } from '../hrandfield.js';
import { hscan } from '../hscan.js';
import { hmset, hset } from '../hset.js';
import { hsetex } from '../hsetex.js';
import { hsetnx } from '../hsetnx.js';
import { hexpiretime, hpersist, hpexpiretime, hpttl, httl } from '../httl.js';

export const HASH_COMMANDS = [
  ...[hset, hmset, hsetnx, hget, hmget, hgetall, hkeys, hvals, hlen, hexists, hstrlen],
  ...[hexpire, hpexpire, hexpireat, hpexpireat, httl, hpttl, hexpiretime, hpexpiretime],
  ...[hpersist, hgetdel, hgetex, hsetex],
  ...[hdel, hincrby, hincrbyfloat, hrandfield, hscan],
];

export function hashTester(options: TesterOptions = {}): CommandTester {
  const others = [copy, del, object, objectEncoding, pexpireat, set];
  return new CommandTester([...HASH_COMMANDS, ...others], options);
}

/** The fields of a hash and their values, as HGETALL tells them. */
export function contentOf(t: CommandTester, key: string): Map<string, string> {
  const flat = t.run('HGETALL', key) as string[];
  const content = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) content.set(flat[i]!, flat[i + 1]!);
  return content;
}
