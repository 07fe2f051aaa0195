/**
 * Server commands: config, info, time, slowlog, latency, latency-reports, memory, memory-reports,
 * command, command-list, command-getkeys, acl, lolwut, shutdown, debug. Texts of errors are
 * redis-server 7.0.15's.
 */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { definitionsOf } from '../../engine/definitions.js';
import type { AclPort } from '../contract/acl-port.js';
import { ACL_CATEGORIES } from '../contract/definition.js';
import type { LatencyEvent, ServerPort, SlowLogEntry } from '../contract/server-port.js';
import { CommandTester, type Decoded, START_MS } from '../contract/test-support.js';
import * as get from '../string/get.js';
import * as mset from '../string/mset.js';
import * as set from '../string/set.js';
import * as acl from './acl.js';
import * as command from './command.js';
import * as commandGetkeys from './command-getkeys.js';
import * as commandList from './command-list.js';
import * as config from './config.js';
import * as debug from './debug.js';
import * as info from './info.js';
import * as latency from './latency.js';
import * as latencyReports from './latency-reports.js';
import * as lolwut from './lolwut.js';
import * as memory from './memory.js';
import * as memoryReports from './memory-reports.js';
import * as shutdown from './shutdown.js';
import * as slowlog from './slowlog.js';
import * as time from './time.js';

const modules = [
  ...[get, mset, set, acl, command, commandGetkeys, commandList, config, debug, info, latency],
  ...[latencyReports, lolwut, memory, memoryReports, shutdown, slowlog, time],
];

const MEBIBYTE = 1024 * 1024;

/** What the ports tell; tests change it. */
class World {
  settings: Record<string, string> = { 'enable-debug-command': 'yes', maxmemory: '0' };
  setError: string | null = null;
  entries: SlowLogEntry[] = [];
  events: LatencyEvent[] = [];
  thresholdMs = 0;
  used = 10 * MEBIBYTE;
  peak = 10 * MEBIBYTE;
  resident = 60 * MEBIBYTE;
  readonly calls: unknown[] = [];

  readonly ports: Partial<ServerPort> = {
    configuration: {
      value: (name) => this.settings[name] ?? '',
      get: (patterns) => Object.entries(this.settings).filter(([name]) => patterns.includes(name)),
      set: (pairs) => {
        this.calls.push(['set', ...pairs]);
        return this.setError;
      },
      rewrite: () => 'ERR The server is running without a config file',
      mustSettle: () => false,
      settle: () => {},
    },
    information: {
      text: (sections) => `# ${sections.join('+')}\r\n`,
    },
    acl: {
      membersOf: (name: string) =>
        name.toLowerCase() === 'string' ? ['get', 'mset', 'set'] : null,
    } as unknown as AclPort,
    statistics: {
      calls: (entry) => (entry.fullName === 'get' || entry.fullName === 'config|get' ? 3 : 0),
      histogram: () => ({
        calls: 3,
        buckets: [
          [4, 1],
          [16, 3],
        ],
      }),
      reset: () => this.calls.push(['resetstat']),
    },
    slowLog: {
      entries: () => this.entries,
      reset: () => this.calls.push(['slowlog reset']),
    },
    latency: {
      thresholdMs: 0,
      note: () => {},
      events: () => this.events,
      reset: (names) => names.length,
    },
    memory: {
      figures: () => ({
        used: this.used,
        dataset: this.used - MEBIBYTE,
        overhead: MEBIBYTE,
        startup: 4096,
        peak: this.peak,
        resident: this.resident,
        process: 50 * MEBIBYTE,
        javascriptHeap: MEBIBYTE,
        container: 0,
        clients: 0,
        system: 1024 * MEBIBYTE,
      }),
      purge: () => this.calls.push(['purge']),
    },
    process: {
      shutdown: () => {},
      abortShutdown: () => false,
      sleep: (milliseconds) => this.calls.push(['sleep', milliseconds]),
      setExpiryCycle: (enabled) => this.calls.push(['expiry', enabled]),
      isLocal: () => true,
    },
  };
}

