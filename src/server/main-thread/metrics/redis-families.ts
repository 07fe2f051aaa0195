/** The other metrics of redis_exporter: about the server, its databases, its slow log and its replicas. */
import type { AddSample, Family } from './family.js';
import { single } from './family.js';
import { infoNumber } from './info-families.js';
import type { Scrape } from './scrape.js';

const PRIMARY_LABELS = ['master_host', 'master_port'];
const REPLICA_LABELS = ['slave_ip', 'slave_port', 'slave_state'];
/** INFO's `slaveN`. The address is what the replica says of itself. */
const REPLICA_FIELD = /^ip=(.*),port=(\d+),state=(\w+),offset=(-?\d+),lag=(-?\d+)$/;

function perDatabase(
  name: string,
  help: string,
  read: (scrape: Scrape, database: number) => number,
) {
  return {
    ...{ name, help, type: 'gauge', labels: ['db'] },
    collect: (scrape: Scrape, add: AddSample) => {
      for (let database = 0; database < scrape.shards.databases; database++) {
        add(read(scrape, database), [`db${database}`]);
      }
    },
  } satisfies Family;
}

/** A sum over the tables of a database. Without locks: a count may be one write old. */
function sumOfTables({ shards }: Scrape, database: number, field: 'size' | 'expiring'): number {
  let sum = 0;
  for (let shard = 0; shard < shards.count; shard++) sum += shards.table(shard, database)[field];
  return sum;
}

/** Only on a replica. */
function perPrimary(name: string, help: string, read: (scrape: Scrape) => number): Family {
  return {
    ...{ name, help, type: 'gauge', labels: PRIMARY_LABELS },
    collect: (scrape, add) => {
      const { link } = scrape.replication;
      if (link !== null) add(read(scrape), [link.host, String(link.port)]);
    },
  };
}

function perReplica(name: string, help: string, group: 4 | 5): Family {
  return {
    ...{ name, help, type: 'gauge', labels: REPLICA_LABELS },
    collect: ({ info }, add) => {
      for (const [field, value] of info) {
        if (!/^slave\d+$/.test(field)) continue;
        const match = REPLICA_FIELD.exec(String(value));
        if (match !== null) add(Number(match[group]), match.slice(1, 4));
      }
    },
  };
}

const INSTANCE_LABELS = [
  ...['role', 'redis_version', 'redis_build_id', 'redis_mode', 'os', 'maxmemory_policy'],
  ...['tcp_port', 'run_id', 'process_id', 'master_replid'],
];

/** `class hard soft seconds` for each class of clients. */
function outputLimits({ config }: Scrape): (readonly [string, number, number, number])[] {
  const words = config.words('client-output-buffer-limit');
  return [0, 4, 8].map((at) => {
    const [hard, soft, seconds] = words.slice(at + 1, at + 4).map(Number);
    return [words[at] ?? '', hard ?? 0, soft ?? 0, seconds ?? 0] as const;
  });
}

const SERVER: readonly Family[] = [
  single('gauge', 'redis_up', 'Always 1', () => 1),
  {
    name: 'redis_instance_info',
    type: 'gauge',
    help: 'Always 1; the labels tell of the server',
    labels: INSTANCE_LABELS,
    collect: ({ info, replication }, add) => {
      const role = replication.link === null ? 'master' : 'slave';
      add(1, [role, ...INSTANCE_LABELS.slice(1).map((label) => String(info.get(label) ?? ''))]);
    },
  },
  single('gauge', 'redis_start_time_seconds', 'When the server was started', ({ startedMs }) =>
    Math.floor(startedMs / 1000),
  ),
  single('gauge', 'redis_config_maxclients', 'maxclients', ({ config }) =>
    config.number('maxclients'),
  ),
  single('gauge', 'redis_config_maxmemory', 'maxmemory', ({ config }) =>
    config.number('maxmemory'),
  ),
  single('gauge', 'redis_config_io_threads', 'io-threads, which has no effect', ({ config }) =>
    config.number('io-threads'),
  ),
  {
    name: 'redis_config_client_output_buffer_limit_bytes',
    type: 'gauge',
    help: 'client-output-buffer-limit',
    labels: ['class', 'limit'],
    collect: (scrape, add) => {
      for (const [name, hard, soft] of outputLimits(scrape)) {
        add(hard, [name, 'hard']);
        add(soft, [name, 'soft']);
      }
    },
  },
  {
    name: 'redis_config_client_output_buffer_limit_overcome_seconds',
    type: 'gauge',
    help: 'For how long the soft limit may be exceeded',
    labels: ['class', 'limit'],
    collect: (scrape, add) => {
      for (const [name, , , seconds] of outputLimits(scrape)) add(seconds, [name, 'soft']);
    },
  },
];

