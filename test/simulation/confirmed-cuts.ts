/** WAIT in the simulation: cuts that clients were told are on a replica, and what follows from that. */
import type { SimulatedServer } from './server.js';

/** Kept of each kind; older ones are forgotten. */
const KEPT = 16;

interface KnownCut {
  readonly offset: number;
  readonly lsns: readonly number[];
}

export class ConfirmedCuts {
  /** Offsets of replicas that were held against a confirmed cut. */
  ordered = 0;
  /** WAITs that were begun, and cuts that are confirmed, since the root is the root. */
  private waits: KnownCut[] = [];
  private cuts: KnownCut[] = [];

  /** @param waits whether a client waits for it */
  makeCut(root: SimulatedServer, nowMs: number, waits: boolean): void {
    if (!root.journaling) return;
    const offset = root.cuts.make(root.rings, nowMs);
    if (waits) this.waits.push({ offset, lsns: root.heads() });
    if (this.waits.length > KEPT) this.waits.shift();
  }

  /** WAIT ends: replicas of the root have applied its cut, and with it all that was there then. */
  confirm(root: SimulatedServer): void {
    for (const link of root.down) {
      const { to } = link;
      if (to.state.step !== 'online') continue;
      for (const cut of this.waits) {
        if (link.confirmedOffset < cut.offset) continue;
        to.confirmed = cut.lsns;
        this.cuts.push(cut);
      }
    }
    if (this.cuts.length > KEPT) this.cuts.splice(0, this.cuts.length - KEPT);
  }

  /**
   * A replica whose offset is that of a confirmed cut, or greater, has every write of that cut. So
   * the one with the greatest offset has all that WAIT has confirmed on any that is still there.
   */
  checkOffsets(root: SimulatedServer, servers: readonly SimulatedServer[]): void {
    for (const server of servers) {
      const { state, offset } = server;
      const isOfRoot = state.replicationId === root.primary.replicationId;
      if (!server.isReplica || !isOfRoot || state.step === 'sync') continue;
      const applied = server.up?.applied ?? state.lsns;
      for (const cut of this.cuts) {
        if (offset < cut.offset) continue;
        this.ordered++;
        if (cut.lsns.every((lsn, shard) => applied[shard]! >= lsn)) continue;
        throw new Error(`${server.name} shows offset ${offset} and lacks writes of ${cut.offset}`);
      }
    }
  }

  /** Another server is the root: the numbers of its cuts are its own. */
  forget(): void {
    this.waits = [];
    this.cuts = [];
  }
}
