/** The whole data set of a server, read through commands, and the comparison of two of them. */
import type { RawClient } from '../support/client.js';
import { isList, type Reply, showReply, textOf } from '../support/reply.js';
import { unorderedKey } from './comparison.js';

export interface Entry {
  readonly type: string;
  readonly value: string;
  readonly encoding: string;
  readonly ttl_ms: number;
}

/** Keys are `database:key`. */
export type Dataset = Map<string, Entry>;

const databases = 16;
const ttlTolerance_ms = 3000;

/** Leaves the client in database 0. */
export async function readDataset(client: RawClient): Promise<Dataset> {
  const dataset: Dataset = new Map();
  const ask: string[][] = [];
  for (let i = 0; i < databases; i++) ask.push(['SELECT', String(i)], ['DBSIZE'], ['KEYS', '*']);
  const replies = await client.pipeline([...ask, ['SELECT', '0']]);
  for (let i = 0; i < databases; i++) {
    const size = textOf(replies[i * 3 + 1] as Reply);
    const list = replies[i * 3 + 2] as Reply;
    const keys = isList(list) ? list.items.map(textOf).sort() : [`no list: ${showReply(list)}`];
    if (Number(size) !== keys.length) {
      dataset.set(`${i}: DBSIZE ${size}, KEYS * ${keys.length}`, noEntry);
    }
    if (keys.length > 0) await readDatabase(client, i, keys, dataset);
  }
  return dataset;
}

const noEntry: Entry = { type: '', value: '', encoding: '', ttl_ms: -1 };

async function readDatabase(
  client: RawClient,
  database: number,
  keys: readonly string[],
  dataset: Dataset,
): Promise<void> {
  const commands = [['SELECT', String(database)]];
  for (const key of keys) {
    commands.push(['TYPE', key], ['OBJECT', 'ENCODING', key], ['PTTL', key]);
  }
  const replies = (await client.pipeline(commands)).slice(1).map(textOf);
  const reads = keys.map((key, i) => readCommand(key, replies[i * 3] as string));
  const values = await client.pipeline([...reads, ['SELECT', '0']]);
  keys.forEach((key, i) => {
    dataset.set(`${database}:${key}`, {
      type: replies[i * 3] as string,
      encoding: replies[i * 3 + 1] as string,
      ttl_ms: Number(replies[i * 3 + 2]),
      value: valueKey(replies[i * 3] as string, values[i] as Reply),
    });
  });
}

function readCommand(key: string, type: string): string[] {
  switch (type) {
    case 'list':
      return ['LRANGE', key, '0', '-1'];
    case 'hash':
      return ['HGETALL', key];
    case 'set':
      return ['SMEMBERS', key];
    case 'zset':
      return ['ZRANGE', key, '0', '-1', 'WITHSCORES'];
    case 'stream':
      return ['XRANGE', key, '-', '+'];
    default:
      return ['GET', key];
  }
}

function valueKey(type: string, reply: Reply): string {
  return type === 'hash' || type === 'set' ? unorderedKey(reply) : showReply(reply, Infinity);
}

/** What differs first, or undefined. */
export function datasetDifference(ours: Dataset, theirs: Dataset): string | undefined {
  for (const [key, entry] of theirs) {
    const name = JSON.stringify(key);
    const own = ours.get(key);
    if (own === undefined) return `${name} is missing, expected ${showEntry(entry)}`;
    const sameTtl =
      own.ttl_ms === entry.ttl_ms ||
      (own.ttl_ms > 0 &&
        entry.ttl_ms > 0 &&
        Math.abs(own.ttl_ms - entry.ttl_ms) <= ttlTolerance_ms);
    const same = own.type === entry.type && own.value === entry.value && sameTtl;
    if (!same || own.encoding !== entry.encoding) {
      return `${name} is ${showEntry(own)}, expected ${showEntry(entry)}`;
    }
  }
  for (const [key, entry] of ours) {
    if (!theirs.has(key)) return `${JSON.stringify(key)} should not exist: ${showEntry(entry)}`;
  }
  return undefined;
}

function showEntry(entry: Entry): string {
  const value = entry.value.length > 200 ? `${entry.value.slice(0, 200)}...` : entry.value;
  const ttl = entry.ttl_ms < 0 ? 'no ttl' : `ttl ${entry.ttl_ms} ms`;
  return `${entry.type} (${entry.encoding}, ${ttl}, ${entry.value.length} characters) ${value}`;
}
