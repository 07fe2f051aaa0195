/**
 * Data of one type for a full synchronisation: how it is written, and how a replica's is compared.
 * Both systems get the same elements. How many there are comes from what one costs redis-server, so
 * that "1000 megabytes" is what redis-server's memory grows by, about.
 */
import { connect } from 'node:net';
import type { AdminClient } from '../support/admin-client.js';
import { noReplies, ReplyScanner } from './reply-scanner.js';
import { keyName, shortKeys, valueText } from './workload.js';

export interface TypedData {
  readonly name: string;
  /** What one element costs redis-server 7.0, bytes. */
  readonly elementBytes: number;
  /** Elements of a key. */
  readonly perKey: number;
  /** Elements that one command writes; a divisor of `perKey`. */
  readonly perCommand: number;
  /** The command that writes elements from this number on, without key and elements. */
  readonly command: string;
  /** The arguments of an element. @param index over all keys */
  readonly element: (index: number) => readonly string[];
  /** Questions about a key whose answers tell what it holds. @param index of its first element */
  readonly questions: (key: string, index: number) => readonly (readonly string[])[];
}

const name = (index: number): string => `element-${String(index).padStart(10, '0')}`;
/** All ids of streams are of the same length. */
const streamTime = (index: number): number => 10_000_000_000 + index;
const STREAM_ID_BYTES = 13;
const FIELD_BYTES = 16;
const LIST_BYTES = 64;
const LARGE = { perKey: 10_000, perCommand: 100 } as const;

export const typedData: readonly TypedData[] = [
  {
    name: 'strings',
    ...{ elementBytes: 199, perKey: 1, perCommand: 1, command: 'SET' },
    element: (index) => [valueText(index, 100)],
    questions: (key) => [['GET', key]],
  },
  {
    name: 'hashes',
    ...{ ...LARGE, elementBytes: 130, command: 'HSET' },
    element: (index) => [name(index), valueText(index, 32)],
    questions: (key, index) => [
      ['HLEN', key],
      ['HMGET', key, name(index), name(index + 7), name(index + 9_999)],
    ],
  },
  {
    name: 'lists',
    ...{ ...LARGE, elementBytes: 68, command: 'RPUSH' },
    element: (index) => [valueText(index, LIST_BYTES)],
    questions: (key) => [
      ['LLEN', key],
      ['LRANGE', key, '0', '3'],
      ['LRANGE', key, '5000', '5003'],
      ['LINDEX', key, '-1'],
    ],
  },
  {
    name: 'sets',
    ...{ ...LARGE, elementBytes: 74, command: 'SADD' },
    element: (index) => [name(index)],
    questions: (key, index) => [
      ['SCARD', key],
      ['SMISMEMBER', key, name(index), name(index + 9_999), name(index + 10_000)],
    ],
  },
  {
    name: 'zsets',
    ...{ ...LARGE, elementBytes: 116, command: 'ZADD' },
    element: (index) => [String(Math.imul(index, 0x9e3779b1) >>> 0), name(index)],
    questions: (key, index) => [
      ['ZCARD', key],
      ['ZRANGE', key, '5000', '5003', 'WITHSCORES'],
      ['ZSCORE', key, name(index + 9_999)],
    ],
  },
  {
    name: 'streams',
    ...{ elementBytes: 70, perKey: 10_000, perCommand: 1, command: 'XADD' },
    element: (index) => [
      `${streamTime(index)}-0`,
      ...['field-a', valueText(index, FIELD_BYTES), 'field-b', valueText(index + 1, FIELD_BYTES)],
    ],
    questions: (key, index) => [
      ['XLEN', key],
      ['XRANGE', key, String(streamTime(index + 5000)), String(streamTime(index + 5002))],
    ],
  },
  {
    name: 'small-hashes',
    ...{ elementBytes: 54, perKey: 5, perCommand: 5, command: 'HSET' },
    element: (index) => [`field-${index % 5}`, valueText(index, FIELD_BYTES)],
    questions: (key) => [['HGETALL', key]],
  },
];

export function keyCount({ elementBytes, perKey }: TypedData, megabytes: number): number {
  return Math.max(1, Math.round((megabytes * 1e6) / (elementBytes * perKey)));
}

const keys11 = shortKeys(0);
const key = (index: number): string => keyName(keys11, index);

const BATCH_BYTES = 256 * 1024;
/** Batches that wait for their replies. */
const UNDER_WAY_MAX = 4;

/** Writes all elements over one connection. @throws Error when a reply is an error */
export async function fillTyped(port: number, data: TypedData, keys: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const replies = new ReplyScanner(noReplies(), STREAM_ID_BYTES);
  let isNews: () => void = () => {};
  let failure: Error | null = null;
  let got = 0;
  const fail = (error: Error): void => {
    failure ??= error;
    isNews();
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection was closed while filling')));
  socket.on('data', (chunk: Buffer) => {
    try {
      got += replies.feed(chunk, chunk.length);
    } catch (error) {
      fail(error as Error);
    }
    isNews();
  });
  const reach = async (count: number): Promise<void> => {
    while (got < count && failure === null) {
      await new Promise<void>((resolve) => {
        isNews = resolve;
      });
    }
    if (failure !== null) throw failure;
  };
  let sent = 0;
  const ends: number[] = [];
  for (const { text, commands } of batches(data, keys)) {
    sent += commands;
    ends.push(sent);
    socket.write(text, 'latin1');
    if (ends.length > UNDER_WAY_MAX) await reach(ends.shift()!);
  }
  await reach(sent);
  socket.removeAllListeners('close');
  socket.destroy();
}

function* batches(
  data: TypedData,
  keys: number,
): Generator<{ readonly text: string; readonly commands: number }> {
  const { perKey, perCommand, command, element } = data;
  let text = '';
  let commands = 0;
  for (let k = 0; k < keys; k++) {
    for (let i = 0; i < perKey; i += perCommand) {
      const words = [command, key(k)];
      for (let e = 0; e < perCommand; e++) words.push(...element(k * perKey + i + e));
      text += `*${words.length}\r\n`;
      for (const word of words) text += `$${word.length}\r\n${word}\r\n`;
      commands++;
      if (text.length < BATCH_BYTES) continue;
      yield { text, commands };
      text = '';
      commands = 0;
    }
  }
  if (commands > 0) yield { text, commands };
}

const COMPARED_KEYS = 200;

/** @returns where two servers differ, as far as a sample of the keys shows it */
export async function typedDifference(
  data: TypedData,
  keys: number,
  primary: AdminClient,
  replica: AdminClient,
): Promise<string | undefined> {
  const sizes = [await primary.command('DBSIZE'), await replica.command('DBSIZE')];
  if (sizes[0] !== sizes[1]) return `${sizes[0]} keys and ${sizes[1]} keys`;
  const step = Math.max(1, Math.floor(keys / COMPARED_KEYS));
  for (let k = 0; k < keys; k += step) {
    for (const question of data.questions(key(k), k * data.perKey)) {
      const ours = JSON.stringify(await primary.command(...question));
      const theirs = JSON.stringify(await replica.command(...question));
      const isThere = !['null', '0', '[]'].includes(ours);
      if (!isThere || ours !== theirs) return `${question.join(' ')}: ${ours} and ${theirs}`;
    }
  }
  return undefined;
}
