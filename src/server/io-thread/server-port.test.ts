/**
 * What is behind the server commands, on one thread: clients, slow-log, latency-monitor, statistics,
 * rates. How several threads do it together is tested in gather.test.ts and test/e2e.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Region } from '../../base/region.js';
import type { CommandDefinition } from '../../commands/contract/definition.js';
import type { ClientFilter, ClientType } from '../../commands/contract/server-port.js';
import type { Session } from '../../commands/contract/session.js';
import { testSession } from '../../commands/contract/test-support.js';
import { auth } from '../../commands/connection/auth.js';
import { hello } from '../../commands/connection/hello.js';
import { migrate } from '../../commands/generic/migrate.js';
import * as get from '../../commands/string/get.js';
import { ClientPause, PAUSE_NOTHING, PAUSE_WRITES } from '../../engine/client-pause.js';
import { COMMANDS } from '../../engine/counters.js';
import { Registry } from '../../engine/registry.js';
import type { ControlBlock } from '../../memory/control.js';
import { percentileMicroseconds } from '../../memory/histogram.js';
import { countRuns } from '../../memory/testing.js';
import { INPUT_BYTES } from '../../net/counters.js';
import { Arguments } from '../../protocol/parser.js';
import { createControl } from '../channel/control.js';
import { createMesh, Gatherer } from '../channel/gather.js';
import type { IoGatherer } from '../channel/io-io.js';
import { COMMANDS_PER_SECOND, INPUT_KIB_PER_SECOND } from '../channel/process-figures.js';
import { RateSampler } from '../main-thread/rates.js';
import { type ClientDetails, Clients, describeClient } from './clients.js';
import { LatencyMonitor } from './latency-monitor.js';
import { type NotedCommand, SlowLog } from './slow-log.js';
import { Statistics } from './statistics.js';

const NOW_MS = 1_700_000_100_000;

function session(id: number, changes: Partial<Session> = {}): Session {
  return testSession({
    id,
    createdMs: NOW_MS - 60_000,
    lastInteractionMs: NOW_MS - 1500,
    address: `10.0.0.${id}:1000`,
    localAddress: '10.0.0.99:6379',
    ...changes,
  });
}

function named({ name, isSecret }: CommandDefinition): NotedCommand {
  return isSecret === undefined ? { fullName: name } : { fullName: name, isSecret };
}

const NO_SIZES = { query: 0, queryFree: 0, arguments: 0, output: 0, queued: 0, total: 0 };

function details(changes: Partial<ClientDetails> = {}): ClientDetails {
  return {
    thread: 1,
    descriptor: 8,
    type: 'normal',
    lastCommand: 'get',
    queuedCommands: -1,
    watchBroken: false,
    isMonitor: false,
    suspended: false,
    unixSocket: false,
    channels: 0,
    patterns: 0,
    shardChannels: 0,
    sizes: NO_SIZES,
    ...changes,
  };
}

function alone(): { control: ControlBlock; gatherer: IoGatherer } {
  const control = createControl(1, 4);
  return { control, gatherer: new Gatherer(0, [], control.mail, () => {}) };
}

/** Two threads' gatherers in one: each answers when the other wakes it. */
function pair(): { control: ControlBlock; one: IoGatherer; other: IoGatherer; close(): void } {
  const control = createControl(2, 4);
  const mesh = createMesh(2);
  const both: IoGatherer[] = [];
  const wake = (thread: number) => both[thread]!.serve();
  const one: IoGatherer = new Gatherer(0, mesh[0]!, control.mail, wake);
  const other: IoGatherer = new Gatherer(1, mesh[1]!, control.mail, wake);
  both.push(one, other);
  return { control, one, other, close: () => one.close() };
}

