/** Sorted sets to and from files: told in the order of their scores, and built from batches. */
import { newRegion } from '../../base/owned-region.js';
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
  private hasNegativeZero = false;

  begin(space: Space, limits: LoadLimits): void {
    const { edit } = this;
    this.value.space = space;
    edit.listpackMembersMax = limits.sortedSetListpackEntriesMax;
    edit.listpackMemberBytesMax = limits.sortedSetListpackValueBytesMax;
    edit.create(space);
    // Whether the set is a listpack, which has no -0, is only known when all members have come.
    edit.keepsZeros = true;
    this.hasNegativeZero = false;
    this.describe();
  }

  add({ region, offset, length, count, score }: ElementsInFlight): number {
    const { edit } = this;
    edit.resume();
    let outcome = LOADED;
    for (let i = 0; i < count && outcome === LOADED; i++) {
      if (Object.is(score[i], -0)) this.hasNegativeZero = true;
      if (edit.find(region, offset[i]!, length[i]!)) outcome = LOAD_DUPLICATE;
      else if (!edit.add(score[i]!)) {
        edit.discard();
        outcome = LOAD_FULL;
      }
    }
    this.describe();
    return outcome;
  }

  finish(): number {
    const { edit } = this;
    if (!this.hasNegativeZero || !edit.isListpack) return LOADED;
    const members = this.membersOfNegativeZero();
    edit.resume();
    edit.keepsZeros = false;
    for (const bytes of members) {
      const region = newRegion(Math.max(8, bytes.length));
      region.bytes.set(bytes);
      if (edit.find(region, 0, bytes.length)) edit.remove();
      edit.find(region, 0, bytes.length);
      if (edit.add(0)) continue;
      edit.discard();
      this.describe();
      return LOAD_FULL;
    }
    this.describe();
    return LOADED;
  }

  /** Few, and seldom: what a larger set had, or one of other limits. */
  private membersOfNegativeZero(): Uint8Array[] {
    const members: Uint8Array[] = [];
    reader.attach(this.value);
    for (let more = reader.seekRank(0); more; more = reader.next()) {
      if (!Object.is(reader.score, -0)) continue;
      const { memberRegion, memberOffset, memberLength } = reader;
      members.push(memberRegion.bytes.slice(memberOffset, memberOffset + memberLength));
    }
    return members;
  }

  private describe(): void {
    const { value, edit } = this;
    value.kind = edit.kind;
    value.region = edit.bytes;
    value.valueLength = edit.length;
  }
}
