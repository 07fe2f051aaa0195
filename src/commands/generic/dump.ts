/** DUMP: a value as Redis's RDB files have it, for RESTORE on any server. */
import { PayloadTooLongError } from '../../persistence/rdb/dump-writer.js';
import { ValueDump } from '../../persistence/rdb/store/payloads.js';
import { PAYLOAD_TOO_LONG } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';

let values: ValueDump | null = null;

function replyPayload({ keys, reply, settings }: Context): void {
  try {
    values ??= new ValueDump(settings);
    const payload = values.write(keys.types, keys, settings);
    reply.bulk(payload.region, 0, payload.length);
    payload.release();
  } catch (error) {
    if (!(error instanceof PayloadTooLongError)) throw error;
    reply.error(PAYLOAD_TOO_LONG);
  }
}

export const dump: CommandDefinition = {
  name: 'dump',
  summary: 'Tells a value in a form that RESTORE takes',
  since: '2.6.0',
  group: 'generic',
  complexity:
    'O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).',
  arity: 2,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  tips: ['nondeterministic_output'],
  run(context) {
    const { args, keys, reply } = context;
    if (keys.seekForRead(args, 1)) replyPayload(context);
    else reply.nullBulk();
  },
};