let world: World;
let tester: CommandTester;

beforeEach(() => {
  world = new World();
  tester = new CommandTester(definitionsOf(modules), {
    server: world.ports,
    shards: 2,
    shardBytes: 16 * MEBIBYTE,
  });
});

function run(line: string): Decoded {
  return tester.run(...line.split(' '));
}

describe('CONFIG', () => {
  test('GET tells pairs, SET hands pairs over', () => {
    assert.deepEqual(run('CONFIG GET maxmemory'), ['maxmemory', '0']);
    assert.deepEqual(run('CONFIG GET nothing'), []);
    assert.equal(run('CONFIG SET maxmemory 1gb hz 20'), '+OK');
    assert.deepEqual(world.calls, [['set', ['maxmemory', '1gb'], ['hz', '20']]]);
    world.setError = 'ERR Unknown option';
    assert.equal(run('CONFIG SET x y'), '-ERR Unknown option');
    assert.equal(run('CONFIG SET a b c'), '-ERR syntax error');
    assert.match(String(run('CONFIG SET a')), /^-ERR wrong number of arguments for 'config\|set'/);
  });

  test('RESETSTAT and REWRITE', () => {
    assert.equal(run('CONFIG RESETSTAT'), '+OK');
    assert.deepEqual(world.calls, [['resetstat']]);
    assert.equal(run('CONFIG REWRITE'), '-ERR The server is running without a config file');
  });
});

test('INFO hands its sections over', () => {
  assert.equal(run('INFO'), '# \r\n');
  assert.equal(run('INFO server clients'), '# server+clients\r\n');
  tester.session.protocol = 3;
  assert.equal(run('INFO cpu'), '=txt:# cpu\r\n');
});

test('TIME tells the time in microseconds', () => {
  const [seconds, microseconds] = run('TIME') as [string, string];
  const told = Number(seconds) * 1000 + Number(microseconds) / 1000;
  assert.ok(Math.abs(told - Date.now()) < 1000, `${told}`);
  assert.ok(Number(microseconds) < 1e6);
});

test('SLOWLOG', () => {
  const entry = {
    id: 3,
    timeSeconds: 100,
    microseconds: 20000,
    args: ['GET', 'k\xff'],
    address: '1.2.3.4:5',
    clientName: 'me',
  };
  world.entries = Array.from({ length: 15 }, (_, i) => ({ ...entry, id: 15 - i }));
  assert.equal(run('SLOWLOG LEN'), 15);
  assert.equal((run('SLOWLOG GET') as Decoded[]).length, 10);
  assert.equal((run('SLOWLOG GET -1') as Decoded[]).length, 15);
  assert.deepEqual(run('SLOWLOG GET 0'), []);
  assert.deepEqual(run('SLOWLOG GET 1'), [[15, 100, 20000, ['GET', 'k\xff'], '1.2.3.4:5', 'me']]);
  assert.equal(run('SLOWLOG GET -2'), '-ERR count should be greater than or equal to -1');
  assert.equal(run('SLOWLOG GET x'), '-ERR count should be greater than or equal to -1');
  assert.match(String(run('SLOWLOG GET 1 2')), /^-ERR unknown subcommand or wrong number/);
  assert.equal(run('SLOWLOG RESET'), '+OK');
  assert.deepEqual(world.calls, [['slowlog reset']]);
});

