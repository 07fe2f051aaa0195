/** Sets to and from files: told member by member, and built from batches of them. */
import type { Space } from '../../memory/space.js';
import {
  type ElementsInFlight,
  LOAD_DUPLICATE,
  LOAD_FULL,
  LOADED,
  LoadedValue,
  type LoadLimits,
  type StoredValue,
  type ValueLoader,
  type ValueSink,
} from '../value-type.js';
import { SetBuilder } from './builder.js';
import { FULL, PRESENT } from './edit.js';
import { SetMember } from './member.js';
import { SetPlace } from './place.js';
import { setTables } from './tables.js';
import { SetWalk } from './walk.js';

const place = new SetPlace();
const walk = new SetWalk();
const member = new SetMember();

/** As ValueType.save. */
export function saveSet(value: StoredValue, sink: ValueSink): void {
  const { batch } = sink;
  place.take(value);
  sink.beginSet(place.size);
  walk.begin(place);
  while (walk.step(member)) {
    const slot = batch.take(member.length);
    member.copyTo(batch.region, batch.offset[slot]!);
    if (batch.isFull) sink.deliver();
  }
  sink.deliver();
  sink.end();
}

export class SetLoader implements ValueLoader {
  readonly value = new LoadedValue();
  private readonly builder = new SetBuilder();
  private readonly member = new SetMember();

  begin(space: Space, { setIntsetEntriesMax }: LoadLimits): void {
    this.value.space = space;
    this.builder.begin(setTables.of(space), setIntsetEntriesMax);
    this.describe();
  }

  add({ region, offset, length, count }: ElementsInFlight): number {
    const { builder, member: added } = this;
    let outcome = LOADED;
    for (let i = 0; i < count && outcome === LOADED; i++) {
      added.set(region, offset[i]!, length[i]!);
      const done = builder.add(added);
      if (done === PRESENT) outcome = LOAD_DUPLICATE;
      else if (done === FULL) outcome = LOAD_FULL;
    }
    this.describe();
    return outcome;
  }

  private describe(): void {
    const { value, builder } = this;
    value.kind = builder.value.kind;
    value.region = builder.value.region;
    value.valueLength = builder.value.length;
  }
}
