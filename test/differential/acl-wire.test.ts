/**
 * Users over the wire, against redis-server: the same commands to both, by clients of several users.
 * What a user may do is compared as well, with random rules: by ACL DRYRUN and by doing it.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isList, type Reply, showReply, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { CommandArguments } from './acl-arguments.js';
import { sortSingleCommands } from './acl-rules.js';

const ROUNDS = Number(process.env.DARTER_ACL_ROUNDS ?? 150);
const VECTORS = 16;
const seed = seedFromEnvironment();
/** They leave a connection that takes no other commands, or end it. */
const NOT_RUN = ['subscribe', 'psubscribe', 'ssubscribe', 'unsubscribe', 'hello', 'auth'];

/** A line is `client: words`; `new client` opens another connection of that name. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  'users come, change and go': [
    'a: ACL SETUSER u',
    'a: ACL GETUSER u',
    'a: ACL SETUSER u on >p ~k* %R~r %W~w &c* +get +set +select|0 -@all +ping (+del ~d) (%R~* +@read)',
    'a: ACL GETUSER u',
    'a: ACL GETUSER none',
    'a: ACL LIST',
    'a: ACL USERS',
    'a: ACL SETUSER u nonsense',
    'a: ACL SETUSER u +get foo',
    'a: ACL SETUSER u +nosuch',
    'a: ACL SETUSER u (+get',
    'a: ACL SETUSER u ~* ~a',
    'a: ACL SETUSER u <none',
    'a: ACL SETUSER u #12',
    'a: ACL SETUSER u +config|get|x',
    'a: ACL SETUSER',
    'a: ACL DELUSER',
    'a: ACL DELUSER none u none',
    'a: ACL DELUSER default',
    'a: ACL DELUSER x default',
    'a: ACL USERS',
    'a: ACL NOSUCH',
    'a: ACL',
    'a: ACL WHOAMI',
    'a: ACL WHOAMI x',
    'a: ACL CAT nosuch',
    'a: ACL CAT a b',
    'a: ACL GENPASS 0',
    'a: ACL GENPASS 4097',
    'a: ACL GENPASS -5',
    'a: ACL GENPASS x',
    'a: ACL GENPASS 1 2',
    'a: ACL SAVE',
    'a: ACL LOAD',
  ],
  'logging in': [
    'a: AUTH p',
    'a: AUTH default anything',
    'a: AUTH none p',
    'a: AUTH a b c',
    'a: AUTH',
    'a: ACL SETUSER u on >p +@all ~*',
    'a: ACL SETUSER off >p +@all',
    'new b',
    'b: AUTH u wrong',
    'b: AUTH off p',
    'b: ACL WHOAMI',
    'b: AUTH u p',
    'b: ACL WHOAMI',
    'b: HELLO 3 AUTH u wrong',
    'b: HELLO 2 AUTH default x SETNAME n',
    'b: ACL WHOAMI',
    'b: AUTH u p',
    'b: RESET',
    'b: ACL WHOAMI',
    'a: CONFIG SET requirepass secret',
    'a: CONFIG GET requirepass',
    'a: PING',
    'b: PING',
    'b: RESET',
    'b: PING',
    'b: HELLO 3',
    'b: AUTH secret',
    'b: PING',
    'new c',
    'c: PING',
    'c: GET',
    'c: NOSUCH',
    'c: AUTH wrong',
    'c: AUTH u p',
    'c: PING',
    'a: ACL SETUSER default off',
    'new d',
    'd: PING',
    'd: AUTH secret',
    'a: ACL SETUSER default on resetpass >other',
    'd: AUTH secret',
    'd: AUTH other',
    'a: CONFIG GET requirepass',
    'a: CONFIG SET requirepass secret',
    'd: RESET',
    'd: AUTH other',
    'a: CONFIG SET requirepass again',
    'd: AUTH again',
    'a: ACL SETUSER default nopass',
    'd: RESET',
    'd: PING',
    'd: AUTH again',
    'a: ACL LOG',
    'a: ACL LOG RESET',
    'a: ACL LOG',
  ],
  'what is denied': [
    'a: ACL SETUSER u on nopass +@all -@dangerous -config +config|get +select|1 -select +select|0 ~k* &c*',
    'a: SET x 1',
    'new b',
    'b: AUTH u x',
    'b: SET k 1',
    'b: GET x',
    'b: MGET k x',
    'b: MSET k 1 x 2',
    'b: CONFIG SET hz 10',
    'b: CONFIG GET nothing',
    'b: SELECT 0',
    'b: SELECT 1',
    'b: GET',
    'b: NOSUCH',
    'b: CONFIG NOSUCH',
    'b: keys *',
    'b: FLUSHALL',
    'b: ACL LIST',
    'b: ACL WHOAMI',
    'b: OBJECT ENCODING x',
    'b: COPY k x',
    'b: EXISTS x',
    'a: ACL LOG 100',
    'a: ACL LOG 2',
    'a: ACL LOG -1',
    'a: ACL LOG x',
    'a: ACL LOG 1 2',
    'a: ACL LOG RESET',
  ],
  'keys that are read, written, or both': [
    'a: ACL SETUSER u on nopass +@all %R~r* %W~w* ~b*',
    'new b',
    'b: AUTH u x',
    'b: GET r',
    'b: GET w',
    'b: SET w 1',
    'b: SET w 1 GET',
    'b: SET b 1 GET',
    'b: SET r 1',
    'b: COPY r w',
    'b: COPY w r',
    'b: RENAME w w2',
    'b: RENAME b b2',
    'b: TYPE w',
    'b: EXISTS w r',
    'b: DEL w',
    'b: DEL r',
    'b: GETDEL w',
    'b: LPUSH w 1',
    'b: LPOP w',
    'b: LMOVE b w left left',
    'b: SUNIONSTORE w r r',
    'b: SUNIONSTORE w r w',
    'b: BITFIELD r GET u8 0',
    'b: BITFIELD w GET u8 0',
    'b: BITFIELD w SET u8 0 1',
    'b: EXPIRE w 10',
    'b: SORT r STORE w',
    'b: SORT r STORE r2',
    'b: ZADD',
    'b: ZUNIONSTORE w 2 r',
    'b: ZUNIONSTORE w 1 x',
    'a: ACL LOG',
  ],
  'SORT reads keys that it does not declare': [
    'a: RPUSH l 2 1',
    'a: MSET w1 5 w2 4',
    'a: ACL SETUSER all on nopass +@all ~*',
    'a: ACL SETUSER star on nopass +@all %R~*',
    'a: ACL SETUSER some on nopass +@all ~l ~w* ~s',
    'a: ACL SETUSER two on nopass +@all ~l (+sort %R~*)',
    'new b',
    ...['all', 'star', 'some', 'two'].flatMap((user) => [
      `b: AUTH ${user} x`,
      'b: SORT l BY w*',
      'b: SORT l BY nosort',
      'b: SORT l GET w*',
      'b: SORT l GET #',
      'b: SORT l GET # LIMIT x 1',
      'b: SORT l LIMIT x 1 GET #',
      'b: SORT l BY w* LIMIT 0 1 foo',
      'b: SORT_RO l BY w* GET w*',
      'b: SORT l BY w* STORE s',
      'b: MULTI',
      'b: SORT l BY w*',
      'b: EXEC',
    ]),
  ],
  transactions: [
    'a: ACL SETUSER u on nopass +@all ~*',
    'new b',
    'b: AUTH u x',
    'b: MULTI',
    'b: SET k 1',
    'b: GET k',
    'a: ACL SETUSER u -set',
    'b: EXEC',
    'a: ACL SETUSER u +set resetkeys ~k',
    'b: MULTI',
    'b: SET k 2',
    'b: SET x 2',
    'b: EXEC',
    'b: MULTI',
    'b: SET k 3',
    'b: GET k',
    'a: ACL SETUSER u resetkeys %R~k',
    'b: EXEC',
    'a: ACL SETUSER u ~k',
    'b: MULTI',
    'b: SET k 4',
    'a: ACL SETUSER u -exec',
    'b: EXEC',
    'b: DISCARD',
    'a: ACL SETUSER u +exec -multi',
    'b: MULTI',
    'a: ACL SETUSER u +multi -discard',
    'b: MULTI',
    'b: DISCARD',
    'b: NOSUCH',
    'b: EXEC',
    'b: MULTI',
    'b: ACL SETUSER u -get',
    'b: GET k',
    'b: ACL SETUSER u +get',
    'b: GET k',
    'b: AUTH default x',
    'b: GET x',
    'b: AUTH u wrong',
    'b: EXEC',
    'b: ACL WHOAMI',
    'a: GET k',
    'a: ACL LOG',
  ],
  channels: [
    'a: ACL SETUSER u on nopass +@all &c* &[x]',
    'new b',
    'b: AUTH u x',
    'b: PUBLISH c1 m',
    'b: PUBLISH d m',
    'b: SPUBLISH d m',
    'b: SUBSCRIBE c1 d',
    'b: SUBSCRIBE x',
    'b: PING',
    'b: UNSUBSCRIBE x',
    'b: PSUBSCRIBE c1',
    'b: PSUBSCRIBE *',
    'b: PSUBSCRIBE c*',
    'b: PUNSUBSCRIBE c*',
    'b: SSUBSCRIBE d',
    'b: SSUBSCRIBE cx',
    'b: SUNSUBSCRIBE cx',
    'b: UNSUBSCRIBE d',
    'b: MULTI',
    'b: PUBLISH c1 m',
    'a: ACL SETUSER u resetchannels',
    'b: EXEC',
    'b: SUBSCRIBE c1',
    'a: ACL LOG',
    'a: ACL SETUSER u &c* &d',
    'new c',
    'new d',
    'c: AUTH u x',
    'd: AUTH u x',
    'b: SUBSCRIBE d',
    'c: PSUBSCRIBE c*',
    'd: SSUBSCRIBE d',
    'a: ACL SETUSER u &e',
    'b: PING',
    'c: PING',
    'd: PING',
    'a: ACL SETUSER u resetchannels &e &c* (&d)',
    'b: PING',
    'c: PING',
    'd: PING',
    'a: ACL SETUSER u resetchannels &c1',
    'b: PING',
    'c: PING',
    'd: PING',
    'a: ACL SETUSER u clearselectors',
    'b: PING',
    'd: PING',
  ],
  'connections that end': [
    'a: ACL SETUSER u on nopass +@all ~*',
    'a: ACL SETUSER v on nopass +@all ~*',
    'new b',
    'new c',
    'b: AUTH u x',
    'c: AUTH v x',
    'a: CLIENT KILL USER none',
    'a: CLIENT KILL USER u',
    'b: PING',
    'new b',
    'b: AUTH u x',
    'a: ACL DELUSER u v',
    'b: PING',
    'c: PING',
    'a: ACL SETUSER u on nopass +@all ~*',
    'new b',
    'b: AUTH u x',
    'b: ACL DELUSER u',
    'b: PING',
    'a: ACL SETUSER u on nopass +@all ~*',
    'new b',
    'b: AUTH u x',
    'a: ACL SETUSER u off -@all',
    'b: PING',
    'b: AUTH u x',
    'a: ACL SETUSER u reset',
    'b: PING',
    'b: ACL WHOAMI',
    'b: RESET',
    'b: PING',
    'a: ACL SETUSER u on nopass +@all ~*',
    'b: AUTH u x',
    'b: MULTI',
    'a: ACL DELUSER u',
    'b: EXEC',
  ],
};

/** Texts that cannot be the same: ages, and clients. */
const ANY = ['age-seconds', 'client-info', 'id'];

