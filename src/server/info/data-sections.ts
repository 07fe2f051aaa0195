/** INFO's sections stats, persistence and replication. */
import {
  COMMANDS,
  DENIED_CHANNELS,
  DENIED_COMMANDS,
  DENIED_KEYS,
  DENIED_LOGINS,
  ERROR_REPLIES,
} from '../../engine/counters.js';
import { CHANNELS, PATTERNS, SHARD_CHANNELS } from '../../engine/pubsub/counters.js';
import { TRACKED_PREFIXES } from '../../engine/tracking/counters.js';
import {
  CHANGES,
  CHANGES_SAVED,
  EVICTED,
  EVICTION_EXCEEDED_MS,
  EVICTION_EXCEEDED_SINCE,
  EXPIRED,
  EXPIRED_ELEMENTS,
  EXPIRY_CYCLE_MS,
  EXPIRY_TIMEOUTS,
  HITS,
  MISSES,
} from '../../keyspace/counters.js';
import { WORD_TRACKED, WORD_TRACKED_ITEMS } from '../../keyspace/shard-words.js';
import type { Value } from '../../memory/control-layout.js';
import {
  CONNECTIONS,
  EVICTED_CLIENTS,
  INPUT_BYTES,
  OUTPUT_BYTES,
  READS,
  REJECTED_CONNECTIONS,
  WRITES,
} from '../../net/counters.js';
import {
  FULL_SYNCS,
  FULL_SYNCS_RESUMED,
  PARTIAL_SYNCS,
  PARTIAL_SYNCS_REFUSED,
  REPLICATED_CHANGES,
  REPLICATION_INPUT_BYTES,
  REPLICATION_OUTPUT_BYTES,
} from '../../replication/counters.js';
import * as journal from '../channel/journal-figures.js';
import {
  LAST_SAVE_MS,
  LAST_SAVE_SECONDS,
  LOAD_BYTES_DONE,
  LOAD_BYTES_TOTAL,
  LOAD_STARTED_MS,
  LOADED_KEYS,
  SAVE_IN_BACKGROUND,
  SAVE_KEYS_DONE,
  SAVE_KEYS_TOTAL,
  SAVE_STARTED_MS,
  SAVES,
} from '../channel/persistence-figures.js';
import {
  COMMANDS_PER_SECOND,
  INPUT_KIB_PER_SECOND,
  LOADING,
  OUTPUT_KIB_PER_SECOND,
  REPLICATION_INPUT_KIB_PER_SECOND,
  REPLICATION_OUTPUT_KIB_PER_SECOND,
  SAVE_FAILED,
} from '../channel/process-figures.js';
import type { Fields, InfoSource, Section } from './source.js';

/** What these sections need. */
type Counted = Pick<InfoSource, 'control' | 'configuration' | 'shards'>;

export function statsSection(source: Counted): Fields {
  const { control } = source;
  return [
    ['total_connections_received', control.sum(CONNECTIONS)],
    ['total_commands_processed', control.sum(COMMANDS)],
    ['instantaneous_ops_per_sec', Math.round(control.get(COMMANDS_PER_SECOND))],
    ...trafficFields(source),
    ['rejected_connections', control.sum(REJECTED_CONNECTIONS)],
    ['sync_full', control.sum(FULL_SYNCS)],
    ['sync_partial_ok', control.sum(PARTIAL_SYNCS)],
    ['sync_partial_err', control.sum(PARTIAL_SYNCS_REFUSED)],
    ['expired_subkeys', control.sum(EXPIRED_ELEMENTS)],
    ['sync_full_resumed', control.sum(FULL_SYNCS_RESUMED)],
    ['expired_keys', control.sum(EXPIRED)],
    ['expired_stale_perc', '0.00'],
    ['expired_time_cap_reached_count', control.sum(EXPIRY_TIMEOUTS)],
    ['expire_cycle_cpu_milliseconds', Math.round(control.sum(EXPIRY_CYCLE_MS))],
    ['evicted_keys', control.sum(EVICTED)],
    ['evicted_clients', control.sum(EVICTED_CLIENTS)],
    ...evictionTimes(source),
    ['keyspace_hits', control.sum(HITS)],
    ['keyspace_misses', control.sum(MISSES)],
    ['pubsub_channels', control.word(CHANNELS).load()],
    ['pubsub_patterns', control.word(PATTERNS).load()],
    ['pubsubshard_channels', control.word(SHARD_CHANNELS).load()],
    ...zeros('latest_fork_usec', 'total_forks', 'migrate_cached_sockets'),
    ...zeros('slave_expires_tracked_keys', 'active_defrag_hits', 'active_defrag_misses'),
    ...zeros('active_defrag_key_hits', 'active_defrag_key_misses'),
    ...zeros('total_active_defrag_time', 'current_active_defrag_time'),
    ['tracking_total_keys', sumOfShards(source, WORD_TRACKED)],
    ['tracking_total_items', sumOfShards(source, WORD_TRACKED_ITEMS)],
    ['tracking_total_prefixes', control.word(TRACKED_PREFIXES).load()],
    ['unexpected_error_replies', 0],
    ['total_error_replies', control.sum(ERROR_REPLIES)],
    ['dump_payload_sanitizations', 0],
    ['total_reads_processed', control.sum(READS)],
    ['total_writes_processed', control.sum(WRITES)],
    ...zeros('io_threaded_reads_processed', 'io_threaded_writes_processed'),
    ...zeros('reply_buffer_shrinks', 'reply_buffer_expands'),
    ['acl_access_denied_auth', control.sum(DENIED_LOGINS)],
    ['acl_access_denied_cmd', control.sum(DENIED_COMMANDS)],
    ['acl_access_denied_key', control.sum(DENIED_KEYS)],
    ['acl_access_denied_channel', control.sum(DENIED_CHANNELS)],
  ];
}

