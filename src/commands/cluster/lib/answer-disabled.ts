import { CLUSTER_DISABLED } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';

/** What commands of cluster mode answer in a server without it. */
export function answerDisabled({ reply }: Context): void {
  reply.error(CLUSTER_DISABLED);
}
