/** Lists to and from files: told element by element, and built from batches of them. */
import { Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import { PackedElement, PackedView } from '../../structures/packed/element.js';
import { formatPacked, PACKED_HEADER_BYTES } from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { NewElement } from '../../structures/sequence/element.js';
import { ORDER_NONE, SEQUENCE_ROOT_BYTES } from '../../structures/sequence/root.js';
import { Sequence } from '../../structures/sequence/sequence.js';
import {
  type ElementsInFlight,
  LOAD_FULL,
  LOADED,
  LoadedValue,
  type StoredValue,
  type ValueLoader,
  type ValueSink,
} from '../value-type.js';
import { fitsPacked, LIST_PACKED, LIST_SEQUENCE, PACKED_LIST_BYTES_MAX } from './layout.js';
import { ListReader } from './reader.js';

const INTEGER_TEXT_BYTES = 24;

const reader = new ListReader();
/** Of lists that are loaded: no command uses them, as its root may be one of the entries. */
const sequences = new PerSpace((space) => new Sequence(space));

/** As ValueType.save. */
export function saveList(value: StoredValue, sink: ValueSink): void {
  const { batch } = sink;
  reader.open(value);
  for (let more = reader.seek(0); more; more = reader.next()) {
    reader.read();
    sink.planElement(reader.length);
  }
  sink.beginList();
  for (let more = reader.seek(0); more; more = reader.next()) {
    reader.read();
    const slot = batch.take(reader.length);
    reader.copyTo(batch.region, batch.offset[slot]!);
    if (batch.isFull) sink.deliver();
  }
  sink.deliver();
  sink.end();
}

export class ListLoader implements ValueLoader {
  readonly value = new LoadedValue();
  private count = 0;
  private readonly packed = new Region(new SharedArrayBuffer(PACKED_LIST_BYTES_MAX), 0);
  private readonly root = new Region(new SharedArrayBuffer(SEQUENCE_ROOT_BYTES), 0);
  private readonly text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);
  private readonly element = new PackedElement(this.packed);
  private readonly view = new PackedView();
  private readonly appended = new NewElement(this.packed);
  private readonly cursor = new Cursor();

  begin(space: Space): void {
    const { value, packed } = this;
    this.count = 0;
    value.space = space;
    value.kind = LIST_PACKED;
    value.region = packed;
    value.valueLength = PACKED_HEADER_BYTES;
    formatPacked(packed, 0);
  }

  add({ region, offset, length, count }: ElementsInFlight): number {
    let at = 0;
    if (this.value.kind === LIST_PACKED) {
      while (at < count && this.addPacked(region, offset[at]!, length[at]!)) at++;
      formatPacked(this.packed, 0, this.count);
      if (at === count) return LOADED;
      if (!this.convert()) return LOAD_FULL;
    }
    const sequence = this.attached();
    for (; at < count; at++) {
      this.appended.setBytes(region, offset[at]!, length[at]!);
      if (!this.append(sequence)) return LOAD_FULL;
    }
    return LOADED;
  }

  /** @returns false when it does not fit */
  private addPacked(region: Region, offset: number, length: number): boolean {
    const { element, value, packed } = this;
    element.set(region, offset, length);
    if (!fitsPacked(value.valueLength + element.size, this.count + 1)) return false;
    element.write(packed, value.valueLength);
    value.valueLength += element.size;
    this.count++;
    return true;
  }

  private attached(): Sequence {
    const sequence = sequences.of(this.value.space);
    sequence.attach(0, this.root);
    return sequence;
  }

  /** Moves what has come so far into a sequence. @returns false: no room */
  private convert(): boolean {
    const { value, packed, root, view, text, appended } = this;
    const end = value.valueLength;
    const sequence = sequences.of(value.space);
    sequence.create(0, ORDER_NONE, root);
    value.kind = LIST_SEQUENCE;
    value.region = root;
    value.valueLength = SEQUENCE_ROOT_BYTES;
    for (let at = PACKED_HEADER_BYTES; at < end; ) {
      at += view.read(packed, at);
      if (view.isInteger) {
        view.copyTo(packed, text, 0);
        appended.setBytes(text, 0, view.length);
      } else appended.setBytes(packed, view.offset, view.length);
      if (!this.append(sequence)) return false;
    }
    return true;
  }

  /** @returns false when there is no room: all is freed */
  private append(sequence: Sequence): boolean {
    if (sequence.pushLast(this.cursor, this.appended)) return true;
    sequence.clear();
    return false;
  }
}
