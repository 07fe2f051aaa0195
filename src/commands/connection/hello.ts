/** HELLO [protover [AUTH username password] [SETNAME clientname]] */

import { REDIS_VERSION } from '../../base/version.js';
import {
  type ErrorReply,
  HELLO_NO_AUTH,
  NO_PROTO,
  PROTOCOL_VERSION,
} from '../../protocol/errors.js';
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { errorQuoting } from '../contract/quote.js';
import { setName } from './lib/session.js';

const parsed = new ParsedInteger();

/** Reads the version into `parsed.value`. False: an error was written. */
function versionIsValid({ args, reply }: Context): boolean {
  if (parseInteger(args.region, args.offset[1]!, args.length[1]!, parsed) === NOT_AN_INTEGER) {
    reply.error(PROTOCOL_VERSION);
    return false;
  }
  if (parsed.value < 2 || parsed.value > 3) {
    reply.error(NO_PROTO);
    return false;
  }
  return true;
}

/** Options take effect from left to right, up to the first that fails. False: an error was written. */
function applyOptions(context: Context): boolean {
  const { args, server, session } = context;
  for (let i = 2; i < args.count; i++) {
    const more = args.count - 1 - i;
    if (more >= 2 && argumentIs(args, i, 'AUTH')) {
      const error = server.acl.authenticate(session, context.text(i + 1), context.text(i + 2));
      if (error !== null) return refuse(context, error);
      i += 2;
    } else if (more >= 1 && argumentIs(args, i, 'SETNAME')) {
      const error = setName(context, context.text(i + 1));
      if (error !== null) return refuse(context, error);
      i += 1;
    } else {
      errorQuoting(context, "ERR Syntax error in HELLO option '", i, "'");
      return false;
    }
  }
  return true;
}

function refuse({ reply }: Context, error: ErrorReply): false {
  reply.error(error);
  return false;
}

function describe({ reply, session, server }: Context): void {
  reply.map(7);
  reply.bulkText('server');
  reply.bulkText('redis');
  reply.bulkText('version');
  reply.bulkText(REDIS_VERSION);
  reply.bulkText('proto');
  reply.integer(session.protocol);
  reply.bulkText('id');
  reply.integer(session.id);
  reply.bulkText('mode');
  reply.bulkText('standalone');
  reply.bulkText('role');
  reply.bulkText(server.configuration.value('replicaof') === '' ? 'master' : 'replica');
  reply.bulkText('modules');
  reply.emptyArray();
}

export const hello: CommandDefinition = {
  name: 'hello',
  summary: 'Shakes hands: chooses the protocol, may log in and name the connection',
  since: '6.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: -1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  arguments: [
    {
      name: 'arguments',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'protover', type: 'integer' },
        {
          name: 'username_password',
          type: 'block',
          token: 'AUTH',
          flags: ['optional'],
          arguments: [
            { name: 'username', type: 'string' },
            { name: 'password', type: 'string' },
          ],
        },
        { name: 'clientname', type: 'string', token: 'SETNAME', flags: ['optional'] },
      ],
    },
  ],
  history: [
    ['6.2.0', 'The version may be left out: then the command only tells about the connection.'],
  ],
  isSecret(args, index) {
    const isAfterAuth = (by: number) => index - by > 1 && argumentIs(args, index - by, 'AUTH');
    return isAfterAuth(1) || isAfterAuth(2);
  },
  run(context) {
    const { args, reply, session } = context;
    let version = session.protocol;
    if (args.count > 1) {
      if (!versionIsValid(context)) return;
      version = parsed.value === 3 ? 3 : 2;
    }
    if (!applyOptions(context)) return;
    if (!session.authenticated) {
      reply.error(HELLO_NO_AUTH);
      return;
    }
    session.protocol = version;
    reply.protocol = version;
    describe(context);
  },
};
