import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { ConfigurationPort, ServerPort } from '../../commands/contract/server-port.js';
import { CommandTester, type Decoded } from '../../commands/contract/test-support.js';
import * as info from '../../commands/server/info.js';
import * as get from '../../commands/string/get.js';
import * as set from '../../commands/string/set.js';
import { definitionsOf } from '../../engine/definitions.js';
import { CHANGES, CHANGES_SAVED, HITS } from '../../keyspace/counters.js';
import type { ControlBlock } from '../../memory/control.js';
import { countRuns } from '../../memory/testing.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import { NO_CONTAINER } from '../../platform/container.js';
import { createControl } from '../channel/control.js';
import { Information } from './information.js';
import { Memory } from './memory-figures.js';
import { humanBytes, percent } from './source.js';

const SETTINGS: Record<string, string> = {
  hz: '10',
  port: '7000',
  maxclients: '100',
  maxmemory: '1048576',
  'maxmemory-policy': 'noeviction',
  'latency-tracking': 'yes',
  'latency-tracking-info-percentiles': '50 99.9',
  'repl-backlog-size': '1048576',
};

const configuration: ConfigurationPort = {
  value: (name) => SETTINGS[name] ?? '',
  get: () => [],
  set: () => null,
  rewrite: () => null,
};

let tester: CommandTester;
let control: ControlBlock;
let information: Information;

beforeEach(() => {
  const ports: { -readonly [Key in keyof ServerPort]?: ServerPort[Key] } = {};
  tester = new CommandTester(definitionsOf([get, set, info]), { server: ports, shards: 4 });
  control = createControl(2, tester.registry.all.length);
  const { shards } = tester.keys;
  const memory = new Memory(control, shards, () => {}, NO_CONTAINER);
  information = new Information({
    facts: {
      runId: 'a'.repeat(40),
      startedMs: tester.now - 90_000_000,
      transport: 'uring',
      ioThreads: 2,
      executable: '/usr/bin/node',
      configFile: '',
      supervised: 'no',
    },
    control,
    configuration,
    memory,
    shards,
    scripts: {
      figures: { scripts: 3, scriptBytes: 100, functions: 2, libraries: 1, libraryBytes: 50 },
    },
  });
  ports.information = information;
});

