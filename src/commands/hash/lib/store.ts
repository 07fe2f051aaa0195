/**
 * Storing what was prepared in `hash`, and the effect of one pair.
 *
 * The effect of a command on one field is the command as it came, but for a field that has expired and
 * is still there: here it counts as absent, a replica may have it. Then the effect is the outcome.
 */
import type { Region } from '../../../base/region.js';
import type { KeyspaceEvent } from '../../../keyspace/events.js';
import { EXPIRY_KEPT } from '../../../values/hash/writer.js';
import type { Context } from '../../contract/context.js';
import { hash } from './values.js';

const EFFECT_SET = 'HSET';
const EFFECT_SET_KEEPING_EXPIRY = 'HSETEX';

/** Gives the entry its new kind and length, and writes the value; a commit follows. */
export function writeHash({ keys }: Context): void {
  let at = 0;
  try {
    at = keys.beginEdit(hash.newKind, hash.newLength, !hash.fresh);
  } catch (error) {
    hash.abandon();
    throw error;
  }
  hash.finish(keys.region, at);
  keys.noteElementExpiry(hash.earliest);
}

/** Takes two arguments as the pair to be set. */
export function takeArgumentPair({ args }: Context, field: number): void {
  hash.pair.take(args, field);
}

/** Takes an argument as the field to be set, and the beginning of a region as its value. */
export function takePair({ args }: Context, field: number, region: Region, length: number): void {
  hash.pair.takeField(args, field);
  hash.pair.takeValue(region, 0, length);
}

/** Sets the pair taken in the hash opened; a field that is there keeps its expiry. */
export function writePair(context: Context): void {
  if (!hash.setPair(context.settings, EXPIRY_KEPT)) throw context.keys.full();
  writeHash(context);
}

/** Commits a pair whose effect is the command as it came. */
export function commitPair(context: Context, event: KeyspaceEvent): void {
  if (hash.foundExpired) commitOutcome(context, event, false);
  else context.keys.commit(event, context.args);
}

/** Commits a pair whose effect is the outcome. @param expires whether the field keeps an expiry */
export function commitOutcome({ keys }: Context, event: KeyspaceEvent, expires: boolean): void {
  const { pair } = hash;
  const effect = keys.custom(event, expires ? EFFECT_SET_KEEPING_EXPIRY : EFFECT_SET);
  if (expires) effect.word('KEEPTTL').word('FIELDS').word('1');
  effect.bytes(pair.fieldRegion, pair.fieldOffset, pair.fieldLength);
  effect.bytes(pair.valueRegion, pair.valueOffset, pair.valueLength).end();
}