describe('LATENCY', () => {
  const samples = [
    { timeSeconds: START_MS / 1000 - 75, milliseconds: 10 },
    { timeSeconds: START_MS / 1000 - 5, milliseconds: 40 },
  ];

  test('LATEST, HISTORY, RESET', () => {
    assert.deepEqual(run('LATENCY LATEST'), []);
    world.events = [{ name: 'command', maximum: 90, samples }];
    assert.deepEqual(run('LATENCY LATEST'), [['command', START_MS / 1000 - 5, 40, 90]]);
    assert.deepEqual(run('LATENCY HISTORY command'), [
      [START_MS / 1000 - 75, 10],
      [START_MS / 1000 - 5, 40],
    ]);
    assert.deepEqual(run('LATENCY HISTORY other'), []);
    assert.equal(run('LATENCY RESET a b'), 2);
  });

  test('HISTOGRAM tells of commands that were called', () => {
    assert.deepEqual(run('LATENCY HISTOGRAM get'), [
      'get',
      ['calls', 3, 'histogram_usec', [4, 1, 16, 3]],
    ]);
    assert.deepEqual((run('LATENCY HISTOGRAM') as Decoded[]).length, 4);
    assert.deepEqual((run('LATENCY HISTOGRAM config') as Decoded[])[0], 'config|get');
    assert.deepEqual(run('LATENCY HISTOGRAM set nothing'), []);
  });

  test('GRAPH draws a column for each sample', () => {
    assert.equal(run('LATENCY GRAPH x'), "-ERR No samples available for event 'x'");
    world.events = [{ name: 'command', maximum: 90, samples }];
    const lines = String(run('LATENCY GRAPH command')).split('\n');
    assert.equal(lines[0], 'command - high 40 ms, low 10 ms (all time high 90 ms)');
    assert.equal(lines[1], '-'.repeat(80));
    assert.equal(lines[2], ' #');
    assert.equal(lines[5], '_|');
    assert.deepEqual(lines.slice(7, 9), ['15', 'ms']);
  });

  test('DOCTOR says why it has nothing to say, or gives advice', () => {
    assert.match(String(run('LATENCY DOCTOR')), /switched off/);
    const ports = { ...world.ports, latency: { ...world.ports.latency!, thresholdMs: 5 } };
    const watching = new CommandTester(definitionsOf(modules), { server: ports, shards: 1 });
    assert.match(String(watching.run('LATENCY', 'DOCTOR')), /^Nothing has taken 5 ms/);
    world.events = [{ name: 'command', maximum: 90, samples }];
    const text = String(watching.run('LATENCY', 'DOCTOR'));
    assert.match(text, /- command: 2 samples, 25 ms on average, 90 ms at worst/);
    assert.match(text, /SLOWLOG/);
  });
});

describe('MEMORY', () => {
  test('USAGE grows with the value', () => {
    assert.equal(run('MEMORY USAGE k'), null);
    run('SET k v');
    const small = Number(run('MEMORY USAGE k'));
    assert.ok(small >= 5 && small < 20, `${small}`);
    tester.run('SET', 'k', 'x'.repeat(1000));
    assert.ok(Number(run('MEMORY USAGE k SAMPLES 5')) >= small + 999);
    tester.run('SET', 'k', 'x'.repeat(100_000));
    const large = Number(run('MEMORY USAGE k'));
    assert.ok(large >= 100_000 && large < 110_000, `${large}`);
    tester.run('SET', 'k', 'v', 'EX', '100');
    assert.equal(run('MEMORY USAGE k'), small + 8);
    assert.equal(run('MEMORY USAGE k SAMPLES'), '-ERR syntax error');
    assert.equal(run('MEMORY USAGE k SAMPLES -1'), '-ERR syntax error');
    assert.match(String(run('MEMORY USAGE k SAMPLES x')), /^-ERR value is not an integer/);
  });

  test('STATS counts keys, in all and by database', () => {
    run('SET a 1');
    tester.run('SET', 'b', '1', 'EX', '100');
    tester.session.protocol = 3;
    const stats = run('MEMORY STATS') as Map<Decoded, Decoded>;
    assert.equal(stats.get('keys.count'), 2);
    assert.equal(stats.get('total.allocated'), world.used);
    assert.equal(stats.get('peak.percentage'), ',100');
    const database = stats.get('db.0') as Map<Decoded, Decoded>;
    assert.equal(database.get('overhead.hashtable.expires'), 8);
  });

  test('DOCTOR, MALLOC-STATS, PURGE', () => {
    assert.match(String(run('MEMORY DOCTOR')), /^No problem found/);
    world.peak = 100 * MEBIBYTE;
    world.resident = 200 * MEBIBYTE;
    const text = String(run('MEMORY DOCTOR'));
    assert.match(text, /At its peak the server used 10.0 times/);
    assert.match(text, /occupies 3.3 times/);
    world.used = MEBIBYTE;
    assert.match(String(run('MEMORY DOCTOR')), /too little data/);
    run('SET a 1');
    const lines = String(run('MEMORY MALLOC-STATS')).trimEnd().split('\n');
    assert.equal(lines.length, 3);
    assert.ok(lines.some((line) => /^\d\t1\t/.test(line)));
    assert.equal(run('MEMORY PURGE'), '+OK');
    assert.deepEqual(world.calls, [['purge']]);
  });
});

