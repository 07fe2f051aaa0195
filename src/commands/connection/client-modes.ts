/** CLIENT REPLY, NO-EVICT and NO-TOUCH: switches of one connection. */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { REPLY_OFF, REPLY_ON, REPLY_SKIP_NEXT } from '../contract/session.js';

export const clientReply: CommandDefinition = {
  name: 'client|reply',
  summary: 'Switches replies on, off, or off for the next command only',
  since: '3.2.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'on_off_skip',
      type: 'oneof',
      arguments: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
        { name: 'skip', type: 'pure-token', token: 'SKIP' },
      ],
    },
  ],
  /** OFF and SKIP are not answered themselves. */
  run({ args, reply, session }) {
    if (argumentIs(args, 2, 'ON')) {
      session.replyMode = REPLY_ON;
      reply.ok();
    } else if (argumentIs(args, 2, 'OFF')) {
      session.replyMode = REPLY_OFF;
    } else if (argumentIs(args, 2, 'SKIP')) {
      if (session.replyMode !== REPLY_OFF) session.replyMode = REPLY_SKIP_NEXT;
    } else {
      reply.error(SYNTAX);
    }
  },
};

/** ON or OFF as argument 2; null (and an error reply) for anything else. */
function onOrOff({ args, reply }: Context): boolean | null {
  if (argumentIs(args, 2, 'ON')) return true;
  if (argumentIs(args, 2, 'OFF')) return false;
  reply.error(SYNTAX);
  return null;
}

export const clientNoEvict: CommandDefinition = {
  name: 'client|no-evict',
  summary: 'Spares this connection when clients take too much memory',
  since: '7.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'enabled',
      type: 'oneof',
      arguments: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
      ],
    },
  ],
  run(context) {
    const on = onOrOff(context);
    if (on === null) return;
    context.session.noEvict = on;
    context.reply.ok();
  },
};

export const clientNoTouch: CommandDefinition = {
  name: 'client|no-touch',
  summary: "Makes reads of this connection leave no trace in the keys' recency",
  since: '7.2.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'enabled',
      type: 'oneof',
      arguments: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
      ],
    },
  ],
  run(context) {
    const on = onOrOff(context);
    if (on === null) return;
    context.session.noTouch = on;
    context.reply.ok();
  },
};
