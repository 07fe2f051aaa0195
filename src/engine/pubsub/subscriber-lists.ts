/**
 * The subscribers that one thread serves, by the name that they are subscribed to: a list for each
 * name, found by its number. The shared directory tells the number, so nothing is looked up here.
 *
 * A message was sent at a version of its name. Clients that subscribed later do not get it: so the
 * number that PUBLISH has answered is right, however long the message was under way. For the same
 * reason a message to a list that is gone reaches nobody, even when its number has been used again.
 */

import type { ClientSession } from '../session.js';
import type { ByteRange } from './message.js';

export class SubscriberList {
  readonly sessions: ClientSession[] = [];
  /** By position in `sessions`: the version of the subscription. */
  readonly since: number[] = [];

  /** @param pattern null for the list of a channel */
  constructor(readonly pattern: ByteRange | null) {}

  remove(session: ClientSession): void {
    const index = this.sessions.indexOf(session);
    if (index < 0) throw new Error('a subscriber is not in its list');
    this.sessions.splice(index, 1);
    this.since.splice(index, 1);
  }
}

/** Whether a subscription was there at a version. Versions wrap around. */
export function isIncluded(since: number, version: number): boolean {
  return ((version - since) | 0) >= 0;
}

export class SubscriberLists {
  private lists: (SubscriberList | null)[] = [];
  private free: number[] = [];

  /** @returns the number of a new list */
  add(pattern: ByteRange | null): number {
    const list = new SubscriberList(pattern);
    const number = this.free.pop() ?? this.lists.length;
    this.lists[number] = list;
    return number;
  }

  at(number: number): SubscriberList | null {
    return this.lists[number] ?? null;
  }

  /** Takes a client off a list, which ends with its last client. */
  leave(number: number, session: ClientSession): void {
    const list = this.lists[number]!;
    list.remove(session);
    if (list.sessions.length > 0) return;
    this.lists[number] = null;
    this.free.push(number);
    if (this.free.length < this.lists.length) return;
    // Nobody is subscribed to anything.
    this.lists = [];
    this.free = [];
  }
}
