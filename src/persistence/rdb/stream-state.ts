/** What version 1 of streams does not say and redis-server derives. */
import type { StreamState } from './visitor.js';

/**
 * How many entries a group has read whose last id is `id`, as redis-server 7.0 estimates it.
 *
 * @returns -1 when deleted entries make it uncertain
 */
export function entriesReadBefore(state: StreamState, id: bigint): bigint {
  const { entriesAdded, firstId, lastId, maxDeletedId } = state;
  const length = BigInt(state.length);
  if (entriesAdded === 0n) return 0n;
  if (length === 0n && id <= lastId) return entriesAdded;
  if (id !== 0n && id < maxDeletedId) return -1n;
  if (id === lastId) return entriesAdded;
  if (id > lastId) return -1n;
  if (maxDeletedId !== 0n && maxDeletedId >= firstId) return -1n;
  if (id < firstId) return entriesAdded - length;
  return id === firstId ? entriesAdded - length + 1n : -1n;
}