describe('Clients', () => {
  const types: Record<number, ClientType> = { 1: 'normal', 2: 'replica', 3: 'normal' };
  const sessions = [
    session(3, { createdMs: NOW_MS - 5000, localAddress: '127.0.0.1:6379' }),
    session(1, { name: 'first' }),
    session(2),
    session(4, { authenticated: false }),
  ];

  function newClients() {
    const closed: number[] = [];
    const unblocked: [number, boolean][] = [];
    const { control, gatherer } = alone();
    const pause = new ClientPause(control);
    const clients = new Clients(
      {
        sessions,
        details: ({ id }) => details({ type: types[id] ?? 'normal' }),
        close: ({ id }) => closed.push(id),
        unblock: ({ id }, withError) => {
          unblocked.push([id, withError]);
          return id !== 1;
        },
      },
      gatherer,
      pause,
      () => NOW_MS,
      () => {},
    );
    return { clients, closed, unblocked, pause };
  }

  test('LIST is by id and filters', () => {
    const { clients } = newClients();
    const ids = (filter: ClientFilter) =>
      clients.list(filter).map((line) => Number(/^id=(\d+) /.exec(line)![1]));
    assert.deepEqual(ids({}), [1, 2, 3, 4]);
    assert.deepEqual(ids({ type: 'replica' }), [2]);
    assert.deepEqual(ids({ ids: [4, 1, 77] }), [1, 4]);
    assert.deepEqual(ids({ address: '10.0.0.2:1000' }), [2]);
    assert.deepEqual(ids({ localAddress: '127.0.0.1:6379' }), [3]);
    assert.deepEqual(ids({ user: 'default' }), [1, 2, 3, 4]);
    assert.deepEqual(ids({ olderThanSeconds: 10 }), [1, 2, 4]);
    assert.deepEqual(ids({ type: 'normal', except: 1 }), [3, 4]);
  });

  test('KILL closes those that fit and counts them', () => {
    const { clients, closed } = newClients();
    assert.equal(clients.kill({ type: 'normal', except: 3 }), 2);
    assert.deepEqual(closed.sort(), [1, 4]);
    assert.equal(clients.kill({ ids: [99] }), 0);
  });

  test('UNBLOCK finds the client, PAUSE tells all threads', () => {
    const { clients, unblocked, pause } = newClients();
    assert.equal(clients.unblock(2, true), true);
    assert.equal(clients.unblock(1, false), false);
    assert.equal(clients.unblock(9, false), false);
    assert.deepEqual(unblocked, [
      [2, true],
      [1, false],
    ]);
    clients.pause('write', NOW_MS + 10);
    assert.equal(pause.modeAt(NOW_MS), PAUSE_WRITES);
    clients.unpause();
    assert.equal(pause.modeAt(NOW_MS), PAUSE_NOTHING);
  });

  test('a line has the fields of Redis in its order', () => {
    const line = describeClient(session(1, { name: 'me', noEvict: true }), details(), NOW_MS);
    assert.equal(
      line,
      'id=1 addr=10.0.0.1:1000 laddr=10.0.0.99:6379 fd=8 name=me age=60 idle=1 flags=e db=0 ' +
        'sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 ' +
        'obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=get user=default redir=-1 resp=2 ' +
        'lib-name= lib-ver= io-thread=1',
    );
    const busy = describeClient(
      session(1, { inMulti: true, closeAfterReply: true }),
      details({
        ...{ suspended: true, watchBroken: true, lastCommand: '' },
        sizes: { ...NO_SIZES, output: 5, total: 5 },
      }),
      NOW_MS,
    );
    assert.match(busy, / flags=xbdc .* oll=1 omem=5 tot-mem=5 events=rw cmd=NULL /);
  });
});

function vector(...words: string[]): Arguments {
  const args = new Arguments();
  const text = words.join('');
  args.region = new Region(new SharedArrayBuffer((text.length + 8) & ~7), 0);
  let at = 0;
  for (const word of words) {
    for (let i = 0; i < word.length; i++) args.region.bytes[at + i] = word.charCodeAt(i);
    args.push(at, word.length);
    at += word.length;
  }
  return args;
}

