/**
 * A flow of a replica that is fed from a file (persistence/files/flow-file.ts) instead of a socket.
 * What it reads is verified as bytes from a peer are. Belongs to a flow thread.
 */

import { DamagedFile } from '../../persistence/files/damaged-file.js';
import type { Disk } from '../../persistence/files/disk.js';
import { FlowFileReader } from '../../persistence/files/flow-file.js';
import type { ReplicaFlow } from '../../replication/replica/replica-flow.js';

export interface LoadedFlowParts {
  readonly disk: Disk;
  readonly path: string;
  readonly createFlow: () => ReplicaFlow;
  /** Something was applied. */
  readonly applied: () => void;
  readonly loaded: () => void;
  readonly ended: (reason: string) => void;
}

export class LoadedFlow {
  private closed = false;
  private flow: ReplicaFlow | null = null;

  constructor(private readonly parts: LoadedFlowParts) {
    void this.run();
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.flow?.close();
    this.parts.ended(reason);
  }

  private async run(): Promise<void> {
    const { disk, path, loaded, createFlow } = this.parts;
    let reader: FlowFileReader | null = null;
    try {
      reader = await FlowFileReader.open(disk, path);
      this.flow = createFlow();
      await this.feed(reader, this.flow);
      if (!this.closed) loaded();
      this.end('');
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    } finally {
      await reader?.close().catch(() => {});
    }
  }

  private async feed(reader: FlowFileReader, flow: ReplicaFlow): Promise<void> {
    while (!this.closed) {
      const got = await reader.read(flow.target);
      if (got === 0 || this.closed) break;
      flow.nowMs = Date.now();
      flow.received(got);
      this.parts.applied();
      if (flow.failed !== null) {
        throw new DamagedFile(reader.path, reader.offset - flow.bytesLeft, flow.failed);
      }
    }
    if (this.closed || flow.bytesLeft === 0) return;
    throw new DamagedFile(reader.path, reader.offset - flow.bytesLeft, 'it ends within a block');
  }
}
