/**
 * DEBUG: for tests and for looking inside; only where enable-debug-command allows it. Subcommands
 * are no commands of their own (Redis lists none of them); each is a handler in the table below.
 */
import { ErrorReply } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { replyHelpLines, wrongSubcommandUse } from '../contract/help.js';
import { DATA_HANDLERS } from './lib/debug-data.js';
import type { DebugHandler } from './lib/debug-handler.js';
import { SERVER_HANDLERS } from './lib/debug-server.js';

const NOT_ALLOWED = new ErrorReply(
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can ' +
    'run it from a local connection, otherwise you need to set this option in the configuration ' +
    'file, and then restart the server.',
);

const HANDLERS: ReadonlyMap<string, DebugHandler> = new Map(
  [...DATA_HANDLERS, ...SERVER_HANDLERS].map((handler) => [handler.name, handler]),
);

function isAllowed({ server, session }: Context): boolean {
  const setting = server.configuration.value('enable-debug-command');
  return setting === 'yes' || (setting === 'local' && server.process.isLocal(session));
}

function replyHelp({ reply }: Context): void {
  const lines = [...HANDLERS.values()].map(
    ({ name, usage, summary }) => [`${name.toUpperCase()} ${usage}`.trimEnd(), summary] as const,
  );
  replyHelpLines(reply, 'debug', [...lines, ['HELP', 'Lists the subcommands']]);
}

export const debug: CommandDefinition = {
  name: 'debug',
  summary: 'Commands for tests and for looking inside',
  since: '1.0.0',
  group: 'server',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  docFlags: ['syscmd'],
  locks: 'none',
  run(context) {
    const { args, reply } = context;
    if (!isAllowed(context)) {
      reply.error(NOT_ALLOWED);
      return;
    }
    const name = context.text(1).toLowerCase();
    if (name === 'help' && args.count === 2) {
      replyHelp(context);
      return;
    }
    const handler = HANDLERS.get(name);
    const fits =
      handler !== undefined && args.count - 2 >= handler.least && args.count - 2 <= handler.most;
    if (fits) handler.run(context);
    else reply.error(wrongSubcommandUse(context, 'debug'));
  },
};
