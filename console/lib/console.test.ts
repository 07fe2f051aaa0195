import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseClients, parseSlowLog } from './client-list.js';
import { commandOf, completions, readCommandDocs } from './completion.js';
import { bytes, count, duration, microseconds, percent } from './format.js';
import { History } from './history.js';
import { commandCalls, keyCount, parseInfo, primaryOf, replicasOf } from './info.js';
import { greatest, Rates } from './rates.js';
import { describe as describeReply, type Reply } from './reply.js';
import { quoted, splitLine, toText, toWord } from './words.js';

const INFO = [
  '# Server',
  'redis_version:7.0.15',
  'cmdstat_config|get:calls=3,usec=9,usec_per_call=3.00,rejected_calls=0,failed_calls=0',
  'cmdstat_get:calls=41,usec=9,usec_per_call=3.00,rejected_calls=0,failed_calls=0',
  'db0:keys=5,expires=0,avg_ttl=0',
  'db12:keys=7,expires=0,avg_ttl=0',
  'slave0:ip=10.0.0.2,port=6379,state=send_bulk,offset=7,lag=1',
  'sync_replica0:keys=50,keys_total=200,bytes=4096,shards_sent_again=0,pending_bytes=0,lag_bytes=9',
  'master_host:10.0.0.1',
  'master_port:6380',
  'master_link_status:down',
  'master_sync_in_progress:1',
  'master_sync_perc:12.50',
  '',
].join('\r\n');

describe('console: INFO', () => {
  test('fields, commands and keys of all databases', () => {
    const info = parseInfo(INFO);
    assert.equal(info.get('redis_version'), '7.0.15');
    assert.deepEqual(
      [...commandCalls(info)],
      [
        ['config|get', 3],
        ['get', 41],
      ],
    );
    assert.equal(keyCount(info), 12);
  });

  test('replicas with the progress of their full sync, and the primary', () => {
    const [replica, ...others] = replicasOf(parseInfo(INFO));
    assert.deepEqual(others, []);
    assert.equal(replica?.address, '10.0.0.2:6379');
    assert.equal(replica?.syncShare, 0.25);
    assert.equal(replica?.lagBytes, 9);
    const primary = primaryOf(parseInfo(INFO));
    assert.equal(primary?.isUp, false);
    assert.equal(primary?.syncShare, 0.125);
    assert.equal(primary?.lagBytes, null);
    assert.equal(primaryOf(parseInfo('role:master\r\n')), null);
  });
});

describe('console: series', () => {
  test('rates of counters; none when one was reset', () => {
    const rates = new Rates();
    assert.deepEqual([...rates.next(1000, new Map([['a', 10]]))], []);
    const counters = new Map([
      ['a', 14],
      ['b', 3],
    ]);
    assert.deepEqual([...rates.next(3000, counters)], [['a', 2]]);
    assert.deepEqual([...rates.next(4000, new Map([['a', 1]]))], []);
    assert.deepEqual([...rates.next(5000, new Map([['a', 2]]))], [['a', 1]]);
  });

  test('the greatest rates, without those that are 0', () => {
    const rates = new Map([
      ['a', 1],
      ['b', 0],
      ['c', 5],
      ['d', 1],
    ]);
    assert.deepEqual(greatest(rates, 2), ['c', 'a']);
    assert.deepEqual(greatest(rates, 9), ['c', 'a', 'd']);
  });

  test('the history keeps its capacity, and gaps of series that begin later', () => {
    const history = new History(3);
    history.add(1, { a: 1 });
    history.add(2, { a: 2, b: 20 });
    assert.deepEqual(history.window(['a', 'b', 'c'], 60), [
      [1, 2],
      [1, 2],
      [null, 20],
      [null, null],
    ]);
    history.add(3, { b: 30 });
    history.add(4, { a: 4, b: 40 });
    assert.deepEqual(history.window(['a', 'b'], 60), [
      [2, 3, 4],
      [2, null, 4],
      [20, 30, 40],
    ]);
    assert.deepEqual(history.window(['a'], 1), [[4], [4]]);
    assert.equal(history.last('b'), 40);
  });
});

describe('console: numbers', () => {
  test('units', () => {
    assert.deepEqual([0, 1023, 1536, 5 * 1024 ** 3].map(bytes), [
      '0 B',
      '1023 B',
      '1.50 KiB',
      '5.00 GiB',
    ]);
    assert.deepEqual([0, 999, 15_400, 2.5e6].map(count), ['0', '999', '15.4 k', '2.50 M']);
    assert.deepEqual([0.25, 0.001].map(percent), ['25.0 %', '0.10 %']);
    assert.deepEqual([0.4, 28.7, 640, 1500, 2.5e6].map(microseconds), [
      '0.40 µs',
      '28.7 µs',
      '640 µs',
      '1.50 ms',
      '2.50 s',
    ]);
    assert.deepEqual([0, 59, 3600, 93_784].map(duration), ['0 s', '59 s', '1 h', '1 d 2 h']);
  });
});