describe('SlowLog', () => {
  test('keeps the newest, of all threads, by id', () => {
    const { control, one, other, close } = pair();
    const first = new SlowLog(one, control);
    const second = new SlowLog(other, control);
    first.maximumLength = 3;
    second.maximumLength = 3;
    for (const log of [first, second, first, second, first]) {
      log.note({ fullName: 'get' }, vector('GET', 'k'), 20_000.4, session(1), NOW_MS);
    }
    const entries = first.entries();
    assert.deepEqual(
      entries.map((entry) => entry.id),
      [4, 3, 2],
    );
    assert.deepEqual(entries[0], {
      id: 4,
      timeSeconds: NOW_MS / 1000,
      microseconds: 20_000,
      args: ['GET', 'k'],
      address: '10.0.0.1:1000',
      clientName: '',
    });
    first.reset();
    assert.deepEqual(first.entries(), []);
    close();
  });

  test('minds its threshold', () => {
    const { control, gatherer } = alone();
    const log = new SlowLog(gatherer, control);
    log.note({ fullName: 'get' }, vector('GET'), 9_999, session(1), NOW_MS);
    assert.equal(log.entries().length, 0);
    log.thresholdMicroseconds = -1;
    log.note({ fullName: 'get' }, vector('GET'), 1e9, session(1), NOW_MS);
    assert.equal(log.entries().length, 0);
    log.thresholdMicroseconds = 0;
    log.note({ fullName: 'get' }, vector('GET'), 0, session(1), NOW_MS);
    assert.equal(log.entries().length, 1);
    log.maximumLength = 0;
    assert.equal(log.entries().length, 0);
  });

  test('shortens long arguments and takes passwords out', () => {
    const { control, gatherer } = alone();
    const log = new SlowLog(gatherer, control);
    const noted = (command: string | NotedCommand, ...words: string[]) => {
      const definition = typeof command === 'string' ? { fullName: command } : command;
      log.note(definition, vector(...words), 1e6, session(1), NOW_MS);
      return log.entries()[0]!.args;
    };
    assert.deepEqual(noted('set', 'SET', 'k', 'x'.repeat(130)), [
      ...['SET', 'k'],
      `${'x'.repeat(128)}... (2 more bytes)`,
    ]);
    const many = noted('del', ...Array.from({ length: 40 }, (_, i) => `a${i}`));
    assert.equal(many.length, 32);
    assert.equal(many[31], '... (9 more arguments)');
    assert.deepEqual(noted(named(auth), 'renamed', 'u', 'p'), [
      'renamed',
      '(redacted)',
      '(redacted)',
    ]);
    assert.deepEqual(noted(named(hello), 'HELLO', '3', 'AUTH', 'u', 'p', 'SETNAME', 'n'), [
      ...['HELLO', '3', 'AUTH', '(redacted)', '(redacted)', 'SETNAME', 'n'],
    ]);
    assert.deepEqual(noted('config|set', 'CONFIG', 'SET', 'requirepass', 'p', 'hz', '10'), [
      ...['CONFIG', 'SET', 'requirepass', '(redacted)', 'hz', '10'],
    ]);
    const from = ['MIGRATE', 'host', '6379', 'auth', '0', '5000', 'COPY'];
    assert.deepEqual(noted(named(migrate), ...from, 'auth', 'p', 'REPLACE'), [
      ...[...from, 'auth', '(redacted)', 'REPLACE'],
    ]);
    assert.deepEqual(noted(named(migrate), ...from, 'AUTH2', 'u', 'p', 'KEYS', 'k'), [
      ...[...from, 'AUTH2', '(redacted)', '(redacted)', 'KEYS', 'k'],
    ]);
    assert.deepEqual(noted(named(migrate), ...from, 'AUTH', 'KEYS', 'KEYS', 'auth', 'z'), [
      ...[...from, 'AUTH', '(redacted)', 'KEYS', 'auth', 'z'],
    ]);
    const secret = ['ACL', 'SETUSER', '(redacted)', '(redacted)'];
    assert.deepEqual(noted('acl|setuser', 'ACL', 'SETUSER', 'u', '>p'), secret);
  });
});

