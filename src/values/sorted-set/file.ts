/** Sorted sets to and from files: told in the order of their scores, and built from batches. */
import { copyBytes } from '../../base/region.js';
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
import { SortedSetEdit } from './edit.js';
import { SortedSetReader } from './reader.js';
import { USE_VALUE } from './views.js';

const reader = new SortedSetReader(USE_VALUE);

/** As ValueType.save. */
export function saveSortedSet(value: StoredValue, sink: ValueSink): void {
  const { batch } = sink;
  reader.attach(value);
  sink.beginSortedSet(reader.count);
  for (let more = reader.seekRank(0); more; more = reader.next()) {
    const { memberRegion, memberOffset, memberLength } = reader;
    const slot = batch.take(memberLength);
    copyBytes(batch.region, batch.offset[slot]!, memberRegion, memberOffset, memberLength);
    batch.score[slot] = reader.score;
    if (batch.isFull) sink.deliver();
  }
  sink.deliver();
  sink.end();
}

export class SortedSetLoader implements ValueLoader {
  readonly value = new LoadedValue();
  private readonly edit = new SortedSetEdit();

  begin(space: Space, limits: LoadLimits): void {
    const { edit } = this;
    this.value.space = space;
    edit.listpackMembersMax = limits.sortedSetListpackEntriesMax;
    edit.listpackMemberBytesMax = limits.sortedSetListpackValueBytesMax;
    edit.create(space);
    this.describe();
  }

  add({ region, offset, length, count, score }: ElementsInFlight): number {
    const { edit } = this;
    edit.resume();
    let outcome = LOADED;
    for (let i = 0; i < count && outcome === LOADED; i++) {
      if (edit.find(region, offset[i]!, length[i]!)) outcome = LOAD_DUPLICATE;
      else if (!edit.add(score[i]!)) {
        edit.discard();
        outcome = LOAD_FULL;
      }
    }
    this.describe();
    return outcome;
  }

  private describe(): void {
    const { value, edit } = this;
    value.kind = edit.kind;
    value.region = edit.bytes;
    value.valueLength = edit.length;
  }
}