function shown(reply: Reply): string {
  if (!isList(reply))
    return showReply(reply).replace(/^(.*)$/s, (text) => sortSingleCommands(text));
  const items = reply.items.map((item, i) => {
    const before = reply.items[i - 1];
    const isAny = before !== undefined && !isList(before) && ANY.includes(textOf(before));
    return isAny ? '?' : shown(item);
  });
  return `[${items.join(', ')}]`;
}

/** Runs a script. @returns each line with its reply */
async function transcript(server: Server, lines: readonly string[]): Promise<string[]> {
  const clients = new Map([['a', await server.client()]]);
  const all = [...clients.values()];
  const shownLines: string[] = [];
  for (const line of lines) {
    const opening = /^new (\w+)$/.exec(line);
    if (opening !== null) {
      const client = await server.client();
      clients.set(opening[1]!, client);
      all.push(client);
      continue;
    }
    const [, name, command] = /^(\w+): (.*)$/.exec(line)!;
    const reply = await clients
      .get(name!)!
      .command(...command!.split(' '))
      .then(shown, () => 'connection ended');
    shownLines.push(`${line}\n    ${reply}`);
  }
  await Promise.all(all.map((client) => client.close()));
  return shownLines;
}

describe('users over the wire', { skip: eitherMissing() }, () => {
  let servers: [Server, Server];
  let admins: [RawClient, RawClient];
  let known: Set<string>;

  before(async () => {
    servers = await Promise.all([startDarter({ threads: 2 }), startRedis()]);
    admins = await Promise.all([servers[0].client(), servers[1].client()]);
    const reply = await admins[0].command('COMMAND', 'LIST');
    assert.ok(isList(reply));
    known = new Set(reply.items.map(textOf));
  });
  after(async () => {
    await Promise.all(admins.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });
  beforeEach(async () => {
    for (const admin of admins) {
      await admin.pipeline([
        ['CONFIG', 'SET', 'requirepass', ''],
        ['ACL', 'SETUSER', 'default', 'on', 'nopass'],
        ['FLUSHALL'],
        ['ACL', 'LOG', 'RESET'],
      ]);
      const users = await admin.command('ACL', 'USERS');
      assert.ok(isList(users));
      const names = users.items.map(textOf).filter((name) => name !== 'default');
      if (names.length > 0) await admin.command('ACL', 'DELUSER', ...names);
    }
  });

  for (const [name, lines] of Object.entries(SCRIPTS)) {
    test(name, async () => {
      const [ours, theirs] = await Promise.all(servers.map((one) => transcript(one, lines)));
      assert.deepEqual(ours, theirs);
    });
  }

  /** Rules that name only commands which this server has. */
  function possible(rules: readonly string[]): string[] {
    return rules.flatMap((rule) => {
      if (rule.startsWith('(')) return [`(${possible(rule.slice(1, -1).split(' ')).join(' ')})`];
      const name = /^[+-]([a-z_]+)/.exec(rule)?.[1];
      return name === undefined || known.has(name) ? [rule] : [];
    });
  }

  test(`${ROUNDS} random users: what they may do`, async (t) => {
    t.diagnostic(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    const commands = new CommandArguments(random);
    // On one thread: a client that moves to another would leave its entries in two logs.
    await using single = await startDarter({ threads: 1 });
    const pairs = await Promise.all(
      [single, servers[1]].map(async (one) => [await one.client(), await one.client()] as const),
    );
    let denied = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const rules = ['reset', 'on', 'nopass', ...possible(commands.rules().slice(2))];
      const vectors = Array.from({ length: VECTORS }, () => commands.vector()).filter(([name]) =>
        known.has(name!),
      );
      const answers = await Promise.all(
        pairs.map(async ([admin, user]) => {
          const set = await admin.text('ACL', 'SETUSER', 'u', ...rules);
          await user.text('AUTH', 'u', 'x');
          const dry = await admin.pipeline(vectors.map((one) => ['ACL', 'DRYRUN', 'u', ...one]));
          const run = vectors.filter(([name]) => !NOT_RUN.includes(name!));
          const done = await user.pipeline(run);
          return { set, dry: dry.map(textOf), done: done.map(noPermission) };
        }),
      );
      assert.deepEqual(answers[0], answers[1], JSON.stringify({ rules, vectors }));
      denied += answers[0]!.done.filter((text) => text !== '').length;
    }
    assert.ok(denied > ROUNDS);
    const logs = await Promise.all(pairs.map(([admin]) => admin.command('ACL', 'LOG', '100')));
    assert.deepEqual(shown(logs[0]!), shown(logs[1]!));
    await Promise.all(pairs.flat().map((client) => client.close()));
  });
});

/** The error of a command that was denied, '' for what else it was answered. */
function noPermission(reply: Reply): string {
  const text = isList(reply) ? '' : textOf(reply);
  return text.startsWith('NOPERM') ? text : '';
}
