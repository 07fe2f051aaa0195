/** What a redis-server holds, in the form in which the RDB reader's model says it. */

import type {
  ModelConsumer,
  ModelGroup,
  ModelKey,
  ModelStream,
  ModelValue,
} from '../../src/persistence/rdb/testing.js';
import type { RawClient } from '../support/client.js';
import { isError, isList, type Reply, showReply, textOf } from '../support/reply.js';

const DATABASES = 16;

async function ask(client: RawClient, ...words: string[]): Promise<Reply> {
  const reply = await client.command(...words);
  if (isError(reply)) throw new Error(`${words.join(' ')}: ${showReply(reply)}`);
  return reply;
}

function items(reply: Reply | undefined): readonly Reply[] {
  if (reply === undefined || !isList(reply)) throw new Error('no array');
  return reply.items;
}

async function texts(client: RawClient, ...words: string[]): Promise<string[]> {
  return items(await ask(client, ...words)).map(textOf);
}

function pairs(list: readonly string[]): [string, string][] {
  return list.flatMap((one, i) => (i % 2 === 0 ? [[one, list[i + 1]!] as [string, string]] : []));
}

export async function redisContent(client: RawClient): Promise<ModelKey[]> {
  const keys: ModelKey[] = [];
  for (let database = 0; database < DATABASES; database++) {
    await ask(client, 'SELECT', String(database));
    for (const name of await texts(client, 'KEYS', '*')) {
      const expiryMs = Number(textOf(await ask(client, 'PEXPIRETIME', name)));
      const value = await redisValue(client, name);
      keys.push({ database, name, expiryMs, idleSeconds: -1, frequency: -1, value });
    }
  }
  await ask(client, 'SELECT', '0');
  return keys;
}

export async function redisValue(client: RawClient, name: string): Promise<ModelValue> {
  const kind = textOf(await ask(client, 'TYPE', name));
  switch (kind) {
    case 'string':
      return { kind, string: textOf(await ask(client, 'GET', name)) };
    case 'list':
      return { kind, elements: await texts(client, 'LRANGE', name, '0', '-1') };
    case 'set':
      return { kind, members: await texts(client, 'SMEMBERS', name) };
    case 'zset': {
      const list = pairs(await texts(client, 'ZRANGE', name, '0', '-1', 'WITHSCORES'));
      const number = (text: string): number =>
        text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text);
      return { kind, members: list.map(([member, score]) => ({ member, score: number(score) })) };
    }
    case 'hash': {
      const list = pairs(await texts(client, 'HGETALL', name));
      return { kind, fields: list.map(([field, value]) => ({ field, value, expiryMs: -1 })) };
    }
    default:
      return { kind: 'stream', stream: await redisStream(client, name) };
  }
}

function idOf(text: string): bigint {
  const [ms, sequence] = text.split('-');
  return (BigInt(ms!) << 64n) | BigInt(sequence!);
}

/** A reply of names and values in turn. */
function fieldsOf(reply: Reply): Map<string, Reply> {
  const list = items(reply);
  const fields = new Map<string, Reply>();
  for (let i = 0; i < list.length; i += 2) fields.set(textOf(list[i]!), list[i + 1]!);
  return fields;
}

async function redisStream(client: RawClient, name: string): Promise<ModelStream> {
  const info = fieldsOf(await ask(client, 'XINFO', 'STREAM', name, 'FULL', 'COUNT', '0'));
  const id = (field: string): bigint => idOf(textOf(info.get(field)!));
  const entries = items(info.get('entries')).map((entry) => {
    const [place, fields] = items(entry);
    return { id: idOf(textOf(place!)), fields: items(fields).map(textOf) };
  });
  return {
    entries,
    state: {
      length: Number(textOf(info.get('length')!)),
      lastId: id('last-generated-id'),
      firstId: id('recorded-first-entry-id'),
      maxDeletedId: id('max-deleted-entry-id'),
      entriesAdded: BigInt(textOf(info.get('entries-added')!)),
    },
    groups: items(info.get('groups')).map(groupOf),
  };
}

function groupOf(reply: Reply): ModelGroup {
  const fields = fieldsOf(reply);
  const read = fields.get('entries-read')!;
  return {
    name: textOf(fields.get('name')!),
    lastId: idOf(textOf(fields.get('last-delivered-id')!)),
    entriesRead: read.type === 'null' ? -1n : BigInt(textOf(read)),
    consumers: items(fields.get('consumers')).map(consumerOf),
  };
}

function consumerOf(reply: Reply): ModelConsumer {
  const fields = fieldsOf(reply);
  const seenMs = Number(textOf(fields.get('seen-time')!));
  return {
    name: textOf(fields.get('name')!),
    seenMs,
    activeMs: seenMs,
    pending: items(fields.get('pending')).map((entry) => {
      const [id, deliveredMs, deliveries] = items(entry).map(textOf);
      return {
        id: idOf(id!),
        deliveredMs: Number(deliveredMs),
        deliveries: Number(deliveries),
      };
    }),
  };
}
