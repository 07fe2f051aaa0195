/** ACL SETUSER, GETUSER, DELUSER, LIST, USERS and DRYRUN */
import type { Reply } from '../../protocol/reply.js';
import type { SelectorDescription } from '../contract/acl-port.js';
import type { CommandDefinition } from '../contract/definition.js';
import { replyOutcome } from '../contract/outcome.js';
import { wordsOf } from '../contract/words.js';

const USERNAME = { name: 'username', type: 'string' } as const;

const SHARED = {
  group: 'server',
  flags: ['admin', 'noscript', 'loading', 'stale'],
} as const satisfies Partial<CommandDefinition>;

export const aclSetuser: CommandDefinition = {
  ...SHARED,
  name: 'acl|setuser',
  summary: 'Makes a user, or changes what one may do',
  since: '6.0.0',
  complexity: 'O(N). Where N is the number of rules provided.',
  arity: -3,
  arguments: [USERNAME, { name: 'rule', type: 'string', flags: ['optional', 'multiple'] }],
  history: [
    ['6.2.0', 'Patterns of channels.'],
    ['7.0.0', 'Selectors, and rights to read and to write keys.'],
  ],
  locks: 'none',
  run(context) {
    const words = wordsOf(context, 2);
    if (words === null) return;
    replyOutcome(context.reply, context.server.acl.setUser(words[0]!, words.slice(1)));
  },
};

export const aclGetuser: CommandDefinition = {
  ...SHARED,
  name: 'acl|getuser',
  summary: 'Tells what a user may do',
  since: '6.0.0',
  complexity:
    'O(N). Where N is the number of password, command and pattern rules that the user has.',
  arity: 3,
  arguments: [USERNAME],
  history: [
    ['6.2.0', 'Patterns of channels.'],
    ['7.0.0', 'Selectors; patterns of keys and channels as rules.'],
  ],
  run(context) {
    const { reply, server } = context;
    const user = server.acl.describe(context.text(2));
    if (user === null) {
      reply.nullBulk();
      return;
    }
    reply.map(6);
    reply.bulkText('flags');
    reply.set(user.flags.length);
    for (const flag of user.flags) reply.bulkText(flag);
    reply.bulkText('passwords');
    reply.array(user.passwords.length);
    for (const hash of user.passwords) reply.bulkText(hash);
    replySelector(reply, user.root);
    reply.bulkText('selectors');
    reply.array(user.selectors.length);
    for (const selector of user.selectors) {
      reply.map(3);
      replySelector(reply, selector);
    }
  },
};

function replySelector(reply: Reply, { commands, keys, channels }: SelectorDescription): void {
  reply.bulkText('commands');
  reply.bulkBinary(commands);
  reply.bulkText('keys');
  reply.bulkBinary(keys);
  reply.bulkText('channels');
  reply.bulkBinary(channels);
}

export const aclDeluser: CommandDefinition = {
  ...SHARED,
  name: 'acl|deluser',
  summary: 'Removes users and ends their connections',
  since: '6.0.0',
  complexity: 'O(1) amortized time considering the typical user.',
  arity: -3,
  arguments: [{ ...USERNAME, flags: ['multiple'] }],
  locks: 'none',
  run(context) {
    const { reply, server } = context;
    const names = wordsOf(context, 2);
    if (names === null) return;
    const deleted = server.acl.deleteUsers(names);
    if ('error' in deleted) reply.errorText(deleted.error);
    else reply.integer(deleted.answer);
  },
};

export const aclList: CommandDefinition = {
  ...SHARED,
  name: 'acl|list',
  summary: 'Lists the users as the lines of a configuration file',
  since: '6.0.0',
  complexity: 'O(N). Where N is the number of configured users.',
  arity: 2,
  run: ({ reply, server }) => replyTexts(reply, server.acl.userLines()),
};

export const aclUsers: CommandDefinition = {
  ...SHARED,
  name: 'acl|users',
  summary: 'Lists the names of the users',
  since: '6.0.0',
  complexity: 'O(N). Where N is the number of configured users.',
  arity: 2,
  run: ({ reply, server }) => replyTexts(reply, server.acl.userNames()),
};

function replyTexts(reply: Reply, texts: readonly string[]): void {
  reply.array(texts.length);
  for (const text of texts) reply.bulkBinary(text);
}

export const aclDryrun: CommandDefinition = {
  ...SHARED,
  name: 'acl|dryrun',
  summary: 'Tells whether a user may run a command, without running it',
  since: '7.0.0',
  complexity: 'O(1).',
  arity: -4,
  arguments: [
    USERNAME,
    { name: 'command', type: 'string' },
    { name: 'arg', type: 'string', flags: ['optional', 'multiple'] },
  ],
  run(context) {
    const { reply, server } = context;
    const words = wordsOf(context, 2);
    if (words === null) return;
    const verdict = server.acl.dryRun(words[0]!, words.slice(1));
    if ('error' in verdict) reply.errorText(verdict.error);
    else if (verdict.answer === 'OK') reply.ok();
    else reply.bulkBinary(verdict.answer);
  },
};
