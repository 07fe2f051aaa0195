/** Clients that write all kinds of things to a Darter that Redises follow. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RandomWrites } from '../replication/random-writes.js';
import type { Random } from '../support/random.js';
import type { Server } from '../support/server.js';

const BATCH = 20;
const ELEMENTS = 300;
/** Redis 7.0 does not know them, nor what they leave. */
const LATER = /^(HP?EXPIRE|HSETEX|HGETEX|HPERSIST)/;
/** Touches several shards. */
const SCRIPT = `redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[2], ARGV[1])
return redis.call('INCR', KEYS[3])`;
const LARGE = `for i = 1, 30000 do redis.call('HSET', KEYS[1], 'field' .. i, 'a value for it') end`;

/** A hash that a full sync takes in parts. */
export async function fillLarge(server: Server): Promise<void> {
  await server.ask('EVAL', LARGE, '1', 'large');
}

/** Writes until there is no more to do, or the server is killed. */
export async function writeUntilKilled(
  server: Server,
  random: Random,
  name: string,
  work: { readonly isOver: boolean; readonly isKilled: boolean },
): Promise<void> {
  try {
    await write(server, random, name, work);
  } catch (error) {
    if (!work.isKilled) throw error;
  }
}

/** Writes until there is no more to do. */
export async function write(
  server: Server,
  random: Random,
  name: string,
  work: { readonly isOver: boolean },
): Promise<void> {
  const client = await server.client();
  const writes = new RandomWrites(random, name, ELEMENTS);
  while (!work.isOver) {
    const commands: string[][] = [];
    while (commands.length < BATCH) commands.push(...writes.next(), ...special(random, name));
    await client.pipeline(commands.filter(([verb]) => !LATER.test(verb!)));
    await sleep(random.between(1, 10));
  }
  await client.close();
}

/** What concerns several shards, or none. */
function special(random: Random, name: string): string[][] {
  if (!random.chance(0.05)) return [];
  return random.pick([
    [['PUBLISH', 'channel', name]],
    [
      ['HSET', 'large', `field${random.below(30_000)}`, name],
      ['HDEL', 'large', `field${random.below(30_000)}`],
    ],
    [
      ['MULTI'],
      ['MSET', 'sum:1', name, 'sum:2', name, 'sum:3', name],
      ['PUBLISH', 'a', 'b'],
      ['EXEC'],
    ],
    [
      [
        'EVAL',
        SCRIPT,
        '3',
        'script:list',
        'script:set',
        'script:count',
        `${name}${random.below(99)}`,
      ],
    ],
    [
      ['MULTI'],
      ['SELECT', '3'],
      ['INCR', 'count'],
      ['SWAPDB', '2', '3'],
      ['EXEC'],
      ['SELECT', '0'],
    ],
    random.chance(0.2) ? [['MULTI'], ['INCR', 'n'], ['FLUSHDB'], ['INCR', 'm'], ['EXEC']] : [],
    random.chance(0.1) ? [['FLUSHALL', 'ASYNC']] : [],
  ]);
}
