/**
 * Metrics that are fields of INFO, with the names and types that redis_exporter gives them: dashboards and
 * alerts made for it work. A field that INFO does not show now has no sample.
 */
import { type Family, single } from './family.js';
import type { Scrape } from './scrape.js';

/** INFO's field, the metric's name behind `redis_`, and what it means. */
type Row = readonly [field: string, name: string, help: string];

const GAUGES: readonly Row[] = [
  ['uptime_in_seconds', 'uptime_in_seconds', 'Seconds since the start'],
  ['process_id', 'process_id', 'Id of the process'],
  ['io_threads_active', 'io_threads_active', '1 when several threads serve clients'],
  ['connected_clients', 'connected_clients', 'Clients, without replicas'],
  ['blocked_clients', 'blocked_clients', 'Clients whose command waits'],
  ['maxclients', 'max_clients', 'Clients that may connect'],
  ['tracking_clients', 'tracking_clients', 'Clients with CLIENT TRACKING'],
  ['clients_in_timeout_table', 'clients_in_timeout_table', 'Clients that wait for a limited time'],
  ['total_blocking_keys', 'total_blocking_keys', 'Keys that clients wait for'],
  ['client_recent_max_input_buffer', 'client_recent_max_input_buffer_bytes', 'Always 0'],
  ['client_recent_max_output_buffer', 'client_recent_max_output_buffer_bytes', 'Always 0'],
  ['used_memory', 'memory_used_bytes', 'What counts for maxmemory: data and buffers of clients'],
  ['used_memory_rss', 'memory_used_rss_bytes', 'Resident memory of the process'],
  ['used_memory_peak', 'memory_used_peak_bytes', 'The most that redis_memory_used_bytes was'],
  ['used_memory_overhead', 'memory_used_overhead_bytes', 'Used memory that is not data'],
  ['used_memory_startup', 'memory_used_startup_bytes', 'Used memory of an empty server'],
  ['used_memory_dataset', 'memory_used_dataset_bytes', 'Keys and values'],
  ['used_memory_lua', 'memory_used_lua_bytes', 'Always 0: Lua is in the heaps of JavaScript'],
  ['used_memory_vm_eval', 'memory_used_vm_eval_bytes', 'Always 0'],
  ['used_memory_vm_functions', 'memory_used_vm_functions_bytes', 'Always 0'],
  ['used_memory_vm_total', 'memory_used_vm_total', 'Always 0'],
  ['used_memory_scripts_eval', 'memory_used_scripts_eval_bytes', 'Sources of scripts'],
  ['used_memory_functions', 'memory_used_functions_bytes', 'Sources of libraries of functions'],
  ['used_memory_scripts', 'memory_used_scripts_bytes', 'Sources of scripts and libraries'],
  ['number_of_cached_scripts', 'number_of_cached_scripts', 'Scripts that EVALSHA finds'],
  ['number_of_functions', 'number_of_functions', 'Functions'],
  ['number_of_libraries', 'number_of_libraries', 'Libraries of functions'],
  ['maxmemory', 'memory_max_bytes', 'maxmemory; 0: no limit'],
  ['total_system_memory', 'total_system_memory_bytes', 'Memory of the machine, or its container'],
  ['allocator_allocated', 'allocator_allocated_bytes', 'As redis_memory_used_bytes'],
  ['allocator_active', 'allocator_active_bytes', 'As redis_memory_used_bytes'],
  ['allocator_resident', 'allocator_resident_bytes', 'As redis_memory_used_rss_bytes'],
  ['allocator_frag_ratio', 'allocator_frag_ratio', 'Always 1'],
  ['allocator_frag_bytes', 'allocator_frag_bytes', 'Always 0'],
  ['allocator_rss_ratio', 'allocator_rss_ratio', 'Resident memory by what the server needs'],
  ['allocator_rss_bytes', 'allocator_rss_bytes', 'Resident memory beyond what the server needs'],
  [
    'mem_fragmentation_ratio',
    'mem_fragmentation_ratio',
    'Resident memory by what the server needs',
  ],
  [
    'mem_fragmentation_ratio',
    'memory_fragmentation_ratio',
    'redis_mem_fragmentation_ratio, as older dashboards call it',
  ],
  ['mem_fragmentation_bytes', 'mem_fragmentation_bytes', 'Resident memory beyond what is needed'],
  ['mem_clients_normal', 'mem_clients_normal', 'Bytes of the buffers of clients'],
  ['mem_clients_slaves', 'mem_clients_slaves', 'Always 0: replicas have no buffers'],
  ['mem_not_counted_for_evict', 'mem_not_counted_for_eviction_bytes', 'Always 0'],
  ['mem_total_replication_buffers', 'mem_total_replication_buffers_bytes', 'Always 0'],
  ['lazyfree_pending_objects', 'lazyfree_pending_objects', 'Deleted values that are not freed yet'],
  ['active_defrag_running', 'active_defrag_running', 'Always 0'],
  ['migrate_cached_sockets', 'migrate_cached_sockets_total', 'Always 0'],
  ['active_defrag_hits', 'defrag_hits', 'Always 0'],
  ['active_defrag_misses', 'defrag_misses', 'Always 0'],
  ['active_defrag_key_hits', 'defrag_key_hits', 'Always 0'],
  ['active_defrag_key_misses', 'defrag_key_misses', 'Always 0'],
  ['expired_stale_perc', 'expired_stale_percentage', 'Always 0'],
  ['loading', 'loading_dump_file', '1 while the data is loaded, or comes with a full sync'],
  ['async_loading', 'async_loading', 'Always 0'],
  ['rdb_changes_since_last_save', 'rdb_changes_since_last_save', 'Changes since the last snapshot'],
  ['rdb_bgsave_in_progress', 'rdb_bgsave_in_progress', '1 while a snapshot is written'],
  ['rdb_last_save_time', 'rdb_last_save_timestamp_seconds', 'When the last snapshot was made'],
  ['rdb_last_bgsave_status', 'rdb_last_bgsave_status', '1: the last snapshot was written'],
  ['rdb_last_bgsave_time_sec', 'rdb_last_bgsave_duration_sec', 'What the last one took; -1: none'],
  ['rdb_current_bgsave_time_sec', 'rdb_current_bgsave_duration_sec', 'For how long one is written'],
  ['rdb_last_cow_size', 'rdb_last_cow_size_bytes', 'Always 0: snapshots need no fork'],
  ['rdb_last_load_keys_expired', 'rdb_last_load_expired_keys', 'Always 0'],
  ['rdb_last_load_keys_loaded', 'rdb_last_load_loaded_keys', 'Keys loaded at the start'],
  ['aof_enabled', 'aof_enabled', '1 with a journal'],
  ['aof_rewrite_in_progress', 'aof_rewrite_in_progress', '1 while the journal is rewritten'],
  ['aof_rewrite_scheduled', 'aof_rewrite_scheduled', '1: a rewrite waits for a snapshot to end'],
  ['aof_last_rewrite_time_sec', 'aof_last_rewrite_duration_sec', 'What the last rewrite took'],
  ['aof_current_rewrite_time_sec', 'aof_current_rewrite_duration_sec', 'For how long one runs'],
  ['aof_last_cow_size', 'aof_last_cow_size_bytes', 'Always 0'],
  ['aof_current_size', 'aof_current_size_bytes', 'Bytes of the journal'],
  ['aof_base_size', 'aof_base_size_bytes', 'Bytes of its base'],
  ['aof_pending_rewrite', 'aof_pending_rewrite', 'Always 0'],
  ['aof_buffer_length', 'aof_buffer_length', 'Always 0'],
  ['aof_pending_bio_fsync', 'aof_pending_bio_fsync', 'Syncs of the journal that are under way'],
  [
    'aof_delayed_fsync',
    'aof_delayed_fsync',
    'How often the disk was two seconds late with everysec',
  ],
  ['aof_last_bgrewrite_status', 'aof_last_bgrewrite_status', '1: the last rewrite succeeded'],
  ['aof_last_write_status', 'aof_last_write_status', '1: the journal can be written'],
  ['module_fork_in_progress', 'module_fork_in_progress', 'Always 0'],
  ['module_fork_last_cow_size', 'module_fork_last_cow_size', 'Always 0'],
  [
    'current_eviction_exceeded_time',
    'current_eviction_exceeded_time_ms',
    'For how long maxmemory has been exceeded',
  ],
  ['pubsub_channels', 'pubsub_channels', 'Channels with subscribers'],
  ['pubsub_patterns', 'pubsub_patterns', 'Patterns with subscribers'],
  ['pubsubshard_channels', 'pubsubshard_channels', 'Shard channels with subscribers'],
  ['latest_fork_usec', 'latest_fork_seconds', 'Always 0'],
  ['tracking_total_keys', 'tracking_total_keys', 'Keys that clients track'],
  ['tracking_total_items', 'tracking_total_items', 'Pairs of a client and a key that it tracks'],
  ['tracking_total_prefixes', 'tracking_total_prefixes', 'Prefixes that clients track'],
  ['connected_slaves', 'connected_slaves', 'Replicas'],
  ['repl_backlog_size', 'replication_backlog_bytes', 'Room of the journals in memory'],
  ['repl_backlog_active', 'repl_backlog_is_active', '1 while writes go to the journals in memory'],
  ['repl_backlog_first_byte_offset', 'repl_backlog_first_byte_offset', 'Where they begin'],
  ['repl_backlog_histlen', 'repl_backlog_history_bytes', 'What the journals in memory hold'],
  ['master_repl_offset', 'master_repl_offset', 'Offset of the data: see INFO replication'],
  ['second_repl_offset', 'second_repl_offset', 'Up to where the second replication id is valid'],
  ['slave_expires_tracked_keys', 'slave_expires_tracked_keys', 'Always 0'],
  ['slave_priority', 'slave_priority', 'replica-priority, on a replica'],
  ['sync_full', 'replica_resyncs_full', 'Full syncs with replicas'],
  ['sync_partial_ok', 'replica_partial_resync_accepted', 'Replicas that went on where they were'],
  ['sync_partial_err', 'replica_partial_resync_denied', 'Replicas that could not go on'],
  ['cluster_enabled', 'cluster_enabled', 'Always 0'],
  ['rdb_saves', 'rdb_saves_total', 'Snapshots since the start'],
];

