/** `darter --compare`: what differs between two running servers, of either kind, and what does not. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { compareServers } from '../../src/server/compare/main.js';
import { caughtUp, startPrimary } from '../redis-primary/support.js';
import { follow, linkUp, startNode } from '../replication/support.js';
import { eitherMissing, rootDirectory, type Server } from '../support/server.js';

interface Outcome {
  readonly code: number | null;
  readonly text: string;
}

/** Between two readings: shorter than usual, which only has more keys told as ever changing. */
const PAUSE_MS = 20;

async function compare(...words: string[]): Promise<Outcome> {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  return { code: await compareServers(words, write, PAUSE_MS), text };
}

/** As people do it. */
function compareByProgram(words: readonly string[], password = ''): Promise<Outcome> {
  const program = join(rootDirectory, 'bin/darter');
  const env = { ...process.env, REDISCLI_AUTH: password };
  const child = spawn(process.execPath, [program, '--compare', ...words], { env });
  let text = '';
  child.stdout.on('data', (bytes) => {
    text += bytes;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, text })));
}

const at = ({ port }: Server): string => `127.0.0.1:${port}`;

async function write(server: Server, ...commands: string[][]): Promise<void> {
  const client = await server.client();
  for (const command of commands) await client.text(...command);
  await client.close();
}

/** More elements than are read at once. */
const many = (words: (i: number) => string[]): string[] =>
  Array.from({ length: 1500 }, (_, i) => words(i)).flat();
const ALL_TYPES = [
  ['SET', 'string', 'v', 'EX', '1000'],
  ['SET', 'long', 'x'.repeat(1 << 20)],
  ['SET', '\x00\xff\r\n', 'binary'],
  ['RPUSH', 'list', ...many((i) => [`${i}`])],
  ['SADD', 'set', ...many((i) => [`member ${i}`])],
  ['ZADD', 'zset', ...many((i) => [`${i / 7}`, `m${i}`])],
  ['HSET', 'hash', ...many((i) => [`f${i}`, `v${i}`])],
  ...Array.from({ length: 3 }, (_, i) => ['XADD', 'stream', `${i}-1`, 'f', 'v']),
  ['XGROUP', 'CREATE', 'stream', 'g', '0'],
  ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '2', 'STREAMS', 'stream', '>'],
  ['SELECT', '7'],
  ['SET', 'k', 'v'],
];

describe('darter --compare', { skip: eitherMissing() }, () => {
  test('finds nothing between a redis-server and a Darter behind it, also while clients write', async () => {
    await using redis = await startPrimary();
    await using replica = await startNode();
    await write(redis, ...ALL_TYPES);
    await follow(replica, redis.port);
    await linkUp(replica);
    await caughtUp(redis, replica);
    const { code, text } = await compareByProgram([at(redis), at(replica)]);
    assert.equal(text, shownText(redis, replica), text);
    assert.equal(code, 0);
    const sampled = await compare(at(replica), at(redis), '--sample', '5');
    assert.match(sampled.text, /^\d+ keys compared: 0 differences$/m);
    assert.equal(sampled.code, 0);
    const large = await compare(at(redis), at(replica), '--sample', '100000');
    assert.equal(large.text, shownText(redis, replica), 'more than there are: each key once');
    const work = { isOver: false };
    const writing = writeOn(redis, work);
    const during = await compare(at(redis), at(replica));
    work.isOver = true;
    await writing;
    // What is written all the time may be told as such.
    assert.match(during.text, /: 0 differences/);
  });

  test('tells each kind of difference', async () => {
    await using one = await startPrimary();
    await using other = await startNode();
    for (const server of [one, other]) await write(server, ...ALL_TYPES);
    await write(one, ['SET', 'only one', '1'], ['SET', 'type', '1'], ['SET', 'value', 'a']);
    await write(other, ['SET', 'only other', '1'], ['RPUSH', 'type', '1'], ['SET', 'value', 'b']);
    await write(other, ['PERSIST', 'string'], ['HSET', 'hash', 'f3', 'other']);
    await write(other, ['XACK', 'stream', 'g', '0-1'], ['SELECT', '9'], ['SET', 'k', 'v']);
    const { code, text } = await compare(at(one), at(other));
    for (const line of [
      `"only one": a string, missing on ${at(other)}`,
      `"only other": a string, missing on ${at(one)}`,
      '"type": a string and a list',
      '"value": a string, the values differ',
      '"hash": a hash, the values differ',
      '"stream": a stream, the values differ',
      `database 9, "k": a string, missing on ${at(one)}`,
      ': 8 differences',
    ]) {
      assert.ok(text.includes(line), `${line}\n${text}`);
    }
    assert.match(text, /"string": a string, expires in [\d.]+ s and without an expiry/);
    assert.equal(code, 1);
  });

  test('says what is wrong with an order, or a server', async () => {
    await using redis = await startPrimary('--requirepass', 'secret');
    assert.equal((await compare(at(redis))).code, 2);
    assert.equal((await compare(at(redis), at(redis), '--sample', 'x')).code, 2);
    assert.match((await compare(at(redis), at(redis))).text, /cannot be compared: .*NOAUTH/);
    const url = `redis://:secret@${at(redis)}`;
    assert.deepEqual((await compare(url, url)).code, 0);
    await using open = await startPrimary();
    const addresses = [at(redis), at(open)];
    assert.equal((await compareByProgram(addresses, 'secret')).code, 0, 'REDISCLI_AUTH');
    assert.match((await compareByProgram(addresses, 'wrong')).text, /NOAUTH/);
    assert.match((await compare(url, '127.0.0.1:1')).text, /cannot be compared: .*ECONNREFUSED/);
  });
});

function shownText(one: Server, other: Server): string {
  return (
    `Comparing ${at(one)} (redis 7.0.15) with ${at(other)} (darter 0.1.0)\n` +
    'database 0: 8 keys and 8\ndatabase 7: 1 keys and 1\n9 keys compared: 0 differences\n'
  );
}

async function writeOn(server: Server, work: { readonly isOver: boolean }): Promise<void> {
  const client = await server.client();
  for (let i = 0; !work.isOver; i++) {
    await client.pipeline([
      ['SET', `k${i % 50}`, `${i}`],
      ['LPUSH', 'list', `${i}`],
      ['LTRIM', 'list', '0', '99'],
    ]);
  }
  await client.close();
}
