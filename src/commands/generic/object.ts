/**
 * OBJECT: how a value is stored, told in Redis's words.
 *
 * Strings here are always bytes; what they would be in Redis follows from their length, whether
 * they read as an integer, and how they came about (keyspace/kinds.ts). References are not counted,
 * but Redis's small integers are shared and say so. Nor is there a time of the last access (recency
 * is an order of slots), so a key is never idle.
 */
import type { Keyspace } from '../../keyspace/keyspace.js';
import {
  ENCODING_AUTO,
  ENCODING_RAW,
  encodingOf,
  TYPE_NAMES,
  TYPE_STRING,
  typeOf,
} from '../../keyspace/kinds.js';
import { ErrorReply } from '../../protocol/errors.js';
import { INTEGER_OK, NOT_AN_INTEGER, parsedInteger, parseInteger } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import {
  type CommandDefinition,
  type ContainerDefinition,
  keysAt,
} from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';

const EMBEDDED_BYTES_MAX = 44;
const SHARED_INTEGERS = 10_000;
const SHARED_REFERENCES = 2 ** 31 - 1;
const NOT_LFU = new ErrorReply(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that ' +
    'when switching between policies at runtime LRU and LFU data will take some time to adjust.',
);

const KEYS = [keysAt(2, 0, 1, 'RO')];
const ARGUMENTS: CommandDefinition['arguments'] = [{ name: 'key', type: 'key', keySpecIndex: 0 }];

/** Whether Redis would keep the value found as an integer, which is in `parsedInteger` then. */
function isInteger(keys: Keyspace): boolean {
  if (typeOf(keys.kind) !== TYPE_STRING || encodingOf(keys.kind) !== ENCODING_AUTO) return false;
  return parseInteger(keys.region, keys.valueOffset, keys.valueLength) !== NOT_AN_INTEGER;
}

function encodingName(keys: Keyspace): string {
  if (typeOf(keys.kind) !== TYPE_STRING) {
    throw new Error(`no encoding is known of type ${TYPE_NAMES[typeOf(keys.kind)]}`);
  }
  if (isInteger(keys)) return 'int';
  const embedded = encodingOf(keys.kind) !== ENCODING_RAW && keys.valueLength <= EMBEDDED_BYTES_MAX;
  return embedded ? 'embstr' : 'raw';
}

function isShared(keys: Keyspace): boolean {
  if (!isInteger(keys)) return false;
  const kind = parseInteger(keys.region, keys.valueOffset, keys.valueLength);
  const { value } = parsedInteger;
  return kind === INTEGER_OK && value >= 0 && value < SHARED_INTEGERS;
}

/** Finds argument 2; null is answered when it is not there. */
function found({ args, keys, reply }: Context): boolean {
  if (keys.seekForRead(args, 2)) return true;
  reply.nullBulk();
  return false;
}

export const object: ContainerDefinition = {
  name: 'object',
  summary: 'Commands about how values are stored',
  since: '2.2.3',
  group: 'generic',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const objectEncoding: CommandDefinition = {
  name: 'object|encoding',
  summary: 'Tells in which form a value is stored',
  since: '2.2.3',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    if (found(context)) context.reply.bulkBinary(encodingName(context.keys));
  },
};

export const objectRefcount: CommandDefinition = {
  name: 'object|refcount',
  summary: 'Tells how many references there are to a value',
  since: '2.2.3',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    if (found(context)) context.reply.integer(isShared(context.keys) ? SHARED_REFERENCES : 1);
  },
};

export const objectIdletime: CommandDefinition = {
  name: 'object|idletime',
  summary: 'Tells for how many seconds a value has not been used; always 0',
  since: '2.2.3',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    if (found(context)) context.reply.integer(0);
  },
};

export const objectFreq: CommandDefinition = {
  name: 'object|freq',
  summary: 'Tells how often a value is used; an error, as no policy counts that',
  since: '4.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    if (found(context)) context.reply.error(NOT_LFU);
  },
};

export const objectHelp: CommandDefinition = {
  name: 'object|help',
  summary: 'Lists the subcommands',
  since: '6.2.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'object'),
};