/** For how long more memory was used than maxmemory allows, in milliseconds: in all, and now. */
function evictionTimes({ control }: Counted): Fields {
  const sinceMs = control.get(EVICTION_EXCEEDED_SINCE);
  const currentMs = sinceMs > 0 ? Math.max(0, Date.now() - sinceMs) : 0;
  return [
    ['total_eviction_exceeded_time', Math.round(control.sum(EVICTION_EXCEEDED_MS) + currentMs)],
    ['current_eviction_exceeded_time', Math.round(currentMs)],
  ];
}

/** A word of the shards' headers, read without their locks: a moment ago. */
function sumOfShards({ shards }: Counted, word: number): number {
  return shards.spaces.reduce((sum, { region }) => sum + region.words[word]!, 0);
}

function trafficFields({ control }: Counted): Fields {
  const rate = (value: Value) => control.get(value).toFixed(2);
  return [
    ['total_net_input_bytes', control.sum(INPUT_BYTES)],
    ['total_net_output_bytes', control.sum(OUTPUT_BYTES)],
    ['total_net_repl_input_bytes', control.sum(REPLICATION_INPUT_BYTES)],
    ['total_net_repl_output_bytes', control.sum(REPLICATION_OUTPUT_BYTES)],
    ['instantaneous_input_kbps', rate(INPUT_KIB_PER_SECOND)],
    ['instantaneous_output_kbps', rate(OUTPUT_KIB_PER_SECOND)],
    ['instantaneous_input_repl_kbps', rate(REPLICATION_INPUT_KIB_PER_SECOND)],
    ['instantaneous_output_repl_kbps', rate(REPLICATION_OUTPUT_KIB_PER_SECOND)],
  ];
}

/** What does not exist here never happens; monitoring tools expect the fields. */
function zeros(...names: readonly string[]): Fields {
  return names.map((name) => [name, 0] as const);
}

/** What is under way: -1 when nothing is. */
function secondsSince(startedMs: number): number {
  return startedMs === 0 ? -1 : Math.floor((Date.now() - startedMs) / 1000);
}

/** Only while a file is loaded; a full sync has its fields in the section of replication. */
function loadingFields({ control }: Counted): Fields {
  const startedMs = control.get(LOAD_STARTED_MS);
  if (control.word(LOADING).load() === 0 || startedMs === 0) return [];
  const [total, done] = [control.get(LOAD_BYTES_TOTAL), control.get(LOAD_BYTES_DONE)];
  const seconds = (Date.now() - startedMs) / 1000;
  const left = done > 0 ? Math.floor((seconds * (total - done)) / done) : 1;
  return [
    ['loading_start_time', Math.floor(startedMs / 1000)],
    ['loading_total_bytes', total],
    ['loading_rdb_used_mem', 0],
    ['loading_loaded_bytes', done],
    ['loading_loaded_perc', (total > 0 ? (done / total) * 100 : 0).toFixed(2)],
    ['loading_eta_seconds', Math.max(0, left)],
  ];
}

