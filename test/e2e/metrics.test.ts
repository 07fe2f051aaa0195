/** `/metrics` of a primary and its replica: the format, and every series that dashboards ask for. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FAMILIES } from '../../src/server/main-thread/metrics/routes.js';
import { claimPort, releasePort } from '../support/ports.js';
import { textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

/**
 * What the queries of redis_exporter's dashboards name: 763 (as in its repository), 11835 and 14091 (its
 * overview), and of its alert rules.
 */
const OF_DASHBOARDS = [
  ...['redis_up', 'redis_uptime_in_seconds', 'redis_start_time_seconds', 'redis_instance_info'],
  ...['redis_connected_clients', 'redis_blocked_clients', 'redis_rejected_connections_total'],
  ...['redis_memory_used_bytes', 'redis_memory_max_bytes', 'redis_memory_used_rss_bytes'],
  ...['redis_memory_fragmentation_ratio', 'redis_mem_fragmentation_ratio'],
  ...['redis_commands_processed_total', 'redis_commands_total'],
  ...['redis_commands_duration_seconds_total', 'redis_commands_rejected_calls_total'],
  ...['redis_commands_failed_calls_total', 'redis_errors_total', 'redis_latency_percentiles_usec'],
  ...['redis_commands_latencies_usec_bucket', 'redis_slowlog_length', 'redis_slowlog_last_id'],
  ...['redis_last_slow_execution_duration_seconds'],
  ...['redis_keyspace_hits_total', 'redis_keyspace_misses_total'],
  ...['redis_net_input_bytes_total', 'redis_net_output_bytes_total'],
  ...['redis_db_keys', 'redis_db_keys_expiring', 'redis_db_avg_ttl_seconds'],
  ...['redis_expired_keys_total', 'redis_evicted_keys_total'],
  ...['redis_connected_slaves', 'redis_connected_slave_lag_seconds'],
  ...['redis_connected_slave_offset_bytes', 'redis_master_repl_offset'],
  ...['redis_master_link_up', 'redis_master_last_io_seconds_ago', 'redis_slave_info'],
  ...['redis_slave_repl_offset', 'redis_master_sync_in_progress'],
  ...['redis_rdb_last_save_timestamp_seconds', 'redis_rdb_last_bgsave_status'],
  ...['redis_rdb_changes_since_last_save', 'redis_rdb_bgsave_in_progress'],
  ...['redis_aof_enabled', 'redis_aof_last_write_status', 'redis_aof_current_size_bytes'],
  ...['redis_cpu_sys_seconds_total', 'redis_cpu_user_seconds_total', 'redis_config_maxclients'],
  ...['redis_exporter_last_scrape_error', 'redis_exporter_scrapes_total'],
];

/** Of these there is nothing to see here: a full sync that runs. */
const NOT_NOW = ['darter_flow_received_bytes', 'darter_flow_received_ratio'];

type Series = ReadonlyMap<string, number>;

const LINE = /^([a-z_0-9]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,|(?=\})))+\})? (\S+)$/;

/** Samples by name and labels. Fails where the text is not in Prometheus's format. */
function parse(text: string): Series {
  const series = new Map<string, number>();
  let family = '';
  assert.ok(text.endsWith('\n'));
  for (const line of text.slice(0, -1).split('\n')) {
    const head = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (head !== null) {
      family = head[2]!;
      continue;
    }
    const match = LINE.exec(line);
    assert.ok(match !== null, line);
    const [, name, labels = '', value] = match;
    assert.ok(
      [family, `${family}_sum`, `${family}_count`, `${family}_bucket`].includes(name!),
      line,
    );
    assert.ok(!series.has(`${name}${labels}`), `twice: ${line}`);
    assert.ok(value === '+Inf' || Number.isFinite(Number(value)), line);
    series.set(`${name}${labels}`, Number(value));
  }
  return series;
}

async function scrape(port: number): Promise<Series> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return parse(await response.text());
}

