/** What follows when fields of the hash opened were removed: a commit stands between the two. */
import { EVENT_DEL } from '../../../keyspace/events.js';
import type { Context } from '../../contract/context.js';
import { hash } from './values.js';

/** Gives the entry the length of what is left. */
export function beginRemoval({ keys }: Context): void {
  hash.at = keys.beginEdit(hash.kind, hash.length, true);
}

/** Removes the key when no field is left. */
export function endRemoval({ keys }: Context): void {
  if (hash.size === 0) keys.remove(EVENT_DEL);
  else hash.tidy();
}
