/**
 * How elements gather in nodes. A file tells the number of a list's or stream's nodes before the
 * first one, so that a writer's caller asks this plan first, element by element, and the writer asks
 * another one again: both come to the same nodes, as only lengths decide.
 */
import { ENTRY_OVERHEAD_BYTES } from './packed/listpack-writer.js';

/** Redis's list-max-listpack-size of -2. */
const LIST_NODE_BYTES = 8 * 1024;
/** A longer element has a node of its own and needs no listpack. */
export const PACKED_ELEMENT_BYTES_MAX = LIST_NODE_BYTES - 64;
/** Redis's stream-node-max-bytes and stream-node-max-entries. */
const STREAM_NODE_BYTES = 4 * 1024;
const STREAM_NODE_ENTRIES = 100;

export class NodePlan {
  nodes = 0;
  private bytes = 0;
  private entries = 0;

  clear(): void {
    this.nodes = 0;
  }

  /** Adds an element of a list. @returns whether a node begins with it */
  addElement(length: number): boolean {
    if (length > PACKED_ELEMENT_BYTES_MAX) {
      // Nothing joins it.
      this.bytes = LIST_NODE_BYTES;
      this.nodes++;
      return true;
    }
    return this.add(length + ENTRY_OVERHEAD_BYTES, LIST_NODE_BYTES, Infinity);
  }

  /**
   * Adds an entry of a stream.
   *
   * @param length bytes of its fields and values together
   * @returns whether a node begins with it
   */
  addEntry(length: number): boolean {
    return this.add(length, STREAM_NODE_BYTES, STREAM_NODE_ENTRIES);
  }

  private add(bytes: number, bytesMax: number, entriesMax: number): boolean {
    const begins = this.nodes === 0 || this.bytes + bytes > bytesMax || this.entries >= entriesMax;
    if (begins) {
      this.nodes++;
      this.bytes = 0;
      this.entries = 0;
    }
    this.bytes += bytes;
    this.entries++;
    return begins;
  }
}
