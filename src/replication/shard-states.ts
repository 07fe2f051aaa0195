/**
 * The states of a shard on a flow, on both sides, as tables of states and events. Pure: the flows
 * ask the tables and do the work.
 *
 * On the replica. The events are blocks (wire.ts). A full sync begins in AWAITS_CLEAR, a sync that
 * continues begins in RESUMED. A full sync that goes on after a cut link begins in the states that
 * its shards were in: AWAITS_CLEAR, WALKING or DONE. HEARTBEAT is accepted in every state.
 *
 *   AWAITS_CLEAR ──CLEAR──▶ WALKING ──SHARD_DONE──▶ DONE ──CUT──▶ STREAMING ◀──CUT── RESUMED
 *                            │ ▲ ▲                    │
 *         FRAME, ENTRIES, VALUES, JOURNAL,          CLEAR
 *                  CLEAR     └─┘ └────────────────────┘
 *
 *   In DONE, STREAMING and RESUMED each JOURNAL block continues the stream. POSITIONS come in
 *   STREAMING only.
 *
 * On the primary. RESHIP is an overrun ring, or a SWAPDB across the cursor.
 *
 *   PENDING ──BEGIN──▶ WALKING ──END──▶ STREAMING
 *      ▲                  │                 │
 *      └──────RESHIP──────┴─────RESHIP──────┘  (as long as another shard is not shipped yet)
 */
import {
  BLOCK_CLEAR,
  BLOCK_CUT,
  BLOCK_ENTRIES,
  BLOCK_FRAME,
  BLOCK_HEARTBEAT,
  BLOCK_JOURNAL,
  BLOCK_POSITIONS,
  BLOCK_SHARD_DONE,
  BLOCK_VALUES,
} from './wire.js';

/** The next state where the table allows no event. */
export const REFUSED = -1;

export const AWAITS_CLEAR = 0;
export const WALKING = 1;
export const DONE = 2;
export const STREAMING = 3;
export const RESUMED = 4;
export const REPLICA_STATE_NAMES = [
  'not begun',
  'being shipped',
  'shipped',
  'streaming',
  'resumed',
] as const;

/** Rows: state. Columns: type of the block. Entries: the next state; absent: refused. */
const REPLICA_TABLE: readonly Readonly<Record<number, number>>[] = [
  /* AWAITS_CLEAR */ { [BLOCK_CLEAR]: WALKING, [BLOCK_HEARTBEAT]: AWAITS_CLEAR },
  /* WALKING */ {
    [BLOCK_CLEAR]: WALKING,
    [BLOCK_FRAME]: WALKING,
    [BLOCK_ENTRIES]: WALKING,
    [BLOCK_VALUES]: WALKING,
    [BLOCK_JOURNAL]: WALKING,
    [BLOCK_SHARD_DONE]: DONE,
    [BLOCK_HEARTBEAT]: WALKING,
  },
  /* DONE */ {
    [BLOCK_CLEAR]: WALKING,
    [BLOCK_JOURNAL]: DONE,
    [BLOCK_CUT]: STREAMING,
    [BLOCK_HEARTBEAT]: DONE,
  },
  /* STREAMING */ {
    [BLOCK_JOURNAL]: STREAMING,
    [BLOCK_HEARTBEAT]: STREAMING,
    [BLOCK_POSITIONS]: STREAMING,
  },
  /* RESUMED */ {
    [BLOCK_JOURNAL]: RESUMED,
    [BLOCK_CUT]: STREAMING,
    [BLOCK_HEARTBEAT]: RESUMED,
  },
];

/** The state of a replica's shard after a block, or REFUSED. */
export function afterBlock(state: number, type: number): number {
  return REPLICA_TABLE[state]![type] ?? REFUSED;
}

/** Whether the payload of this block may continue in the next one (MORE). */
export function mayContinue(state: number, type: number): boolean {
  if (state !== WALKING) return false;
  return type === BLOCK_ENTRIES || type === BLOCK_VALUES || type === BLOCK_JOURNAL;
}

/** Whether blocks of this type have a payload. */
export function hasPayload(type: number): boolean {
  return type === BLOCK_FRAME || type === BLOCK_POSITIONS || mayContinue(WALKING, type);
}

/** Whether the shard is complete: its JOURNAL blocks are the stream itself. */
export function isComplete(state: number): boolean {
  return state === DONE || state === STREAMING || state === RESUMED;
}

export const SHIP_PENDING = 0;
export const SHIP_WALKING = 1;
export const SHIP_STREAMING = 2;

/** The primary begins to ship the shard: it sends CLEAR. */
export const EVENT_BEGIN = 0;
/** The walk is at its end: the primary sends SHARD_DONE. */
export const EVENT_END = 1;
/** The shard must be shipped again. */
export const EVENT_RESHIP = 2;

/** Rows: state. Columns: event. */
const PRIMARY_TABLE: readonly (readonly number[])[] = [
  /* PENDING */ [SHIP_WALKING, REFUSED, REFUSED],
  /* WALKING */ [REFUSED, SHIP_STREAMING, SHIP_PENDING],
  /* STREAMING */ [REFUSED, REFUSED, SHIP_PENDING],
];

/** The state of a primary's shard after an event. @throws when the event cannot happen */
export function afterEvent(state: number, event: number): number {
  const next = PRIMARY_TABLE[state]![event]!;
  if (next === REFUSED) throw new Error(`replication: event ${event} in state ${state}`);
  return next;
}
