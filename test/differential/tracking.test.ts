/** Clients that track what they read: what each of them gets, and when, compared with redis-server. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { converse, type Step } from '../support/conversation.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { showReply } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { until } from '../support/until.js';

const scripts: Readonly<Record<string, readonly Step[]>> = {
  'a key that was read is told once, after the replies that came before': [
    [0, 'HELLO 3', 'CLIENT TRACKING ON', 'MSET a 1 b 2 c 3'],
    [0, 'GET a', 'SET a 2', 'SET a 3', 'GET a'],
    [1, 'SET a 4', 'SET a 5'],
    [0, 'MGET a b none', 'EXISTS c', 'TTL c'],
    [1, 'DEL a c', 'SET none 1', 'APPEND b x'],
    [0, 'GET a', 'GET b'],
    [1, 'SELECT 1', 'SET a 1', 'SELECT 0'],
    [0, 'GETDEL b', 'GET b', 'GETEX a PERSIST', 'GET a', 'EXPIRE a 100', 'GET a', 'EXPIRE a 0'],
    [0, 'CLIENT TRACKINGINFO', 'CLIENT GETREDIR', 'CLIENT TRACKING OFF', 'GET a', 'SET a 1'],
  ],
  'transactions and scripts': [
    [0, 'HELLO 3', 'CLIENT TRACKING ON', 'GET a'],
    [0, 'MULTI', 'SET a 1', 'GET b', 'SET a 2', 'EXEC', 'PING'],
    [1, 'MULTI', 'SET b 1', 'SET a 1', 'EXEC'],
    [0, 'EVAL \'return redis.call("get", KEYS[1])\' 2 a b'],
    [1, 'SET b 1', 'SET a 1'],
    [0, 'EVAL_RO \'return redis.call("get", KEYS[1])\' 1 a'],
    [1, 'EVAL \'redis.call("set", KEYS[1], 1) return redis.call("set", KEYS[1], 2)\' 1 a'],
    [0, 'GET a', 'EVAL \'redis.call("set", KEYS[1], 1) return 7\' 1 a'],
    [0, 'MULTI', 'CLIENT TRACKING OFF', 'GET a', 'CLIENT TRACKING ON', 'GET b', 'EXEC'],
    [1, 'MSET a 1 b 1'],
  ],
  'flushes void everything': [
    [0, 'HELLO 3', 'CLIENT TRACKING ON', 'SET a 1', 'GET a', 'FLUSHALL', 'PING'],
    [1, 'CLIENT TRACKING ON BCAST'],
    [2, 'HELLO 3', 'CLIENT TRACKING ON BCAST PREFIX x'],
    [1, 'SELECT 3', 'FLUSHDB', 'SELECT 0'],
    [0, 'GET a', 'MULTI', 'SET a 1', 'FLUSHALL', 'SET a 2', 'EXEC'],
    [1, 'SET a 1'],
  ],
  'by choice': [
    [0, 'HELLO 3', 'SET a 1', 'CLIENT CACHING YES', 'CLIENT TRACKING ON OPTIN', 'GET a', 'SET a 2'],
    [0, 'CLIENT CACHING NO', 'CLIENT CACHING x', 'CLIENT CACHING YES', 'GET a', 'SET a 1', 'GET a'],
    [0, 'SET a 1', 'CLIENT CACHING YES', 'PING', 'GET a', 'SET a 1'],
    [0, 'CLIENT CACHING YES', 'CLIENT TRACKINGINFO', 'CLIENT GETNAME', 'GET a', 'SET a 4'],
    [0, 'CLIENT CACHING YES', 'MULTI', 'GET a', 'GET b', 'EXEC', 'MSET a 1 b 1'],
    [0, 'MULTI', 'CLIENT CACHING YES', 'GET a', 'EXEC', 'SET a 1', 'GET a', 'SET a 2'],
    [0, 'CLIENT CACHING YES', 'NONE', 'GET a', 'SET a 2', 'CLIENT CACHING YES', 'GET', 'GET a'],
    [1, 'SET a 1'],
    [0, 'CLIENT TRACKING ON OPTOUT', 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON OPTOUT'],
    [0, 'GET a', 'SET a 1', 'CLIENT CACHING YES', 'CLIENT CACHING NO', 'CLIENT TRACKINGINFO'],
    [0, 'GET a', 'SET a 1', 'CLIENT CACHING NO', 'GET a', 'SET a 1', 'GET a', 'SET a 1'],
  ],
  'without what a client has done itself': [
    [0, 'HELLO 3', 'CLIENT TRACKING ON NOLOOP', 'GET a', 'SET a 1'],
    [1, 'SET a 2'],
    [0, 'GET a', 'GET b'],
    [1, 'SET a 3'],
    [0, 'MULTI', 'SET b 1', 'EXEC', 'CLIENT TRACKINGINFO'],
  ],
  'replies that are off': [
    [
      0,
      ...[
        'HELLO 3',
        'CLIENT TRACKING ON',
        'GET a',
        'CLIENT REPLY OFF',
        'SET a 1',
        'GET a',
        'SET a 2',
      ],
      ...['CLIENT REPLY ON', 'GET a', 'CLIENT REPLY SKIP', 'SET a 1', 'GET a'],
    ],
    [1, 'SET a 1'],
    [0, 'GET a', 'RESET', 'CLIENT TRACKINGINFO'],
    [1, 'SET a 1'],
  ],
  'RESP2 without another connection gets nothing': [
    [0, 'CLIENT TRACKING ON', 'GET a', 'SET a 1', 'CLIENT TRACKINGINFO', 'HELLO 3', 'GET a'],
    [1, 'SET a 2'],
    [0, 'GET a', 'HELLO 2'],
    [1, 'SET a 2', 'FLUSHALL'],
  ],
  'which error comes first': [
    [
      0,
      'CLIENT TRACKING',
      'CLIENT TRACKING x',
      'CLIENT TRACKING ON x',
      'CLIENT TRACKING x OPTIN x',
    ],
    [
      0,
      'CLIENT TRACKING ON REDIRECT',
      'CLIENT TRACKING ON REDIRECT x',
      'CLIENT TRACKING ON PREFIX',
    ],
    [0, 'CLIENT TRACKING ON REDIRECT 0', 'CLIENT TRACKING ON REDIRECT -1', 'CLIENT CACHING'],
    [0, 'CLIENT TRACKING ON REDIRECT 9223372036854775807', 'CLIENT TRACKING ON REDIRECT 999999 x'],
    [
      0,
      'CLIENT TRACKING ON PREFIX a',
      'CLIENT TRACKING ON BCAST OPTIN',
      'CLIENT TRACKING ON OPTIN OPTOUT',
    ],
    [
      0,
      'CLIENT TRACKING OFF PREFIX a',
      'CLIENT TRACKING OFF OPTIN OPTOUT',
      'CLIENT TRACKING OFF x',
    ],
    [
      0,
      'CLIENT TRACKING ON BCAST PREFIX ab PREFIX a',
      "CLIENT TRACKING ON BCAST PREFIX '' PREFIX a",
    ],
    [0, 'CLIENT TRACKING ON NOLOOP NOLOOP', 'CLIENT TRACKING ON BCAST', 'CLIENT TRACKINGINFO'],
    [0, 'CLIENT TRACKINGINFO x', 'CLIENT GETREDIR x', 'CLIENT CACHING x', 'CLIENT CACHING yes'],
  ],
};

/** Keys with a prefix are told when a turn of the server is over, those of the turn together. */
const broadcast: Readonly<Record<string, readonly Step[]>> = {
  'by prefixes': [
    [0, 'HELLO 3', 'CLIENT TRACKING ON BCAST PREFIX b PREFIX a', 'CLIENT TRACKINGINFO'],
    [2, 'HELLO 3', 'CLIENT TRACKING ON BCAST'],
    [0, 'SET a 1', 'SET b 2', 'SET c 3', 'SET ab 1', 'SET aa 1', 'SET a 2', 'PING'],
    [1, 'MSET b 1 a 1 c 1', 'SET b2 1', 'DEL a', 'DEL none'],
    [0, 'CLIENT TRACKING ON BCAST PREFIX c', 'CLIENT TRACKINGINFO'],
    [1, 'MSET a 1 c 1 d 1', 'RENAME c b', 'MULTI', 'SET a 1', 'SET c 1', 'EXEC'],
    [0, 'CLIENT TRACKING ON BCAST PREFIX ab', 'CLIENT TRACKING ON BCAST PREFIX c'],
    [
      0,
      'CLIENT TRACKING ON BCAST PREFIX x PREFIX xy',
      'CLIENT TRACKING ON BCAST PREFIX x PREFIX x',
    ],
    [0, 'CLIENT TRACKING ON BCAST', 'CLIENT TRACKINGINFO', 'CLIENT TRACKING ON'],
    [0, 'CLIENT TRACKING OFF', 'SET a 1', 'CLIENT TRACKINGINFO'],
    [2, 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON BCAST PREFIX __proto__'],
    [1, 'SET __proto__ 1', 'SET __proto__x 1', 'SET __prot 1'],
    [2, 'RESET'],
    [1, 'SET __proto__ 1'],
  ],
  'but for what a client has done itself': [
    [0, 'HELLO 3', 'CLIENT TRACKING ON BCAST NOLOOP', 'SET a 1', 'SET b 1'],
    [1, 'SET b 1', 'SET a 1'],
    [0, 'MULTI', 'SET b 1', 'EXEC', 'CLIENT TRACKINGINFO'],
  ],
  'also of what a script of its own has done': [
    [0, 'HELLO 3', 'CLIENT TRACKING ON BCAST NOLOOP'],
    [0, 'EVAL \'return redis.call("set", KEYS[1], 1)\' 1 a'],
    [0, 'MULTI', 'SET b 1', 'EVAL \'return redis.call("set", KEYS[1], 1)\' 1 a', 'EXEC'],
    [0, 'FCALL setset 2 a b'],
    [0, 'SET a 1', 'EVAL \'return redis.call("get", KEYS[1])\' 1 a'],
    [1, 'FCALL setset 2 a b'],
  ],
  'from when it has begun to listen': [
    [0, 'HELLO 3', 'SET b 0', 'CLIENT TRACKING ON BCAST', 'SET b 1', 'SET a 1'],
    [0, 'SET a 2', 'CLIENT TRACKING OFF', 'SET a 3', 'CLIENT TRACKING ON BCAST PREFIX a'],
    [0, 'SET a 4', 'SET b 4', 'CLIENT TRACKING ON BCAST PREFIX b', 'SET a 5'],
    [0, 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON BCAST NOLOOP', 'SET a 6', 'SET b 6'],
    [0, 'SET a 7', 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON BCAST', 'SET b 7'],
  ],
};

/** Client 0 gets what others ask for, by its id. */
const redirected: Readonly<Record<string, readonly Step[]>> = {
  'to a subscriber with RESP2': [
    [0, 'GET x'],
    [1, 'CLIENT TRACKING ON REDIRECT (0)', 'GET a'],
    [2, 'SET a 1'],
    [0, 'SUBSCRIBE other'],
    [1, 'GET a', 'MGET b c'],
    [2, 'SET a 1', 'FLUSHALL'],
    [0, 'SUBSCRIBE __redis__:invalidate'],
    [1, 'GET a', 'SET a 1', 'HELLO 3', 'GET a'],
    [2, 'SET a 1', 'FLUSHALL'],
    [1, 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON BCAST PREFIX a PREFIX b REDIRECT (0)'],
    [2, 'MSET a 1 b 2 c 3 aa 4'],
    [1, 'SET a 1'],
  ],
  'to one with RESP3, and to oneself': [
    [0, 'HELLO 3'],
    [1, 'CLIENT TRACKING ON REDIRECT (0)', 'GET a', 'SET a 1', 'GET a'],
    [2, 'SET a 1'],
    [0, 'CLIENT TRACKING ON REDIRECT (0)', 'GET a', 'SET a 1'],
    [1, 'CLIENT TRACKING ON REDIRECT (0) REDIRECT (0)', 'CLIENT TRACKING ON', 'GET a'],
    [2, 'SET a 1'],
  ],
  'to one that has gone': [
    [1, 'HELLO 3', 'CLIENT TRACKING ON REDIRECT (0)', 'GET a', 'GET b'],
    [0, 'QUIT'],
    [2, 'SET a 1'],
    [1, 'CLIENT TRACKINGINFO', 'GET a', 'SET a 1', 'CLIENT TRACKING ON', 'CLIENT TRACKINGINFO'],
    [2, 'SET b 1', 'FLUSHALL'],
  ],
};

const SCRIPT =
  'redis.call("get", KEYS[1]) redis.call("set", KEYS[2], 1) return redis.call("get", KEYS[1])';
const LIBRARY = `#!lua name=tracked
redis.register_function('readsetread', function(KEYS) ${SCRIPT} end)
redis.register_function('setset', function(KEYS)
  redis.call('set', KEYS[1], 1) return redis.call('set', KEYS[2], 2)
end)`;

function randomLine(random: Random, hasScripts: boolean): string {
  const keys = ['a', 'b', 'ab', 'abc', 'c'];
  const key = () => random.pick(keys);
  const reads = () => random.pick([`GET ${key()}`, `MGET ${key()} ${key()}`, `STRLEN ${key()}`]);
  const writes = () =>
    random.pick([
      `SET ${key()} 1`,
      `MSET ${key()} 1 ${key()} 2`,
      `DEL ${key()} ${key()}`,
      `RENAME ${key()} ${key()}`,
      `INCR ${key()}`,
      `SETNX ${key()} 1`,
      'FLUSHALL',
    ]);
  const scripts = () =>
    random.pick([
      `EVAL '${SCRIPT}' 2 ${key()} ${key()}`,
      `EVAL 'redis.pcall("incr", KEYS[1]) return redis.call("get", KEYS[1])' 1 ${key()}`,
      `FCALL ${random.pick(['readsetread', 'setset'])} 2 ${key()} ${key()}`,
    ]);
  // Of a key that a script and its caller change in one turn, Redis keeps in mind the last one only.
  const noLoop = hasScripts ? [''] : ['', ' NOLOOP'];
  const modes = () =>
    random.pick([
      'CLIENT TRACKING OFF',
      `CLIENT TRACKING ON${random.pick(['', ' NOLOOP', ' OPTIN', ' OPTOUT', ' OPTIN NOLOOP'])}`,
      `CLIENT TRACKING ON BCAST${random.pick(noLoop)}${random.pick(['', ' PREFIX a', ' PREFIX ab PREFIX c'])}`,
      `CLIENT CACHING ${random.pick(['YES', 'NO'])}`,
      'CLIENT TRACKINGINFO',
      `HELLO ${random.pick([2, 3, 3])}`,
    ]);
  return random.pick([reads, reads, writes, hasScripts ? scripts : writes, modes])();
}

function randomLines(random: Random, hasScripts: boolean): string[] {
  const lines = Array.from({ length: 1 + random.below(5) }, () => randomLine(random, hasScripts));
  // Redis tells a new listener of what was changed before in the same turn if others have the prefix.
  lines.sort((a, b) => Number(b.includes('BCAST')) - Number(a.includes('BCAST')));
  if (!random.chance(0.2)) return lines;
  // Redis tells a client that ends tracking in a transaction of what was changed before in it.
  const queued = lines.filter((line) => !/^HELLO|^CLIENT TRACKING O/.test(line));
  return ['MULTI', ...queued, random.chance(0.8) ? 'EXEC' : 'DISCARD'];
}

function normal(line: string): string {
  return line.replace(/(\$2\\r\\nid\\r\\n):\d+/g, '$1:(id)').replace(/:\d{2,}/g, ':(id)');
}

/** The keys of invalidations that follow each other, as turns may have ended in between; all of them once. */
function joined(line: string): string {
  const key = String.raw`\$\d+\\r\\n[^$]*?\\r\\n`;
  const message = String.raw`>2\\r\\n\$10\\r\\ninvalidate\\r\\n\*\d+\\r\\n(?:${key})+`;
  // Several clients may name the same one, and each has a null of its own protocol.
  const flushes =
    /(?:>2\\r\\n\$10\\r\\ninvalidate|\*3\\r\\n\$7\\r\\nmessage\\r\\n\$20\\r\\n__redis__:invalidate)\\r\\n(?:_|\$-1)\\r\\n/g;
  const once = normal(line).replace(new RegExp(`(?:${flushes.source})+`, 'g'), '(all)');
  return once.replace(new RegExp(`(?:${message}){1,}`, 'g'), (messages) => {
    const bodies = messages.split(/>2\\r\\n\$10\\r\\ninvalidate\\r\\n\*\d+\\r\\n/);
    const keys = bodies.flatMap((body) => body.match(new RegExp(key, 'g')) ?? []);
    return `(invalidate ${[...new Set(keys)].sort().join('')})`;
  });
}

describe('clients that track what they read', { skip: eitherMissing() }, () => {
  let ours: Server;
  let single: Server;
  let theirs: Server;

  before(async () => {
    const args = ['--placement', 'spread'];
    [ours, single, theirs] = await Promise.all([
      startDarter({ threads: 3, args }),
      startDarter({ threads: 1 }),
      startRedis(),
    ]);
  });
  after(() => Promise.all([ours.stop(), single.stop(), theirs.stop()]));

  async function compare(
    server: Server,
    clients: number,
    steps: readonly Step[],
    isTurnOver = false,
  ): Promise<void> {
    const [own, their] = await Promise.all(
      [server, theirs].map(async (each) => {
        const admin = await each.client();
        await admin.text('FLUSHALL');
        await admin.text('FUNCTION', 'LOAD', 'REPLACE', LIBRARY);
        await admin.close();
        return converse(each.port, clients, steps, isTurnOver);
      }),
    );
    const shown = isTurnOver ? joined : normal;
    assert.deepEqual(own!.map(shown), their!.map(shown));
  }

  for (const [name, steps] of Object.entries(scripts)) test(name, () => compare(ours, 3, steps));

  for (const [name, steps] of Object.entries(broadcast)) {
    test(name, () => compare(ours, 3, steps, true));
  }

  for (const [name, steps] of Object.entries(redirected)) {
    // On one thread, as a message to another client's thread may come a moment later.
    test(`invalidations go to another connection: ${name}`, () => compare(single, 3, steps));
  }

  test('NOLOOP: whoever is served while it waits has written, not whoever serves it', async () => {
    const seen = await Promise.all(
      [single, theirs].map(async (server) => {
        const [waiting, pushing] = await Promise.all([server.client(), server.client()]);
        await waiting.command('FLUSHALL');
        const isWaiting = async () =>
          /blocked_clients:1\b/.test(await server.ask('INFO', 'clients'));
        const told: string[][] = [];
        for (const command of ['BLMOVE l d LEFT RIGHT 0', 'BRPOPLPUSH l d 0', 'BLPOP l 0']) {
          for (const client of [waiting, pushing]) {
            await client.command('HELLO', '3');
            await client.command('CLIENT', 'TRACKING', 'ON', 'NOLOOP');
            for (const key of ['l', 'd']) await client.command('EXISTS', key);
          }
          const served = waiting.command(...command.split(' '));
          await until('it waits', isWaiting);
          await pushing.command('RPUSH', 'l', 'a');
          await served;
          for (const client of [waiting, pushing]) {
            await client.command('CLIENT', 'TRACKING', 'OFF');
            told.push(client.pushes.splice(0).map(showReply).sort());
          }
        }
        await Promise.all([waiting.close(), pushing.close()]);
        return told;
      }),
    );
    assert.deepEqual(seen[0], seen[1]);
    assert.ok(seen[0]!.some((pushes) => pushes.length > 0));
  });

  const seed = seedFromEnvironment();
  const rounds = Number(process.env.DARTER_TEST_ROUNDS ?? 8);
  test(`random conversations, seed ${seed}`, async () => {
    for (let round = 0; round < rounds; round++) {
      const random = new Random(seed + round);
      const steps: Step[] = Array.from({ length: 40 }, () => [
        random.below(3),
        ...randomLines(random, round % 2 === 1),
      ]);
      await compare(ours, 3, steps, true);
    }
  });

  test(`random conversations, told to another connection, seed ${seed}`, async () => {
    for (let round = 0; round < rounds; round++) {
      const random = new Random(seed + round);
      // Client 0 listens, and does nothing that its own mode of tracking could end.
      const steps: Step[] = Array.from({ length: 40 }, () => [
        1 + random.below(2),
        ...randomLines(random, round % 2 === 1).map((line) => {
          if (!line.startsWith('CLIENT TRACKING ON')) return line;
          return random.chance(0.8) ? `${line} REDIRECT (0)` : line;
        }),
      ]);
      await compare(single, 3, [[0, 'HELLO 3'], ...steps], true);
    }
  });
});
