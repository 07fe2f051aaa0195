/**
 * What a server holds under a key, as a digest: read by the commands of its type, in parts of bounded size,
 * so that servers of any kind and version can be compared, and no reading is long for others.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Connection, ErrorAnswer, type Reply, words } from './connection.js';

/** Bytes of a string, elements of a collection, read at once. */
const PART_BYTES = 1 << 20;
const PART_ELEMENTS = 1000;

export interface Content {
  /** 'none' when there is no such key. */
  readonly type: string;
  /** Milliseconds left; -1: it does not expire. */
  readonly leftMs: number;
  readonly digest: string;
}

/** Type and time left of each of the keys. */
export async function describeKeys(
  server: Connection,
  keys: readonly string[],
): Promise<Omit<Content, 'digest'>[]> {
  const replies = await server.pipeline(
    keys.flatMap((key) => [
      ['TYPE', key],
      ['PTTL', key],
    ]),
  );
  return keys.map((_, i) => ({
    type: String(replies[2 * i]),
    leftMs: Number(replies[2 * i + 1]),
  }));
}

/** @returns '' for a type that is not known here: of a module, or of a later version */
export async function digestOf(server: Connection, key: string, type: string): Promise<string> {
  const hash = createHash('sha1');
  const read = READERS[type];
  if (read === undefined) return '';
  await read(server, key, hash);
  return hash.digest('hex');
}

type Reader = (server: Connection, key: string, hash: Hash) => Promise<void>;

const READERS: Readonly<Record<string, Reader>> = {
  none: async () => {},
  string: readString,
  list: (server, key, hash) => readRanks(server, hash, (from, to) => ['LRANGE', key, from, to]),
  zset: (server, key, hash) =>
    readRanks(server, hash, (from, to) => ['ZRANGE', key, from, to, 'WITHSCORES']),
  set: (server, key, hash) => readUnordered(server, 'SSCAN', key, 1, hash),
  hash: (server, key, hash) => readUnordered(server, 'HSCAN', key, 2, hash),
  stream: readStream,
};

async function readString(server: Connection, key: string, hash: Hash): Promise<void> {
  for (let from = 0; ; from += PART_BYTES) {
    const part = await server.ask('GETRANGE', key, String(from), String(from + PART_BYTES - 1));
    update(hash, part);
    if (typeof part !== 'string' || part.length < PART_BYTES) return;
  }
}

async function readRanks(
  server: Connection,
  hash: Hash,
  command: (from: string, to: string) => string[],
): Promise<void> {
  for (let from = 0; ; from += PART_ELEMENTS) {
    const part = await server.ask(...command(String(from), String(from + PART_ELEMENTS - 1)));
    for (const item of Array.isArray(part) ? part : [part]) update(hash, item);
    if (!Array.isArray(part) || part.length < PART_ELEMENTS) return;
  }
}

/** Elements come in any order, some of them twice: each counts by its digest, in the order of those. */
async function readUnordered(
  server: Connection,
  command: string,
  key: string,
  size: number,
  hash: Hash,
): Promise<void> {
  const digests = new Set<string>();
  let cursor = '0';
  do {
    const reply = await server.ask(command, key, cursor, 'COUNT', String(PART_ELEMENTS));
    if (!Array.isArray(reply)) {
      update(hash, reply);
      return;
    }
    cursor = String(reply[0]);
    const items = words(reply[1]!);
    for (let i = 0; i < items.length; i += size) {
      const element = createHash('sha1');
      for (const item of items.slice(i, i + size)) update(element, item);
      digests.add(element.digest('base64'));
    }
  } while (cursor !== '0');
  for (const digest of [...digests].sort()) update(hash, digest);
}

/** Entries, the last id, and groups with what is pending: not when anybody was seen last. */
async function readStream(server: Connection, key: string, hash: Hash): Promise<void> {
  const count = ['COUNT', String(PART_ELEMENTS)];
  await readFrom(hash, (from) => server.ask('XRANGE', key, from, '+', ...count));
  const information = pairs(await server.ask('XINFO', 'STREAM', key));
  update(hash, information.get('last-generated-id') ?? null);
  const groups = await server.ask('XINFO', 'GROUPS', key);
  for (const group of Array.isArray(groups) ? groups : []) {
    const figures = pairs(group);
    const name = figures.get('name')!;
    for (const field of ['name', 'last-delivered-id', 'pending']) update(hash, figures.get(field)!);
    await readFrom(hash, async (from) => {
      const reply = await server.ask('XPENDING', key, name, from, '+', String(PART_ELEMENTS));
      return Array.isArray(reply) ? reply.map(withoutTime) : reply;
    });
  }
}

/** Lists by ids, each part from behind the last id of the one before. */
async function readFrom(hash: Hash, ask: (from: string) => Promise<Reply>): Promise<void> {
  let from = '-';
  for (;;) {
    const part = await ask(from);
    update(hash, part);
    if (!Array.isArray(part) || part.length < PART_ELEMENTS) return;
    from = following(String((part.at(-1) as readonly Reply[])[0]));
  }
}

/** The id after this one. Intervals without an end are not known before 6.2. */
function following(id: string): string {
  const [ms, sequence] = id.split('-') as [string, string];
  const isLast = BigInt(sequence) === 2n ** 64n - 1n;
  return isLast ? `${BigInt(ms) + 1n}-0` : `${ms}-${BigInt(sequence) + 1n}`;
}

/** Of a pending entry: id, consumer, deliveries. */
function withoutTime(entry: Reply): Reply {
  const [id, consumer, , deliveries] = entry as readonly Reply[];
  return [id!, consumer!, deliveries!];
}

function pairs(reply: Reply): Map<string, string> {
  const all = words(reply);
  return new Map(all.flatMap((word, i) => (i % 2 === 0 ? [[word, all[i + 1]!] as const] : [])));
}

/** Lengths keep neighbours apart. */
function update(hash: Hash, reply: Reply): void {
  if (Array.isArray(reply)) {
    hash.update(`*${reply.length} `);
    for (const item of reply) update(hash, item);
    return;
  }
  const text = reply === null ? '' : reply instanceof ErrorAnswer ? reply.text : String(reply);
  hash.update(`$${text.length} `).update(text, 'latin1');
}
