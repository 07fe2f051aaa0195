/**
 * What SUBSCRIBE, UNSUBSCRIBE and their variants answer: a confirmation for each name, as a push in
 * RESP3. CLIENT REPLY does not silence it.
 */
import { ErrorReply } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';
import type { NameKind } from '../../contract/pubsub-port.js';
import { REPLY_ON } from '../../contract/session.js';

/** Names become strings of the client's session. */
export const NAME_BYTES_MAX = 1 << 20;
const NAME_TOO_LONG = new ErrorReply(
  `ERR the name of a channel or pattern to subscribe to may have ${NAME_BYTES_MAX} bytes`,
);
const NO_ROOM = new ErrorReply(
  'OOM no room for the names of more channels and patterns, they may take 1 GiB',
);

/** Subscribes to all names given. */
export function subscribeAll(context: Context, kind: NameKind, word: string): void {
  const { args, reply, server } = context;
  for (let i = 1; i < args.count; i++) {
    const mark = reply.mark();
    if (args.length[i]! > NAME_BYTES_MAX) reply.error(NAME_TOO_LONG);
    else if (!server.pubsub.subscribe(kind, i)) reply.error(NO_ROOM);
    else confirmArgument(context, kind, word, i);
    keepIfSilent(context, mark);
  }
}

/** Ends the subscriptions to the names given, or all of a kind. */
export function unsubscribeAll(context: Context, kind: NameKind, word: string): void {
  const { args, reply, server } = context;
  for (let i = 1; i < args.count; i++) {
    const mark = reply.mark();
    if (args.length[i]! <= NAME_BYTES_MAX) server.pubsub.unsubscribe(kind, i);
    confirmArgument(context, kind, word, i);
    keepIfSilent(context, mark);
  }
  if (args.count > 1) return;
  let ended = 0;
  server.pubsub.unsubscribeAll(kind, (name) => {
    ended++;
    confirm(context, kind, word, () => reply.bulkBinary(name));
  });
  if (ended === 0) confirm(context, kind, word, () => reply.nullBulk());
}

function confirmArgument(context: Context, kind: NameKind, word: string, index: number): void {
  const { args, reply, server } = context;
  reply.push(3);
  reply.bulkBinary(word);
  reply.bulk(args.region, args.offset[index]!, args.length[index]!);
  reply.integer(server.pubsub.subscriptionsOf(kind));
}

function confirm(context: Context, kind: NameKind, word: string, writeName: () => void): void {
  const { reply, server } = context;
  const mark = reply.mark();
  reply.push(3);
  reply.bulkBinary(word);
  writeName();
  reply.integer(server.pubsub.subscriptionsOf(kind));
  keepIfSilent(context, mark);
}

function keepIfSilent({ reply, session }: Context, mark: number): void {
  if (session.replyMode !== REPLY_ON) reply.keep(mark);
}
