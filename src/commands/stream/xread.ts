/** XREAD and XREADGROUP: entries that are new, of one stream or several. */
import type { Context } from '../contract/context.js';
import type { ArgumentSpecification, CommandDefinition } from '../contract/definition.js';
import { read, serveRead, WAIT_NONE } from './lib/read.js';
import { optionalInteger } from './lib/values.js';

function run(context: Context, isGroup: boolean): void {
  if (!read.parse(context, isGroup)) return;
  if (serveRead(context) > 0) return;
  if (read.timeoutMs === WAIT_NONE || context.inTransaction) context.reply.nullArray();
  else read.wait(context);
}

function keysBehind(startFrom: number): NonNullable<CommandDefinition['keys']> {
  return [
    {
      flags: ['RO', 'access'],
      begin: { keyword: 'STREAMS', startFrom },
      find: { last: -1, step: 1, limit: 2 },
    },
  ];
}

const COUNT = optionalInteger('count', 'COUNT');
const BLOCK = optionalInteger('milliseconds', 'BLOCK');
const PAIRS: readonly ArgumentSpecification[] = [
  { name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] },
  { name: 'id', type: 'string', flags: ['multiple'] },
];
const STREAMS = { name: 'streams', type: 'block', token: 'STREAMS', arguments: PAIRS } as const;

export const xread: CommandDefinition = {
  name: 'xread',
  summary: 'Returns entries above given ids, of one stream or several',
  since: '5.0.0',
  group: 'stream',
  complexity:
    'For each stream mentioned: O(N) with N being the number of elements being returned, it means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, XADD will pay O(M) time in order to serve the M clients blocked on the stream getting new data.',
  arity: -4,
  flags: ['readonly', 'blocking', 'movablekeys'],
  keys: keysBehind(1),
  arguments: [COUNT, BLOCK, STREAMS],
  waitsFor: 'stream',
  run: (context) => run(context, false),
};

export const xreadgroup: CommandDefinition = {
  name: 'xreadgroup',
  summary: 'Returns entries to a consumer of a group: what is new, or what is pending for it',
  since: '5.0.0',
  group: 'stream',
  complexity:
    'For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.',
  arity: -7,
  flags: ['write', 'blocking', 'movablekeys'],
  keys: keysBehind(4),
  arguments: [
    {
      name: 'group_consumer',
      type: 'block',
      token: 'GROUP',
      arguments: [
        { name: 'group', type: 'string' },
        { name: 'consumer', type: 'string' },
      ],
    },
    COUNT,
    BLOCK,
    { name: 'noack', type: 'pure-token', token: 'NOACK', flags: ['optional'] },
    STREAMS,
  ],
  waitsFor: 'stream',
  seesRemoval: true,
  run: (context) => run(context, true),
};