async function startSite(
  t: TestContext,
  args: readonly string[],
): Promise<{ server: Server; port: number }> {
  const port = await claimPort();
  const server = await startDarter({ args: ['--metrics-port', String(port), ...args] });
  t.after(async () => {
    await server.stop();
    releasePort(port);
  });
  return { server, port };
}

function namesOf(...all: readonly Series[]): Set<string> {
  return new Set(all.flatMap((series) => [...series.keys()].map((key) => key.split('{', 1)[0]!)));
}

async function useAll(server: Server): Promise<void> {
  const client = await server.client();
  await client.text('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
  await client.text('CONFIG', 'SET', 'latency-monitor-threshold', '1');
  await client.text('SET', 'k', 'v', 'EX', '1000');
  await client.text('GET', 'k');
  await client.text('GET', 'absent');
  assert.match(textOf(await client.command('GET')), /wrong number/);
  assert.match(textOf(await client.command('INCR', 'k')), /not an integer/);
  await client.text('SELECT', '3');
  await client.text('MSET', 'a', '1', 'b', '2');
  await client.text('DEBUG', 'SLEEP', '0.002');
  await client.close();
}

test('every metric is there, with values as INFO has them', {
  skip: darterMissing(),
}, async (t) => {
  const { server, port } = await startSite(t, [
    ...['--appendonly', 'yes', '--repl-diskless-sync-delay', '0', '--enable-debug-command', 'yes'],
  ]);
  const replica = await startSite(t, ['--replicaof', '127.0.0.1', String(server.port)]);
  await useAll(server);
  let behind: Series = new Map();
  await until('the replica is told of', async () => {
    behind = await scrape(replica.port);
    const up = [...behind].find(([name]) => name.startsWith('redis_master_link_up'))?.[1];
    const names = namesOf(await scrape(port));
    return (up === 1 && names.has('redis_connected_slave_lag_seconds')) || `link: ${up}`;
  });
  const series = await scrape(port);
  const names = namesOf(series, behind);
  assert.deepEqual(
    OF_DASHBOARDS.filter((name) => !names.has(name)),
    [],
  );
  const missing = FAMILIES.map(({ name }) => name).filter(
    (name) => !names.has(name) && !names.has(`${name}_bucket`) && !NOT_NOW.includes(name),
  );
  assert.deepEqual(missing, []);
  assert.equal(series.get('redis_commands_total{cmd="get"}'), 2);
  assert.equal(series.get('redis_commands_rejected_calls_total{cmd="get"}'), 1);
  assert.equal(series.get('redis_commands_failed_calls_total{cmd="incr"}'), 1);
  assert.equal(series.get('redis_errors_total{err="ERR"}'), 2);
  assert.equal(series.get('redis_keyspace_hits_total'), 1);
  assert.equal(series.get('redis_db_keys{db="db0"}'), 1);
  assert.equal(series.get('redis_db_keys_expiring{db="db0"}'), 1);
  assert.equal(series.get('redis_db_keys{db="db3"}'), 2);
  assert.equal(series.get('redis_db_keys{db="db15"}'), 0);
  const ttl = series.get('redis_db_avg_ttl_seconds{db="db0"}')!;
  assert.ok(ttl > 500 && ttl <= 1000, String(ttl));
  assert.ok(series.get('redis_slowlog_last_id')! >= 8);
  assert.ok(series.get('redis_commands_latencies_usec_bucket{cmd="set",le="+Inf"}')! >= 1);
  assert.equal(series.get('redis_aof_enabled'), 1);
  assert.equal(Number(await server.info('maxclients')), series.get('redis_config_maxclients'));
  const shards = [...series].filter(([name]) => name.startsWith('darter_shard_keys{'));
  assert.equal(
    shards.reduce((sum, [, keys]) => sum + keys, 0),
    3,
  );
  const role = [...behind.keys()].find((name) => name.startsWith('redis_instance_info'));
  assert.match(role!, /role="slave",redis_version="7\.0\.15"/);
});
