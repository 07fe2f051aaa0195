/**
 * The heir's part of a takeover: a replica that takes its primary's role.
 *
 *           REPLTAKEOVER, TAKEOVER         heads               all applied           heads
 *   free ───────────────────────▶ asking ───────▶ catching-up ────────────▶ committing ─────▶ primary
 *     ▲                             │  refused, deadline, link lost   │         │ it is over
 *     └─────────────────────────────┴────────── ABORT is sent ────────┘◀────────┘
 *
 * Until COMMIT is sent nothing can have changed, so a takeover may be given up at any time. From
 * there on only the primary knows: COMMIT is sent again, over any connection, until it answers with
 * heads (the role is ours) or that the takeover is over. No other answer counts, and no time. Where
 * the network parts the two, the heir stays a replica.
 *
 * An heir that is told to follow somebody else meanwhile withdraws: it sends ABORT until that is
 * answered. A primary that had committed takes its role back then.
 */
import {
  type Asker,
  EndedTakeovers,
  type HeirMessage,
  NOT_YET,
  OVER,
  type Peer,
  RESEND_MS,
  type RoleHost,
} from './contract.js';

const NOT_ONLINE = '-ERR REPLTAKEOVER needs a replica in stable sync with its primary';
const UNDER_WAY = 'a takeover is under way on this server';
const NOT_IN_TIME =
  '-ERR REPLTAKEOVER: the primary was not caught up with in time; nothing has changed';
const LINK_LOST = '-ERR REPLTAKEOVER: the link to the primary is lost; nothing has changed';
const CALLED_OFF = '-ERR REPLTAKEOVER: called off by REPLICAOF';
const MISSING = '-ERR REPLTAKEOVER: this replica lacks writes; it gives the role back';
const OUTCOME_UNKNOWN =
  '-ERR REPLTAKEOVER: the primary has not answered whether it gave its role away; ' +
  'this server asks on, and is the primary as soon as it did';

/** How long after its deadline a client is told at the latest that the outcome is not known. */
const ANSWER_GRACE_MS = 1000;
/** How long the answer to a message is waited for before it is sent again. */
const REPLY_MS = 5000;
/** Takeovers that were committed perhaps, and not wanted any more; the oldest one is let go. */
const WITHDRAWALS_MAX = 16;

/** A reply to a message: `heads` when it was LSNs; null for one that did not come. */
export type HeirReply = { readonly heads: readonly number[] } | { readonly line: string } | null;

interface Current {
  readonly takeover: string;
  readonly primary: Peer;
  state: 'asking' | 'catching-up' | 'committing';
  heads: readonly number[];
  readonly deadlineMs: number;
  asker: Asker | null;
  /** When to send COMMIT again; Infinity while one waits for its reply. */
  sendAtMs: number;
}

interface Withdrawal {
  readonly primary: Peer;
  sendAtMs: number;
}

export class TakeOver {
  private current: Current | null = null;
  private readonly withdrawals = new Map<string, Withdrawal>();
  private readonly ended = new EndedTakeovers();

  /** @param won the role is this server's */
  constructor(
    private readonly host: RoleHost,
    private readonly won: (asker: Asker | null) => void,
  ) {}

  get isActive(): boolean {
    return this.current !== null || this.withdrawals.size > 0;
  }

  /** `tick` should be called every few milliseconds. */
  get isUrgent(): boolean {
    return this.current !== null && this.current.state !== 'committing';
  }

  // --- beginning

  /** REPLTAKEOVER. */
  begin(timeoutMs: number, asker: Asker): void {
    const primary = this.host.primary();
    if (this.current !== null) this.answer(asker, `-ERR ${UNDER_WAY}`);
    else if (primary === null) this.answer(asker, NOT_ONLINE);
    else this.start(this.host.newId(), primary, timeoutMs, asker);
  }

  /**
   * Our primary asks this server to take over (FAILOVER).
   * @param timeoutMs 0: none
   */
  asked(takeover: string, runId: string, timeoutMs: number, asker: Asker): void {
    const primary = this.host.primary();
    if (this.current?.takeover === takeover) this.answer(asker, '+OK');
    else if (this.current !== null) this.answer(asker, `-${NOT_YET} ${UNDER_WAY}`);
    else if (this.ended.has(takeover)) this.answer(asker, `-${OVER} this takeover is over`);
    else if (primary === null || primary.runId !== runId) {
      this.answer(asker, '-ERR this server is not in stable sync with the one that asks');
    } else {
      this.answer(asker, '+OK');
      this.start(takeover, primary, timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs, null);
    }
  }

  private start(takeover: string, primary: Peer, timeoutMs: number, asker: Asker | null): void {
    const { host } = this;
    const sendAtMs = Number.POSITIVE_INFINITY;
    const deadlineMs = host.nowMs() + timeoutMs;
    const parts = { takeover, primary, deadlineMs, asker, sendAtMs };
    this.current = { ...parts, state: 'asking', heads: [] };
    host.notice(`This replica takes over from ${primary.host}:${primary.port}`);
    this.send(primary, takeover, 'hand-over', timeoutMs);
  }

  // --- replies

