/** CLIENT KILL address:port, or with filters as pairs of option and value. */

import { CLIENT_ID_POSITIVE, ErrorReply, NO_CLIENT, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { errorQuoting } from '../contract/quote.js';
import type { ClientFilter, ClientType } from '../contract/server-port.js';
import { clientTypeOf } from './lib/client-type.js';

const AGE_NOT_INTEGER = new ErrorReply('ERR maxage is not an integer or out of range');
const AGE_POSITIVE = new ErrorReply('ERR maxage should be greater than 0');

/** The filter as it is being read. */
interface Draft {
  ids?: number[];
  type?: ClientType;
  user?: string;
  address?: string;
  localAddress?: string;
  olderThanSeconds?: number;
  skipMe: boolean;
}

/** Reads option `i` and its value into the draft. False: an error was written. */
function readOption(context: Context, i: number, draft: Draft): boolean {
  const { args, reply } = context;
  if (i + 1 >= args.count) {
    reply.error(SYNTAX);
    return false;
  }
  const value = context.text(i + 1);
  if (argumentIs(args, i, 'ID')) return readId(context, i + 1, draft);
  if (argumentIs(args, i, 'TYPE')) {
    const type = clientTypeOf(context, i + 1);
    if (type !== null) draft.type = type;
    return type !== null;
  }
  if (argumentIs(args, i, 'ADDR')) draft.address = value;
  else if (argumentIs(args, i, 'LADDR')) draft.localAddress = value;
  else if (argumentIs(args, i, 'USER')) return readUser(context, i + 1, draft);
  else if (argumentIs(args, i, 'MAXAGE')) return readAge(context, i + 1, draft);
  else if (argumentIs(args, i, 'SKIPME') && argumentIs(args, i + 1, 'YES')) draft.skipMe = true;
  else if (argumentIs(args, i, 'SKIPME') && argumentIs(args, i + 1, 'NO')) draft.skipMe = false;
  else {
    reply.error(SYNTAX);
    return false;
  }
  return true;
}

function readId({ args, reply }: Context, index: number, draft: Draft): boolean {
  const id = parseIndex(args.region, args.offset[index]!, args.length[index]!);
  if (Number.isNaN(id) || id < 1) {
    reply.error(CLIENT_ID_POSITIVE);
    return false;
  }
  draft.ids = [id];
  return true;
}

function readUser(context: Context, index: number, draft: Draft): boolean {
  const user = context.text(index);
  if (!context.server.acl.hasUser(user)) {
    errorQuoting(context, "ERR No such user '", index, "'");
    return false;
  }
  draft.user = user;
  return true;
}

function readAge({ args, reply }: Context, index: number, draft: Draft): boolean {
  const seconds = parseIndex(args.region, args.offset[index]!, args.length[index]!);
  if (Number.isNaN(seconds)) {
    reply.error(AGE_NOT_INTEGER);
    return false;
  }
  if (seconds <= 0) {
    reply.error(AGE_POSITIVE);
    return false;
  }
  draft.olderThanSeconds = seconds;
  return true;
}

function killByAddress(context: Context): void {
  const { reply, server } = context;
  if (server.clients.kill({ address: context.text(2) }) === 0) reply.error(NO_CLIENT);
  else reply.ok();
}

export const clientKill: CommandDefinition = {
  name: 'client|kill',
  summary: 'Ends the connections that fit',
  since: '2.4.0',
  group: 'connection',
  complexity: 'O(N) where N is the number of client connections',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'filter',
      type: 'oneof',
      arguments: [
        { name: 'ip:port', type: 'string', deprecatedSince: '2.8.12' },
        {
          name: 'new-format',
          type: 'oneof',
          flags: ['multiple'],
          arguments: [
            {
              name: 'client-id',
              type: 'integer',
              token: 'ID',
              since: '2.8.12',
              flags: ['optional'],
            },
            {
              name: 'normal_master_slave_pubsub',
              type: 'oneof',
              token: 'TYPE',
              since: '2.8.12',
              flags: ['optional'],
              arguments: [
                { name: 'normal', type: 'pure-token', token: 'NORMAL' },
                { name: 'master', type: 'pure-token', token: 'MASTER', since: '3.2.0' },
                { name: 'slave', type: 'pure-token', token: 'SLAVE' },
                { name: 'replica', type: 'pure-token', token: 'REPLICA', since: '5.0.0' },
                { name: 'pubsub', type: 'pure-token', token: 'PUBSUB' },
              ],
            },
            { name: 'username', type: 'string', token: 'USER', flags: ['optional'] },
            { name: 'ip:port', type: 'string', token: 'ADDR', flags: ['optional'] },
            {
              name: 'ip:port',
              type: 'string',
              token: 'LADDR',
              since: '6.2.0',
              flags: ['optional'],
            },
            { name: 'yes/no', type: 'string', token: 'SKIPME', flags: ['optional'] },
          ],
        },
      ],
    },
  ],
  history: [
    ['2.8.12', 'Filters as pairs of option and value.'],
    ['2.8.12', 'The filter ID.'],
    ['3.2.0', 'The type master.'],
    ['5.0.0', 'The type is called replica; slave is still understood.'],
    ['6.2.0', 'The filter LADDR.'],
  ],
  locks: 'none',
  run(context) {
    const { args, reply, session, server } = context;
    if (args.count === 3) {
      killByAddress(context);
      return;
    }
    const draft: Draft = { skipMe: true };
    for (let i = 2; i < args.count; i += 2) {
      if (!readOption(context, i, draft)) return;
    }
    const { skipMe, ...conditions } = draft;
    const filter: ClientFilter = skipMe ? { ...conditions, except: session.id } : conditions;
    reply.integer(server.clients.kill(filter));
  },
};
