/**
 * The link to the server that this one follows: there is one at most. It begins as a link to a Darter.
 * When a Redis answers it is exchanged for the other kind, and back, whenever the server behind the
 * address becomes another.
 *
 *   begin ──▶ PrimaryLink ◀──isRedis / isDarter──▶ RedisLink ──▶ end
 */
import type { Log } from '../../../base/log.js';
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import { CLIENT_IDS } from '../../../engine/counters.js';
import type { NewestCut } from '../../../journal/cuts.js';
import type { Shards } from '../../../keyspace/shards.js';
import type { ControlBlock } from '../../../memory/control.js';
import type { PrimaryState } from '../../../replication/primary/primary-state.js';
import type { RedisHistory } from '../../../replication/redis/handshake.js';
import type { DataHistory } from '../../../replication/replica/replica-state.js';
import type { Config } from '../../config/config.js';
import type { DataChange } from './data-change.js';
import type { FlowThreads } from './flow-threads.js';
import type { Journals } from './journals.js';
import { PrimaryLink } from './primary-link.js';
import { RedisLink } from './redis-link.js';
import type { RedisFate, RedisReplicas } from './redis-replicas.js';
import type { RunningRoles } from './role-host.js';
import type { UpstreamLink } from './upstream-link.js';

export interface UpstreamLinksParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly runId: string;
  /** Of locks. */
  readonly owner: number;
  readonly shards: Shards;
  readonly cuts: NewestCut;
  readonly journals: Journals;
  readonly state: PrimaryState;
  /** Those that follow. */
  readonly threads: FlowThreads;
  readonly running: RunningRoles;
  /** Tells all threads; in force when it resolves. */
  readonly changed: () => Promise<void>;
  /** Nobody is served from this data, or its history, any longer. */
  readonly redises: RedisReplicas;
  readonly dropReplicas: (why: string, redises: RedisFate, change: DataChange) => void;
  /** This server has the data of its primary: by a full sync, or by going on where it was. */
  readonly synced: (isFull: boolean) => void;
}

export class UpstreamLinks {
  current: UpstreamLink | null = null;
  /**
   * Where in the history of a Redis the data is, while that is known and there is no link to one: a
   * Redis that shares the history may continue it. Null once the data may have changed otherwise.
   */
  redisHistory: RedisHistory | null = null;

  constructor(private readonly parts: UpstreamLinksParts) {}

  /** @param history of the data, when the primary may share it */
  begin(primary: HostAndPort, history: DataHistory | undefined): void {
    this.current = this.createPrimaryLink(primary, history);
  }

  /** Ends the link that there is. @returns the history that the data has, null when it is in pieces */
  async end(): Promise<DataHistory | null> {
    const history = await this.endLink(this.current!);
    this.current = null;
    return history;
  }

  private async endLink(link: UpstreamLink): Promise<DataHistory | null> {
    const history = await link.end();
    if (link instanceof RedisLink) this.redisHistory = link.history;
    return history;
  }

  /** The next client's number. */
  private readonly clientId = (): number => this.parts.control.next(CLIENT_IDS) + 1;

  private createPrimaryLink(primary: HostAndPort, history: DataHistory | undefined): UpstreamLink {
    const { config, log, shards, threads, owner, runId, cuts, running } = this.parts;
    const { changed, dropReplicas, synced } = this.parts;
    const { clientId } = this;
    const link: PrimaryLink = new PrimaryLink(
      {
        ...{ config, log, shards, threads, owner, runId, changed, synced, clientId },
        expectedRunId: () => running.roles.expectedHeir?.runId ?? null,
        heirSought: (isFound) => running.tell((roles) => roles.heirSought(isFound)),
        joining: () => running.roles.joining(),
        // To Redises nothing has changed.
        rearranged: () =>
          dropReplicas('the servers that this one follows have changed', 'keep', 'none'),
        isRedis: () => this.exchange(link, () => this.createRedisLink(primary)),
        replacing: () => {
          this.redisHistory = null;
          dropReplicas('this server gets a full sync itself', 'end', 'replaced');
          cuts.clear(true);
        },
        adopt: (id, from) => {
          this.redisHistory = null;
          this.adopt(id, from);
        },
      },
      primary,
      history,
    );
    return link;
  }

  /** Our journals go on as a primary's: what comes from the Redis is written to them. */
  private createRedisLink(primary: HostAndPort): UpstreamLink {
    const { config, log, shards, threads, runId, cuts, journals, state } = this.parts;
    const { changed, dropReplicas, synced } = this.parts;
    const { clientId } = this;
    cuts.clear(false);
    journals.begin();
    const own = () => ({ id: state.replicationId, lsns: journals.heads() });
    const link: RedisLink = new RedisLink(
      {
        ...{ config, log, runId, own, shards, threads, changed, synced, clientId },
        replacing: () => {
          dropReplicas('this server gets a full sync itself', 'end', 'replaced');
          state.startAnew();
        },
        isDarter: () =>
          this.exchange(link, (history) => {
            cuts.clear(true);
            return this.createPrimaryLink(primary, history ?? undefined);
          }),
      },
      primary,
      this.redisHistory,
    );
    return link;
  }

  /** Another kind of server than was thought stands behind the address. */
  private exchange(
    link: UpstreamLink,
    create: (history: DataHistory | null) => UpstreamLink,
  ): void {
    void this.parts.running.inTurn(async () => {
      if (this.current !== link) return;
      const history = await this.endLink(link);
      this.current = create(history);
      await this.parts.changed();
    });
  }

  private adopt(id: string, from: readonly number[] | null): void {
    if (!this.parts.state.adopt(id, from)) return;
    // The journals go on with another server's records.
    if (from !== null) this.parts.redises.settleMarks();
    // Our replicas learn the new id when they come back; what they have stays valid.
    // After a full sync no file of the data before is written any more.
    const change = from === null ? 'replaced' : 'history';
    this.parts.dropReplicas('the replication id has changed', 'keep', change);
  }
}