describe('console: words', () => {
  test('a line is read as redis-cli reads it', () => {
    assert.deepEqual(splitLine('set  key "a b\\n\\x00\\"" \'it\\\'s\' c'), [
      ...['set', 'key', 'a b\n\0"', "it's", 'c'],
    ]);
    assert.deepEqual(splitLine('get "ö"'), ['get', 'Ã¶']);
    assert.deepEqual(splitLine('   '), []);
    for (const line of ['get "a', "get 'a", 'get "a"b']) assert.equal(splitLine(line), null, line);
  });

  test('any words come back from their quoted form', () => {
    const word = fc
      .array(fc.integer({ min: 0, max: 255 }))
      .map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        assert.deepEqual(splitLine(words.map(quoted).join(' ')), words);
      }),
      { numRuns: 200 },
    );
  });

  test('UTF-8 is shown, other bytes and characters that hide or turn text are escaped', () => {
    assert.equal(toText(toWord('naïve 鍵 🗝')), 'naïve 鍵 🗝');
    assert.equal(toText('\xff\xfe'), '"\\xff\\xfe"');
    assert.equal(toText(toWord('user\u202egnp')), '"user\\xe2\\x80\\xaegnp"');
    assert.equal(toText('a\0b\n'), '"a\\x00b\\n"');
    assert.equal(toText('<img src=x onerror=alert(1)>'), '<img src=x onerror=alert(1)>');
  });
});

describe('console: replies', () => {
  test('as redis-cli shows them', () => {
    const cases: readonly (readonly [Reply, string])[] = [
      [{ status: 'OK' }, 'OK'],
      [{ error: 'ERR no' }, '(error) ERR no'],
      [null, '(nil)'],
      [7, '(integer) 7'],
      [{ integer: '9223372036854775807' }, '(integer) 9223372036854775807'],
      ['va"l', '"va\\"l"'],
      ['\x01', '"\\x01"'],
      [[], '(empty array)'],
      [['a', ['b', 1]], '1) "a"\n2) 1) "b"\n   2) (integer) 1'],
    ];
    for (const [reply, text] of cases) assert.equal(describeReply(reply), text);
  });

  test('CLIENT LIST and SLOWLOG GET, whatever clients are called', () => {
    const line =
      'id=3 addr=127.0.0.1:5 name=<b>x</b> age=9 idle=1 flags=N db=2 cmd=config|get user=u tot-mem=2048\n';
    const [client] = parseClients(line);
    assert.equal(client?.name, '<b>x</b>');
    assert.equal(client?.command, 'config get');
    assert.equal(client?.memoryBytes, 2048);
    const [entry] = parseSlowLog([[4, 1000, 250, ['SET', '\xff', 'v'], '127.0.0.1:5', 'n']]);
    assert.deepEqual(entry, {
      ...{ id: '4', atSeconds: 1000, microseconds: 250 },
      ...{ words: 'SET "\\xff" v', client: '127.0.0.1:5 n' },
    });
  });
});

describe('console: completion', () => {
  const argument = (name: string, type: string, ...more: Reply[]): Reply => [
    ...['name', name, 'type', type],
    ...more,
  ];
  const docs = readCommandDocs([
    'set',
    [
      ...['summary', 'Sets a string', 'since', '1.0.0', 'arguments'],
      [
        argument('key', 'key'),
        argument('condition', 'oneof', 'flags', [{ status: 'optional' }], 'arguments', [
          argument('nx', 'pure-token', 'token', 'NX'),
          argument('xx', 'pure-token', 'token', 'XX'),
        ]),
        argument('seconds', 'integer', 'token', 'EX', 'flags', [{ status: 'optional' }]),
        argument('field', 'string', 'flags', [{ status: 'multiple' }]),
      ],
    ],
    'config',
    [
      'summary',
      'x',
      'subcommands',
      ['config|get', ['summary', 'Reads'], 'config|set', ['summary', 'Sets']],
    ],
  ]);

  test('names and syntax come from COMMAND DOCS', () => {
    assert.deepEqual(
      docs.map(({ name }) => name),
      ['CONFIG GET', 'CONFIG SET', 'SET'],
    );
    assert.equal(docs[2]?.syntax, 'key [NX | XX] [EX seconds] field [field ...]');
  });

  test('a line finds its command and its completions', () => {
    assert.equal(commandOf(docs, 'config get dir')?.summary, 'Reads');
    assert.equal(commandOf(docs, 'set a b')?.name, 'SET');
    assert.equal(commandOf(docs, 'nothing'), undefined);
    assert.deepEqual(completions(docs, 'config ', 9).length, 2);
    assert.deepEqual(
      completions(docs, 's', 9).map(({ name }) => name),
      ['SET'],
    );
    assert.deepEqual(completions(docs, '', 9), []);
  });
});
