/** Connection and server commands, with RESP2 and RESP3: replies and errors, right and wrong uses. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { showReply } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

/** Commands by subject; in one word, '_' stands for a blank and '""' for nothing. */
const subjects: Readonly<Record<string, readonly string[]>> = {
  WAIT: [
    ...['0 9223372036854775807', '-9223372036854775808 0', '0 9223372036854775808', '0 -1', '0 x'],
    ...['9223372036854775807 1', '9223372036854775808 1', '9007199254740993 1', 'x 1', '0 1 2'],
  ].map((rest) => `WAIT ${rest}`),
  'proto-max-bulk-len bounds strings of bits': [
    ...['CONFIG SET proto-max-bulk-len 1mb', 'SETBIT bits 8388608 1', 'SETBIT bits 8388607 1'],
    ...['GETBIT bits 8388608', 'GETBIT bits 8388607', 'BITFIELD bits GET u8 8388608'],
    ...['BITFIELD bits SET u8 8388608 1', 'BITFIELD bits INCRBY u8 #1048576 1'],
    ...['BITFIELD_RO bits GET u1 8388608', 'BITFIELD_RO bits GET u1 8388607', 'STRLEN bits'],
    ...['CONFIG SET proto-max-bulk-len 512mb', 'DEL bits'],
  ],
  'CLIENT KILL': [
    ...[
      '',
      ' foo',
      ' ID',
      ' ID x',
      ' ID 0',
      ' ID -1',
      ' TYPE x',
      ' USER nobody',
      ' ADDR 1.2.3.4:5',
    ],
    ...[' ID 9223372036854775807', ' ID -9223372036854775808', ' ID 9223372036854775808'],
    ...[' LADDR 1.2.3.4:5', ' SKIPME maybe', ' ID 99999 foo', ' foo bar', ' ADDR 1.2.3.4:5 TYPE'],
    ...[' ID 999999 SKIPME yes', ' TYPE pubsub', ' TYPE master', ' 1 2 3'],
  ].map((rest) => `CLIENT KILL${rest}`),
  'CLIENT LIST': [
    ...[' TYPE x', ' foo', ' ID', ' ID x', ' ID 99999', ' TYPE master', ' TYPE replica'],
    ...[' ID 9223372036854775807', ' ID -9223372036854775808', ' ID 9223372036854775808'],
    ...[' TYPE normal ID 3', ' ID 3 TYPE normal', ' ID 1 2 x', ' TYPE pubsub'],
  ].map((rest) => `CLIENT LIST${rest}`),
  'CLIENT, the rest': [
    ...[
      'SETNAME a_b',
      'SETNAME foo',
      'GETNAME',
      'SETNAME ""',
      'GETNAME',
      'REPLY maybe',
      'REPLY on',
    ],
    ...['NO-EVICT x', 'NO-EVICT on', 'NO-EVICT off', 'PAUSE x', 'PAUSE -1', 'PAUSE 10 foo'],
    ...['PAUSE 1 write', 'PAUSE 1 write x', 'PAUSE x foo', 'PAUSE 99999999999999999999'],
    ...['UNBLOCK 9223372036854775807', 'UNBLOCK -9223372036854775808'],
    ...['UNBLOCK 9223372036854775808', 'PAUSE -9223372036854775808', 'PAUSE 9223372036854775808'],
    ...['UNPAUSE', 'UNBLOCK x', 'UNBLOCK 999', 'UNBLOCK 999 foo', 'UNBLOCK 999 error'],
    ...[
      'UNBLOCK 999 error x',
      'GETREDIR',
      'TRACKINGINFO',
      'CACHING yes',
      'CACHING',
      'TRACKING foo',
    ],
    ...['TRACKING off', 'NOPE', 'REPLY off x'],
  ].map((rest) => `CLIENT ${rest}`),
  CONFIG: [
    ...['', ' foo', ' GET', ' GET maxmemory', ' GET nothing', ' SET foo bar'],
    ...[' SET maxmemory', ' SET maxmemory 1 maxmemory 2', ' SET maxmemory x', ' SET a b c'],
    ...[' SET databases 3', ' REWRITE', ' RESETSTAT', ' RESETSTAT x'],
  ].map((rest) => `CONFIG${rest}`),
  'CONFIG SET proc-title-template': [
    ...['""', '_', '{title}', '{title}_', '{title}{title}', '{title}_{port}', '{{title}}', '{{'],
    ...['{title', 'title}', '{x}', '{}', '{_title}', '{Title}', 'a{config-file}b', '{port}', '{{{'],
    ...['{server-mode}', '{unixsocket}', '{config-file}', '{tls-port}', '{listen-addr}', '{a}b}'],
  ].map((template) => `CONFIG SET proc-title-template ${template}`),
  'SLOWLOG and LATENCY': [
    ...['SLOWLOG', 'SLOWLOG GET x', 'SLOWLOG GET -2', 'SLOWLOG GET 1 2', 'SLOWLOG RESET'],
    ...['SLOWLOG LEN', 'SLOWLOG GET', 'LATENCY', 'LATENCY HISTOGRAM foo', 'LATENCY HISTORY foo'],
    ...['LATENCY GRAPH foo', 'LATENCY LATEST', 'LATENCY RESET foo', 'LATENCY RESET'],
  ],
  'counts of 64 bits': [
    ...['SLOWLOG GET 9223372036854775807', 'SLOWLOG GET -9223372036854775808'],
    ...['SLOWLOG GET 9223372036854775808', 'MEMORY USAGE none SAMPLES 9223372036854775807'],
    ...['MEMORY USAGE none SAMPLES -9223372036854775808', 'MEMORY USAGE none SAMPLES x'],
    ...['ACL LOG 9223372036854775807', 'ACL LOG -9223372036854775808', 'ACL LOG -1', 'ACL LOG x'],
    ...['ACL GENPASS 9223372036854775807', 'ACL GENPASS -9223372036854775808', 'ACL GENPASS x'],
    ...['ACL GENPASS 9223372036854775808', 'ACL LOG 9223372036854775808'],
  ],
  'LATENCY RESET counts what it reset': [
    ...['CONFIG SET latency-monitor-threshold 250', 'DEBUG SLEEP 0.3', 'LATENCY RESET nope'],
    ...['LATENCY RESET nope command command', 'LATENCY RESET command', 'LATENCY RESET'],
    ...['DEBUG SLEEP 0.3', 'LATENCY RESET', 'LATENCY RESET', 'LATENCY LATEST'],
    ...['CONFIG SET latency-monitor-threshold 0', 'LATENCY RESET'],
  ],
  REPLCONF: [
    ...['', ' foo', ' foo bar', ' capa', ' listening-port x', ' listening-port 1 foo bar'],
    ...[` ip-address ${'x'.repeat(255)}`, ` ip-address ${'x'.repeat(256)}`],
  ].map((rest) => `REPLCONF${rest}`),
  MEMORY: [
    ...['USAGE nokey', 'USAGE k SAMPLES', 'USAGE k SAMPLES x', 'USAGE k SAMPLES -1'],
    ...['USAGE k foo 1', 'nope', 'USAGE', 'PURGE'],
  ].map((rest) => `MEMORY ${rest}`),
  'SAVE, BGSAVE, LASTSAVE': [
    ...['SAVE x', 'BGSAVE x', 'BGSAVE SCHEDULE x', 'LASTSAVE x', 'SAVE', 'BGSAVE SCHEDULE'],
    ...['CONFIG SET dbfilename a/b', 'CONFIG SET save x', 'CONFIG SET save 0', 'CONFIG GET save'],
  ],
  'SHUTDOWN, ACL, CLUSTER, LOLWUT, INFO': [
    ...['SHUTDOWN foo', 'SHUTDOWN abort', 'SHUTDOWN abort now', 'SHUTDOWN save nosave'],
    ...['ACL', 'ACL WHOAMI', 'ACL CAT', 'ACL CAT foo', 'ACL nope', 'CLUSTER', 'CLUSTER nope'],
    ...['CLUSTER INFO', 'CLUSTER NODES', 'CLUSTER SLOTS', 'CLUSTER MYID', 'CLUSTER SHARDS'],
    ...[
      'PFSELFTEST x',
      'PFSELFTEST',
      'LOLWUT VERSION x',
      'INFO nope',
      'INFO cluster',
      'INFO modules cluster',
      'TIME x',
    ],
  ],
  COMMAND: [
    ...['GETKEYS', 'GETKEYS get', 'GETKEYS get a', 'GETKEYS mset a 1 b', 'GETKEYS mset a 1 b 2'],
    ...['GETKEYS nope a b', 'GETKEYS ping', 'GETKEYS ping a', 'GETKEYS memory usage x'],
    ...['GETKEYS set a', 'GETKEYS bitop and d a b', 'GETKEYSANDFLAGS mset a 1 b 2'],
    ...['GETKEYSANDFLAGS get a', 'LIST FILTERBY foo bar', 'LIST FILTERBY ACLCAT foo', 'LIST foo'],
    ...['LIST FILTERBY MODULE foo', 'nope', 'COUNT x', 'DOCS nope', 'INFO nope', 'INFO get mget'],
    ...['DOCS nope nothing', 'GETKEYS pfmerge d', 'GETKEYS pfmerge d a b', 'GETKEYS pfcount'],
    ...[
      'GETKEYS pfcount a b',
      'GETKEYS pfadd h',
      'GETKEYS pfdebug getreg h',
      'GETKEYS bitop and d',
    ],
    ...['GETKEYS copy a', 'GETKEYS rename a', 'GETKEYS object', 'GETKEYS object encoding'],
    ...['GETKEYS object encoding k', 'GETKEYS object nope k', 'GETKEYS memory usage', 'GETKEYS ""'],
    ...[
      'GETKEYS mset',
      'GETKEYS mset a 1 b 2 c',
      'GETKEYS exec',
      'GETKEYS exec a',
      'GETKEYS watch',
    ],
    ...[
      'GETKEYS watch a b',
      'GETKEYS lcs a b LEN',
      'GETKEYS debug object k',
      'GETKEYS config get x',
    ],
    ...['GETKEYS pfselftest x', 'GETKEYS command getkeys get a', 'GETKEYSANDFLAGS set a 1 GET'],
    ...['GETKEYSANDFLAGS bitfield k get u8 0', 'GETKEYSANDFLAGS bitfield k set u8 0 1'],
    ...['GETKEYSANDFLAGS pfcount a b', 'GETKEYSANDFLAGS pfmerge a b c', 'GETKEYSANDFLAGS copy a b'],
    ...['GETKEYSANDFLAGS pfdebug getreg h', 'GETKEYSANDFLAGS', 'GETKEYSANDFLAGS ping x'],
    ...['INFO pfadd pfcount pfmerge pfdebug pfselftest'],
  ].map((rest) => `COMMAND ${rest}`),
  'DEBUG DIGEST is the same for the same data': [
    ...['SET a 1', 'SET b hello', 'APPEND b world', 'SET c 12345678901234567890', 'DEBUG DIGEST'],
    ...['SET t 1 PX 100000000', 'INCRBYFLOAT f 1.5', 'SETBIT bits 100 1', 'SETRANGE r 10 x'],
    ...['DEBUG DIGEST', 'DEBUG DIGEST-VALUE a b c t f bits r none', 'SELECT 5', 'SET x y'],
    ...['DEBUG DIGEST', 'SELECT 0', 'DEBUG POPULATE 100', 'DEBUG POPULATE 50 p 30'],
    ...['DEBUG POPULATE 50 short 3', 'GET short:7', 'GET p:1', 'DEBUG DIGEST', 'DEL a b c'],
    ...['DEBUG DIGEST', 'FLUSHALL', 'DEBUG DIGEST'],
  ],
  DEBUG: [
    ...['', ' nope', ' OBJECT', ' OBJECT none', ' DIGEST x', ' DIGEST-VALUE', ' SLEEP', ' SLEEP 0'],
    ...[' POPULATE', ' POPULATE x', ' POPULATE -1', ' POPULATE 1 a b', ' SET-ACTIVE-EXPIRE'],
    ...[' SET-ACTIVE-EXPIRE 1', ' ERROR FOO_bar', ' PROTOCOL string', ' PROTOCOL integer'],
    ...[' PROTOCOL double', ' PROTOCOL bignum', ' PROTOCOL null', ' PROTOCOL array'],
    ...[' PROTOCOL set', ' PROTOCOL map', ' PROTOCOL verbatim', ' PROTOCOL true'],
    ...[' PROTOCOL false', ' PROTOCOL nope'],
  ].map((rest) => `DEBUG${rest}`),
};

