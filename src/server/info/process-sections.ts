/** INFO's sections about the process: server, clients, memory, cpu. */
import { readFileSync } from 'node:fs';
import { machine, release, type } from 'node:os';
import { PAGE_BYTES } from '../../base/limits.js';
import { DARTER_VERSION, REDIS_VERSION } from '../../base/version.js';
import type { Context } from '../../commands/contract/context.js';
import type { ScriptsPort } from '../../commands/contract/server-port.js';
import { BLOCKED_CLIENTS, BLOCKED_WITH_TIMEOUT, BLOCKING_KEYS } from '../../engine/counters.js';
import { DIRECTORY_PAGES } from '../../engine/pubsub/counters.js';
import { TRACKING_CLIENTS } from '../../engine/tracking/counters.js';
import { RECLAIMED } from '../../keyspace/counters.js';
import { reclaimPending } from '../../keyspace/reclaim-list.js';
import { CLIENT_BYTES, CONNECTED_CLIENTS } from '../../net/counters.js';
import { SHUTDOWN_DEADLINE_MS } from '../../replication/counters.js';
import { type Fields, humanBytes, type InfoSource, percent } from './source.js';

const DAY_SECONDS = 24 * 60 * 60;
const MULTIPLEXING: Readonly<Record<string, string>> = { uring: 'io_uring', portable: 'libuv' };

export function serverSection(
  { facts, configuration, control, shards }: InfoSource,
  context: Pick<Context, 'now'>,
): Fields {
  const deadlineMs = control.get(SHUTDOWN_DEADLINE_MS);
  const uptimeSeconds = Math.floor((context.now - facts.startedMs) / 1000);
  const hz = configuration.value('hz');
  const port = configuration.value('port');
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', `darter-${DARTER_VERSION}`],
    ['redis_mode', 'standalone'],
    ['os', `${type()} ${release()} ${machine()}`],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', MULTIPLEXING[facts.transport] ?? facts.transport],
    ['atomicvar_api', 'javascript-atomics'],
    ['process_id', process.pid],
    ['process_supervised', facts.supervised],
    ['run_id', facts.runId],
    ['tcp_port', port === '0' ? configuration.value('tls-port') : port],
    ['server_time_usec', context.now * 1000],
    ['uptime_in_seconds', uptimeSeconds],
    ['uptime_in_days', Math.floor(uptimeSeconds / DAY_SECONDS)],
    ['hz', hz],
    ['configured_hz', hz],
    ['lru_clock', Math.floor(context.now / 1000) & 0xffffff],
    ['executable', facts.executable],
    ['config_file', facts.configFile],
    ['io_threads_active', facts.ioThreads > 1 ? 1 : 0],
    ...(deadlineMs > 0 ? ([['shutdown_in_milliseconds', deadlineMs - context.now]] as const) : []),
    ['darter_version', DARTER_VERSION],
    ['node_version', process.versions.node],
    ['io_threads', facts.ioThreads],
    ['shards', shards.count],
    // A replica's is its primary's, whatever it was started with.
    ['shard_spread', shards.spaces[0]!.hashSpread],
  ];
}

export const clientsSection = ({
  control,
  configuration,
}: Pick<InfoSource, 'control' | 'configuration'>): Fields => [
  ['connected_clients', control.word(CONNECTED_CLIENTS).load()],
  ['cluster_connections', 0],
  ['maxclients', configuration.value('maxclients')],
  ['client_recent_max_input_buffer', 0],
  ['client_recent_max_output_buffer', 0],
  ['blocked_clients', control.word(BLOCKED_CLIENTS).load()],
  ['tracking_clients', control.word(TRACKING_CLIENTS).load()],
  ['clients_in_timeout_table', control.word(BLOCKED_WITH_TIMEOUT).load()],
  ['total_blocking_keys', control.word(BLOCKING_KEYS).load()],
];

