/** One shard as a flow of the primary ships it. */
import type { JournalRing } from '../../journal/ring.js';
import { SHIP_PENDING, SHIP_STREAMING } from '../shard-states.js';
import { WalkCursor } from './full-sync-walk.js';

export class PrimaryShard {
  /** SHIP_* (shard-states.ts). */
  state = SHIP_PENDING;
  /** The flow's reader in the shard's ring; -1 for none. */
  reader = -1;
  /** LSN up to which the stream was sent, or need not be sent. */
  sent = 0;
  /** LSN at which its stream began: nothing before it waits on the replica. */
  base = 0;
  /** LSN from which the flow's reader keeps the ring. */
  place = 0;
  /** LSN after a record that is longer than the window and may be sent; 0 when there is none. */
  grantEnd = 0;
  /** LSN of the record that is next on the replica, if it is known to be no longer than that. */
  shortAt = -1;
  /** Bytes reserved for it in the session, or whether it has the session's token. */
  reserved = 0;
  hasToken = false;
  /** What lies before it was shipped. */
  readonly cursor = new WalkCursor();

  constructor(
    readonly shard: number,
    readonly ring: JournalRing,
  ) {}

  /** Whether the shard was shipped: its whole stream is sent. */
  get streaming(): boolean {
    return this.state === SHIP_STREAMING;
  }
}
