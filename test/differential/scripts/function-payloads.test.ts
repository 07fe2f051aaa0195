/** FUNCTION RESTORE of payloads that are cut, damaged, or do not go with the libraries that are there. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Crc64 } from '../../../src/persistence/rdb/crc64.js';
import { newRegion } from '../../../src/persistence/rdb/input.js';
import type { RawClient } from '../../support/client.js';
import { Random, seedFromEnvironment } from '../../support/random.js';
import { isList, showReply } from '../../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../../support/server.js';

const DAMAGED = 1500;
const seed = seedFromEnvironment();
/** While a library is loaded, Redis says this of a field of `redis` that is not there: docs/scripting.md. */
const INTENDED = /nonexistent global variable '[^']*'"$/;
/** What counts in the first bytes: types, lengths, encodings, line ends. */
const SPECIAL = [0, 1, 2, 10, 16, 32, 64, 128, 129, 192, 193, 194, 195, 196, 245, 246, 255];

function library(name: string, functionName: string): string {
  return `#!lua name=${name}\nredis.register_function("${functionName}",function() return 1 end)`;
}

const SOURCES: Readonly<Record<string, string>> = {
  a: library('a', 'fa'),
  b: library('b', 'fb'),
  'another a': library('a', 'fx'),
  'the function of a': library('c', 'FA'),
  'a syntax error': '#!lua name=d\nfoo(',
  'an a with a syntax error': '#!lua name=a\nfoo(',
  'an error at run time': '#!lua name=d\nredis.register_function(1)',
  'no function': '#!lua name=d\nlocal x = 1',
  'no first line': 'return 1',
  'another engine': '#!js name=x\n1',
  'a wrong name': '#!lua name=@\nx',
  'a NUL in the first line': '#!lua name\0=a\nx',
};

function textAsSaved(text: string): string {
  const { length } = text;
  return length < 64
    ? String.fromCharCode(length) + text
    : String.fromCharCode(64 | (length >> 8), length & 255) + text;
}

function saved(name: string): string {
  return `\xf5${textAsSaved(SOURCES[name]!)}`;
}

/** As release candidates of Redis 7.0 wrote it. */
function savedBefore(name: string, described: string): string {
  const body = textAsSaved('redis.register_function("f",function() return 1 end)');
  return `\xf6${textAsSaved(name)}${textAsSaved('LUA')}${described}${body}`;
}

function sealed(body: string, version = 10): string {
  const region = newRegion(body.length + 10);
  for (let i = 0; i < body.length; i++) region.bytes[i] = body.charCodeAt(i);
  region.view.setUint16(body.length, version, true);
  const crc = new Crc64();
  crc.update(region, 0, body.length + 2);
  crc.store(region, body.length + 2);
  return Buffer.from(region.bytes.slice(0, body.length + 10)).toString('latin1');
}

function damaged(random: Random, body: string): string {
  let result = body;
  for (let i = random.between(1, 2); i > 0; i--) {
    const at = random.below(random.chance(0.5) ? 4 : result.length);
    const byte = random.chance(0.5) ? random.pick(SPECIAL) : random.below(256);
    result = result.slice(0, at) + String.fromCharCode(byte) + result.slice(at + 1);
  }
  return result;
}

describe('payloads of FUNCTION RESTORE', { skip: eitherMissing() }, () => {
  let servers: Server[];
  let clients: RawClient[];
  before(async () => {
    servers = await Promise.all([startDarter(), startRedis()]);
    clients = await Promise.all(servers.map((server) => server.client()));
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function both(...command: string[]): Promise<[string, string]> {
    const replies = await Promise.all(clients.map((client) => client.command(...command)));
    const [ours, theirs] = replies.map((reply) => {
      if (!isList(reply)) return showReply(reply, 4096);
      return reply.items
        .map((item) => showReply(item))
        .sort()
        .join('\n');
    });
    return [ours!, theirs!];
  }

  /** Answers alike and leaves the same libraries. @returns the answer */
  async function restored(what: string, payload: string, ...policy: string[]): Promise<string> {
    const [ours, theirs] = await both('FUNCTION', 'RESTORE', payload, ...policy);
    const shown = `${what} ${policy.join(' ')}: ${JSON.stringify(payload)}`;
    if (INTENDED.test(theirs)) await both('FUNCTION', 'FLUSH');
    else assert.equal(ours, theirs, shown);
    assert.equal(...(await both('FUNCTION', 'LIST')), shown);
    return theirs;
  }

  it('libraries that are there, twice in a payload, or cannot be loaded', async () => {
    const names = Object.keys(SOURCES);
    for (const first of names) {
      for (const second of [undefined, ...names]) {
        const payload = sealed(saved(first) + (second === undefined ? '' : saved(second)));
        for (const policy of [[], ['APPEND'], ['REPLACE'], ['FLUSH']]) {
          await both('FUNCTION', 'FLUSH');
          await both('FUNCTION', 'LOAD', SOURCES.a!);
          await restored(`${first}, ${second}`, payload, ...policy);
        }
      }
    }
  });

  it('FUNCTION LOAD tells that a name is taken before it compiles', async () => {
    await both('FUNCTION', 'FLUSH');
    await both('FUNCTION', 'LOAD', SOURCES.a!);
    for (const source of Object.values(SOURCES)) {
      assert.equal(...(await both('FUNCTION', 'LOAD', source)), source);
    }
  });

  it('cut anywhere, with a checksum that fits and without', async () => {
    const body = saved('a') + saved('b');
    for (let end = 0; end <= body.length; end++) {
      await restored(`${end} bytes`, sealed(body.slice(0, end)), 'FLUSH');
    }
    const payload = sealed(saved('a'));
    for (let end = 0; end < payload.length; end++) {
      await restored(`${end} bytes, not sealed`, payload.slice(0, end), 'FLUSH');
    }
  });

  it('of a release candidate, and of versions that are too old', async () => {
    for (const described of ['\0', '\x01\x02hm', '\x01', '\x81', '\xc0', '\xc1\x02hm']) {
      const body = savedBefore('old', described);
      for (let end = 0; end <= body.length; end++) {
        await restored(`before 7.0, ${end}`, sealed(body.slice(0, end)), 'FLUSH');
      }
    }
    for (const version of [0, 1, 10]) await restored('', sealed(saved('b'), version), 'FLUSH');
  });

  it(`damaged (seed ${seed})`, async () => {
    const random = new Random(seed);
    const body = saved('a') + saved('b');
    const answers = new Set<string>();
    for (let i = 0; i < DAMAGED; i++) {
      answers.add(await restored(`input ${i}`, sealed(damaged(random, body)), 'FLUSH'));
    }
    assert.ok(answers.size > 20, `${answers.size} different answers`);
  });
});
