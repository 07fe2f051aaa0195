/** RANDOMKEY: a shard by chance, weighted by its size, and a key of it. */
import { hasExpired } from '../../base/expiry-time.js';
import { randomBits } from '../../base/random.js';
import { copyBytes } from '../../base/region.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';

/** Tries to meet a key that has not expired; on a primary each removes one that has. */
const TRIES_MAX = 1000;

/** A shard by chance, -1 when the database is empty. Counts are read without locks. */
function randomShard({ keys: { shards }, session }: Context): number {
  let total = 0;
  for (let shard = 0; shard < shards.count; shard++) {
    total += shards.table(shard, session.database).size;
  }
  let left = Math.floor(Math.random() * total);
  for (let shard = 0; shard < shards.count; shard++) {
    const size = shards.table(shard, session.database).size;
    if (left < size) return shard;
    left -= size;
  }
  return -1;
}

/** Answers with a key of the shard, which is locked. @returns false when it met none */
function answerFrom({ keys, reply, session }: Context, shard: number): boolean {
  const table = keys.shards.table(shard, session.database);
  const entry = table.random(randomBits);
  if (entry === 0) return false;
  table.decode(entry);
  const { region, keyOffset, keyLength, expiry } = table;
  if (!hasExpired(expiry, keys.now)) {
    reply.bulk(region, keyOffset, keyLength);
    return true;
  }
  // Seeking removes it. A long key lies in a run that goes too, hence the copy.
  const scratch = keys.scratch(keyLength);
  copyBytes(scratch, 0, region, keyOffset, keyLength);
  keys.seekKey(session.database, scratch, 0, keyLength);
  return false;
}

function run(context: Context): void {
  let answered = false;
  for (let tries = 0; tries < TRIES_MAX && !answered; tries++) {
    const shard = randomShard(context);
    if (shard < 0) break;
    context.withShard(shard, () => {
      answered = answerFrom(context, shard);
    });
  }
  if (!answered) context.reply.nullBulk();
}

export const randomkey: CommandDefinition = {
  name: 'randomkey',
  summary: 'Returns a key of the database, any one',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 1,
  flags: ['readonly'],
  tips: ['request_policy:all_shards', 'nondeterministic_output'],
  locks: 'none',
  run,
};
