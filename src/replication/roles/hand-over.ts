/**
 * The primary's part of a takeover: it gives its role away, at most once.
 *
 *          HANDOVER, FAILOVER        all threads hold       COMMIT            no thread writes
 *   free ────────────────────▶ holding ───────────▶ held ────────▶ closing ───────────────▶ given
 *     ▲                           │                  │                │  in time, and no write
 *     └───────────────────────────┴──────────────────┴────────────────┘  since `held`
 *        the deadline by this server's clock, ABORT, the heir's link is lost, FAILOVER ABORT
 *
 * `given` is the commit point. From there on the server accepts no writes, and answers COMMIT of
 * that takeover with the heads of its journals again and again, until its role changes again. The
 * heir becomes primary only on that answer. A server that is stopped past its deadline and goes on
 * finds out before it commits: by its clock, and by heads that differ from those it told the heir.
 *
 * A takeover has an id that the one who begins it makes up. One that is over is remembered: a
 * message that comes late or twice finds it over.
 *
 * FAILOVER begins here, without an heir: when a replica has everything, it is asked to take over
 * under the id that is already held for it. From there on it is a takeover like any other.
 */
import {
  type Address,
  type Asker,
  EndedTakeovers,
  type FailoverState,
  type LinkedReplica,
  NOT_YET,
  OVER,
  type Peer,
  RESEND_MS,
  type RoleHost,
} from './contract.js';

const ONLY_REPLICAS = '-ERR only a replica in stable sync can take over from its primary';
const ANOTHER = '-ERR another takeover is under way';
const IS_OVER = `-${OVER} this takeover is over`;

/** What a FAILOVER wants. */
export interface FailoverOrder {
  /** Null: the first replica that has everything. */
  readonly target: Address | null;
  /** 0: none. */
  readonly timeoutMs: number;
  /** At the timeout the target takes over with what it has. */
  readonly isForced: boolean;
}

interface Failover {
  readonly order: FailoverOrder;
  target: LinkedReplica | null;
  /** When to ask the target again; Infinity: it has agreed. */
  askAtMs: number;
  /** The timeout of a FAILOVER with FORCE is past: the target need not have everything. */
  forced: boolean;
}

interface Current {
  takeover: string;
  state: 'holding' | 'held' | 'closing';
  deadlineMs: number;
  /** The journals' heads while writes are held. */
  heads: readonly number[];
  heir: LinkedReplica | null;
  /** HANDOVERs and COMMITs that wait for an answer. */
  askers: Asker[];
  failover: Failover | null;
  /** Why a takeover that is being closed will not be committed. */
  cancelled: string | null;
}

/** A role that was given away. */
export interface Given {
  readonly takeover: string;
  readonly heir: Peer;
  readonly heads: readonly number[];
}

export class HandOver {
  given: Given | null = null;
  private current: Current | null = null;
  private readonly ended = new EndedTakeovers();

  /** @param committed the role has been given away: the server is the heir's replica from here on */
  constructor(
    private readonly host: RoleHost,
    private readonly committed: (given: Given, askers: readonly Asker[]) => void,
  ) {}

  get isActive(): boolean {
    return this.current !== null;
  }

  get failoverState(): FailoverState {
    if (this.current === null) return 'no-failover';
    const { failover, heir } = this.current;
    const isAsked = failover !== null && (failover.target !== null || failover.forced);
    return isAsked || heir !== null ? 'failover-in-progress' : 'waiting-for-sync';
  }

  /** FAILOVER with FORCE is past its timeout: the role is given away, but for the target's word. */
  get isForced(): boolean {
    return this.current?.failover?.forced === true;
  }

  /** Whom FAILOVER asks to take over, or who has done so; null while none is chosen. */
  get failoverTarget(): Address | null {
    const { current, given } = this;
    if (current === null) return given?.heir ?? null;
    const { failover, heir } = current;
    if (failover === null) return null;
    return heir ?? failover.target ?? (failover.forced ? failover.order.target : null);
  }

  // --- messages of the heir

