/**
 * DARTER PART key kind part: adds a part of a large value, in its own form (values/native-parts.ts).
 * A flow of a full sync, or of a file, sends it. A client may not: a value is to be had by commands.
 */
import { newRegion } from '../../base/owned-region.js';
import { copyBytes } from '../../base/region.js';
import {
  EVENT_HSET,
  EVENT_RPUSH,
  EVENT_SADD,
  EVENT_XADD,
  EVENT_ZADD,
  type KeyspaceEvent,
} from '../../keyspace/events.js';
import { TYPES } from '../../keyspace/types.js';
import { ErrorReply, SYNTAX } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { NO_ROOM, PART_BYTES_MAX } from '../../values/native-parts.js';
import type { CopiedValue, NativeParts } from '../../values/value-type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';

const FOR_FLOWS = new ErrorReply('ERR DARTER PART is for the flows of a sync');
const OTHER_TYPE = new ErrorReply('ERR a part of another type than the key has');
const FULL = new ErrorReply('ERR no room for a part of a value');
const KEY = 2;
const KIND = 3;
const PART = 4;
const KIND_MAX = 31;

/** What the commands that a part stands for would tell, by the name of the type. */
const EVENTS: Readonly<Record<string, KeyspaceEvent>> = {
  hash: EVENT_HSET,
  list: EVENT_RPUSH,
  set: EVENT_SADD,
  stream: EVENT_XADD,
  zset: EVENT_ZADD,
};

const parsed = new ParsedInteger();
/** Frames are read by words, and an argument may begin anywhere. */
const part = newRegion(PART_BYTES_MAX);
const built: CopiedValue = { region: part, offset: 0, length: 0 };

function run(context: Context): void {
  const { args, reply, session } = context;
  const { region, offset, length } = args;
  const isNumber = parseInteger(region, offset[KIND]!, length[KIND]!, parsed) === INTEGER_OK;
  const kind = parsed.value;
  if (!session.isReplica) reply.error(FOR_FLOWS);
  else if (!isNumber || kind < 0 || kind > KIND_MAX) reply.error(SYNTAX);
  else {
    const parts = TYPES.nativeParts(kind);
    if (parts === null || length[PART]! > PART_BYTES_MAX) reply.error(SYNTAX);
    else take(context, kind, parts);
  }
}

function take(context: Context, kind: number, parts: NativeParts): void {
  const { args, keys, reply } = context;
  const length = args.length[PART]!;
  const found = keys.seek(args, KEY);
  if (found && TYPES.nameOf(keys.kind) !== TYPES.nameOf(kind)) {
    reply.error(OTHER_TYPE);
    return;
  }
  copyBytes(part, 0, args.region, args.offset[PART]!, length);
  const root = beginPart(context, kind, parts, found);
  if (root < 0) {
    reply.error(FULL);
    return;
  }
  const wrong = parts.take(keys.space, root, part, length);
  keys.commit(EVENTS[TYPES.nameOf(kind)]!, args);
  if (wrong === null) reply.ok();
  else reply.error(wrong === NO_ROOM ? FULL : new ErrorReply(`ERR ${wrong}`));
}

/** Begins to change the value. @returns where its root is; -1 when there is no room */
function beginPart({ keys }: Context, kind: number, parts: NativeParts, found: boolean): number {
  const { rootBytes, rootedKinds } = parts;
  if (!found) {
    const root = keys.beginEdit(kind, rootBytes, false);
    parts.format(keys.space, root);
    return root;
  }
  if (rootedKinds.includes(keys.kind)) {
    return keys.beginEdit(parts.kindWith(keys.kind, kind), rootBytes, true);
  }
  // It was made anew on the primary: there it is large, and here is only a part of it.
  if (!parts.build(keys, built)) return -1;
  const root = keys.beginEdit(kind, rootBytes, true);
  copyBytes(keys.region, root, built.region, built.offset, built.length);
  return root;
}

export const darterPart: CommandDefinition = {
  name: 'darter|part',
  summary: 'Adds a part of a large value, in the flow of a sync',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(N) where N is the number of elements in the part',
  arity: 5,
  flags: ['write', 'denyoom', 'admin', 'noscript', 'no_multi'],
  docFlags: ['syscmd'],
  keys: [keysAt(KEY, 0, 1, 'RW', 'insert')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'kind', type: 'integer' },
    { name: 'part', type: 'string' },
  ],
  run,
};
