/**
 * Every directive of Redis 7.0 and Darter's own, in one table: how its value is read, its
 * default (as in Redis), whether it may change while the server runs, and what
 * Darter does with it. CONFIG GET shows all of them, so that tools that look something up find it.
 *
 *   ignored      accepted and shown, but it has no effect here
 *   only         the values that Darter supports so far; others are refused with the reason
 */
import { SHARD_SPREAD_MAX } from '../../keyspace/key-hash.js';
import { THREADS_MAX } from '../../memory/control.js';
import {
  clampedInteger,
  flag,
  hostName,
  INT_MAX,
  INT_MIN,
  integer,
  type Kind,
  LONG_MAX,
  memory,
  memoryOrPercent,
  namesOf,
  notPath,
  octal,
  oneNameOf,
  text,
  UINT_MAX,
  UNSIGNED_LONG_MAX,
} from './kinds.js';
import * as special from './special-kinds.js';

export interface Directive {
  readonly kind: Kind;
  readonly initial: string;
  /** May be set while running: always, only before, or when enable-protected-configs allows. */
  readonly change: 'anytime' | 'at start' | 'protected';
  /** Its former name, which still works. */
  readonly alias?: string;
  /** Not to be shown in logs. */
  readonly isSecret?: boolean;
  readonly isIgnored?: boolean;
  readonly isOwn?: boolean;
  /** Patterns of CONFIG GET do not find it, as it is for Redis's own tests: only its name does. */
  readonly isHidden?: boolean;
  /** Why a value that the kind accepts is refused. */
  readonly refuse?: (value: string) => string | null;
}

type Options = Omit<Directive, 'kind' | 'initial' | 'change'>;

function anytime(kind: Kind, initial: string, options: Options = {}): Directive {
  return { kind, initial, change: 'anytime', ...options };
}

function atStart(kind: Kind, initial: string, options: Options = {}): Directive {
  return { kind, initial, change: 'at start', ...options };
}

const ignored: Options = { isIgnored: true };
const hidden: Options = { isIgnored: true, isHidden: true };
const own: Options = { isOwn: true };
const secret: Options = { isSecret: true };

function only(supported: string, reason: string): Options {
  return { refuse: (value) => (value === supported ? null : reason) };
}

const yes = (options?: Options): Directive => anytime(flag, 'yes', options);
const no = (options?: Options): Directive => anytime(flag, 'no', options);
const count = integer(0, INT_MAX);
const longCount = integer(0, LONG_MAX);
const port = integer(0, 65535);
const bytes = memory(0, LONG_MAX);
const someBytes = memory(1, LONG_MAX);
const anyBytes = memory(0, UNSIGNED_LONG_MAX);

const MEBIBYTE = 1024 * 1024;
/** Offsets into a region stay below 2^31. */
export const SHARD_BYTES_MAX = 2048 * MEBIBYTE;
const VALUE_BYTES_MAX = 512 * MEBIBYTE;
export const SHARDS_MAX = 1024;
export const TLS_THREADS_MAX = 64;
/** Their roots fit into the smallest shard. */
export const DATABASES_MAX = 4096;

const noCluster = only('no', 'Darter has no cluster mode');
const localNames = oneNameOf('no', 'yes', 'local');
const signalActions = namesOf('default', 'save', 'nosave', 'now', 'force');

function powerOfTwo(value: string): string | null {
  return Number.isInteger(Math.log2(Number(value))) ? null : 'argument must be a power of two';
}

function shardBytes(value: string): string | null {
  return Number(value) % MEBIBYTE === 0 ? null : 'argument must be a multiple of 1mb';
}

function databaseCount(value: string): string | null {
  return Number(value) <= DATABASES_MAX ? null : `Darter has at most ${DATABASES_MAX} databases`;
}

function bulkBytes(value: string): string | null {
  return Number(value) <= VALUE_BYTES_MAX ? null : "Darter's values end at 512mb";
}

