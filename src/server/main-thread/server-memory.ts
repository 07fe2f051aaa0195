/** The memory that the threads share, made by the main thread before it starts them. */
import { randomBytes } from 'node:crypto';
import { DIRECTORY_BYTES, SubscriptionDirectory } from '../../engine/pubsub/directory.js';
import { createRings } from '../../journal/ring.js';
import { formatShard } from '../../keyspace/shards.js';
import type { ControlBlock } from '../../memory/control.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import { createPagedRegion } from '../../platform/ffi/region.js';
import { streamsOf } from '../../replication/primary/primary-state.js';
import type { ThreadFigures } from '../channel/main-io.js';
import { SpreadVerdicts } from '../channel/spread-verdicts.js';
import type { Config } from '../config/config.js';

/** How many there are of each. */
export interface Sizes {
  readonly threads: number;
  readonly shards: number;
}

/** In figures of threads that are not up yet: nothing is handed to them. */
const NOT_UP = 0x7fffffff;

export function createFigures({ threads, shards }: Sizes): ThreadFigures {
  const figure = () => new Int32Array(new SharedArrayBuffer(4 * threads)).fill(NOT_UP);
  return {
    connections: figure(),
    inUse: figure(),
    atWork: figure(),
    inOrder: figure(),
    homes: new Int32Array(new SharedArrayBuffer(4 * shards)),
    ...SpreadVerdicts.create(threads),
  };
}

/** @throws Error when the system refuses so much address space */
export function createShards(
  config: Config,
  sizes: Sizes,
  control: ControlBlock,
): SharedArrayBuffer[] {
  const bytes = config.number('shard-bytes');
  const databases = config.number('databases');
  const hashKey = {
    key0: randomBytes(4).readInt32LE(),
    key1: randomBytes(4).readInt32LE(),
    spread: config.number('shard-spread'),
  };
  return granted(config, sizes, () => {
    const buffers: SharedArrayBuffer[] = [];
    for (let shard = 0; shard < sizes.shards; shard++) {
      const region = createPagedRegion(bytes);
      formatShard(region, databases, control.words, control.word(USED_PAGES).index, hashKey);
      buffers.push(region.buffer);
    }
    return buffers;
  });
}

/** The shared directory of subscriptions. @throws Error as `createShards` */
export function createDirectory(
  config: Config,
  sizes: Sizes,
  control: ControlBlock,
): SharedArrayBuffer {
  return granted(config, sizes, () => {
    const region = createPagedRegion(DIRECTORY_BYTES);
    const bytes = randomBytes(8);
    SubscriptionDirectory.format(region, control, [bytes.readInt32LE(0), bytes.readInt32LE(4)]);
    return region.buffer;
  });
}

/** The last writes of each stream of the journal. @throws Error as `createShards` */
export function createJournalRings(config: Config, sizes: Sizes): SharedArrayBuffer[] {
  const history = config.number('repl-backlog-size');
  return granted(config, sizes, () =>
    createRings(streamsOf(sizes.shards), history, config.number('shard-bytes')),
  );
}

/** @throws Error that says what to do when the system refuses what is made */
function granted<T>(config: Config, { shards }: Sizes, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const bytes = config.number('shard-bytes');
    throw new Error(
      `The system refuses two address spaces of ${bytes} bytes for each of ${shards} shards: ` +
        'raise ulimit -v or vm.overcommit_memory, or start with a smaller shard-bytes',
    );
  }
}
