/**
 * The host of the machine of roles (`replication/roles`): it performs its actions one after the
 * other, carries messages between servers, and calls its ticks. What an action does to this server
 * is the manager's.
 */
import { randomId } from '../../../base/random-id.js';
import type { Log } from '../../../base/log.js';
import { shownFromPeer } from '../../../base/peer-text.js';
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import type {
  Asker,
  LinkedReplica,
  Peer,
  RoleAction,
  RoleHost,
} from '../../../replication/roles/contract.js';
import { Roles } from '../../../replication/roles/roles.js';
import type { HeirReply } from '../../../replication/roles/take-over.js';
import type { ReplicationAnswer, ReplicationRequest } from '../../channel/replication.js';
import type { Config } from '../../config/config.js';
import { askOnce, ROLES_VERSION } from './peer-connection.js';
import type { ControlReply } from './resp-client.js';
import type { UpstreamLink } from './upstream-link.js';

const TICK_MS = 2;
/** How long the answer of another server is waited for; the time of a takeover is another. */
const REPLY_MS = 5000;
/** For how long a replica may make this server hold writes; as long as REPLTAKEOVER may take. */
const HOLD_MS_MAX = 86_400_000;
/** What is asked of the machine. */
export type RoleRequest = Exclude<ReplicationRequest, { kind: 'chain' | 'sync' }>;

export interface RoleHostParts {
  readonly config: Config;
  readonly log: Log;
  readonly runId: string;
  readonly link: () => UpstreamLink | null;
  /** The replica in stable sync whose control connection the client is. */
  readonly replica: (clientId: number) => LinkedReplica | null;
  readonly replicasAt: (heads: readonly number[]) => readonly LinkedReplica[];
  /** Writes wait until then (milliseconds since 1970); 0: they go on. In force when it resolves. */
  readonly hold: (untilMs: number) => Promise<void>;
  /** The journals' heads. */
  readonly heads: () => readonly number[];
  readonly promote: () => Promise<void>;
  readonly follow: (primary: HostAndPort, heir: Peer | null) => Promise<void>;
  /** What clients are shown of a takeover has changed. */
  readonly changed: () => void;
}

export class RunningRoles implements RoleHost {
  readonly roles: Roles;
  private readonly askers = new Map<Asker, (answer: ReplicationAnswer) => void>();
  private lastAsker = 0;
  /** What changes the server comes one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | null = null;
  private shownState = 'no-failover';

  constructor(private readonly parts: RoleHostParts) {
    this.roles = new Roles(this);
  }

  /** Does something after all that was begun before. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }

  request(request: RoleRequest): Promise<ReplicationAnswer> {
    return this.ask((roles, asker) => this.deliver(request, roles, asker));
  }

  private deliver(request: RoleRequest, roles: Roles, asker: Asker): void {
    switch (request.kind) {
      case 'follow':
        roles.replicaOf(request.primary, asker);
        break;
      case 'hand-over': {
        const heir = this.parts.replica(request.clientId);
        const timeoutMs = Math.min(request.timeoutMs, HOLD_MS_MAX);
        roles.handOverAsked(request.takeover, heir, timeoutMs, asker);
        break;
      }
      case 'demote':
        if (request.commits) roles.handOver.commit(request.takeover, asker);
        else roles.abortAsked(request.takeover, asker);
        break;
      case 'take-over':
        roles.replTakeOver(request.timeoutMs, asker);
        break;
      case 'asked-to-take-over': {
        const { takeover, runId, timeoutMs } = request;
        roles.takeOver.asked(takeover, runId, timeoutMs, asker);
        break;
      }
      case 'failover':
        roles.failover(request.order, asker);
        break;
      case 'failover-abort':
        roles.failoverAbort(asker);
        break;
    }
  }

  /** Gives the machine an event that is answered. */
  private ask(event: (roles: Roles, asker: Asker) => void): Promise<ReplicationAnswer> {
    return new Promise((resolve) => {
      this.askers.set(++this.lastAsker, resolve);
      const asker = this.lastAsker;
      this.tell((roles) => event(roles, asker));
    });
  }