  /** @param heir the replica in stable sync that asks; null when it is none */
  handOver(
    takeover: string,
    heir: LinkedReplica | null,
    timeoutMs: number,
    isPrimary: boolean,
    asker: Asker,
  ): void {
    const { current, host } = this;
    if (this.ended.has(takeover)) this.answer(asker, IS_OVER);
    else if (heir === null || !isPrimary) this.answer(asker, ONLY_REPLICAS);
    else if (current === null) {
      const deadlineMs = host.nowMs() + timeoutMs;
      host.notice(`Replica ${nameOf(heir)} takes over: writes are held back`);
      this.begin({ takeover, deadlineMs, heir, askers: [asker], failover: null });
    } else if (current.takeover !== takeover || !this.isHeir(current, heir)) {
      this.answer(asker, ANOTHER);
    } else {
      current.heir = heir;
      if (current.state === 'holding') current.askers.push(asker);
      else this.answer(asker, headsFor(current));
    }
  }

  private isHeir({ heir, failover }: Current, replica: LinkedReplica): boolean {
    return (heir ?? failover?.target)?.key === replica.key;
  }

  commit(takeover: string, asker: Asker): void {
    const { current, given } = this;
    if (given?.takeover === takeover) {
      this.answer(asker, given.heads);
    } else if (current?.takeover !== takeover || current.heir === null) {
      if (current?.takeover !== takeover) this.ended.add(takeover);
      this.answer(asker, IS_OVER);
    } else if (current.state === 'closing') {
      current.askers.push(asker);
    } else if (this.host.nowMs() >= current.deadlineMs) {
      this.end(current, 'it came too late');
      this.answer(asker, IS_OVER);
    } else {
      current.state = 'closing';
      current.askers.push(asker);
      this.host.perform({ kind: 'close', takeover });
    }
  }

  /** @returns whether the role that was given away comes back */
  abort(takeover: string, asker: Asker): boolean {
    const { current, given } = this;
    const isReturned = given?.takeover === takeover;
    if (current?.takeover === takeover) this.end(current, 'the replica gave it up');
    if (isReturned) this.forget();
    this.ended.add(takeover);
    this.answer(asker, '+OK');
    return isReturned;
  }

  /** The role of this server changes by other means: what was given away counts no more. */
  forget(): void {
    if (this.given !== null) this.ended.add(this.given.takeover);
    this.given = null;
  }

  replicaLost(key: string): void {
    const { current } = this;
    if (current === null) return;
    const { heir, failover } = current;
    if (heir?.key === key) this.end(current, 'the link to the replica is lost');
    else if (heir === null && failover?.target?.key === key) this.dismissTarget(current, failover);
  }

  /** The process asks for a sync anew: what it began before is over, whatever is still under way. */
  rejoined(runId: string): void {
    const { current } = this;
    if (runId !== '' && current?.heir?.runId === runId) this.end(current, 'the replica comes anew');
  }

  /** An id belongs to one replica: what the next one is asked for has another. */
  private dismissTarget(current: Current, failover: Failover): void {
    this.ended.add(current.takeover);
    current.takeover = this.host.newId();
    failover.target = null;
  }

  // --- FAILOVER

  failover(order: FailoverOrder): void {
    const { host } = this;
    const { timeoutMs } = order;
    const deadlineMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : host.nowMs() + timeoutMs;
    const failover = { order, target: null, askAtMs: 0, forced: false };
    host.notice('FAILOVER requested: writes are held back');
    this.begin({ takeover: host.newId(), deadlineMs, heir: null, askers: [], failover });
  }

  /** FAILOVER ABORT. @returns whether there was something to be ended */
  failoverAbort(): boolean {
    const { current } = this;
    if (current === null) return false;
    this.end(current, 'FAILOVER ABORT');
    return true;
  }

  /**
   * A target that was stopped finds what it was asked before an ABORT as well: it is asked again until that is over.
   * @param refusal null: it has agreed; '' when there was no answer
   */
  targetReplied(takeover: string, refusal: string | null): void {
    const { current } = this;
    const failover = current?.failover ?? null;
    if (current?.takeover !== takeover || failover === null || current.heir !== null) return;
    if (refusal === null) failover.askAtMs = Number.POSITIVE_INFINITY;
    else if (refusal === '' || refusal.startsWith(`-${NOT_YET} `)) {
      failover.askAtMs = this.host.nowMs() + RESEND_MS;
    } else this.end(current, `the target refuses: ${refusal}`);
  }

