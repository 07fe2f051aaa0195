/** What a flow of the primary is given. */
import type { NewestCut } from '../../journal/cuts.js';
import type { JournalRing } from '../../journal/ring.js';
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import type { Shards } from '../../keyspace/shards.js';
import type { HalfStream } from '../half-sync.js';
import type { KeylessState } from './keyless-shipment.js';
import type { SyncSession } from './sync-session.js';

export interface PrimaryFlowOptions {
  readonly shards: Shards;
  /** Those of the shards, and that of the stream without keys. */
  readonly rings: readonly JournalRing[];
  /** This thread's number + 1. */
  readonly owner: number;
  /** What the stream without keys has made; null for nothing. */
  readonly keylessState: KeylessState | null;
  /** The shards of this flow; the stream without keys counts as one more. */
  readonly mine: readonly number[];
  readonly session: SyncSession;
  /** Whether the replica takes raw frames: it has the same number of shards. */
  readonly raw: boolean;
  /** LSN by shard to continue from; null for a full sync. */
  readonly from: readonly number[] | null;
  /** How far each stream of a full sync is that goes on; null for none. */
  readonly half: readonly HalfStream[] | null;
  /** What the effects on collections say of their elements. */
  readonly elements: ElementsByVerb;
  /** PART_BYTES if it is not given. */
  readonly partBytes?: number;
  /** How far the flow sends beyond what is acknowledged (send-window.ts), as the replica knows. */
  readonly windowBytes: number;
  /** The cuts of this server, made or adopted. */
  readonly cuts: NewestCut;
}