describe('LatencyMonitor', () => {
  test('joins what the threads saw in the same second', () => {
    const { one, other, close } = pair();
    const first = new LatencyMonitor(one);
    const second = new LatencyMonitor(other);
    first.note('command', 50, NOW_MS);
    assert.deepEqual(first.events(), []);
    first.thresholdMs = 10;
    second.thresholdMs = 10;
    first.note('command', 9.9, NOW_MS);
    first.note('command', 50.7, NOW_MS);
    first.note('command', 20, NOW_MS + 100);
    second.note('command', 70, NOW_MS + 900);
    second.note('command', 30, NOW_MS - 4000);
    second.note('expire-cycle', 12, NOW_MS);
    const seconds = NOW_MS / 1000;
    assert.deepEqual(first.events(), [
      {
        name: 'command',
        maximum: 70,
        samples: [
          { timeSeconds: seconds - 4, milliseconds: 30 },
          { timeSeconds: seconds, milliseconds: 70 },
        ],
      },
      { name: 'expire-cycle', maximum: 12, samples: [{ timeSeconds: seconds, milliseconds: 12 }] },
    ]);
    assert.equal(first.reset(['command', 'nothing']), 1);
    assert.equal(first.events().length, 1);
    assert.equal(first.reset([]), 1);
    assert.deepEqual(second.events(), []);
    close();
  });

  test('keeps 160 samples', () => {
    const monitor = new LatencyMonitor(alone().gatherer);
    monitor.thresholdMs = 1;
    for (let i = 0; i < 200; i++) monitor.note('command', 5 + i, NOW_MS + i * 1000);
    const [event] = monitor.events();
    assert.equal(event!.samples.length, 160);
    assert.equal(event!.samples[159]!.milliseconds, 204);
  });
});

describe('Statistics', () => {
  test('a histogram is cumulative and stands for all calls', () => {
    const { control, gatherer } = alone();
    const registry = new Registry([get.get]);
    const entry = registry.lookup('get')!;
    const statistics = new Statistics(control, gatherer, 0);
    const [own] = control.threads;
    countRuns(own!, entry.index, 3, 1);
    countRuns(own!, entry.index, 30, 1);
    countRuns(own!, entry.index, 30, 1);
    countRuns(own!, entry.index, 2e6, 1);
    assert.deepEqual(statistics.histogram(entry), {
      calls: 4,
      buckets: [
        [4, 1],
        [33, 3],
        [1082130, 4],
      ],
    });
    // Sixteen calls of which four had their time taken.
    own!.calls[entry.index] = 16;
    assert.deepEqual(
      statistics.histogram(entry).buckets.map(([, count]) => count),
      [4, 12, 16],
    );
    gatherer.answers('publish-counters', () => null);
    statistics.reset();
    assert.deepEqual(statistics.histogram(entry), { calls: 0, buckets: [] });
  });

  test('percentiles are upper limits within an eighth', () => {
    const control = createControl(1, 1);
    for (let i = 1; i <= 1000; i++) countRuns(control.threads[0]!, 0, i, 1);
    const counts = control.histogram(0);
    for (const percent of [50, 99, 99.9]) {
      const value = percentileMicroseconds(counts, percent);
      assert.ok(value >= percent * 10 && value <= percent * 10 * 1.13, `p${percent}=${value}`);
    }
    assert.equal(percentileMicroseconds(new Float64Array(8), 50), 0);
  });
});

test('rates are averages over 1.6 seconds, and never negative', () => {
  const control = createControl(1, 1);
  const sampler = new RateSampler(control);
  const statistics = control.threads[0]!;
  for (let i = 0; i <= 40; i++) {
    sampler.sample(i * 100);
    statistics.add(COMMANDS, 50);
    statistics.add(INPUT_BYTES, 1024);
  }
  assert.equal(control.get(COMMANDS_PER_SECOND), 500);
  assert.equal(control.get(INPUT_KIB_PER_SECOND), 10);
  statistics.reset();
  sampler.sample(4100);
  assert.equal(control.get(COMMANDS_PER_SECOND), 0);
});
