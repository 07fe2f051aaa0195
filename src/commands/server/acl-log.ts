/** ACL LOG, LOAD and SAVE */
import { NOT_INTEGER } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Reply } from '../../protocol/reply.js';
import { argumentIs } from '../../protocol/text.js';
import type { AclLogLine } from '../contract/acl-port.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { wrongSubcommandUse } from '../contract/help.js';
import { replyOutcome } from '../contract/outcome.js';

const ENTRIES_DEFAULT = 10;

const SHARED = {
  group: 'server',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  locks: 'none',
} as const satisfies Partial<CommandDefinition>;

export const aclLog: CommandDefinition = {
  ...SHARED,
  name: 'acl|log',
  summary: 'Tells what users were denied lately, or forgets it',
  since: '6.0.0',
  complexity: 'O(N) with N being the number of entries shown.',
  arity: -2,
  arguments: [
    {
      name: 'operation',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer' },
        { name: 'reset', type: 'pure-token', token: 'RESET' },
      ],
    },
  ],
  run(context) {
    const { args, reply, server } = context;
    if (args.count > 3) {
      reply.error(wrongSubcommandUse(context, 'acl'));
    } else if (args.count === 3 && argumentIs(args, 2, 'RESET')) {
      server.acl.resetLog();
      reply.ok();
    } else {
      const count = countOf(context);
      if (count === null) return;
      const lines = server.acl.log(count);
      reply.array(lines.length);
      for (const line of lines) replyLine(reply, line);
    }
  },
};

/** Null: an error was written. */
function countOf({ args, reply }: Context): number | null {
  if (args.count === 2) return ENTRIES_DEFAULT;
  const count = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (!Number.isNaN(count)) return Math.max(0, count);
  reply.error(NOT_INTEGER);
  return null;
}

function replyLine(reply: Reply, line: AclLogLine): void {
  reply.map(7);
  reply.bulkText('count');
  reply.integer(line.count);
  reply.bulkText('reason');
  reply.bulkText(line.reason);
  reply.bulkText('context');
  reply.bulkText(line.context);
  reply.bulkText('object');
  reply.bulkBinary(line.object);
  reply.bulkText('username');
  reply.bulkBinary(line.username);
  reply.bulkText('age-seconds');
  reply.double(line.ageSeconds);
  reply.bulkText('client-info');
  reply.bulkBinary(line.clientInfo);
}

export const aclLoad: CommandDefinition = {
  ...SHARED,
  name: 'acl|load',
  summary: 'Takes the users of the ACL file in the place of those there are',
  since: '6.0.0',
  complexity: 'O(N). Where N is the number of configured users.',
  arity: 2,
  run({ reply, server }) {
    replyOutcome(reply, server.acl.load());
  },
};

export const aclSave: CommandDefinition = {
  ...SHARED,
  name: 'acl|save',
  summary: 'Writes the users to the ACL file',
  since: '6.0.0',
  complexity: 'O(N). Where N is the number of configured users.',
  arity: 2,
  run({ reply, server }) {
    replyOutcome(reply, server.acl.save());
  },
};
