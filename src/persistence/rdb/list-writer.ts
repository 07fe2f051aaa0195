/**
 * Writes lists as quicklists: listpacks of up to 8 KiB, and longer elements as nodes of their own,
 * which need no copy.
 */
import type { ElementBatch } from './batch.js';
import type { WriteHead } from './collection-writer.js';
import { NODE_PACKED, NODE_PLAIN, TYPE_LIST_QUICKLIST_2 } from './format.js';
import { NodePlan, PACKED_ELEMENT_BYTES_MAX } from './node-plan.js';
import type { RdbOutput } from './output.js';
import { ListpackWriter } from './packed/listpack-writer.js';

export class ListWriter {
  private nodes = 0;
  private readonly plan = new NodePlan();
  private readonly listpack = new ListpackWriter();

  constructor(
    private readonly output: RdbOutput,
    private readonly head: WriteHead,
  ) {}

  /** @param nodes what a NodePlan counted for these elements */
  begin(nodes: number): void {
    if (nodes === 0) throw new Error('A list without elements is no key');
    this.nodes = nodes;
    this.plan.clear();
    this.listpack.clear();
    this.head(TYPE_LIST_QUICKLIST_2);
    this.output.length(nodes);
  }

  listElements(batch: ElementBatch): void {
    const { region, offset, length } = batch;
    for (let i = 0; i < batch.count; i++) {
      if (this.plan.addElement(length[i]!)) this.endNode();
      if (length[i]! > PACKED_ELEMENT_BYTES_MAX) {
        this.output.length(NODE_PLAIN);
        this.output.rawString(region, offset[i]!, length[i]!);
      } else {
        this.listpack.add(region, offset[i]!, length[i]!);
      }
    }
  }

  end(): void {
    this.endNode();
    if (this.plan.nodes !== this.nodes) {
      throw new Error(`${this.nodes} nodes were promised, ${this.plan.nodes} came`);
    }
  }

  private endNode(): void {
    const { listpack, output } = this;
    if (listpack.count === 0) return;
    listpack.finish();
    output.length(NODE_PACKED);
    output.rawString(listpack.region, 0, listpack.length);
    listpack.clear();
  }
}