  // --- the host's reports

  held(takeover: string, heads: readonly number[]): void {
    const { current } = this;
    if (current?.takeover !== takeover || current.state !== 'holding') return;
    current.state = 'held';
    current.heads = heads;
    for (const asker of current.askers.splice(0)) this.answer(asker, headsFor(current));
  }

  closed(takeover: string, heads: readonly number[]): void {
    const { current, host } = this;
    if (current?.takeover !== takeover || current.state !== 'closing') return;
    if (host.nowMs() >= current.deadlineMs) current.cancelled ??= 'the time is up';
    if (heads.some((head, shard) => head !== current.heads[shard])) {
      current.cancelled ??= 'there have been writes since';
    }
    if (current.cancelled !== null) {
      this.over(current, current.cancelled);
      return;
    }
    this.given = { takeover, heir: current.heir!, heads: headsFor(current) };
    this.current = null;
    this.committed(this.given, current.askers);
  }

  /** Often while a takeover is under way. */
  tick(): void {
    const { current, host } = this;
    if (current === null || current.state === 'closing') return;
    const nowMs = host.nowMs();
    if (nowMs >= current.deadlineMs && !this.force(current)) {
      this.end(current, 'it did not come in time');
    } else if (current.failover !== null && current.heir === null && current.state === 'held') {
      this.lookForTarget(current, current.failover, nowMs);
    }
  }

  /** The timeout of a FAILOVER is past. @returns whether it goes on all the same */
  private force(current: Current): boolean {
    const { failover } = current;
    if (failover === null || !failover.order.isForced || failover.forced) return false;
    failover.forced = true;
    current.deadlineMs = Number.POSITIVE_INFINITY;
    this.host.warning('The target of FAILOVER did not catch up in time: it is forced');
    this.host.perform({
      kind: 'hold',
      takeover: current.takeover,
      untilMs: Number.POSITIVE_INFINITY,
    });
    return true;
  }

  private lookForTarget(current: Current, failover: Failover, nowMs: number): void {
    const { order, forced } = failover;
    if (failover.target === null) {
      const heads = forced ? [] : current.heads;
      const found = this.host.replicasAt(heads).find((replica) => matches(replica, order.target));
      if (found === undefined) return;
      failover.target = found;
      failover.askAtMs = nowMs;
      this.host.notice(`Replica ${nameOf(found)} is asked to take over`);
    }
    if (nowMs < failover.askAtMs) return;
    // Not before this one is answered, or lost.
    failover.askAtMs = Number.POSITIVE_INFINITY;
    const { takeover, deadlineMs } = current;
    const leftMs = deadlineMs === Number.POSITIVE_INFINITY ? 0 : Math.ceil(deadlineMs - nowMs);
    this.host.perform({
      kind: 'ask-target',
      target: failover.target,
      takeover,
      timeoutMs: leftMs,
    });
  }

  // --- beginning and end

  private begin(parts: Omit<Current, 'state' | 'heads' | 'cancelled'>): void {
    this.current = { ...parts, state: 'holding', heads: [], cancelled: null };
    const { takeover, deadlineMs: untilMs } = parts;
    this.host.perform({ kind: 'hold', takeover, untilMs });
  }

  private end(current: Current, why: string): void {
    // The threads are about to be closed: they are opened again when they are.
    if (current.state === 'closing') current.cancelled ??= why;
    else this.over(current, why);
  }

  private over(current: Current, why: string): void {
    this.current = null;
    this.ended.add(current.takeover);
    this.host.warning(`The takeover ends, writes go on: ${why}`);
    this.host.perform({ kind: 'open' });
    for (const asker of current.askers) this.answer(asker, IS_OVER);
  }

  private answer(to: Asker, text: string | readonly number[]): void {
    this.host.perform({ kind: 'answer', to, text });
  }
}

/** What the heir has to reach; nothing when it is forced. */
function headsFor({ heads, failover }: Current): readonly number[] {
  return failover?.forced === true ? [] : heads;
}

function matches(replica: Address, target: Address | null): boolean {
  return target === null || (replica.host === target.host && replica.port === target.port);
}

export function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}
