/**
 * What the commands of hashes share: opening the hash that is argument 1, removing what has expired in
 * it, and answering with fields and values. There is one `hash` for each thread (values/hash).
 */
import { Region } from '../../../base/region.js';
import { WRONG_TYPE } from '../../../protocol/errors.js';
import type { Arguments } from '../../../protocol/parser.js';
import type { Reply } from '../../../protocol/reply.js';
import { HashEdit } from '../../../values/hash/edit.js';
import { isHashKind } from '../../../values/hash/layout.js';
import type { Context } from '../../contract/context.js';
import { type ArgumentSpecification, keysAt } from '../../contract/definition.js';
import type { ScanOptions } from '../../contract/scan.js';

/** The longest integer has 20 characters. */
const INTEGER_TEXT_BYTES = 24;

export const ABSENT = 0;
export const FOUND = 1;
/** The key holds another type, which was answered. */
export const REFUSED = 2;

export const hash = new HashEdit();
/** The text of an integer. */
const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);

export const KEY_READ = [keysAt(1, 0, 1, 'RO', 'access')];
export const KEY_EXAMINED = [keysAt(1, 0, 1, 'RO')];
export const KEY_ARGUMENT = { name: 'key', type: 'key', keySpecIndex: 0 } as const;
export const FIELD_ARGUMENT = { name: 'field', type: 'string' } as const;
export const FIELD_ARGUMENTS: readonly ArgumentSpecification[] = [KEY_ARGUMENT, FIELD_ARGUMENT];

/** Opens the hash that is argument 1: ABSENT, FOUND or REFUSED. */
export function openForRead(context: Context): number {
  return open(context, context.keys.seekForRead(context.args, 1));
}

/** The same for a command that writes. */
export function openForWrite(context: Context): number {
  return open(context, context.keys.seek(context.args, 1));
}

function open(context: Context, found: boolean): number {
  if (!found) return ABSENT;
  const { keys, reply } = context;
  if (!isHashKind(keys.kind)) {
    reply.error(WRONG_TYPE);
    return REFUSED;
  }
  hash.open(keys, keys.now);
  return hash.mayHaveExpired && !keys.expireElements() ? ABSENT : FOUND;
}

/** Opens the hash for a change of one field or more; one that does not exist begins empty. */
export function openOrCreate(context: Context): number {
  const state = openForWrite(context);
  if (state === ABSENT) hash.create(context.keys.space, context.keys.now);
  return state;
}

/** Finds argument `index` as a field of the hash opened. */
export function findField({ args }: Context, index: number): boolean {
  return hash.find(args.region, args.offset[index]!, args.length[index]!);
}

/** Whether the pattern of a scan takes the field last visited. */
export function fieldMatches(args: Arguments, options: ScanOptions): boolean {
  const { field } = hash;
  if (!field.isInteger) return options.takes(args, hash.elementRegion, field.offset, field.length);
  field.copyTo(text, text, 0);
  return options.takes(args, text, 0, field.length);
}

/** Answers with the field last visited. */
export function replyField(reply: Reply): void {
  replyElement(reply, hash.field);
}

/** Answers with the value last found or visited. */
export function replyValue(reply: Reply): void {
  replyElement(reply, hash.value);
}

/** Answers with the values of the fields from argument `first` on. */
export function replyValues(context: Context, first: number, exists: boolean): void {
  const { args, reply } = context;
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (exists && findField(context, i)) replyValue(reply);
    else reply.nullBulk();
  }
}

function replyElement(reply: Reply, element: typeof hash.field): void {
  const { length } = element;
  if (!element.isInteger) {
    reply.bulk(hash.elementRegion, element.offset, length);
    return;
  }
  reply.beginBulk(length);
  element.copyTo(hash.elementRegion, reply.region, reply.position);
  reply.position += length;
  reply.endBulk();
}
