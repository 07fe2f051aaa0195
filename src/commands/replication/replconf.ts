/**
 * REPLCONF option value ...: what a replica says of itself before it asks for a sync. ACK comes over
 * a replica's control connection and gets no reply.
 */

import { NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { errorQuoting } from '../contract/quote.js';

/** As in Redis. */
export const ADDRESS_BYTES_MAX = 255;
const TOO_LONG = 'provided by replica instance is too long:';

const parsed = new ParsedInteger();

/** Which parts of an RDB are wanted: functions are all that can be asked for. */
function filter(context: Context, index: number): boolean {
  const { reply, session, server } = context;
  const names = context
    .text(index)
    .split(/\s+/)
    .filter((name) => name !== '');
  const unknown = names.find((name) => name.toLowerCase() !== 'functions');
  if (unknown !== undefined) {
    reply.errorText(`ERR Unsupported rdb-filter-only option: ${unknown}`);
    return false;
  }
  const rdbParts = names.length > 0 ? 'functions' : 'nothing';
  server.replication.describe(session, { rdbParts });
  return true;
}

export const replconf: CommandDefinition = {
  name: 'replconf',
  summary: 'Tells a primary about a replica; servers send it to each other',
  since: '3.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: -1,
  flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
  docFlags: ['syscmd'],
  locks: 'none',
  run(context) {
    const { args, reply, server, session } = context;
    const { replication } = server;
    if (args.count % 2 === 0) {
      reply.error(SYNTAX);
      return;
    }
    for (let i = 1; i < args.count; i += 2) {
      if (argumentIs(args, i, 'LISTENING-PORT')) {
        if (
          parseInteger(args.region, args.offset[i + 1]!, args.length[i + 1]!, parsed) !== INTEGER_OK
        ) {
          reply.error(NOT_INTEGER);
          return;
        }
        replication.describe(session, { listeningPort: parsed.value });
      } else if (argumentIs(args, i, 'IP-ADDRESS')) {
        const length = args.length[i + 1]!;
        if (length > ADDRESS_BYTES_MAX) {
          reply.errorText(`ERR REPLCONF ip-address ${TOO_LONG} ${length} bytes`);
          return;
        }
        replication.describe(session, { address: context.text(i + 1) });
      } else if (argumentIs(args, i, 'ACK')) {
        replication.acknowledged(session);
        return;
      } else if (argumentIs(args, i, 'GETACK')) {
        // Only a replica is asked this, by its primary.
        return;
      } else if (argumentIs(args, i, 'CAPA')) {
        // Others are ignored.
        if (argumentIs(args, i + 1, 'EOF')) {
          replication.describe(session, { takesUnknownLength: true });
        } else if (argumentIs(args, i + 1, 'PSYNC2')) {
          replication.describe(session, { takesNewIds: true });
        }
      } else if (argumentIs(args, i, 'RDB-ONLY')) {
        if (
          parseInteger(args.region, args.offset[i + 1]!, args.length[i + 1]!, parsed) !== INTEGER_OK
        ) {
          reply.error(NOT_INTEGER);
          return;
        }
        replication.describe(session, { rdbOnly: parsed.value === 1 });
      } else if (argumentIs(args, i, 'RDB-FILTER-ONLY')) {
        if (!filter(context, i + 1)) return;
      } else if (!argumentIs(args, i, 'VERSION')) {
        errorQuoting(context, 'ERR Unrecognized REPLCONF option: ', i);
        return;
      }
    }
    reply.ok();
  },
};
