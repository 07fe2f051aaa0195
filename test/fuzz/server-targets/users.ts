/** Random logins, rules of users and dry runs, noise among them, to Darter and to redis-server alike. */
import assert from 'node:assert/strict';
import { CommandArguments } from '../../differential/acl-arguments.js';
import { randomRules } from '../../differential/acl-rules.js';
import type { RawClient } from '../../support/client.js';
import type { Random } from '../../support/random.js';
import { isList, type Reply, showReply, textOf } from '../../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../../support/server.js';
import type { ServerRun, ServerTarget } from '../server-fuzz.js';

const COMMANDS_AT_ONCE = 40;
const USERS = ['u', 'v', 'w\xf6', '', 'a b', 'default'];
const PASSWORDS = ['p', 'q', 'r', '', 'foobar', 'with blank'];
/** Commands that both servers have, for rules. */
const COMMANDS = [
  ...[
    'get',
    'set',
    'del',
    'mget',
    'zadd',
    'xadd',
    'config',
    'config|get',
    'config|set',
    'acl',
    'acl|log',
  ],
  ...[
    'client',
    'client|id',
    'debug',
    'select',
    'eval',
    'publish',
    'subscribe',
    'sort',
    'ping',
    'object',
  ],
];
class Pair implements ServerRun {
  private constructor(
    private readonly servers: readonly Server[],
    private readonly admins: readonly RawClient[],
    private readonly categories: readonly { readonly name: string }[],
  ) {}

  static async start(): Promise<Pair> {
    const servers = await Promise.all([startDarter({ threads: 2 }), startRedis()]);
    const admins = await Promise.all(servers.map((server) => server.client()));
    const reply = await admins[1]!.command('ACL', 'CAT');
    assert.ok(isList(reply));
    return new Pair(
      servers,
      admins,
      reply.items.map((one) => ({ name: textOf(one) })),
    );
  }

  /** Administrators change users; a client of each server logs in, and is told who it is. */
  async run(random: Random): Promise<void> {
    const changes = Array.from({ length: COMMANDS_AT_ONCE }, () => this.change(random));
    const logins = Array.from({ length: COMMANDS_AT_ONCE }, () => login(random));
    const answers = await Promise.all(
      this.servers.map(async (server, i) => {
        const changed = await this.admins[i]!.pipeline(changes);
        const client = await server.client();
        // The client may have lost the right to anything: what it is told then is compared as well.
        const told = await client.pipeline(logins);
        await client.close();
        await this.admins[i]!.command(
          'ACL',
          'DELUSER',
          ...USERS.filter((name) => name !== 'default'),
        );
        return [...changed, ...told].map(shown);
      }),
    );
    const asked = [...changes, ...logins];
    asked.forEach((words, at) => {
      const before = JSON.stringify(asked.slice(Math.max(0, at - 8), at + 1));
      assert.equal(answers[0]![at], answers[1]![at], `${JSON.stringify(words)} after ${before}`);
    });
  }

  private change(random: Random): string[] {
    const user = random.pick(USERS.slice(0, -1));
    const kind = random.below(10);
    if (kind < 5) {
      const rules = randomRules(random, COMMANDS, this.categories);
      if (random.chance(0.15)) rules.push(random.binary(random.between(1, 20)));
      return ['ACL', 'SETUSER', user, ...rules];
    }
    if (kind === 5) return ['ACL', 'GETUSER', user];
    if (kind === 6) return ['ACL', random.pick(['USERS', 'WHOAMI', 'NOSUCH'])];
    if (kind === 7) return ['ACL', 'DELUSER', user];
    return ['ACL', 'DRYRUN', user, ...new CommandArguments(random).vector()];
  }

  async check(): Promise<void> {
    for (const admin of this.admins) assert.equal(await admin.text('PING'), 'PONG');
  }

  async stop(): Promise<void> {
    await Promise.all(this.admins.map((admin) => admin.close()));
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

function login(random: Random): string[] {
  const noise = () => random.binary(random.below(30));
  const user = () => (random.chance(0.2) ? noise() : random.pick(USERS));
  const password = () => (random.chance(0.2) ? noise() : random.pick(PASSWORDS));
  const kind = random.below(8);
  if (kind < 3) return ['AUTH', user(), password()];
  if (kind === 3) return ['AUTH', ...Array.from({ length: random.below(4) }, noise)];
  if (kind === 4) return ['HELLO', random.pick(['2', '3', '4', 'x']), 'AUTH', user()];
  if (kind === 5) return ['ACL', 'WHOAMI'];
  if (kind === 6) return new CommandArguments(random).vector().slice(0, 1).concat('a', 'b');
  return ['RESET'];
}

/**
 * A reply as text. How commands are described in terms of categories depends on which commands a server
 * has (acl.test.ts compares it with the same commands); what a user may run, ACL DRYRUN tells.
 */
function shown(reply: Reply): string {
  if (!isList(reply)) return showReply(reply).trimEnd();
  const items = reply.items.map((item, i) => {
    const before = reply.items[i - 1];
    return before !== undefined && textOf(before) === 'commands' ? '?' : shown(item);
  });
  return `[${items.join(', ')}]`;
}

export const target: ServerTarget = {
  name: 'users',
  summary:
    'Random rules of users, dry runs and logins, with noise among them, are answered as redis-server ' +
    'answers them.',
  testInputs: 6,
  missing: eitherMissing,
  start: () => Pair.start(),
};