function wordsOf(line: string): string[] {
  return line.split(' ').map((word) => (word === '""' ? '' : word.replaceAll('_', ' ')));
}

describe('connection and server commands', { skip: eitherMissing() }, () => {
  let servers: Server[];

  before(async () => {
    // On a busy machine any command may be slow.
    const slow = ['--slowlog-log-slower-than', '100000000'];
    const args = ['--enable-debug-command', 'yes', '--save', '', ...slow];
    servers = await Promise.all([startDarter({ args }), startRedis({ args })]);
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  for (const protocol of ['2', '3']) {
    for (const [subject, lines] of Object.entries(subjects)) {
      test(`${subject}, RESP${protocol}`, async () => {
        const [ours, theirs] = await Promise.all(servers.map((server) => server.client()));
        await Promise.all([ours, theirs].map((client) => client!.command('HELLO', protocol)));
        const differences: string[] = [];
        for (const line of lines) {
          const words = wordsOf(line);
          const [own, their] = await Promise.all([
            ours!.command(...words),
            theirs!.command(...words),
          ]);
          const [a, b] = [showReply(own), showReply(their)];
          if (a !== b) differences.push(`${line}\n  ours   ${a}\n  theirs ${b}`);
        }
        await Promise.all([ours!.close(), theirs!.close()]);
        assert.equal(differences.length, 0, differences.join('\n'));
      });
    }
  }
});