const network = {
  port: anytime(port, '6379'),
  bind: anytime(special.addresses, '* -::*'),
  'bind-source-addr': anytime(text(), ''),
  'tcp-backlog': atStart(count, '511'),
  'tcp-keepalive': anytime(count, '300'),
  timeout: anytime(count, '0'),
  unixsocket: atStart(text(), ''),
  unixsocketperm: atStart(octal(0o777), '0'),
  'protected-mode': yes(),
  'socket-mark-id': atStart(integer(0, UINT_MAX), '0', ignored),
  maxclients: anytime(integer(1, UINT_MAX), '10000'),
  'client-output-buffer-limit': anytime(
    special.outputBufferLimits,
    'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
  ),
  'client-query-buffer-limit': anytime(memory(MEBIBYTE, LONG_MAX), '1073741824'),
  'maxmemory-clients': anytime(memoryOrPercent, '0'),
  'proto-max-bulk-len': anytime(memory(MEBIBYTE, LONG_MAX), '536870912', { refuse: bulkBytes }),
  'tracking-table-max-keys': anytime(longCount, '1000000'),
  'io-threads': atStart(integer(1, 128), '1', ignored),
  'io-threads-do-reads': atStart(flag, 'no', ignored),
};

const tls = {
  'tls-port': anytime(port, '0'),
  'tls-auth-clients': anytime(oneNameOf('no', 'yes', 'optional'), 'yes'),
  'tls-ca-cert-dir': anytime(text(), ''),
  'tls-ca-cert-file': anytime(text(), ''),
  'tls-cert-file': anytime(text(), ''),
  'tls-ciphers': anytime(text(), ''),
  'tls-ciphersuites': anytime(text(), ''),
  'tls-client-cert-file': anytime(text(), ''),
  'tls-client-key-file': anytime(text(), ''),
  'tls-client-key-file-pass': anytime(text(), '', secret),
  'tls-cluster': no(ignored),
  'tls-dh-params-file': anytime(text(), ''),
  'tls-key-file': anytime(text(), ''),
  'tls-key-file-pass': anytime(text(), '', secret),
  'tls-prefer-server-ciphers': no(),
  'tls-protocols': anytime(text(), ''),
  'tls-replication': no(),
  /** Sessions go on by tickets that the clients keep: no cache here has a size. */
  'tls-session-cache-size': anytime(count, '20480', ignored),
  'tls-session-cache-timeout': anytime(count, '300'),
  'tls-session-caching': yes(),
};

const security = {
  requirepass: anytime(text(), '', secret),
  aclfile: atStart(text(), ''),
  'acl-pubsub-default': anytime(oneNameOf('allchannels', 'resetchannels'), 'resetchannels'),
  'acllog-max-len': anytime(longCount, '128'),
  'enable-debug-command': atStart(localNames, 'no'),
  'enable-module-command': atStart(localNames, 'no', ignored),
  'enable-protected-configs': atStart(localNames, 'no'),
};

const general = {
  daemonize: atStart(flag, 'no'),
  pidfile: atStart(text(), ''),
  loglevel: anytime(oneNameOf('debug', 'verbose', 'notice', 'warning'), 'notice'),
  logfile: atStart(text(), ''),
  databases: atStart(integer(1, INT_MAX), '16', { refuse: databaseCount }),
  hz: anytime(clampedInteger(0n, INT_MAX, 1n, 500n), '10'),
  'dynamic-hz': yes(ignored),
  supervised: atStart(oneNameOf('upstart', 'systemd', 'auto', 'no'), 'no'),
  'syslog-enabled': atStart(flag, 'no', ignored),
  'syslog-ident': atStart(text(), 'redis', ignored),
  'syslog-facility': atStart(
    oneNameOf(
      ...['user', 'local0', 'local1', 'local2', 'local3'],
      ...['local4', 'local5', 'local6', 'local7'],
    ),
    'local0',
    ignored,
  ),
  'always-show-logo': atStart(flag, 'no', ignored),
  'set-proc-title': atStart(flag, 'yes', ignored),
  'proc-title-template': anytime(
    special.titleTemplate,
    '{title} {listen-addr} {server-mode}',
    ignored,
  ),
  'crash-log-enabled': yes(ignored),
  'crash-memcheck-enabled': yes(ignored),
  'use-exit-on-panic': no(hidden),
  'watchdog-period': anytime(count, '0', hidden),
  'rdb-key-save-delay': anytime(integer(INT_MIN, INT_MAX), '0', hidden),
  'key-load-delay': anytime(integer(INT_MIN, INT_MAX), '0', hidden),
  'loading-process-events-interval-bytes': anytime(integer(1024, INT_MAX), '2097152', hidden),
  'ignore-warnings': anytime(text(), '', ignored),
  'disable-thp': atStart(flag, 'yes', ignored),
  'oom-score-adj': anytime(special.memoryKillerMode, 'no'),
  'oom-score-adj-values': anytime(special.memoryKillerScores, '0 200 800'),
  server_cpulist: atStart(text(), '', ignored),
  bio_cpulist: atStart(text(), '', ignored),
  aof_rewrite_cpulist: atStart(text(), '', ignored),
  bgsave_cpulist: atStart(text(), '', ignored),
  'shutdown-timeout': anytime(count, '10'),
  'shutdown-on-sigint': anytime(signalActions, 'default'),
  'shutdown-on-sigterm': anytime(signalActions, 'default'),
  'busy-reply-threshold': anytime(longCount, '5000', { alias: 'lua-time-limit' }),
};

