/** SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT] */
import { ErrorReply, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { ShutdownRequest } from '../contract/server-port.js';
import { busyError } from '../replication/lib/busy.js';

const NOT_IN_PROGRESS = new ErrorReply('ERR No shutdown in progress.');

interface Options {
  readonly request: ShutdownRequest;
  readonly abort: boolean;
}

/** Null for options that do not go together. */
function parseOptions({ args }: Context): Options | null {
  let save: ShutdownRequest['save'] = 'default';
  let now = false;
  let force = false;
  let abort = false;
  for (let i = 1; i < args.count; i++) {
    if (argumentIs(args, i, 'SAVE') && save !== 'nosave') save = 'save';
    else if (argumentIs(args, i, 'NOSAVE') && save !== 'save') save = 'nosave';
    else if (argumentIs(args, i, 'NOW')) now = true;
    else if (argumentIs(args, i, 'FORCE')) force = true;
    else if (argumentIs(args, i, 'ABORT')) abort = true;
    else return null;
  }
  if (abort && args.count !== 2) return null;
  return { request: { save, now, force }, abort };
}

export const shutdown: CommandDefinition = {
  name: 'shutdown',
  summary: 'Saves the data, if so configured, and ends the server',
  since: '1.0.0',
  group: 'server',
  complexity:
    'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
  arity: -1,
  flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
  arguments: [
    {
      name: 'nosave_save',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'nosave', type: 'pure-token', token: 'NOSAVE' },
        { name: 'save', type: 'pure-token', token: 'SAVE' },
      ],
    },
    { name: 'now', type: 'pure-token', token: 'NOW', since: '7.0.0', flags: ['optional'] },
    { name: 'force', type: 'pure-token', token: 'FORCE', since: '7.0.0', flags: ['optional'] },
    { name: 'abort', type: 'pure-token', token: 'ABORT', since: '7.0.0', flags: ['optional'] },
  ],
  history: [['7.0.0', 'The modifiers NOW, FORCE and ABORT.']],
  locks: 'none',
  /** The connection ends without a reply, unless it comes to nothing. */
  run(context) {
    const { reply, server } = context;
    const options = parseOptions(context);
    if (options === null) {
      reply.error(SYNTAX);
      return;
    }
    if (options.abort) {
      if (server.process.abortShutdown()) reply.ok();
      else reply.error(NOT_IN_PROGRESS);
      return;
    }
    // It would be cut in two: what it has written would be saved.
    const busy = options.request.save === 'nosave' ? null : busyError(context);
    if (busy !== null) {
      reply.error(busy);
      return;
    }
    const suspension = context.suspend(() => {});
    server.process.shutdown(options.request, (text) => {
      suspension.resume((later) => later.reply.errorText(text));
    });
  },
};
