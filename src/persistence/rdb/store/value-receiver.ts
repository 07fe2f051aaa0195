/**
 * Takes what a reader tells of a value and has its type build it beside the keyspace
 * (ValueLoader). Whoever owns a receiver says in which space, takes the lock around each piece, and
 * stores what was built. One value at a time.
 */
import type { Region } from '../../../base/region.js';
import type { TypeRegistry } from '../../../keyspace/types.js';
import type { Space } from '../../../memory/space.js';
import {
  type ConsumerFigures,
  type GroupFigures,
  LOAD_DUPLICATE,
  LOAD_FULL,
  LOADED,
  type LoadedValue,
  type LoadLimits,
  type StreamFigures,
  type ValueLoader,
} from '../../../values/value-type.js';
import type { ElementBatch } from '../batch.js';
import { RdbError } from '../error.js';

/** As redis-server names what is there twice, by the codec's kinds. */
const DUPLICATES = [
  'A string is there twice',
  'A list has an element twice',
  'Duplicate set members detected',
  'Duplicate zset fields detected',
  'Duplicate hash fields detected',
  'A stream has an entry twice',
];
const DUPLICATE_GROUP = 'Duplicated consumer group name';
const DUPLICATE_CONSUMER = 'Duplicate stream consumer detected';

export class ValueReceiver {
  private readonly loaders: (ValueLoader | undefined)[] = [];
  private loader: ValueLoader | null = null;
  private kind = 0;

  /** @param full makes the error of a space without room */
  constructor(
    private readonly types: TypeRegistry,
    private readonly limits: LoadLimits,
    private readonly full: () => Error,
  ) {}

  /** Whether a value is being built. */
  get active(): boolean {
    return this.loader !== null;
  }

  /** Begins a value of a codec's kind, which is the number of a type. */
  begin(kind: number, space: Space): void {
    const loader = this.loaders[kind] ?? this.types.of(kind).newLoader();
    this.loaders[kind] = loader;
    loader.begin(space, this.limits);
    this.loader = loader;
    this.kind = kind;
  }

  /**
   * The value built, to be stored. From now on its pages are the caller's.
   * @throws the error of a space without room
   */
  take(): LoadedValue {
    const { building } = this;
    if (building.finish !== undefined) this.settle(building.finish(), DUPLICATES[this.kind]!);
    const { value } = building;
    this.loader = null;
    return value;
  }

  /** Frees what was built. */
  discard(): void {
    if (this.loader === null) return;
    const { value } = this.loader;
    this.loader = null;
    if (this.types.owns(value.kind)) this.types.free(value);
  }

  private get building(): ValueLoader {
    if (this.loader === null) throw new Error('no value has begun');
    return this.loader;
  }

  /** The bytes of a value without elements. They stay in place until it is stored. */
  bytes(region: Region, offset: number, length: number): void {
    this.building.bytes!(region, offset, length);
  }

  /** @throws RdbError, or the error of a space without room; then no value is being built */
  elements(batch: ElementBatch): void {
    this.settle(this.building.add(batch), DUPLICATES[this.kind]!);
  }

  streamState(state: StreamFigures): void {
    this.building.streamState!(state);
  }

  streamGroup(group: GroupFigures): void {
    this.settle(this.building.streamGroup!(group), DUPLICATE_GROUP);
  }

  streamConsumer(consumer: ConsumerFigures): void {
    this.settle(this.building.streamConsumer!(consumer), DUPLICATE_CONSUMER);
  }

  streamPending(batch: ElementBatch): void {
    this.settle(this.building.streamPending!(batch), DUPLICATE_CONSUMER);
  }

  private settle(outcome: number, duplicate: string): void {
    if (outcome !== LOADED) this.fail(outcome, duplicate);
  }

  private fail(outcome: number, duplicate: string): never {
    if (outcome === LOAD_DUPLICATE) {
      this.discard();
      throw new RdbError(duplicate);
    }
    if (outcome !== LOAD_FULL) throw new Error(`a value was loaded with ${outcome}`);
    this.loader = null;
    throw this.full();
  }
}