describe('COMMAND', () => {
  test('INFO and the command alone tell ten fields', () => {
    const [entry] = run('COMMAND INFO get') as Decoded[][];
    assert.deepEqual(entry!.slice(0, 7), [
      ...['get', 2, ['+readonly', '+fast'], 1, 1, 1],
      ['+@read', '+@string', '+@fast'],
    ]);
    assert.equal(entry!.length, 10);
    assert.deepEqual(run('COMMAND INFO nope'), [null]);
    assert.equal((run('COMMAND') as Decoded[]).length, run('COMMAND COUNT'));
    const [container] = run('COMMAND INFO slowlog') as Decoded[][];
    assert.equal((container![9] as Decoded[]).length, 4);
    assert.deepEqual(container![6], ['+@slow']);
  });

  test('DOCS tells arguments and subcommands', () => {
    tester.session.protocol = 3;
    const docs = run('COMMAND DOCS lolwut nope slowlog') as Map<Decoded, Map<Decoded, Decoded>>;
    assert.deepEqual([...docs.keys()], ['lolwut', 'slowlog']);
    const [argument] = docs.get('lolwut')!.get('arguments') as Map<Decoded, Decoded>[];
    assert.equal(argument!.get('token'), 'VERSION');
    assert.deepEqual(argument!.get('flags'), ['+optional']);
    const subcommands = docs.get('slowlog')!.get('subcommands') as Map<Decoded, Decoded>;
    assert.ok(subcommands.has('slowlog|get'));
    assert.equal((run('COMMAND DOCS') as Map<Decoded, Decoded>).size, run('COMMAND COUNT'));
  });

  test('LIST filters', () => {
    assert.deepEqual(run('COMMAND LIST FILTERBY PATTERN SLOWLOG|*E*'), [
      ...['slowlog|get', 'slowlog|help', 'slowlog|len', 'slowlog|reset'],
    ]);
    assert.deepEqual(run('COMMAND LIST FILTERBY ACLCAT string'), ['get', 'mset', 'set']);
    assert.deepEqual(run('COMMAND LIST FILTERBY MODULE x'), []);
    assert.equal(run('COMMAND LIST FILTERBY x y'), '-ERR syntax error');
    assert.ok((run('COMMAND LIST') as Decoded[]).length > Number(run('COMMAND COUNT')));
  });

  test('GETKEYS and GETKEYSANDFLAGS', () => {
    assert.deepEqual(run('COMMAND GETKEYS mset a 1 b 2'), ['a', 'b']);
    assert.deepEqual(run('COMMAND GETKEYS memory usage k'), ['k']);
    assert.deepEqual(run('COMMAND GETKEYSANDFLAGS get a'), [['a', ['+RO', '+access']]]);
    assert.equal(run('COMMAND GETKEYS nope a'), '-ERR Invalid command specified');
    assert.equal(run('COMMAND GETKEYS time a'), '-ERR The command has no key arguments');
    assert.equal(
      run('COMMAND GETKEYS get a b'),
      '-ERR Invalid number of arguments specified for command',
    );
  });

  test('subcommands there are not', () => {
    assert.equal(run('COMMAND nope'), "-ERR unknown subcommand 'nope'. Try COMMAND HELP.");
    assert.equal(
      run('COMMAND COUNT x'),
      "-ERR wrong number of arguments for 'command|count' command",
    );
    assert.ok(Array.isArray(run('COMMAND HELP')));
  });
});

