/**
 * CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO: client-side caching is not there yet, so
 * that it is always off.
 */
import { ErrorReply, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition } from '../contract/definition.js';

const NO_TRACKING = new ErrorReply('ERR CLIENT TRACKING is not supported yet');
const NOT_TRACKING = new ErrorReply(
  'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or ' +
    'OPTOUT mode enabled',
);

export const clientTracking: CommandDefinition = {
  name: 'client|tracking',
  summary: 'Switches support for client-side caching on or off',
  since: '6.0.0',
  group: 'connection',
  complexity: 'O(1). Some options may introduce additional complexity.',
  arity: -3,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'status',
      type: 'oneof',
      arguments: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
      ],
    },
    { name: 'client-id', type: 'integer', token: 'REDIRECT', flags: ['optional'] },
    {
      name: 'prefix',
      type: 'string',
      token: 'PREFIX',
      flags: ['optional', 'multiple', 'multiple_token'],
    },
    { name: 'bcast', type: 'pure-token', token: 'BCAST', flags: ['optional'] },
    { name: 'optin', type: 'pure-token', token: 'OPTIN', flags: ['optional'] },
    { name: 'optout', type: 'pure-token', token: 'OPTOUT', flags: ['optional'] },
    { name: 'noloop', type: 'pure-token', token: 'NOLOOP', flags: ['optional'] },
  ],
  run({ args, reply }) {
    if (argumentIs(args, 2, 'ON')) reply.error(NO_TRACKING);
    else if (argumentIs(args, 2, 'OFF')) reply.ok();
    else reply.error(SYNTAX);
  },
};

export const clientCaching: CommandDefinition = {
  name: 'client|caching',
  summary: 'Says whether the keys of the next command are to be tracked',
  since: '6.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'mode',
      type: 'oneof',
      arguments: [
        { name: 'yes', type: 'pure-token', token: 'YES' },
        { name: 'no', type: 'pure-token', token: 'NO' },
      ],
    },
  ],
  run({ reply }) {
    reply.error(NOT_TRACKING);
  },
};

export const clientGetredir: CommandDefinition = {
  name: 'client|getredir',
  summary: 'Tells to which connection notices of client-side caching go',
  since: '6.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  run({ reply }) {
    reply.integer(-1);
  },
};

export const clientTrackinginfo: CommandDefinition = {
  name: 'client|trackinginfo',
  summary: 'Tells about client-side caching on this connection',
  since: '6.2.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  run({ reply }) {
    reply.map(3);
    reply.bulkText('flags');
    reply.set(1);
    reply.bulkText('off');
    reply.bulkText('redirect');
    reply.integer(-1);
    reply.bulkText('prefixes');
    reply.emptyArray();
  },
};
