/**
 * A flow that writes its shards into an RDB file: at first as blocks, up to the cut, into a file of its
 * own; then their keys from there (rdb-conversion.ts).
 *
 *   blocks ──whole, at the limits──▶ keys ──▶ ended
 */
import { BlockPlaces } from '../../replication/files/block-places.js';
import type { WrittenFile, WrittenRdb } from '../channel/main-flow.js';
import { FileFlow, type FileFlowParts, type FlowFilePlace } from './file-flow.js';

export interface RdbFlowParts {
  readonly file: Omit<FileFlowParts, 'places' | 'written' | 'ended'>;
  readonly convert: (places: BlockPlaces, isEnded: () => boolean) => Promise<WrittenRdb>;
  readonly written: (file: WrittenFile) => void;
  readonly ended: (reason: string) => void;
}

export class RdbFlow {
  private readonly blocks: FileFlow;
  private readonly places = new BlockPlaces();
  private file: WrittenFile | null = null;
  private isConverting = false;
  private isEnded = false;

  constructor(
    private readonly parts: RdbFlowParts,
    first: FlowFilePlace,
  ) {
    const file = {
      ...parts.file,
      places: this.places,
      written: (written: WrittenFile) => {
        this.file = written;
      },
      ended: (reason: string) => {
        if (this.file === null || reason !== '' || this.isEnded) parts.ended(reason);
        else void this.convert(this.file);
      },
    };
    this.blocks = new FileFlow(file, first);
  }

  end(reason: string): void {
    this.isEnded = true;
    if (!this.isConverting) this.blocks.end(reason);
  }

  private async convert(file: WrittenFile): Promise<void> {
    this.isConverting = true;
    let why = '';
    try {
      const rdb = await this.parts.convert(this.places, () => this.isEnded);
      if (!this.isEnded) this.parts.written({ ...file, rdb });
    } catch (error) {
      if (!this.isEnded) why = error instanceof Error ? error.message : String(error);
    }
    this.parts.ended(why);
  }
}