test('ACL WHOAMI and CAT', () => {
  assert.equal(run('ACL WHOAMI'), 'default');
  assert.deepEqual(run('ACL CAT'), [...ACL_CATEGORIES]);
  assert.deepEqual(run('ACL CAT STRING'), ['get', 'mset', 'set']);
  assert.equal(run('ACL CAT nope'), "-ERR Unknown category 'nope'");
});

test('LOLWUT draws something else each time', () => {
  const text = String(run('LOLWUT'));
  assert.match(text, /=======\(\)@>/);
  assert.match(text, /\nDarter ver\. \d+\.\d+\.\d+\n$/);
  assert.match(text, /~/);
  const pictures = new Set(Array.from({ length: 20 }, () => String(run('LOLWUT VERSION 1'))));
  assert.ok(pictures.size > 1);
  assert.equal(run('LOLWUT VERSION x'), '-ERR value is not an integer or out of range');
});

test('SHUTDOWN refuses options that do not go together', () => {
  for (const options of ['foo', 'SAVE NOSAVE', 'NOSAVE SAVE', 'ABORT NOW', 'NOW ABORT']) {
    assert.equal(run(`SHUTDOWN ${options}`), '-ERR syntax error', options);
  }
  assert.equal(run('SHUTDOWN ABORT'), '-ERR No shutdown in progress.');
});