function saveFields({ control }: Counted): Fields {
  const changes = control.sum(CHANGES) + control.sum(REPLICATED_CHANGES);
  const startedMs = control.get(SAVE_STARTED_MS);
  const backgroundMs = control.get(SAVE_IN_BACKGROUND) === 0 ? 0 : startedMs;
  return [
    ['current_save_keys_processed', control.get(SAVE_KEYS_DONE)],
    ['current_save_keys_total', control.get(SAVE_KEYS_TOTAL)],
    ['rdb_changes_since_last_save', Math.max(0, changes - control.get(CHANGES_SAVED))],
    ['rdb_bgsave_in_progress', backgroundMs === 0 ? 0 : 1],
    ['rdb_last_save_time', Math.floor(control.get(LAST_SAVE_MS) / 1000)],
    ['rdb_last_bgsave_status', control.word(SAVE_FAILED).load() === 0 ? 'ok' : 'err'],
    ['rdb_last_bgsave_time_sec', control.get(LAST_SAVE_SECONDS) - 1],
    ['rdb_current_bgsave_time_sec', secondsSince(backgroundMs)],
    ['rdb_saves', control.get(SAVES)],
    ['rdb_last_cow_size', 0],
    ['rdb_last_load_keys_expired', 0],
    ['rdb_last_load_keys_loaded', control.get(LOADED_KEYS)],
  ];
}

function okOr(failed: number): string {
  return failed === 0 ? 'ok' : 'err';
}

function journalFields({ control, configuration }: Counted): Fields {
  const rewriteMs = control.get(journal.AOF_REWRITE_STARTED_MS);
  const isWanted = configuration.value('appendonly') === 'yes';
  // From CONFIG SET appendonly yes on the first base is on its way.
  const isBeginning = isWanted && control.get(journal.AOF_IS_ON) === 0;
  return [
    ['aof_enabled', isWanted ? 1 : 0],
    ['aof_rewrite_in_progress', rewriteMs !== 0 || isBeginning ? 1 : 0],
    ['aof_rewrite_scheduled', control.get(journal.AOF_REWRITE_SCHEDULED)],
    ['aof_last_rewrite_time_sec', control.get(journal.AOF_LAST_REWRITE_SECONDS) - 1],
    ['aof_current_rewrite_time_sec', secondsSince(rewriteMs)],
    ['aof_last_bgrewrite_status', okOr(control.get(journal.AOF_LAST_REWRITE_FAILED))],
    ['aof_rewrites', control.get(journal.AOF_REWRITES)],
    ['aof_rewrites_consecutive_failures', control.get(journal.AOF_REWRITE_FAILURES)],
    ['aof_last_write_status', okOr(control.get(journal.AOF_LAST_WRITE_FAILED))],
  ];
}

/** Only while there is a journal, as in Redis. */
function journalSizes({ control, configuration }: Counted): Fields {
  if (configuration.value('appendonly') !== 'yes') return [];
  return [
    ['aof_current_size', control.get(journal.AOF_SIZE)],
    ['aof_base_size', control.get(journal.AOF_BASE_SIZE)],
    ['aof_pending_rewrite', 0],
    ['aof_buffer_length', 0],
    ['aof_pending_bio_fsync', control.get(journal.AOF_SYNCS_UNDER_WAY)],
    ['aof_delayed_fsync', control.get(journal.AOF_DELAYED_SYNCS)],
  ];
}

export const persistenceSection = (source: Counted): Fields => [
  ['loading', source.control.word(LOADING).load()],
  ...zeros('async_loading', 'current_cow_peak', 'current_cow_size', 'current_cow_size_age'),
  ['current_fork_perc', '0.00'],
  ...saveFields(source),
  ...journalFields(source),
  ...zeros('aof_last_cow_size', 'module_fork_in_progress', 'module_fork_last_cow_size'),
  ...journalSizes(source),
  ...loadingFields(source),
];

/** A server on its own; replication/ provides the real one. */
export const replicationSection: Section = ({ configuration, facts }) => [
  ['role', 'master'],
  ['connected_slaves', 0],
  ['master_failover_state', 'no-failover'],
  ['master_replid', facts.runId],
  ['master_replid2', '0'.repeat(40)],
  ['master_repl_offset', 0],
  ['second_repl_offset', -1],
  ['repl_backlog_active', 0],
  ['repl_backlog_size', configuration.value('repl-backlog-size')],
  ['repl_backlog_first_byte_offset', 0],
  ['repl_backlog_histlen', 0],
];
