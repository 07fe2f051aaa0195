/**
 * What the commands of HyperLogLogs share. A HyperLogLog is a string; the bytes are read and edited
 * in values/hyperloglog. There is one edit and one counter for each thread.
 */
import { ErrorReply } from '../../../protocol/errors.js';
import { HyperLogLogCounter } from '../../../values/hyperloglog/cardinality.js';
import { HyperLogLogEdit } from '../../../values/hyperloglog/edit.js';
import {
  CORRUPTED,
  CORRUPTED_TEXT,
  NOT_HYPERLOGLOG_TEXT,
  VALID,
} from '../../../values/hyperloglog/layout.js';
import { STRING_RAW } from '../../../values/string/type.js';
import type { Context } from '../../contract/context.js';
import { isString } from '../../string/lib/values.js';

const NOT_HYPERLOGLOG_ERROR = new ErrorReply(NOT_HYPERLOGLOG_TEXT);
const CORRUPTED_ERROR = new ErrorReply(CORRUPTED_TEXT);

export const edit = new HyperLogLogEdit();
export const counter = new HyperLogLogCounter();

/** Whether a value could be read; if not, the error is answered. */
export function isValid({ reply }: Context, state: number): boolean {
  if (state === VALID) return true;
  reply.error(state === CORRUPTED ? CORRUPTED_ERROR : NOT_HYPERLOGLOG_ERROR);
  return false;
}

/** Joins the keys that are arguments in `counter`. False when an error was answered. */
export function joinAll(context: Context): boolean {
  const { args, keys } = context;
  counter.beginUnion();
  for (let i = 1; i < args.count; i++) {
    if (!keys.seekForRead(args, i)) continue;
    if (!isString(context)) return false;
    const state = counter.join(keys.region, keys.valueOffset, keys.valueLength);
    if (!isValid(context, state)) return false;
  }
  return true;
}

/** Begins `edit` with the key last sought. False when it is no HyperLogLog, which is answered. */
export function openEdit(context: Context, found: boolean): boolean {
  if (!found) {
    edit.create();
    return true;
  }
  if (!isString(context)) return false;
  const { keys } = context;
  return isValid(context, edit.open(keys.region, keys.valueOffset, keys.valueLength));
}

/** Writes `edit` to the key last sought; a commit follows. @throws StoreFullError */
export function writeEdit({ keys }: Context, found: boolean): void {
  const { length } = edit;
  const offset = found
    ? keys.beginEdit(STRING_RAW, length, true)
    : keys.beginStore(STRING_RAW, length, 0);
  edit.write(keys.region, offset);
}

/** Redis makes a string raw as soon as it is about to change it. A replica waits for its primary. */
export function makeRaw({ keys }: Context): void {
  if (keys.kind !== STRING_RAW && keys.expiresKeys) keys.reencode(STRING_RAW);
}
