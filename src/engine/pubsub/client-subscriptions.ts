/** What one client is subscribed to, as names of one char per byte, in the order of subscription. */
import {
  CHANNEL,
  MONITOR,
  type NameKind,
  PATTERN,
  SHARD_CHANNEL,
} from '../../commands/contract/pubsub-port.js';

export class ClientSubscriptions {
  private readonly names: readonly Set<string>[] = [CHANNEL, PATTERN, SHARD_CHANNEL, MONITOR].map(
    () => new Set(),
  );

  of(kind: NameKind): Set<string> {
    return this.names[kind]!;
  }

  get isMonitor(): boolean {
    return this.of(MONITOR).size > 0;
  }

  /** Every name, and whether it is a pattern. */
  *all(): Generator<{ readonly name: string; readonly isPattern: boolean }> {
    for (const kind of [CHANNEL, PATTERN, SHARD_CHANNEL] as const) {
      for (const name of this.of(kind)) yield { name, isPattern: kind === PATTERN };
    }
  }

  /** Channels and patterns of all sorts. */
  get count(): number {
    return this.of(CHANNEL).size + this.of(PATTERN).size + this.of(SHARD_CHANNEL).size;
  }

  /** What confirmations tell: channels and patterns are counted together, shard channels apart. */
  familyCount(kind: NameKind): number {
    if (kind === SHARD_CHANNEL) return this.of(SHARD_CHANNEL).size;
    return this.of(CHANNEL).size + this.of(PATTERN).size;
  }
}
