/** The reply of commands that do something or say why not. */
import type { ErrorReply } from '../../protocol/errors.js';
import type { Reply } from '../../protocol/reply.js';

/** @param error null: OK is answered */
export function replyOutcome(reply: Reply, error: ErrorReply | string | null): void {
  if (error === null) reply.ok();
  else if (typeof error === 'string') reply.errorText(error);
  else reply.error(error);
}
