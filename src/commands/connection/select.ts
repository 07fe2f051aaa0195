/** SELECT index */
import { DB_INDEX, ErrorReply, NOT_INTEGER } from '../../protocol/errors.js';
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import type { CommandDefinition } from '../contract/definition.js';

const parsed = new ParsedInteger();

const INT_MAX = 2 ** 31 - 1;
const BEYOND_INT = new ErrorReply(
  `ERR value is out of range, value must between ${-INT_MAX - 1} and ${INT_MAX}`,
);

export const select: CommandDefinition = {
  name: 'select',
  summary: 'Chooses the database for the commands that follow',
  since: '1.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  arguments: [{ name: 'index', type: 'integer' }],
  run({ args, reply, session, keys }) {
    if (parseInteger(args.region, args.offset[1]!, args.length[1]!, parsed) === NOT_AN_INTEGER) {
      reply.error(NOT_INTEGER);
      return;
    }
    const index = parsed.value;
    if (index < -INT_MAX - 1 || index > INT_MAX) {
      reply.error(BEYOND_INT);
      return;
    }
    if (index < 0 || index >= keys.shards.databases) {
      reply.error(DB_INDEX);
      return;
    }
    session.database = index;
    keys.database = index;
    reply.ok();
  },
};