describe('DEBUG', () => {
  test('is for those whom enable-debug-command allows', () => {
    world.settings['enable-debug-command'] = 'no';
    assert.match(String(run('DEBUG HELP')), /^-ERR DEBUG command not allowed\. If the/);
    world.settings['enable-debug-command'] = 'local';
    assert.ok(Array.isArray(run('DEBUG HELP')));
  });

  test('POPULATE creates keys, leaves those that exist, and tells replicas', () => {
    run('SET key:1 mine');
    tester.takeEffects();
    assert.equal(run('DEBUG POPULATE 3'), '+OK');
    assert.deepEqual(tester.takeEffects(), ['0 SET key:0 value:0', '0 SET key:2 value:2']);
    assert.equal(run('GET key:1'), 'mine');
    assert.equal(run('DEBUG POPULATE 11 p 10'), '+OK');
    assert.equal(run('GET p:10'), 'value:10\0\0');
    assert.equal(run('DEBUG POPULATE 1 q 3'), '+OK');
    assert.equal(run('GET q:0'), 'val');
    for (const bad of ['x', '-1', '1 a b']) {
      assert.equal(run(`DEBUG POPULATE ${bad}`), '-ERR value is out of range, must be positive');
    }
    tester.check();
    assert.equal(run('DEBUG CHECK'), '+OK');
  });

  test('SLEEP of more microseconds than 64 bits hold does not sleep, as in Redis', () => {
    for (const seconds of ['inf', '1e300', '9'.repeat(65), '1e13', 'nan', '-1', '-inf', '0']) {
      assert.equal(run(`DEBUG SLEEP ${seconds}`), '+OK', seconds);
    }
    assert.deepEqual(world.calls, []);
    assert.equal(run('DEBUG SLEEP 9223372036854'), '+OK');
    assert.deepEqual(world.calls, [['sleep', 9223372036854000]]);
  });

  test('SLEEP reads its seconds as strtod does, hexadecimal ones too', () => {
    const seconds = { '0x1p-2': 0.25, '0X.8': 0.5, '0x2.8zz': 2.5, '0x3p': 3, '1.5x': 1.5 };
    for (const text of [...Object.keys(seconds), '0x', '0xz', '-0x1', '0x1p9999', 'x']) {
      assert.equal(run(`DEBUG SLEEP ${text}`), '+OK', text);
    }
    const slept = Object.values(seconds).map((count) => ['sleep', count * 1000]);
    assert.deepEqual(world.calls, slept);
  });

  test('POPULATE stops at the first key that finds no room', () => {
    tester = new CommandTester(definitionsOf(modules), { shards: 1, server: world.ports });
    const refusal = String(run('DEBUG POPULATE 100000 p 4000'));
    assert.match(refusal, /^-OOM shard 0 of 1 is full/);
    const created = tester.dump().size;
    assert.ok(created > 100, String(created));
    const effects = tester.takeEffects();
    assert.equal(effects.length, created, 'each key that was created has its effect');
    assert.equal(tester.keys.changes, created);
    tester.check();
  });

  test('OBJECT tells the encoding', () => {
    assert.equal(run('DEBUG OBJECT k'), '-ERR no such key');
    run('SET k 12');
    assert.match(String(run('DEBUG OBJECT k')), /encoding:int serializedlength:2 lru:\d+ /);
    tester.run('SET', 'k', 'x'.repeat(44));
    assert.match(String(run('DEBUG OBJECT k')), /encoding:embstr serializedlength:45 /);
    tester.run('SET', 'k', 'x'.repeat(100));
    assert.match(String(run('DEBUG OBJECT k')), /encoding:raw serializedlength:102 /);
  });

  test('PROTOCOL answers with every type of RESP', () => {
    assert.equal(run('DEBUG PROTOCOL bignum'), '1234567999999999999999999999999999999');
    tester.session.protocol = 3;
    assert.equal(run('DEBUG PROTOCOL bignum'), '(1234567999999999999999999999999999999');
    assert.equal(run('DEBUG PROTOCOL double'), ',3.141');
    assert.deepEqual(
      run('DEBUG PROTOCOL map'),
      new Map([
        [0, false],
        [1, true],
        [2, false],
      ]),
    );
    assert.equal(run('DEBUG PROTOCOL null'), null);
    assert.equal(run('DEBUG PROTOCOL verbatim'), '=txt:This is a verbatim\nstring');
    assert.match(tester.runRaw('DEBUG', 'PROTOCOL', 'attrib'), /^\|1\r\n\$14\r\nkey-popularity/);
    assert.match(tester.runRaw('DEBUG', 'PROTOCOL', 'push'), /^>2\r\n\$16\r\nserver-cpu-usage/);
    assert.match(String(run('DEBUG PROTOCOL x')), /^-ERR Wrong protocol type name/);
  });

  test('SLEEP, SET-ACTIVE-EXPIRE, ERROR, THROW', () => {
    assert.equal(run('DEBUG SLEEP 0.02'), '+OK');
    assert.deepEqual(world.calls.splice(0), [['sleep', 20]]);
    assert.equal(run('DEBUG SET-ACTIVE-EXPIRE 0'), '+OK');
    assert.equal(run('DEBUG SET-ACTIVE-EXPIRE 1'), '+OK');
    assert.deepEqual(world.calls, [
      ['expiry', false],
      ['expiry', true],
    ]);
    assert.equal(tester.run('DEBUG', 'ERROR', 'FOO bar'), '-FOO bar');
    assert.throws(() => run('DEBUG THROW'), /DEBUG THROW/);
    for (const wrong of ['nope', 'SLEEP', 'SLEEP 1 2', 'OBJECT', 'DIGEST x']) {
      const name = wrong.split(' ')[0]!;
      assert.equal(
        run(`DEBUG ${wrong}`),
        `-ERR unknown subcommand or wrong number of arguments for '${name}'. Try DEBUG HELP.`,
      );
    }
  });
});