function titles(...sections: string[]): string[] {
  const text = String(tester.run('INFO', ...sections));
  return [...text.matchAll(/^# (\w+)\r$/gm)].map((match) => match[1]!);
}

function field(name: string, section = 'everything'): string | undefined {
  const text: Decoded = tester.run('INFO', section);
  return new RegExp(`^${name}:(.*)\\r$`, 'm').exec(String(text))?.[1];
}

describe('INFO', () => {
  test('shows the sections that Redis shows', () => {
    const byDefault = [
      ...['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU'],
      ...['Modules', 'Errorstats', 'Cluster', 'Keyspace'],
    ];
    const all = [
      ...['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU'],
      ...['Modules', 'Commandstats', 'Errorstats', 'Latencystats', 'Cluster', 'Keyspace'],
    ];
    assert.deepEqual(titles(), byDefault);
    assert.deepEqual(titles('default'), byDefault);
    assert.deepEqual(titles('all'), all);
    assert.deepEqual(titles('EVERYTHING'), all);
    assert.deepEqual(titles('module_list'), ['Modules']);
    assert.deepEqual(titles('persistence', 'clients'), ['Clients', 'Persistence']);
    assert.equal(tester.run('INFO', 'nope'), '');
    assert.equal(tester.run('INFO', 'cluster'), '# Cluster\r\ncluster_enabled:0\r\n');
    assert.equal(
      tester.run('INFO', 'cluster', 'modules'),
      '# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n',
    );
  });

  test('every line is a field', () => {
    const lines = String(tester.run('INFO', 'everything')).split('\r\n');
    const wrong = lines.filter((line) => !/^(|# \w+|[\w|.-]+:[^\n]*)$/.test(line));
    assert.deepEqual(wrong, []);
    assert.ok(lines.every((line) => !/NaN|undefined|Infinity/.test(line)));
  });

  test('server, stats, persistence', () => {
    assert.equal(field('multiplexing_api'), 'io_uring');
    assert.equal(field('uptime_in_seconds'), '90000');
    assert.equal(field('uptime_in_days'), '1');
    assert.equal(field('tcp_port'), '7000');
    assert.equal(field('shards'), '4');
    assert.equal(field('shard_spread'), '8');
    const { shards } = tester.keys;
    for (let shard = 0; shard < 4; shard++) shards.lock(shard);
    shards.changeHashKey({ key0: 1, key1: 6, spread: 2 });
    for (let shard = 0; shard < 4; shard++) shards.unlock(shard);
    assert.equal(field('shard_spread'), '2', 'that of the data set');
    control.threads[0]!.add(HITS, 3);
    control.threads[1]!.add(HITS, 4);
    assert.equal(field('keyspace_hits'), '7');
    control.threads[1]!.add(CHANGES, 10);
    control.set(CHANGES_SAVED, 4);
    assert.equal(field('rdb_changes_since_last_save'), '6');
  });

  test('memory', () => {
    control.word(USED_PAGES).store(256);
    assert.equal(field('used_memory'), '1048576');
    assert.equal(field('used_memory_human'), '1.00M');
    control.word(USED_PAGES).store(128);
    assert.equal(field('used_memory'), '524288');
    assert.equal(field('used_memory_peak'), '1048576');
    assert.equal(field('used_memory_peak_perc'), '50.00%');
    assert.equal(field('maxmemory_human'), '1.00M');
    assert.ok(Number(field('used_memory_rss')) > 10_000_000);
  });

  test('commandstats, errorstats, latencystats', () => {
    const { index } = tester.registry.lookup('get')!;
    countRuns(control.threads[0]!, index, 10, 1);
    countRuns(control.threads[1]!, index, 20, 1);
    control.threads[1]!.failed[index] = 1;
    assert.equal(
      field('cmdstat_get'),
      'calls=2,usec=30,usec_per_call=15.00,rejected_calls=0,failed_calls=1',
    );
    assert.equal(field('cmdstat_set'), undefined);
    assert.match(field('latency_percentiles_usec_get')!, /^p50=1\d\.\d{3},p99\.9=2\d\.\d{3}$/);
    control.threads[0]!.errors[control.errorNames.indexOf('WRONGTYPE')] = 2;
    control.errorNames.indexOf('ERR');
    assert.equal(field('errorstat_WRONGTYPE'), 'count=2');
    assert.equal(field('errorstat_ERR'), undefined);
    // Scripts can make up any: none looks like another field, and UTF-8 stays what it is.
    const made = Buffer.from('\u00e9:1\r\n#').toString('latin1');
    control.threads[0]!.errors[control.errorNames.indexOf(made)] = 3;
    assert.equal(field(`errorstat_${made.slice(0, 2)}_1___`), 'count=3');
  });

  test('keyspace counts keys and samples how long they live', () => {
    assert.equal(field('db0'), undefined);
    for (let i = 0; i < 100; i++) tester.run('SET', `k${i}`, 'v');
    assert.equal(field('db0'), 'keys=100,expires=0,avg_ttl=0');
    for (let i = 0; i < 50; i++) tester.run('SET', `k${i}`, 'v', 'PX', 20_000);
    assert.equal(field('db0'), 'keys=100,expires=50,avg_ttl=20000');
  });

  test('a part that knows more provides its section', () => {
    information.provide('replication', () => [['role', 'slave']]);
    assert.equal(tester.run('INFO', 'replication'), '# Replication\r\nrole:slave\r\n');
  });
});

test('sizes for people', () => {
  assert.equal(humanBytes(0), '0B');
  assert.equal(humanBytes(1023), '1023B');
  assert.equal(humanBytes(916240), '894.77K');
  assert.equal(humanBytes(25276510208), '23.54G');
  assert.equal(percent(1, 0), '0.00%');
});