  /** Gives the machine an event. */
  tell(event: (roles: Roles) => void): void {
    const { roles } = this;
    event(roles);
    if (roles.failoverState !== this.shownState) {
      this.shownState = roles.failoverState;
      this.parts.changed();
    }
    if (roles.isUrgent && this.timer === null) {
      this.timer = setInterval(() => this.tell((all) => all.tick()), TICK_MS);
    } else if (!roles.isUrgent && this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  // --- RoleHost

  nowMs(): number {
    return performance.now();
  }

  newId(): string {
    return randomId();
  }

  primary(): Peer | null {
    const link = this.parts.link();
    // A Redis has no run id, and takes part in no takeover.
    const isDarter = link?.online === true && link.primaryRunId !== '';
    return isDarter ? { ...link.primary, runId: link.primaryRunId } : null;
  }

  hasApplied(heads: readonly number[]): boolean {
    return this.parts.link()?.hasApplied(heads) ?? false;
  }

  replicasAt(heads: readonly number[]): readonly LinkedReplica[] {
    return this.parts.replicasAt(heads);
  }

  notice(text: string): void {
    this.parts.log.notice(text);
  }

  warning(text: string): void {
    this.parts.log.warning(text);
  }

  perform(action: RoleAction): void {
    this.inTurn(() => this.act(action)).catch((error: Error) => {
      this.parts.log.warning(`A change of role failed: ${error.stack ?? error.message}`);
    });
  }

  private async act(action: RoleAction): Promise<void> {
    const { parts } = this;
    switch (action.kind) {
      case 'hold': {
        const { takeover, untilMs } = action;
        await parts.hold(Date.now() + Math.max(0, untilMs - this.nowMs()));
        const heads = parts.heads();
        this.tell((roles) => roles.handOver.held(takeover, heads));
        break;
      }
      case 'close': {
        await parts.hold(Number.POSITIVE_INFINITY);
        const heads = parts.heads();
        this.tell((roles) => roles.handOver.closed(action.takeover, heads));
        break;
      }
      case 'open':
        await parts.hold(0);
        break;
      case 'answer':
        this.answer(action.to, action.text);
        break;
      case 'send':
        void this.send(action);
        break;
      case 'ask-target':
        void this.askTarget(action);
        break;
      case 'promote':
        await parts.promote();
        break;
      case 'follow':
        await parts.follow(action.primary, action.heir);
        break;
    }
  }

  private answer(to: Asker, text: string | readonly number[]): void {
    const resolve = this.askers.get(to);
    this.askers.delete(to);
    resolve?.(typeof text === 'string' ? text : text.map(String));
  }

  // --- messages to other servers

  /** To the primary: over the link while that is up, else over a connection of its own. */
  private async send(action: Extract<RoleAction, { kind: 'send' }>): Promise<void> {
    const { takeover, message, timeoutMs, to } = action;
    const words =
      message === 'hand-over'
        ? ['HANDOVER', ROLES_VERSION, takeover, String(wholeMs(timeoutMs))]
        : ['DEMOTE', ROLES_VERSION, takeover, message === 'commit' ? 'COMMIT' : 'ABORT'];
    const reply = await this.replyOf(() => this.askPrimary(to, ['DARTER', ...words]));
    this.tell((roles) => roles.takeOver.replied(takeover, message, heirReply(reply)));
  }

  private askPrimary(to: Peer, words: readonly string[]): Promise<ControlReply> {
    const link = this.parts.link();
    const control = link?.online === true && link.primaryRunId === to.runId ? link.control : null;
    const { config } = this.parts;
    // A link is not ended because a takeover was given little time.
    if (control !== null) return control.command(words, config.number('repl-timeout') * 1000);
    return askOnce(config, to, words, REPLY_MS);
  }

  private async askTarget(action: Extract<RoleAction, { kind: 'ask-target' }>): Promise<void> {
    const { target, takeover, timeoutMs } = action;
    const { config, runId } = this.parts;
    const words = [
      'DARTER',
      'TAKEOVER',
      ROLES_VERSION,
      takeover,
      runId,
      String(wholeMs(timeoutMs)),
    ];
    const reply = await this.replyOf(() => askOnce(config, target, words, REPLY_MS));
    const refusal = reply === null ? '' : reply === '+OK' ? null : shown(reply);
    this.tell((roles) => roles.handOver.targetReplied(takeover, refusal));
  }

  private async replyOf(ask: () => Promise<ControlReply>): Promise<ControlReply | null> {
    try {
      return await ask();
    } catch {
      return null;
    }
  }
}

/** For the wire: 0 is without an end. */
function wholeMs(timeoutMs: number): number {
  if (timeoutMs === 0 || timeoutMs === Number.POSITIVE_INFINITY) return 0;
  return Math.max(1, Math.ceil(timeoutMs));
}

function heirReply(reply: ControlReply | null): HeirReply {
  if (reply === null) return null;
  if (typeof reply === 'string') return { line: shown(reply) };
  const heads = reply.map(Number);
  return heads.every((head) => Number.isSafeInteger(head)) ? { heads } : null;
}

function shown(reply: ControlReply): string {
  return typeof reply === 'string' ? shownFromPeer(reply) : 'an array';
}
