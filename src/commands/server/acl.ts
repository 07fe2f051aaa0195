/** ACL WHOAMI, CAT, GENPASS and HELP */
import { NOT_INTEGER, unknownCategory } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import {
  ACL_CATEGORIES,
  type CommandDefinition,
  type ContainerDefinition,
} from '../contract/definition.js';
import { replyHelp, wrongSubcommandUse } from '../contract/help.js';

const PASSWORD_BITS_DEFAULT = 256;

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
    const { args, reply, server } = context;
    if (args.count > 3) {
      reply.error(wrongSubcommandUse(context, 'acl'));
      return;
    }
    if (args.count === 2) {
      reply.array(ACL_CATEGORIES.length);
      for (const category of ACL_CATEGORIES) reply.bulkText(category);
      return;
    }
    const names = server.acl.membersOf(context.text(2));
    if (names === null) {
      reply.error(unknownCategory(context.text(2)));
      return;
    }
    reply.array(names.length);
    for (const name of names) reply.bulkText(name);
  },
};

export const aclGenpass: CommandDefinition = {
  name: 'acl|genpass',
  summary: 'Makes a random password',
  since: '6.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: -2,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [{ name: 'bits', type: 'integer', flags: ['optional'] }],
  run(context) {
    const { args, reply, server } = context;
    let bits = PASSWORD_BITS_DEFAULT;
    if (args.count > 3) {
      reply.error(wrongSubcommandUse(context, 'acl'));
      return;
    }
    if (args.count === 3) {
      const { region, offset, length } = args;
      bits = parseIndex(region, offset[2]!, length[2]!);
      if (Number.isNaN(bits)) {
        reply.error(NOT_INTEGER);
        return;
      }
    }
    const password = server.acl.generatePassword(bits);
    if ('error' in password) reply.errorText(password.error);
    else reply.bulkText(password.answer);
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