const DATABASES: readonly Family[] = [
  perDatabase('redis_db_keys', 'Keys', (scrape, database) => sumOfTables(scrape, database, 'size')),
  perDatabase('redis_db_keys_expiring', 'Keys with an expiry', (scrape, database) =>
    sumOfTables(scrape, database, 'expiring'),
  ),
  perDatabase(
    'redis_db_avg_ttl_seconds',
    'How long keys with an expiry live on, by a sample',
    ({ averageTtlMs }, database) => (averageTtlMs?.[database] ?? Number.NaN) / 1000,
  ),
];

const SLOW_COMMANDS: readonly Family[] = [
  single('gauge', 'redis_slowlog_length', 'Entries of the slow log', ({ reports, config }) => {
    const entries = reports.reduce((sum, { slowLog }) => sum + (slowLog?.length ?? 0), 0);
    return Math.min(entries, config.number('slowlog-max-len'));
  }),
  single('gauge', 'redis_slowlog_last_id', 'Id of the newest entry', (scrape) =>
    Math.max(0, newestSlow(scrape).lastId),
  ),
  single(
    'gauge',
    'redis_last_slow_execution_duration_seconds',
    'Time of the newest entry of the slow log; 0: there is none',
    (scrape) => newestSlow(scrape).lastMicroseconds / 1e6,
  ),
  latencySpikes('redis_latency_spike_last', 'When an event of LATENCY LATEST came last', 'seconds'),
  latencySpikes('redis_latency_spike_duration_seconds', 'How long it took then', 'milliseconds'),
];

const NO_SLOW_COMMAND = { length: 0, lastId: -1, lastMicroseconds: 0 };

function newestSlow({ reports }: Scrape) {
  return reports
    .map(({ slowLog }) => slowLog ?? NO_SLOW_COMMAND)
    .reduce((newest, one) => (one.lastId > newest.lastId ? one : newest), NO_SLOW_COMMAND);
}

function latencySpikes(name: string, help: string, which: 'seconds' | 'milliseconds'): Family {
  return {
    ...{ name, help, type: 'gauge', labels: ['event_name'] },
    collect: ({ reports }, add) => {
      const newest = new Map<string, { seconds: number; milliseconds: number }>();
      for (const spike of reports.flatMap(({ spikes }) => spikes)) {
        const known = newest.get(spike.event);
        if (known === undefined || spike.seconds > known.seconds) newest.set(spike.event, spike);
      }
      for (const [event, spike] of newest) {
        add(which === 'seconds' ? spike.seconds : spike.milliseconds / 1000, [event]);
      }
    },
  };
}

const REPLICATION: readonly Family[] = [
  {
    name: 'redis_slave_info',
    type: 'gauge',
    help: 'Always 1, on a replica',
    labels: [...PRIMARY_LABELS, 'read_only'],
    collect: ({ replication: { link }, config }, add) => {
      const isReadOnly = config.flag('replica-read-only') ? '1' : '0';
      if (link !== null) add(1, [link.host, String(link.port), isReadOnly]);
    },
  },
  perPrimary('redis_master_link_up', 'Whether the link to the primary is up', ({ replication }) =>
    replication.link?.up === true ? 1 : 0,
  ),
  perPrimary(
    'redis_master_sync_in_progress',
    'Whether a full sync from the primary runs',
    (scrape) => infoNumber(scrape, 'master_sync_in_progress'),
  ),
  perPrimary(
    'redis_master_last_io_seconds_ago',
    'Seconds since the primary sent something; -1 while the link is down',
    (scrape) => infoNumber(scrape, 'master_last_io_seconds_ago'),
  ),
  perPrimary('redis_slave_repl_offset', 'Offset of the data of this replica', (scrape) =>
    infoNumber(scrape, 'slave_repl_offset'),
  ),
  perReplica('redis_connected_slave_offset_bytes', 'What a replica has acknowledged', 4),
  perReplica(
    'redis_connected_slave_lag_seconds',
    'Seconds since a replica acknowledged something',
    5,
  ),
];

const SCRAPES: readonly Family[] = [
  single('counter', 'redis_exporter_scrapes_total', 'Scrapes', ({ number }) => number),
  {
    name: 'redis_exporter_last_scrape_error',
    type: 'gauge',
    help: '1 when a thread did not answer this scrape: what only that thread knows is missing',
    labels: ['err'],
    collect: ({ silent }, add) =>
      add(silent.length === 0 ? 0 : 1, [
        silent.length === 0 ? '' : `no answer from I/O threads ${silent.join(', ')}`,
      ]),
  },
  single(
    'gauge',
    'redis_exporter_last_scrape_duration_seconds',
    'What this scrape waited for the threads',
    ({ waitedMs }) => waitedMs / 1000,
  ),
];

export const REDIS_FAMILIES: readonly Family[] = [
  ...SERVER,
  ...DATABASES,
  ...SLOW_COMMANDS,
  ...REPLICATION,
  ...SCRAPES,
];
