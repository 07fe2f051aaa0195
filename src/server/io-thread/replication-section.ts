/** INFO's section replication, and the figures of syncs that it has besides Redis's. */

import { WRITES_DELAYED, WRITES_OVERRULED } from '../../journal/counters.js';
import type { HostAndPort } from '../../commands/contract/replication-port.js';
import type { JournalRing } from '../../journal/ring.js';
import {
  SUM_BYTES,
  SUM_KEYS,
  SUM_KEYS_TOTAL,
  SUM_RESTARTED_SHARDS,
} from '../../replication/primary/sync-session.js';
import type { RedisProgress } from '../../replication/redis/progress.js';
import { MergedStreamFigures } from '../../replication/redis/stream-figures.js';
import * as syncProgress from '../../replication/replica/sync-progress.js';
import { SUM_ACKNOWLEDGED_MS, SUM_RECEIVED_MS } from '../channel/replication-figures.js';
import type { Fields, InfoSource, Section } from '../info/source.js';
import {
  acknowledgedOffset,
  type KnownReplica,
  type ThreadReplication,
} from './thread-replication.js';

export interface ReplicationSource {
  readonly replication: ThreadReplication;
  readonly rings: readonly JournalRing[];
}

export function replicationSection({ replication, rings }: ReplicationSource): Section {
  return (source, context) => {
    const { status } = replication;
    return [
      ...roleFields(source, replication, context.now),
      ['connected_slaves', replication.replicas.length],
      ...goodReplicas(source, replication, context.now),
      ...replication.replicas.map((replica, i) => replicaField(replica, i, context.now)),
      ['master_failover_state', status.failoverState],
      ['master_replid', shownId(replication)],
      ['master_replid2', status.secondId],
      ['master_repl_offset', replication.offset],
      ['second_repl_offset', status.secondOffset],
      ...journalFields(source, replication, rings),
      ['repl_backpressure_delayed_writes', source.control.sum(WRITES_DELAYED)],
      ['repl_backpressure_overruled_writes', source.control.sum(WRITES_OVERRULED)],
      ...replication.replicas.flatMap((replica, i) => syncFields(replica, i, rings)),
      ...redisFields(replication),
    ];
  };
}

/**
 * On a replica of a Redis that one's; Darters behind it know another one (docs/replication.md). While all
 * replicas are Redises, that of the stream which they follow.
 */
function shownId({ status, redisStream }: ThreadReplication): string {
  const id = status.link?.redis?.id ?? redisStream?.id ?? '';
  return id === '' ? status.replicationId : id;
}

function seconds(sinceMs: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
}

function roleFields(source: InfoSource, replication: ThreadReplication, nowMs: number): Fields {
  const { link, failoverTarget } = replication.status;
  if (link !== null) return [['role', 'slave'], ...linkFields(source, replication, nowMs)];
  if (failoverTarget === null) return [['role', 'master']];
  return [['role', 'slave'], ...failoverFields(source, replication.offset, failoverTarget)];
}

/** As of a replica whose link is about to come: the role is not given away yet. */
function failoverFields(
  { configuration }: InfoSource,
  offset: number,
  { host, port }: HostAndPort,
): Fields {
  return [
    ['master_host', host],
    ['master_port', port],
    ['master_link_status', 'down'],
    ['master_last_io_seconds_ago', -1],
    ['master_sync_in_progress', 0],
    ['slave_read_repl_offset', offset],
    ['slave_repl_offset', offset],
    ...downFields(false, -1, 0),
    ...replicaFields(configuration),
  ];
}

function replicaFields(configuration: InfoSource['configuration']): Fields {
  return [
    ['slave_priority', configuration.value('replica-priority')],
    ['slave_read_only', configuration.value('replica-read-only') === 'yes' ? 1 : 0],
    ['replica_announced', configuration.value('replica-announced') === 'yes' ? 1 : 0],
  ];
}

function linkFields(
  { configuration }: InfoSource,
  replication: ThreadReplication,
  nowMs: number,
): Fields {
  const link = replication.status.link!;
  const figures = replication.progress;
  const { offset, redis } = replication;
  const receivedMs = redis?.receivedMs ?? figures?.sums[SUM_RECEIVED_MS] ?? 0;
  const readOffset = redis?.receivedOffset ?? figures?.appliedBytes ?? 0;
  return [
    ['master_host', link.host],
    ['master_port', link.port],
    ['master_link_status', link.up ? 'up' : 'down'],
    ['master_last_io_seconds_ago', link.up && receivedMs > 0 ? seconds(receivedMs, nowMs) : -1],
    ['master_sync_in_progress', link.state === 'sync' ? 1 : 0],
    ['slave_read_repl_offset', Math.max(offset, readOffset)],
    ['slave_repl_offset', offset],
    ...(figures === null ? [] : lagFields(figures, nowMs)),
    ...(link.state === 'sync' && figures !== null ? progressFields(link, figures, nowMs) : []),
    ...(link.state === 'sync' && redis !== null ? transferFields(link, redis, nowMs) : []),
    ...downFields(link.up, link.downSinceMs, nowMs),
    ...(link.failure === '' ? [] : [['master_link_failure', link.failure] as const]),
    ...replicaFields(configuration),
  ];
}

/** Of Darter alone: what has come and waits, and how far the replica is behind. */
function lagFields(figures: syncProgress.SyncProgress, nowMs: number): Fields {
  return [
    ['slave_repl_pending_bytes', figures.pendingBytes],
    ['slave_repl_lag_bytes', figures.lagBytes],
    ['slave_repl_lag_seconds', (figures.lagMs(nowMs) / 1000).toFixed(2)],
  ];
}