const COUNTERS: readonly Row[] = [
  ['total_connections_received', 'connections_received_total', 'Connections of clients'],
  ['total_commands_processed', 'commands_processed_total', 'Commands'],
  ['rejected_connections', 'rejected_connections_total', 'Connections beyond maxclients'],
  ['total_net_input_bytes', 'net_input_bytes_total', 'Received from clients'],
  ['total_net_output_bytes', 'net_output_bytes_total', 'Sent to clients'],
  ['total_net_repl_input_bytes', 'net_repl_input_bytes_total', 'Received from the primary'],
  ['total_net_repl_output_bytes', 'net_repl_output_bytes_total', 'Sent to replicas'],
  ['expired_subkeys', 'expired_subkeys_total', 'Fields of hashes that expired'],
  ['expired_keys', 'expired_keys_total', 'Keys that expired'],
  [
    'expired_time_cap_reached_count',
    'expired_time_cap_reached_total',
    'How often looking for expired keys took all the time it may',
  ],
  ['expire_cycle_cpu_milliseconds', 'expire_cycle_cpu_time_ms_total', 'Time of that'],
  ['evicted_keys', 'evicted_keys_total', 'Keys removed for maxmemory'],
  ['evicted_clients', 'evicted_clients_total', 'Clients closed for maxmemory-clients'],
  [
    'total_eviction_exceeded_time',
    'eviction_exceeded_time_ms_total',
    'For how long maxmemory was exceeded',
  ],
  ['keyspace_hits', 'keyspace_hits_total', 'Reads of keys that were there'],
  ['keyspace_misses', 'keyspace_misses_total', 'Reads of keys that were not there'],
  ['used_cpu_sys', 'cpu_sys_seconds_total', 'CPU time of the process in the system'],
  ['used_cpu_user', 'cpu_user_seconds_total', 'CPU time of the process'],
  ['used_cpu_sys_children', 'cpu_sys_children_seconds_total', 'Always 0: there are none'],
  ['used_cpu_user_children', 'cpu_user_children_seconds_total', 'Always 0: there are none'],
  ['used_cpu_sys_main_thread', 'cpu_sys_main_thread_seconds_total', 'CPU time of the main thread'],
  [
    'used_cpu_user_main_thread',
    'cpu_user_main_thread_seconds_total',
    'CPU time of the main thread',
  ],
  ['unexpected_error_replies', 'unexpected_error_replies', 'Always 0'],
  ['total_error_replies', 'total_error_replies', 'Errors that clients got'],
  ['dump_payload_sanitizations', 'dump_payload_sanitizations', 'Always 0'],
  ['total_reads_processed', 'total_reads_processed', 'Receives from clients'],
  ['total_writes_processed', 'total_writes_processed', 'Sends to clients'],
  ['io_threaded_reads_processed', 'io_threaded_reads_processed', 'Always 0'],
  ['io_threaded_writes_processed', 'io_threaded_writes_processed', 'Always 0'],
  ['reply_buffer_shrinks', 'reply_buffer_shrinks_total', 'Always 0'],
  ['reply_buffer_expands', 'reply_buffer_expands_total', 'Always 0'],
  ['acl_access_denied_auth', 'acl_access_denied_auth_total', 'Logins that failed'],
  ['acl_access_denied_cmd', 'acl_access_denied_cmd_total', 'Commands denied for want of rights'],
  ['acl_access_denied_key', 'acl_access_denied_key_total', 'The same, for keys'],
  ['acl_access_denied_channel', 'acl_access_denied_channel_total', 'The same, for channels'],
];

/** What INFO says in words. */
const WORDS: Readonly<Record<string, number>> = { ok: 1, err: 0 };

/** @returns NaN where INFO has no such field, or no number in it */
export function infoNumber({ info }: Pick<Scrape, 'info'>, field: string): number {
  const value = info.get(field);
  if (typeof value !== 'string') return value ?? Number.NaN;
  return WORDS[value] ?? (value === '' ? Number.NaN : Number(value));
}

const familyOf =
  (type: 'gauge' | 'counter') =>
  ([field, name, help]: Row): Family =>
    single(type, `redis_${name}`, help, (scrape) => infoNumber(scrape, field));

export const INFO_FAMILIES: readonly Family[] = [
  ...GAUGES.map(familyOf('gauge')),
  ...COUNTERS.map(familyOf('counter')),
];
