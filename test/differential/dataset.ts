/** The whole data set of a server, read through commands, and the comparison of two of them. */
import type { RawClient } from '../support/client.js';
import { isList, type Reply, showReply, textOf } from '../support/reply.js';
import { replyKey, TIMES_APART_MS, unorderedKey } from './comparison.js';

export interface Entry {
  readonly type: string;
  readonly value: string;
  readonly encoding: string;
  readonly ttl_ms: number;
}

/** Keys are `database:key`. */
export type Dataset = Map<string, Entry>;

const databases = 16;

const noEntry: Entry = { type: '', value: '', encoding: '', ttl_ms: -1 };

interface Place {
  readonly database: number;
  readonly key: string;
}

/** Three round trips, however many databases there are. Leaves the client in database 0. */
export async function readDataset(client: RawClient): Promise<Dataset> {
  const dataset: Dataset = new Map();
  const places = await readKeys(client, dataset);
  const kinds = await askAll(client, places, ({ key }) => [
    ['TYPE', key],
    ['OBJECT', 'ENCODING', key],
    ['PTTL', key],
  ]);
  const types = kinds.map(([type]) => textOf(type as Reply));
  const values = await askAll(client, places, ({ key }, i) => [
    readCommand(key, types[i] as string),
  ]);
  places.forEach(({ database, key }, i) => {
    const [type, encoding, ttl] = (kinds[i] as Reply[]).map(textOf) as [string, string, string];
    const value = valueKey(key, type, values[i]?.[0] as Reply);
    dataset.set(`${database}:${key}`, { type, encoding, ttl_ms: Number(ttl), value });
  });
  return dataset;
}

/** The keys of all databases, sorted; a DBSIZE that is not their number becomes an entry. */
async function readKeys(client: RawClient, dataset: Dataset): Promise<Place[]> {
  const ask: string[][] = [];
  for (let i = 0; i < databases; i++) ask.push(['SELECT', String(i)], ['DBSIZE'], ['KEYS', '*']);
  const replies = await client.pipeline([...ask, ['SELECT', '0']]);
  const places: Place[] = [];
  for (let database = 0; database < databases; database++) {
    const size = textOf(replies[database * 3 + 1] as Reply);
    const list = replies[database * 3 + 2] as Reply;
    const keys = isList(list) ? list.items.map(textOf).sort() : [`no list: ${showReply(list)}`];
    if (Number(size) !== keys.length) {
      dataset.set(`${database}: DBSIZE ${size}, KEYS * ${keys.length}`, noEntry);
    }
    for (const key of keys) places.push({ database, key });
  }
  return places;
}

/** The replies to the commands on each key, asked in its database, in one pipeline. */
async function askAll(
  client: RawClient,
  places: readonly Place[],
  commands: (place: Place, index: number) => string[][],
): Promise<Reply[][]> {
  const asked = places.map(commands);
  const pipeline = places.flatMap(({ database }, i) => [
    ['SELECT', String(database)],
    ...(asked[i] as string[][]),
  ]);
  const replies = await client.pipeline([...pipeline, ['SELECT', '0']]);
  let position = 0;
  return asked.map(({ length }) => {
    const own = replies.slice(position + 1, position + 1 + length);
    position += 1 + length;
    return own;
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

function valueKey(key: string, type: string, reply: Reply): string {
  if (type === 'hash' || type === 'set') return unorderedKey(reply);
  if (type !== 'zset' || !/geo|storedist/i.test(key)) return replyKey(reply);
  return roundedDistances(showReply(reply, Infinity));
}

/** The last digit of a sine or an arc sine is the C library's own, and so is that of a distance. */
function roundedDistances(text: string): string {
  return text.replace(/\d+\.\d{9,}/g, (distance) => Number(distance).toPrecision(13));
}

/** What differs first, or undefined. */
export function datasetDifference(ours: Dataset, theirs: Dataset): string | undefined {
  for (const [key, entry] of theirs) {
    const name = JSON.stringify(key);
    const own = ours.get(key);
    if (own === undefined) return `${name} is missing, expected ${showEntry(entry)}`;
    const sameTtl =
      own.ttl_ms === entry.ttl_ms ||
      (own.ttl_ms > 0 && entry.ttl_ms > 0 && Math.abs(own.ttl_ms - entry.ttl_ms) <= TIMES_APART_MS);
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
  const begin = JSON.stringify(entry.value.slice(0, 200));
  const value = entry.value.length > 200 ? `${begin}...` : begin;
  const ttl = entry.ttl_ms < 0 ? 'no ttl' : `ttl ${entry.ttl_ms} ms`;
  return `${entry.type} (${entry.encoding}, ${ttl}, ${entry.value.length} characters) ${value}`;
}
