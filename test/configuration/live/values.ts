/** Directives about values and memory. */
import { type Effects, said, shows, type World } from './effect.js';

const encoding = ['OBJECT', 'ENCODING', 'seen'];
const PAIRS = ['HSET', 'seen', 'a', '1', 'b', '2'];
const SCORES = ['ZADD', 'seen', '1', 'a', '2', 'b'];

/** Whether a trim of a stream of ten entries to about one removes some: whole blocks go. */
async function trims({ old }: World): Promise<string> {
  await old.command('DEL', 'seen');
  for (let i = 0; i < 10; i++) await old.command('XADD', 'seen', 'MAXLEN', '~', '1', '*', 'a', 'b');
  return String(Number(await said(old, 'XLEN', 'seen')) < 10);
}

const set = (world: World) => said(world.old, 'SET', 'seen', 'value');

export const VALUES: Effects = {
  'hash-max-listpack-entries': {
    ...{ set: ['512', '1'], seen: ['listpack', 'hashtable'], see: shows(PAIRS, encoding) },
  },
  'hash-max-listpack-value': {
    set: ['64', '3'],
    seen: ['listpack', 'hashtable'],
    see: shows(['HSET', 'seen', 'a', 'value'], encoding),
  },
  'set-max-intset-entries': {
    set: ['512', '1'],
    seen: ['intset', 'hashtable'],
    see: shows(['SADD', 'seen', '1', '2'], encoding),
  },
  'zset-max-listpack-entries': {
    ...{ set: ['128', '1'], seen: ['listpack', 'skiplist'], see: shows(SCORES, encoding) },
  },
  'zset-max-listpack-value': {
    set: ['64', '3'],
    seen: ['listpack', 'skiplist'],
    see: shows(['ZADD', 'seen', '1', 'value'], encoding),
  },
  'hll-sparse-max-bytes': {
    set: ['3000', '10'],
    seen: ['sparse', 'dense'],
    see: shows(['PFADD', 'seen', 'a', 'b', 'c', 'd', 'e'], ['PFDEBUG', 'ENCODING', 'seen']),
  },
  'stream-node-max-bytes': { set: ['4096', '1'], seen: ['false', 'true'], see: trims },
  'stream-node-max-entries': { set: ['100', '1'], seen: ['false', 'true'], see: trims },
  maxmemory: { set: ['0', '1'], seen: ['OK', 'OOM'], see: set },
  'maxmemory-policy': {
    with: ['maxmemory', '1'],
    set: ['noeviction', 'allkeys-random'],
    seen: ['false', 'true'],
    see: async (world) => {
      await set(world);
      return String(Number(await world.server.info('evicted_keys')) > 0);
    },
  },
};
