/**
 * Warns of shards that become full. The address space of a shard is its bound, whatever maxmemory says:
 * at 90 % it is logged, once until the shard is below 80 % again.
 */
import type { Log } from '../../base/log.js';
import type { Space } from '../../memory/space.js';

const WARN_FROM = 0.9;
const FORGET_BELOW = 0.8;

export class ShardWatch {
  private readonly warned: boolean[] = [];

  /** @param spaces of the shards, read without their locks: a figure may be one write old */
  constructor(
    private readonly spaces: readonly Pick<Space, 'dataPages' | 'freePages'>[],
    private readonly log: Log,
  ) {}

  /** Now and then. */
  check(): void {
    this.spaces.forEach((space, shard) => {
      const share = 1 - space.freePages / space.dataPages;
      if (share < FORGET_BELOW) this.warned[shard] = false;
      if (share < WARN_FROM || this.warned[shard] === true) return;
      this.warned[shard] = true;
      this.log.warning(
        `Shard ${shard} is ${Math.floor(share * 100)} % full: once it is, writes to its keys fail. ` +
          'Delete keys, or start with more shards (--shards), larger ones (--shard-bytes) or, for ' +
          'keys with one hash tag, a larger --shard-spread.',
      );
    });
  }
}
