/** SLOWLOG GET: the words of commands with passwords and names of users, as redis-server shows them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isList, type Reply, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const COMMANDS = [
  ...['AUTH p', 'AUTH u p', 'AUTH u wrong', 'auth u p', 'HELLO', 'HELLO 2', 'HELLO 2 SETNAME x'],
  ...['HELLO 3 AUTH u p', 'HELLO 3 AUTH u p SETNAME x', 'hello 2 setname x auth u p'],
  ...['HELLO 2 AUTH u wrong', 'ACL SETUSER v >secret on', 'ACL SETUSER v bad>secret', 'ACL WHOAMI'],
  ...['ACL GETUSER u', 'ACL DELUSER v w', 'ACL DRYRUN u AUTH p', 'ACL DRYRUN u GET k', 'ACL LIST'],
  ...['CONFIG SET masterauth s', 'CONFIG SET maxmemory 0 masterauth s hz 10', 'CONFIG SET hz 10'],
  ...['CONFIG SET MASTERAUTH s requirepass s', 'CONFIG SET masteruser u', 'CONFIG GET masterauth'],
  ...['MIGRATE 127.0.0.1 1 k 0 10 AUTH s', 'MIGRATE 127.0.0.1 1 k 0 10 COPY AUTH2 u s KEYS'],
  ...['MIGRATE 127.0.0.1 1 AUTH 0 10 auth s', 'MIGRATE 127.0.0.1 1 k 0 10 AUTH', 'AUTHX s'],
  ...['REPLICAOF NO ONE', 'SET k AUTH', 'GET auth', 'ECHO requirepass'],
];

/** Redis shows passwords in what is no valid request: here they are hidden. */
const HIDDEN_HERE = ['AUTH a secret c', 'HELLO 9 AUTH u secret', 'HELLO 2 AUTH secret'];

/** The words of each entry, oldest first. */
function wordsOf(log: Reply): string[] {
  assert.ok(isList(log));
  const entries = log.items.map((entry) => {
    assert.ok(isList(entry));
    const words = entry.items[3]!;
    assert.ok(isList(words));
    return words.items.map(textOf).join(' ');
  });
  return entries.reverse().filter((words) => !words.startsWith('SLOWLOG'));
}

describe('the slow log', { skip: eitherMissing() }, () => {
  let servers: Server[] = [];
  before(async () => {
    servers = await Promise.all([startDarter({ args: ['--threads', '1'] }), startRedis()]);
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  /** Each command by a client of its own. */
  async function logged(server: Server, commands: readonly string[]): Promise<string[]> {
    const admin = await server.client();
    await admin.command('ACL', 'SETUSER', 'u', 'on', '>p', '~*', '+@all');
    await admin.command('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
    await admin.command('SLOWLOG', 'RESET');
    for (const words of commands) {
      const client = await server.client();
      await client.command(...words.split(' '));
      await client.close();
      await admin.command('CONFIG', 'SET', 'requirepass', '', 'slowlog-log-slower-than', '0');
    }
    const log = await admin.command('SLOWLOG', 'GET', '-1');
    await admin.close();
    return wordsOf(log).filter((words) => !words.startsWith('CONFIG SET requirepass'));
  }

  test('hides what Redis hides, and shows what it shows', async () => {
    const [own, their] = await Promise.all(servers.map((server) => logged(server, COMMANDS)));
    assert.deepEqual(own, their);
    assert.ok(own!.length > COMMANDS.length / 2);
  });

  test('hides passwords also in what is no valid request', async () => {
    for (const words of await logged(servers[0]!, HIDDEN_HERE)) {
      assert.doesNotMatch(words, /secret/);
    }
  });
});
