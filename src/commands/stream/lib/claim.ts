/** What XCLAIM and XAUTOCLAIM share: a pending entry that the stream has no longer is forgotten. */
import { STREAM_KIND } from '../../../values/stream/layout.js';
import { addId, type StreamId } from '../../../values/stream/stream-id.js';
import type { Context } from '../../contract/context.js';

/** The effect of a pending entry that was removed. @param group argument with the group's name */
export function emitAcknowledged({ args, keys }: Context, group: number, id: StreamId): void {
  keys.beginEdit(STREAM_KIND, keys.valueLength, true);
  addId(keys.customUnsignalled('XACK').argument(args, group), id).end();
}
