/**
 * Writes streams: nodes of up to 100 entries and 4 KiB (or one larger entry), then state and groups.
 * streams.ts and stream-node.ts have the layout. The caller's order is the file's:
 *
 *     begin, streamEntries ..., streamState,
 *     groups, (group, pending ..., consumers, (consumer, owned ...) ...) ...
 */
import { equalBytes } from '../../base/region.js';
import { ElementBatch, STREAM_ID_BYTES } from './batch.js';
import type { WriteHead } from './collection-writer.js';
import {
  ENTRY_SAME_FIELDS,
  TYPE_STREAM_LISTPACKS_2,
  TYPE_STREAM_LISTPACKS_3,
  VERSION_REDIS_7_2,
} from './format.js';
import { NodePlan } from './node-plan.js';
import type { RdbOutput } from './output.js';
import { ListpackWriter } from './packed/listpack-writer.js';
import type { StreamConsumer, StreamGroup, StreamState } from './visitor.js';

/** Elements of an entry that are neither field nor value. */
const ENTRY_ELEMENTS = 4;
const ENTRY_ELEMENTS_SAME_FIELDS = 3;

export class StreamWriter {
  private nodes = 0;
  private readonly plan = new NodePlan();
  /** The entries of the node under way. */
  private readonly node = new ElementBatch();
  private readonly listpack = new ListpackWriter();
  private readonly hasActiveTimes: boolean;

  constructor(
    private readonly output: RdbOutput,
    private readonly head: WriteHead,
    version: number,
  ) {
    this.hasActiveTimes = version >= VERSION_REDIS_7_2;
  }

  /** @param nodes what a NodePlan counted for these entries */
  begin(nodes: number): void {
    this.nodes = nodes;
    this.plan.clear();
    this.node.clear();
    this.head(this.hasActiveTimes ? TYPE_STREAM_LISTPACKS_3 : TYPE_STREAM_LISTPACKS_2);
    this.output.length(nodes);
  }

  streamEntries(batch: ElementBatch): void {
    let slot = 0;
    for (let entry = 0; entry < batch.entries; entry++) {
      const end = batch.entryEnd[entry]!;
      let bytes = 0;
      for (let i = slot + 1; i < end; i++) bytes += batch.length[i]!;
      if (this.plan.addEntry(bytes)) this.endNode();
      for (; slot < end; slot++) {
        this.node.add(batch.region, batch.offset[slot]!, batch.length[slot]!);
      }
      this.node.entryEnd[this.node.entries++] = this.node.count;
    }
  }

  streamState(state: StreamState): void {
    this.endNode();
    if (this.plan.nodes !== this.nodes) {
      throw new Error(`${this.nodes} nodes were promised, ${this.plan.nodes} came`);
    }
    const { output } = this;
    output.length(state.length);
    this.id(state.lastId);
    this.id(state.firstId);
    this.id(state.maxDeletedId);
    output.bigLength(state.entriesAdded);
  }

  groups(count: number): void {
    this.output.length(count);
  }

  /** @param pending entries that are pending in the whole group */
  group(group: StreamGroup, pending: number): void {
    const { output } = this;
    output.string(group.region, group.offset, group.length);
    this.id(group.lastId);
    output.bigLength(group.entriesRead);
    output.length(pending);
  }

  /** Pending entries of the group, in the order of their ids. */
  pending(batch: ElementBatch): void {
    const { output } = this;
    for (let i = 0; i < batch.count; i++) {
      output.bytes(batch.region, batch.offset[i]!, STREAM_ID_BYTES);
      output.int64(batch.deliveredMs[i]!);
      output.length(batch.deliveries[i]!);
    }
  }

  consumers(count: number): void {
    this.output.length(count);
  }

  /** @param pending entries that are pending for this consumer */
  consumer(consumer: StreamConsumer, pending: number): void {
    const { output } = this;
    output.string(consumer.region, consumer.offset, consumer.length);
    output.int64(consumer.seenMs);
    if (this.hasActiveTimes) output.int64(consumer.activeMs);
    output.length(pending);
  }

  /** Pending entries of the consumer: their ids are enough. */
  owned(batch: ElementBatch): void {
    for (let i = 0; i < batch.count; i++) {
      this.output.bytes(batch.region, batch.offset[i]!, STREAM_ID_BYTES);
    }
  }

  private id(id: bigint): void {
    this.output.bigLength(id >> 64n);
    this.output.bigLength(BigInt.asUintN(64, id));
  }

  private endNode(): void {
    const { node, listpack, output } = this;
    if (node.entries === 0) return;
    listpack.clear();
    this.master();
    let slot = 0;
    for (let entry = 0; entry < node.entries; entry++) {
      this.entry(slot, node.entryEnd[entry]!);
      slot = node.entryEnd[entry]!;
    }
    listpack.finish();
    output.rawString(node.region, node.offset[0]!, STREAM_ID_BYTES);
    output.rawString(listpack.region, 0, listpack.length);
    node.clear();
  }

  /** The master entry has the fields of the node's first one. */
  private master(): void {
    const { node, listpack } = this;
    const end = node.entryEnd[0]!;
    listpack.addInteger(node.entries);
    listpack.addInteger(0);
    listpack.addInteger((end - 1) >>> 1);
    for (let slot = 1; slot < end; slot += 2) this.element(slot);
    listpack.addInteger(0);
  }

  private entry(start: number, end: number): void {
    const { node, listpack } = this;
    const fields = (end - start - 1) >>> 1;
    const same = this.hasMasterFields(start, end);
    listpack.addInteger(same ? ENTRY_SAME_FIELDS : 0);
    this.difference(node.offset[start]!, node.offset[0]!);
    this.difference(node.offset[start]! + 8, node.offset[0]! + 8);
    if (!same) listpack.addInteger(fields);
    for (let slot = start + 1; slot < end; slot += 2) {
      if (!same) this.element(slot);
      this.element(slot + 1);
    }
    listpack.addInteger(same ? fields + ENTRY_ELEMENTS_SAME_FIELDS : 2 * fields + ENTRY_ELEMENTS);
  }

  private element(slot: number): void {
    const { node } = this;
    this.listpack.add(node.region, node.offset[slot]!, node.length[slot]!);
  }

  private difference(offset: number, master: number): void {
    const { view } = this.node.region;
    this.listpack.addBigInteger(
      view.getBigUint64(offset, false) - view.getBigUint64(master, false),
    );
  }

  private hasMasterFields(start: number, end: number): boolean {
    const { node } = this;
    if (end - start !== node.entryEnd[0]!) return false;
    for (let slot = 1; slot < end - start; slot += 2) {
      const length = node.length[slot]!;
      if (node.length[start + slot] !== length) return false;
      const place = node.offset[start + slot]!;
      if (!equalBytes(node.region, node.offset[slot]!, node.region, place, length)) return false;
    }
    return true;
  }
}
