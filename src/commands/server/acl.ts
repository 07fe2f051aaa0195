/** ACL WHOAMI, CAT and HELP: there is one user yet, called default. */
import { unknownCategory } from '../../protocol/errors.js';
import {
  ACL_CATEGORIES,
  type CommandDefinition,
  type ContainerDefinition,
} from '../contract/definition.js';
import { replyHelp, wrongSubcommandUse } from '../contract/help.js';

export const acl: ContainerDefinition = {
  name: 'acl',
  summary: 'Commands about users and what they may do',
  since: '6.0.0',
  group: 'server',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const aclWhoami: CommandDefinition = {
  name: 'acl|whoami',
  summary: 'Tells the user this connection is logged in as',
  since: '6.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  run({ reply, session }) {
    reply.bulkBinary(session.user);
  },
};

export const aclCat: CommandDefinition = {
  name: 'acl|cat',
  summary: 'Lists the categories of commands, or the commands of one',
  since: '6.0.0',
  group: 'server',
  complexity: 'O(1) since the categories and commands are a fixed set.',
  arity: -2,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [{ name: 'categoryname', type: 'string', flags: ['optional'] }],
  run(context) {
    const { args, reply, registry } = context;
    if (args.count > 3) {
      reply.error(wrongSubcommandUse(context, 'acl'));
      return;
    }
    if (args.count === 2) {
      reply.array(ACL_CATEGORIES.length);
      for (const category of ACL_CATEGORIES) reply.bulkText(category);
      return;
    }
    const category = ACL_CATEGORIES.find((name) => name === context.text(2).toLowerCase());
    if (category === undefined) {
      reply.error(unknownCategory(context.text(2)));
      return;
    }
    const names: string[] = [];
    for (const entry of registry.commands.values()) {
      for (const one of [entry, ...entry.subcommands.values()]) {
        if (one.categories.includes(category)) names.push(one.fullName);
      }
    }
    reply.array(names.length);
    for (const name of names) reply.bulkText(name);
  },
};

export const aclHelp: CommandDefinition = {
  name: 'acl|help',
  summary: 'Lists the subcommands',
  since: '6.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'acl'),
};