function downFields(up: boolean, sinceMs: number, nowMs: number): Fields {
  if (up) return [];
  return [['master_link_down_since_seconds', sinceMs < 0 ? -1 : seconds(sinceMs, nowMs)]];
}

function progressFields(
  link: { readonly keysTotal: number; readonly syncStartedMs: number },
  figures: syncProgress.SyncProgress,
  nowMs: number,
): Fields {
  const keys = figures.sums[syncProgress.SUM_KEYS]!;
  const bytes = figures.sums[syncProgress.SUM_BYTES]!;
  const share = link.keysTotal > 0 ? Math.min(1, keys / link.keysTotal) : 0;
  // The bytes still to come are not known; they are about as many for each key as so far.
  const total = share > 0 ? Math.round(bytes / share) : 0;
  const receivedMs = figures.sums[SUM_RECEIVED_MS]!;
  return [
    ['master_sync_total_bytes', total],
    ['master_sync_read_bytes', bytes],
    ['master_sync_left_bytes', Math.max(0, total - bytes)],
    ['master_sync_perc', (share * 100).toFixed(2)],
    ['master_sync_last_io_seconds_ago', receivedMs > 0 ? seconds(receivedMs, nowMs) : -1],
    ['master_sync_keys', keys],
    ['master_sync_keys_total', link.keysTotal],
    ['master_sync_seconds', seconds(link.syncStartedMs, nowMs)],
  ];
}

/** How far the RDB of a Redis is, as it shows that itself. Its length is not known without a disk. */
function transferFields(
  { bytesTotal, syncStartedMs }: { readonly bytesTotal: number; readonly syncStartedMs: number },
  redis: RedisProgress,
  nowMs: number,
): Fields {
  const { rdbBytes, keys, receivedMs } = redis;
  const share = bytesTotal > 0 ? Math.min(1, rdbBytes / bytesTotal) : 0;
  return [
    ['master_sync_total_bytes', bytesTotal],
    ['master_sync_read_bytes', rdbBytes],
    ['master_sync_left_bytes', Math.max(0, bytesTotal - rdbBytes)],
    ['master_sync_perc', (share * 100).toFixed(2)],
    ['master_sync_last_io_seconds_ago', receivedMs > 0 ? seconds(receivedMs, nowMs) : -1],
    ['master_sync_keys', keys],
    ['master_sync_seconds', seconds(syncStartedMs, nowMs)],
  ];
}

function goodReplicas(
  { configuration }: InfoSource,
  replication: ThreadReplication,
  nowMs: number,
): Fields {
  const asked =
    configuration.value('min-replicas-to-write') !== '0' &&
    configuration.value('min-replicas-max-lag') !== '0';
  return asked ? [['min_slaves_good_slaves', replication.goodReplicas(nowMs)]] : [];
}

function replicaField(replica: KnownReplica, index: number, nowMs: number): [string, string] {
  const { host, port, session } = replica;
  const state = session.allDone ? 'online' : 'send_bulk';
  const lag = seconds(session.sums[SUM_ACKNOWLEDGED_MS]!, nowMs);
  const offset = acknowledgedOffset(replica);
  return [`slave${index}`, `ip=${host},port=${port},state=${state},offset=${offset},lag=${lag}`];
}

/** Of Darter alone: how far each sync is. */
function syncFields(
  { session }: KnownReplica,
  index: number,
  rings: readonly JournalRing[],
): Fields {
  const { sums, sent, acknowledged } = session;
  const total = sums[SUM_KEYS_TOTAL]!;
  return [
    [
      `sync_replica${index}`,
      `keys=${sums[SUM_KEYS]},keys_total=${total},bytes=${sums[SUM_BYTES]},` +
        `shards_sent_again=${sums[SUM_RESTARTED_SHARDS]},` +
        `pending_bytes=${ahead(sent, acknowledged)},` +
        `lag_bytes=${ahead(
          rings.map((ring) => ring.peekHead()),
          acknowledged,
        )}`,
    ],
  ];
}

/** Of Darter alone: the stream that Redises follow. */
function redisFields({ status }: ThreadReplication): Fields {
  if (status.redisStream === null) return [];
  const { id, figures } = status.redisStream;
  const { start, end } = new MergedStreamFigures(figures);
  return [['redis_stream', `id=${id},offset=${end},backlog_first_byte_offset=${start + 1}`]];
}

function ahead(lsns: ArrayLike<number>, acknowledged: Float64Array): number {
  let bytes = 0;
  for (let shard = 0; shard < acknowledged.length; shard++) {
    bytes += Math.max(0, lsns[shard]! - acknowledged[shard]!);
  }
  return bytes;
}

function journalFields(
  _source: InfoSource,
  replication: ThreadReplication,
  rings: readonly JournalRing[],
): Fields {
  const { status } = replication;
  const active = status.journaling || status.link?.primaryShards === rings.length - 1;
  let held = 0;
  let size = 0;
  let heads = 0;
  for (const ring of rings) {
    size += ring.capacity;
    held += ring.head - ring.start;
    heads += ring.head;
  }
  // A Redis counts another stream than our journals have.
  const isRedis = replication.redis !== null || replication.redisStream !== null;
  const offset = isRedis ? heads : replication.offset;
  return [
    ['repl_backlog_active', active ? 1 : 0],
    ['repl_backlog_size', size],
    ['repl_backlog_first_byte_offset', active ? Math.max(0, offset - held) + 1 : 0],
    ['repl_backlog_histlen', active ? held : 0],
  ];
}