  replied(takeover: string, message: HeirMessage, reply: HeirReply): void {
    const { current } = this;
    if (message === 'abort') this.abortReplied(takeover, reply);
    else if (current?.takeover !== takeover) return;
    else if (message === 'hand-over') this.handOverReplied(current, reply);
    else this.commitReplied(current, reply);
  }

  private handOverReplied(current: Current, reply: HeirReply): void {
    if (current.state !== 'asking') return;
    if (reply === null) this.giveUp(current, LINK_LOST);
    else if ('line' in reply) this.giveUp(current, refusal(reply.line));
    else {
      current.state = 'catching-up';
      current.heads = reply.heads;
      this.tick();
    }
  }

  private commitReplied(current: Current, reply: HeirReply): void {
    if (current.state !== 'committing') return;
    if (reply === null || ('line' in reply && !reply.line.startsWith(`-${OVER}`))) {
      current.sendAtMs = this.host.nowMs() + RESEND_MS;
    } else if ('line' in reply) {
      this.finish(current, NOT_IN_TIME);
    } else if (this.host.hasApplied(reply.heads)) {
      this.current = null;
      this.ended.add(current.takeover);
      this.won(current.asker);
    } else {
      this.withdraw(current);
      this.finish(current, MISSING);
    }
  }

  private abortReplied(takeover: string, reply: HeirReply): void {
    const withdrawal = this.withdrawals.get(takeover);
    if (withdrawal === undefined) return;
    if (reply === null || ('line' in reply && reply.line !== '+OK')) {
      withdrawal.sendAtMs = this.host.nowMs() + RESEND_MS;
    } else {
      this.withdrawals.delete(takeover);
    }
  }

  // --- time

  /** Often while a takeover is under way. */
  tick(): void {
    const nowMs = this.host.nowMs();
    for (const [takeover, withdrawal] of this.withdrawals) {
      if (nowMs < withdrawal.sendAtMs) continue;
      withdrawal.sendAtMs = Number.POSITIVE_INFINITY;
      this.send(withdrawal.primary, takeover, 'abort', REPLY_MS);
    }
    const { current } = this;
    if (current === null) return;
    if (current.state === 'committing') this.askOn(current, nowMs);
    else if (nowMs >= current.deadlineMs) this.giveUp(current, NOT_IN_TIME);
    else if (this.host.primary()?.runId !== current.primary.runId) {
      this.giveUp(current, LINK_LOST);
    } else if (current.state === 'catching-up' && this.host.hasApplied(current.heads)) {
      current.state = 'committing';
      this.sendCommit(current);
    }
  }

  private askOn(current: Current, nowMs: number): void {
    if (nowMs >= current.sendAtMs) this.sendCommit(current);
    if (current.asker === null || nowMs < current.deadlineMs + ANSWER_GRACE_MS) return;
    this.host.warning('The primary does not answer whether it gave its role away: it is asked on');
    this.answer(current.asker, OUTCOME_UNKNOWN);
    current.asker = null;
  }

  private sendCommit(current: Current): void {
    current.sendAtMs = Number.POSITIVE_INFINITY;
    this.send(current.primary, current.takeover, 'commit', REPLY_MS);
  }

  // --- ends

  /** The primary serves this server anew, so it is one, and has given its role to nobody. */
  rejoined(): void {
    if (this.current?.state === 'committing') this.finish(this.current, NOT_IN_TIME);
  }

  /** REPLICAOF. @param isFollowing whether it names a primary, so that the role is not wanted */
  callOff(isFollowing: boolean): void {
    const { current } = this;
    // By this order those that gave their roles to this server follow a primary.
    if (!isFollowing) this.withdrawals.clear();
    if (current === null) return;
    if (current.state !== 'committing') this.giveUp(current, CALLED_OFF);
    else {
      // A primary that has committed follows this server, which is a primary by this order.
      if (isFollowing) this.withdraw(current);
      this.finish(current, CALLED_OFF);
    }
  }

  /** Before COMMIT was sent. */
  private giveUp(current: Current, why: string): void {
    this.send(current.primary, current.takeover, 'abort', REPLY_MS);
    this.finish(current, why);
  }

  private withdraw({ takeover, primary }: Current): void {
    this.withdrawals.set(takeover, { primary, sendAtMs: 0 });
    if (this.withdrawals.size <= WITHDRAWALS_MAX) return;
    for (const oldest of this.withdrawals.keys()) {
      this.withdrawals.delete(oldest);
      return;
    }
  }

  private finish(current: Current, why: string): void {
    this.current = null;
    this.ended.add(current.takeover);
    this.host.warning(`The takeover ends: ${why.slice(1)}`);
    if (current.asker !== null) this.answer(current.asker, why);
  }

  private send(to: Peer, takeover: string, message: HeirMessage, timeoutMs: number): void {
    this.host.perform({ kind: 'send', to, takeover, message, timeoutMs });
  }

  private answer(to: Asker, text: string): void {
    this.host.perform({ kind: 'answer', to, text });
  }
}

function refusal(line: string): string {
  return line.startsWith('-') ? line : '-ERR the primary refuses';
}
