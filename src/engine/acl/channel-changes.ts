/**
 * Which subscriptions a user loses when its rules change: its connections with one of them are to
 * close. Mostly none, which is seen without looking at the connections.
 */
import { Region } from '../../base/region.js';
import { PackedTexts } from './packed-texts.js';
import type { AclUser } from './user.js';

/** Whether some channel that was allowed may not be any more. */
export function mayLoseChannels(before: AclUser, after: AclUser): boolean {
  if (after.selectors.some((selector) => selector.allChannels)) return false;
  if (before.selectors.some((selector) => selector.allChannels)) return true;
  const allowed = new Set(after.selectors.flatMap((selector) => selector.channels));
  return before.selectors.some((selector) => selector.channels.some((one) => !allowed.has(one)));
}

/** The channels of a user that has not all of them. */
export class AllowedChannels {
  private readonly patterns: readonly string[];
  private readonly packed: PackedTexts;

  constructor(user: AclUser) {
    this.patterns = user.selectors.flatMap((selector) => selector.channels);
    this.packed = new PackedTexts(this.patterns);
  }

  /** A pattern of PSUBSCRIBE: it must be one of the user's, letter by letter. */
  allowsPattern(pattern: string): boolean {
    return this.patterns.includes(pattern);
  }

  allowsChannel(channel: string): boolean {
    const region = new Region(new SharedArrayBuffer((channel.length + 8) & ~7), 0);
    region.bytes.set(Buffer.from(channel, 'latin1'));
    return this.patterns.some((_, i) => this.packed.matches(i, region, 0, channel.length));
  }
}
