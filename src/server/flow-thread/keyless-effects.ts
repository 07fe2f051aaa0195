/**
 * Effects of the stream without keys on a flow thread: applied when they come from our primary,
 * described when a replica of ours gets a full sync. The first word of an effect names its kind; each
 * kind is one row. All rows are called under the stream's lock, one effect at a time.
 */
import { shownFromPeer } from '../../base/peer-text.js';
import { prefixBinary, type Region } from '../../base/region.js';
import { loadVector } from '../../journal/keyless-stream.js';
import { Arguments } from '../../protocol/parser.js';
import type { KeylessRecords, KeylessState } from '../../replication/primary/keyless-shipment.js';
import type { KeylessTarget } from '../../replication/replica/record-applier.js';

const NAME_BYTES_MAX = 64;

/** One kind of effect. */
export interface KeylessKind {
  /** Upper case, at most 64 bytes. */
  readonly name: string;
  /**
   * Applies an effect from the primary. `args` begins with the name; its bytes are valid during the
   * call.
   * @returns what is wrong with it, or null. It then ends the link, and a full sync follows
   */
  readonly apply: (args: Arguments) => string | null;
  /** Forgets the state that these effects have made: a full sync makes it anew. */
  readonly clear?: () => void;
  /** Writes the effects that make the state again. */
  readonly describe?: (records: KeylessRecords) => void;
}

export class KeylessEffects implements KeylessTarget, KeylessState {
  private readonly args = new Arguments();
  private readonly byName: ReadonlyMap<string, KeylessKind>;

  constructor(private readonly kinds: readonly KeylessKind[]) {
    this.byName = new Map(kinds.map((kind) => [kind.name, kind]));
  }

  apply(region: Region, offset: number): string | null {
    const { args } = this;
    loadVector(region, offset, args);
    const name = prefixBinary(region, args.offset[0]!, args.length[0]!, NAME_BYTES_MAX);
    const kind = this.byName.get(name);
    const wrong =
      kind === undefined
        ? `the effect without a key ${shownFromPeer(name)} is unknown`
        : kind.apply(args);
    args.trim();
    return wrong;
  }

  clear(): void {
    for (const kind of this.kinds) kind.clear?.();
  }

  describe(records: KeylessRecords): void {
    for (const kind of this.kinds) kind.describe?.(records);
  }
}
