/**
 * What the commands of sets share: the value found, and answers with members. There is one place, one
 * member and one walk for each thread, used within one command.
 */
import { WRONG_TYPE } from '../../../protocol/errors.js';
import type { Reply } from '../../../protocol/reply.js';
import { isSetKind } from '../../../values/set/kinds.js';
import { SetMember } from '../../../values/set/member.js';
import { SetPlace } from '../../../values/set/place.js';
import { SetWalk } from '../../../values/set/walk.js';
import type { Context } from '../../contract/context.js';

export const place = new SetPlace();
export const member = new SetMember();
export const walk = new SetWalk();

/** Whether the key found holds a set; if not, the error is answered. */
export function isSet({ keys, reply }: Context): boolean {
  if (isSetKind(keys.kind)) return true;
  reply.error(WRONG_TYPE);
  return false;
}

/** Makes argument `index` the member. */
export function takeArgument({ args }: Context, index: number): void {
  member.set(args.region, args.offset[index]!, args.length[index]!);
}

export function replyMember(reply: Reply, { region, offset, length }: SetMember): void {
  reply.bulk(region, offset, length);
}

/** Answers with all members, without the header. */
export function replyMembers(reply: Reply, of: SetPlace): void {
  walk.begin(of);
  while (walk.step(member)) replyMember(reply, member);
}
