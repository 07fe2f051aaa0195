/**
 * SPOP: removes random members of a set and returns them. They are chosen and answered first, and then
 * removed, so that a reply that fails removes none. Replicas get the members that were chosen.
 */
import { copyBytes } from '../../base/region.js';
import { EVENT_DEL, EVENT_SPOP } from '../../keyspace/events.js';
import { OUT_OF_RANGE_POSITIVE, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { EFFECT_BYTES_MAX, EFFECT_ELEMENTS_MAX } from '../../values/rebuilding.js';
import { removeHandles, removeMember } from '../../values/set/edit.js';
import { isTableKind } from '../../values/set/kinds.js';
import { SetPlace } from '../../values/set/place.js';
import { RandomMembers, readMember } from '../../values/set/walk.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { chooseMembers, chosen } from './lib/choice.js';
import { beginShrunk, tidyShrunk } from './lib/edit.js';
import { isSet, member, place, replyMember, replyMembers } from './lib/values.js';

const CRLF_BYTES = 2;

const random = new RandomMembers();
/** Of a set that is no table: a copy of what it was, for the effects. */
const former = new SetPlace();

function run(context: Context): void {
  const { args, reply } = context;
  if (args.count > 3) {
    reply.error(SYNTAX);
    return;
  }
  if (args.count < 3) {
    popOne(context);
    return;
  }
  const count = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (count >= 0) popSeveral(context, count);
  else reply.error(OUT_OF_RANGE_POSITIVE);
}

function popOne(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.nullBulk();
    return;
  }
  if (!isSet(context)) return;
  place.take(keys);
  random.begin(place);
  readMember(place, random.hit(), member);
  replyMember(reply, member);
  // The member's bytes in the set are about to go: from here on those in the reply are meant.
  member.set(reply.region, reply.position - CRLF_BYTES - member.length, member.length);
  removeMember(place, member);
  if (!beginShrunk(context, EVENT_SPOP)) return;
  const effect = keys.custom(EVENT_SPOP, 'SREM');
  effect.bytes(member.region, member.offset, member.length).end();
  tidyShrunk();
}

function popSeveral(context: Context, count: number): void {
  const { args, keys, reply } = context;
  const found = keys.seek(args, 1);
  if (found && !isSet(context)) return;
  if (!found || count === 0) {
    reply.set(0);
    return;
  }
  place.take(keys);
  const { size } = place;
  reply.set(Math.min(count, size));
  if (count >= size) {
    replyMembers(reply, place);
    keys.remove(EVENT_SPOP);
    keys.announce(EVENT_DEL);
    keys.changes += size - 1;
    return;
  }
  chooseMembers(place, count);
  for (let i = 0; i < count; i++) {
    readMember(place, chosen.list[i]!, member);
    replyMember(reply, member);
  }
  removeChosen(context);
  keys.changes += count - 1;
  chosen.release();
}

/** Removes the members chosen, of which there are fewer than members in the set. */
function removeChosen(context: Context): void {
  const { keys } = context;
  if (isTableKind(place.kind)) {
    keys.beginEdit(place.kind, place.length, true);
    emitChosen(context, place);
    tidyShrunk();
    return;
  }
  former.copy(place);
  if (keys.effects.active) {
    former.region = keys.scratch(place.length);
    former.offset = 0;
    copyBytes(former.region, 0, place.region, place.offset, place.length);
  }
  removeHandles(place, chosen.list, chosen.count);
  beginShrunk(context, EVENT_SPOP);
  emitChosen(context, former);
}

/** Emits the members chosen as they are in `from`, and removes those of a table one by one. */
function emitChosen({ keys }: Context, from: SetPlace): void {
  const effect = keys.custom(EVENT_SPOP, 'SREM');
  const isTable = isTableKind(from.kind);
  let members = 0;
  let bytes = 0;
  for (let i = 0; i < chosen.count && (isTable || keys.effects.active); i++) {
    if (members === EFFECT_ELEMENTS_MAX || bytes >= EFFECT_BYTES_MAX) {
      effect.end();
      effect.begin('SREM');
      members = 0;
      bytes = 0;
    }
    readMember(from, chosen.list[i]!, member);
    effect.bytes(member.region, member.offset, member.length);
    members++;
    bytes += member.length;
    if (isTable) removeMember(from, member);
  }
  effect.end();
}

export const spop: CommandDefinition = {
  name: 'spop',
  summary: 'Removes one or several random members of a set and returns them',
  since: '1.0.0',
  group: 'set',
  complexity:
    'Without the count argument O(1), otherwise O(N) where N is the value of the passed count.',
  shortArguments: 2,
  arity: -2,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'count', type: 'integer', since: '3.2.0', flags: ['optional'] },
  ],
  tips: ['nondeterministic_output'],
  history: [['3.2.0', 'The count.']],
  run,
};