const memoryUse = {
  maxmemory: anytime(anyBytes, '0'),
  'maxmemory-policy': anytime(
    oneNameOf(
      ...['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'],
      ...['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'noeviction'],
    ),
    'noeviction',
  ),
  'maxmemory-samples': anytime(integer(1, INT_MAX), '5'),
  'maxmemory-eviction-tenacity': anytime(integer(0, 100), '10'),
  'lfu-log-factor': anytime(count, '10', ignored),
  'lfu-decay-time': anytime(count, '1', ignored),
  'active-expire-effort': anytime(integer(1, 10), '1', ignored),
  'lazyfree-lazy-eviction': no(ignored),
  'lazyfree-lazy-expire': no(ignored),
  'lazyfree-lazy-server-del': no(ignored),
  'lazyfree-lazy-user-del': no(ignored),
  'lazyfree-lazy-user-flush': no(ignored),
  activerehashing: yes(ignored),
  activedefrag: no(ignored),
  'active-defrag-cycle-max': anytime(integer(1, 99), '25', ignored),
  'active-defrag-cycle-min': anytime(integer(1, 99), '1', ignored),
  'active-defrag-ignore-bytes': anytime(someBytes, '104857600', ignored),
  'active-defrag-max-scan-fields': anytime(integer(1, LONG_MAX), '1000', ignored),
  'active-defrag-threshold-lower': anytime(integer(0, 1000), '10', ignored),
  'active-defrag-threshold-upper': anytime(integer(0, 1000), '100', ignored),
  'jemalloc-bg-thread': yes(ignored),
};

/** Darter packs values its own way; these limits still decide what OBJECT ENCODING says. */
const encodings = {
  'hash-max-listpack-entries': anytime(longCount, '512', { alias: 'hash-max-ziplist-entries' }),
  'hash-max-listpack-value': anytime(bytes, '64', { alias: 'hash-max-ziplist-value' }),
  'list-max-listpack-size': anytime(integer(-INT_MAX - 1n, INT_MAX), '-2', {
    alias: 'list-max-ziplist-size',
    ...ignored,
  }),
  'list-compress-depth': anytime(count, '0', ignored),
  'set-max-intset-entries': anytime(longCount, '512'),
  'zset-max-listpack-entries': anytime(longCount, '128', { alias: 'zset-max-ziplist-entries' }),
  'zset-max-listpack-value': anytime(bytes, '64', { alias: 'zset-max-ziplist-value' }),
  'hll-sparse-max-bytes': anytime(bytes, '3000'),
  'stream-node-max-bytes': anytime(bytes, '4096'),
  'stream-node-max-entries': anytime(longCount, '100'),
};

const persistence = {
  dir: { kind: special.folder, initial: '', change: 'protected' } as Directive,
  dbfilename: {
    kind: notPath('dbfilename', 'filename'),
    initial: 'dump.rdb',
    change: 'protected',
  } as Directive,
  save: anytime(special.savePoints, '3600 1 300 100 60 10000'),
  'stop-writes-on-bgsave-error': yes(),
  rdbcompression: yes(),
  rdbchecksum: atStart(flag, 'yes'),
  'rdb-del-sync-files': no(ignored),
  'rdb-save-incremental-fsync': yes(),
  'sanitize-dump-payload': anytime(oneNameOf('no', 'yes', 'clients'), 'no', ignored),
  appendonly: no(),
  appendfilename: atStart(notPath('appendfilename', 'filename'), 'appendonly.aof'),
  appenddirname: atStart(notPath('appenddirname', 'dirname'), 'appendonlydir'),
  appendfsync: anytime(oneNameOf('everysec', 'always', 'no'), 'everysec'),
  'no-appendfsync-on-rewrite': no(),
  'auto-aof-rewrite-percentage': anytime(count, '100'),
  'auto-aof-rewrite-min-size': anytime(bytes, '67108864'),
  'aof-load-truncated': yes(),
  'aof-use-rdb-preamble': yes(ignored),
  'aof-timestamp-enabled': no(only('no', 'the journal of Darter has no timestamps')),
  'aof-rewrite-incremental-fsync': yes(),
  'aof-disable-auto-gc': no(ignored),
};

const replication = {
  replicaof: atStart(special.primaryAddress, '', { alias: 'slaveof' }),
  masterauth: anytime(text(), '', secret),
  masteruser: anytime(text(), ''),
  'replica-serve-stale-data': yes({ alias: 'slave-serve-stale-data' }),
  'replica-read-only': yes({ alias: 'slave-read-only' }),
  'replica-priority': anytime(count, '100', { alias: 'slave-priority' }),
  'replica-announced': yes(),
  'replica-announce-ip': anytime(text(), '', { alias: 'slave-announce-ip' }),
  'replica-announce-port': anytime(port, '0', { alias: 'slave-announce-port' }),
  'replica-ignore-maxmemory': yes({ alias: 'slave-ignore-maxmemory' }),
  'replica-ignore-disk-write-errors': no(ignored),
  'replica-lazy-flush': no({ alias: 'slave-lazy-flush', ...ignored }),
  'repl-timeout': anytime(integer(1, INT_MAX), '60'),
  'repl-ping-replica-period': anytime(integer(1, INT_MAX), '10', {
    alias: 'repl-ping-slave-period',
  }),
  /** For all shards together: 1mb, Redis's default, would hold a tenth of a second here. */
  'repl-backlog-size': anytime(someBytes, '33554432'),
  'repl-backlog-ttl': anytime(longCount, '3600'),
  'repl-disable-tcp-nodelay': no(ignored),
  /** A sync comes straight from memory and is loaded as it comes, at once and for each replica apart. */
  'repl-diskless-sync': yes(ignored),
  'repl-diskless-sync-delay': anytime(count, '5', ignored),
  'repl-diskless-sync-max-replicas': anytime(count, '0', ignored),
  'repl-diskless-load': anytime(
    oneNameOf('disabled', 'on-empty-db', 'swapdb'),
    'disabled',
    ignored,
  ),
  'min-replicas-to-write': anytime(count, '0', { alias: 'min-slaves-to-write' }),
  'min-replicas-max-lag': anytime(count, '10', { alias: 'min-slaves-max-lag' }),
  'propagation-error-behavior': anytime(
    oneNameOf('ignore', 'panic', 'panic-on-replicas'),
    'ignore',
    ignored,
  ),
};

const observation = {
  'slowlog-log-slower-than': anytime(integer(-1, LONG_MAX), '10000'),
  'slowlog-max-len': anytime(longCount, '128'),
  'latency-monitor-threshold': anytime(longCount, '0'),
  'latency-tracking': yes(),
  'latency-tracking-info-percentiles': anytime(special.percentiles, '50 99 99.9'),
  'notify-keyspace-events': anytime(special.eventClasses, ''),
};

const cluster = {
  'cluster-enabled': atStart(flag, 'no', noCluster),
  'cluster-config-file': atStart(text(), 'nodes.conf', ignored),
  'cluster-port': atStart(port, '0', ignored),
  'cluster-node-timeout': anytime(longCount, '15000', ignored),
  'cluster-announce-bus-port': anytime(port, '0', ignored),
  'cluster-announce-hostname': anytime(hostName, '', ignored),
  'cluster-announce-ip': anytime(text(), '', ignored),
  'cluster-announce-port': anytime(port, '0', ignored),
  'cluster-announce-tls-port': anytime(port, '0', ignored),
  'cluster-preferred-endpoint-type': anytime(
    oneNameOf('ip', 'hostname', 'unknown-endpoint'),
    'ip',
    ignored,
  ),
  'cluster-link-sendbuf-limit': anytime(anyBytes, '0', ignored),
  'cluster-migration-barrier': anytime(count, '1', ignored),
  'cluster-replica-no-failover': no({ alias: 'cluster-slave-no-failover', ...ignored }),
  'cluster-replica-validity-factor': anytime(count, '10', {
    alias: 'cluster-slave-validity-factor',
    ...ignored,
  }),
  'cluster-require-full-coverage': yes(ignored),
  'cluster-allow-reads-when-down': no(ignored),
  'cluster-allow-pubsubshard-when-down': yes(ignored),
  'cluster-allow-replica-migration': yes(ignored),
};

/** Darter's own. */
const darter = {
  /** I/O threads, 0 = one for each core. The main thread takes part in what all threads do. */
  threads: atStart(integer(0, THREADS_MAX - 1), '0', own),
  shards: atStart(integer(1, SHARDS_MAX), '64', { ...own, refuse: powerOfTwo }),
  /** Shards that the keys with one hash tag lie in: of the data set, so a replica takes its primary's. */
  'shard-spread': atStart(integer(1, SHARD_SPREAD_MAX), '8', { ...own, refuse: powerOfTwo }),
  /** Address space of a shard; pages are only taken from the system when they are used. */
  'shard-bytes': atStart(memory(MEBIBYTE, SHARD_BYTES_MAX), '2147483648', {
    ...own,
    refuse: shardBytes,
  }),
  /** Whether the limits of a container set the number of threads, and maxmemory where it is 0. */
  'container-limits': atStart(flag, 'yes', own),
  /** Whether writes wait a little for a replica that would lose its place in the journal. */
  'repl-backpressure-policy': anytime(oneNameOf('delay', 'none'), 'delay', own),
  /** For how many milliseconds at most. */
  'repl-backpressure-max-delay': anytime(integer(0, 60_000), '1000', own),
  /** Connections gather on few threads while these can serve them, or spread over all of them. */
  placement: anytime(oneNameOf('adaptive', 'spread'), 'adaptive', own),
  'snapshot-format': anytime(oneNameOf('auto', 'native', 'rdb'), 'auto', own),
  'snapshot-keep': anytime(integer(1, 1000), '1', own),
  /** Whether the system may write dumps of this process, with all data, when it dies. */
  'core-dumps': atStart(flag, 'no', own),
  /** HTTP for probes and Prometheus, on the main thread; 0 = off. */
  'metrics-port': atStart(port, '0', own),
  'metrics-bind': atStart(special.addresses, '127.0.0.1 -::1', own),
  /** Threads that accept on tls-port and decrypt, 0 = one for two I/O threads. */
  'tls-threads': atStart(integer(0, TLS_THREADS_MAX), '0', own),
  transport: atStart(oneNameOf('auto', 'uring', 'epoll', 'portable'), 'auto', own),
};

const table = {
  ...network,
  ...tls,
  ...security,
  ...general,
  ...memoryUse,
  ...encodings,
  ...persistence,
  ...replication,
  ...observation,
  ...cluster,
  ...darter,
};

export type DirectiveName = keyof typeof table;
export const DIRECTIVES: Readonly<Record<string, Directive>> = table;

/** Names that were directives once: a line of theirs is skipped. */
export const FORMER_DIRECTIVES: readonly string[] = [
  'list-max-ziplist-entries',
  'list-max-ziplist-value',
  'lua-replicate-commands',
];

export interface Named {
  /** The directive's own name, whichever name was asked for. */
  readonly name: string;
  readonly directive: Directive;
}

/** By every name, former ones included, in the order of the table. */
const BY_NAME = new Map<string, Named>();
for (const [name, directive] of Object.entries(DIRECTIVES)) {
  BY_NAME.set(name, { name, directive });
  if (directive.alias !== undefined) BY_NAME.set(directive.alias, { name, directive });
}

/** @param name in any case, or a former name */
export function findDirective(name: string): Named | undefined {
  return BY_NAME.get(name.toLowerCase());
}

export function allNames(): Iterable<string> {
  return BY_NAME.keys();
}
