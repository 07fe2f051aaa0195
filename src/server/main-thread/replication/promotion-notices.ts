/** What the log says of a server that has become a primary. */
import type { PrimaryState } from '../../../replication/primary/primary-state.js';
import type { RedisHistory } from '../../../replication/redis/handshake.js';

const FOLLOWED_A_REDIS =
  'It followed a Redis, which can follow it in turn: REPLICAOF there, with a full sync';

/** @param from the Redis that it followed, if it did */
export function promotionNotices(state: PrimaryState, from: RedisHistory | null): string[] {
  const second = state.secondLsns.length > 0 ? `; ${state.secondId} continues here` : '';
  const now = `This server is a primary now, with id ${state.replicationId}${second}`;
  return from === null ? [now] : [now, FOLLOWED_A_REDIS];
}