export function memorySection({
  configuration,
  control,
  memory,
  shards,
  scripts,
}: Omit<InfoSource, 'facts'>): Fields {
  const figures = memory.figures();
  const pending = shards.spaces.reduce((sum, space) => sum + reclaimPending(space), 0);
  const { dataset, used, overhead, peak, startup, resident, system } = figures;
  const needed = used + figures.process;
  const maximum = Number(configuration.value('maxmemory'));
  return [
    ...withHuman('used_memory', used),
    ...withHuman('used_memory_rss', resident),
    ...withHuman('used_memory_peak', peak),
    ['used_memory_peak_perc', percent(used, peak)],
    ['used_memory_overhead', overhead],
    ['used_memory_startup', startup],
    ['used_memory_dataset', dataset],
    ['used_memory_dataset_perc', percent(dataset, used - startup)],
    ['allocator_allocated', used],
    ['allocator_active', used],
    ['allocator_resident', resident],
    ...withHuman('total_system_memory', system),
    ['container_memory_limit', figures.container],
    ...scriptFields(scripts),
    ...withHuman('maxmemory', maximum),
    ['maxmemory_policy', configuration.value('maxmemory-policy')],
    ['allocator_frag_ratio', '1.00'],
    ['allocator_frag_bytes', 0],
    ['allocator_rss_ratio', ratio(resident, needed)],
    ['allocator_rss_bytes', resident - needed],
    ['rss_overhead_ratio', '1.00'],
    ['rss_overhead_bytes', 0],
    ['mem_fragmentation_ratio', ratio(resident, needed)],
    ['mem_fragmentation_bytes', resident - needed],
    ['mem_not_counted_for_evict', 0],
    ['mem_replication_backlog', 0],
    ['mem_total_replication_buffers', 0],
    ['mem_clients_slaves', 0],
    ['mem_clients_normal', control.sum(CLIENT_BYTES)],
    ['mem_cluster_links', 0],
    ['mem_aof_buffer', 0],
    ['mem_subscriptions', control.word(DIRECTORY_PAGES).load() * PAGE_BYTES],
    ['mem_allocator', 'darter-pages'],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', pending],
    ['lazyfreed_objects', control.sum(RECLAIMED)],
    ['process_memory', figures.process],
    ['javascript_heap', figures.javascriptHeap],
  ];
}

function withHuman(name: string, bytes: number): Fields {
  return [
    [name, bytes],
    [`${name}_human`, humanBytes(bytes)],
  ];
}

function ratio(part: number, whole: number): string {
  return (whole > 0 ? part / whole : 0).toFixed(2);
}

/** What Lua takes is in the heaps of JavaScript, which have fields of their own. */
function scriptFields({ figures }: Pick<ScriptsPort, 'figures'>): Fields {
  const { scripts, scriptBytes, functions, libraries, libraryBytes } = figures;
  return [
    ['used_memory_lua', 0],
    ['used_memory_vm_eval', 0],
    ['used_memory_lua_human', '0B'],
    ['used_memory_scripts_eval', scriptBytes],
    ['number_of_cached_scripts', scripts],
    ['number_of_functions', functions],
    ['number_of_libraries', libraries],
    ['used_memory_vm_functions', 0],
    ['used_memory_vm_total', 0],
    ['used_memory_vm_total_human', '0B'],
    ['used_memory_functions', libraryBytes],
    ...withHuman('used_memory_scripts', scriptBytes + libraryBytes),
  ];
}

export function cpuSection(): Fields {
  const { user, system } = process.cpuUsage();
  const main = mainThreadSeconds();
  return [
    ['used_cpu_sys', (system / 1e6).toFixed(6)],
    ['used_cpu_user', (user / 1e6).toFixed(6)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
    ...(main === null
      ? []
      : ([
          ['used_cpu_sys_main_thread', main.system.toFixed(6)],
          ['used_cpu_user_main_thread', main.user.toFixed(6)],
        ] as const)),
  ];
}

const TICKS_PER_SECOND = 100;

/** CPU time of the main thread, where the system tells it. */
function mainThreadSeconds(): { user: number; system: number } | null {
  try {
    const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1');
    // The name in parentheses may hold blanks; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      user: Number(fields[11]) / TICKS_PER_SECOND,
      system: Number(fields[12]) / TICKS_PER_SECOND,
    };
  } catch {
    return null;
  }
}
