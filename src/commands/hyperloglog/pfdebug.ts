/** PFDEBUG: what is inside a HyperLogLog. GETREG and TODENSE make it dense, as in Redis. */
import { ErrorReply, untilNul } from '../../protocol/errors.js';
import {
  describeRuns,
  encodingName,
  listRegisters,
  NOT_SPARSE_TEXT,
} from '../../values/hyperloglog/describe.js';
import { checkHeader, isSparse } from '../../values/hyperloglog/layout.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from '../string/lib/values.js';
import { edit, isValid, makeRaw, openEdit, writeEdit } from './lib/values.js';

const NO_KEY = new ErrorReply('ERR The specified key does not exist');
const NOT_SPARSE = new ErrorReply(NOT_SPARSE_TEXT);

const SUBCOMMANDS: ReadonlyMap<string, (context: Context) => void> = new Map([
  ['getreg', replyRegisters],
  ['decode', replyRuns],
  ['encoding', replyEncoding],
  ['todense', replyToDense],
]);

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 2)) {
    reply.error(NO_KEY);
    return;
  }
  if (!isString(context)) return;
  const { region, valueOffset, valueLength } = keys;
  if (!isValid(context, checkHeader(region, valueOffset, valueLength))) return;
  const name = untilNul(context.text(1));
  const subcommand = SUBCOMMANDS.get(name.toLowerCase());
  makeRaw(context);
  if (subcommand !== undefined) subcommand(context);
  else reply.error(new ErrorReply(`ERR Unknown PFDEBUG subcommand '${name}'`));
}

/** Makes the value found dense. False when it is corrupted, which is answered. */
function makeDense(context: Context): boolean {
  const { keys } = context;
  if (!isSparse(keys.region, keys.valueOffset)) return true;
  if (!openEdit(context, true) || !isValid(context, edit.toDense())) return false;
  writeEdit(context, true);
  keys.commitValue(null);
  return true;
}

function replyRegisters(context: Context): void {
  if (!makeDense(context)) return;
  const { keys, reply } = context;
  const registers = listRegisters(keys.region, keys.valueOffset);
  reply.array(registers.length);
  for (const register of registers) reply.integer(register);
}

function replyToDense(context: Context): void {
  const { keys, reply } = context;
  const wasSparse = isSparse(keys.region, keys.valueOffset);
  if (makeDense(context)) reply.integer(wasSparse ? 1 : 0);
}

function replyRuns({ keys, reply }: Context): void {
  const { region, valueOffset, valueLength } = keys;
  if (isSparse(region, valueOffset)) reply.bulkText(describeRuns(region, valueOffset, valueLength));
  else reply.error(NOT_SPARSE);
}

function replyEncoding({ keys, reply }: Context): void {
  reply.simple(encodingName(keys.region, keys.valueOffset));
}

export const pfdebug: CommandDefinition = {
  name: 'pfdebug',
  summary: 'Shows what is inside a HyperLogLog',
  since: '2.8.9',
  group: 'hyperloglog',
  complexity: 'N/A',
  arity: 3,
  flags: ['write', 'denyoom', 'admin'],
  docFlags: ['syscmd'],
  keys: [keysAt(2, 0, 1, 'RW', 'access')],
  arguments: [
    { name: 'subcommand', type: 'string' },
    { name: 'key', type: 'key', keySpecIndex: 0 },
  ],
  run,
};
