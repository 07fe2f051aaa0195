/**
 * Requests against redis-server: the same bytes must be the same commands and the same protocol
 * errors, and the error table must have its texts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Region } from '../../src/base/region.js';
import * as errors from '../../src/protocol/errors.js';
import { COMMAND, PROTOCOL_ERROR, RequestParser } from '../../src/protocol/parser.js';
import { argumentsBinary } from '../../src/protocol/text.js';
import { ConnectionLost } from '../support/client.js';
import { seedFromEnvironment } from '../support/random.js';
import { type Reply, textOf } from '../support/reply.js';
import { redisServerMissing, type Server, startRedis } from '../support/server.js';

const SEED = seedFromEnvironment();
const SAMPLES = Number(process.env.DARTER_SAMPLES ?? 1500);

/** What a server answers whose only command is ECHO of one argument, to these bytes. */
function answers(text: string): string[] {
  const region = new Region(new SharedArrayBuffer((text.length + 8) & ~7), 0);
  region.bytes.set(Buffer.from(text, 'latin1'));
  const parser = new RequestParser();
  const replies: string[] = [];
  for (;;) {
    const status = parser.parse(region, parser.position, text.length);
    if (status === PROTOCOL_ERROR) {
      replies.push(errors.protocolError(parser.error).text.replace(/[\r\n]/g, ' '), 'closed');
      return replies;
    }
    if (status !== COMMAND) return replies;
    const args = argumentsBinary(parser.args, 0);
    replies.push(answer(args).replace(/[\r\n]/g, ' '));
  }
}

function answer(args: string[]): string {
  if (args[0]!.toLowerCase() !== 'echo') return errors.unknownCommand(args).text;
  return args.length === 2 ? args[1]! : errors.wrongArity('echo').text;
}

function lineOf(reply: Reply): string {
  return textOf(reply).replace(/[\r\n]/g, ' ');
}

const FENCE = '\r\necho "the fence"\r\n';
/** How long a server must be silent before we believe that it has nothing more to say. */
const SILENCE_MS = 100;

/** What to expect of the server: all replies up to the fence's, unless something swallows that. */
function expectedAnswers(text: string): string[] {
  const replies = answers(text + FENCE);
  const fence = replies.indexOf('the fence');
  return fence < 0 ? replies : replies.slice(0, fence + 1);
}

/** The server's replies to these bytes, of which there should be `count`, and its closing. */
async function ask(server: Server, bytes: string, expected: readonly string[]): Promise<string[]> {
  const client = await server.client();
  client.write(bytes);
  const closes = expected.at(-1) === 'closed';
  try {
    const replies = await client.replies(closes ? expected.length - 1 : expected.length);
    if (closes) await client.ended();
    else if (expected.at(-1) !== 'the fence') await sleep(SILENCE_MS);
    const texts = [...replies, ...client.unexpected].map(lineOf);
    return client.closed ? [...texts, 'closed'] : texts;
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    return [...error.replies.map(lineOf), error.message];
  } finally {
    await client.close();
  }
}

const word = fc.constantFrom(
  ...['echo', 'ECHO', 'nosuch', 'a', '"b c"', "'d'", '"\\x41\\n"', "'e\\'f'", '"g', 'h"', '"i"j'],
  ...['\\', '"\\', "''", '\t', '\x0b', '\xff', 'k"l"', "m'n'", '"o\\"', '\r', '"\\x4"', "'\\n'"],
);
const inline = fc.array(word, { maxLength: 4 }).map((words) => `${words.join(' ')}\r\n`);
const length = fc.constantFrom('0', '1', '2', '4', '11', '-1', '-0', '01', '+1', '', ' 1', '1x');
const multibulk = fc
  .tuple(
    fc.oneof(fc.constantFrom('1', '2', '2', '3'), length, fc.constant('9223372036854775808')),
    fc.array(
      fc.oneof(
        {
          weight: 5,
          arbitrary: fc.constantFrom('$4\r\necho\r\n', '$1\r\nx\r\n', '$3\r\na\r\n\r\n'),
        },
        { weight: 1, arbitrary: length.map((n) => `$${n}\r\nx\r\n`) },
        { weight: 1, arbitrary: fc.constantFrom('x\r\n', '\r\n', '$4\rXechoXX', '\xff\r\n') },
      ),
      { maxLength: 3 },
    ),
  )
  .map(([count, bulks]) => `*${count}\r\n${bulks.join('')}`);
const echo = fc.constant('*2\r\n$4\r\nECHO\r\n$5\r\nhowdy\r\n');
const request = fc.array(fc.oneof({ weight: 2, arbitrary: echo }, inline, multibulk), {
  minLength: 1,
  maxLength: 4,
});

describe('requests against redis-server', { skip: redisServerMissing() }, () => {
  let server: Server;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());

  test(`the same commands and errors come out (seed ${SEED})`, { timeout: 120_000 }, async () => {
    const texts = fc.sample(request, { seed: SEED, numRuns: SAMPLES }).map((all) => all.join(''));
    const batch = 50;
    for (let i = 0; i < texts.length; i += batch) {
      const checks = texts.slice(i, i + batch).map(async (text) => {
        const expected = expectedAnswers(text);
        const actual = await ask(server, text + FENCE, expected);
        assert.deepEqual(expected, actual, JSON.stringify(text));
      });
      await Promise.all(checks);
    }
  });

  test('limits of lengths and counts', async () => {
    const texts = ['*2147483647\r\n', '*2147483648\r\n', '*1\r\n$536870912\r\n'];
    texts.push('*1\r\n$536870913\r\n', 'a'.repeat(70_000), `*${'1'.repeat(70_000)}`);
    texts.push(`*1\r\n$${'1'.repeat(70_000)}`);
    for (const text of texts) {
      const expected = answers(text);
      assert.deepEqual(await ask(server, text, expected), expected, text.slice(0, 30));
    }
  });

  /** Commands, the last of which must fail with this error. */
  const failing: [string[], errors.ErrorReply][] = [
    [['nosuch a b'], errors.unknownCommand(['nosuch', 'a', 'b'])],
    [
      [`${'n'.repeat(200)} ${'a'.repeat(100)} ${'b'.repeat(100)} c`],
      errors.unknownCommand(['n'.repeat(200), 'a'.repeat(100), 'b'.repeat(100), 'c']),
    ],
    [['get'], errors.wrongArity('get')],
    [['config get'], errors.wrongArity('config|get')],
    [['config nosuch'], errors.unknownSubcommand('config', 'nosuch')],
    [['set a b c'], errors.SYNTAX],
    [['set a b ex 0'], errors.invalidExpire('set')],
    [['set a b', 'lpush a b'], errors.WRONG_TYPE],
    [['set a b', 'incr a'], errors.NOT_INTEGER],
    [['set a b', 'incrbyfloat a 1'], errors.NOT_FLOAT],
    [['set a 9223372036854775807', 'incr a'], errors.OVERFLOW],
    [['decrby a -9223372036854775808'], errors.DECREMENT_OVERFLOW],
    [['incrbyfloat new inf'], errors.NAN_OR_INFINITY],
    [['zadd z inf m', 'zincrby z -inf m'], errors.SCORE_NAN],
    [['hset h f x', 'hincrby h f 1'], errors.HASH_NOT_INTEGER],
    [['hset h f x', 'hincrbyfloat h f 1'], errors.HASH_NOT_FLOAT],
    [['rpush l a', 'lset l 5 b'], errors.INDEX_OUT_OF_RANGE],
    [['setrange s -1 a'], errors.OFFSET_OUT_OF_RANGE],
    [['setrange s 536870912 a'], errors.STRING_TOO_LONG],
    [['lpop l -1'], errors.OUT_OF_RANGE_POSITIVE],
    [['select 99'], errors.DB_INDEX],
    [['swapdb x 0'], errors.FIRST_DB_INDEX],
    [['swapdb 0 x'], errors.SECOND_DB_INDEX],
    [['scan x'], errors.CURSOR],
    [['sintercard 0 a'], errors.NUMKEYS_POSITIVE],
    [['lmpop 1 l left count 0'], errors.COUNT_POSITIVE],
    [['sintercard 1 a limit -1'], errors.LIMIT_NEGATIVE],
    [['blpop l x'], errors.TIMEOUT_NOT_FLOAT],
    [['xread block x streams a 0'], errors.TIMEOUT_NOT_INTEGER],
    [['blpop l -1'], errors.TIMEOUT_NEGATIVE],
    [['zcount z a b'], errors.MIN_MAX_NOT_FLOAT],
    [['zlexcount z a b'], errors.MIN_MAX_NOT_LEX],
    [['zunionstore d 1 z weights x'], errors.WEIGHT_NOT_FLOAT],
    [['zunionstore d 0 z'], errors.noInputKey('zunionstore')],
    [['setbit s x 1'], errors.BIT_OFFSET],
    [['setbit s 1 2'], errors.BIT_VALUE],
    [['bitpos s 2'], errors.BIT_ARGUMENT],
    [['bitfield s get u64 0'], errors.BITFIELD_TYPE],
    [['zadd z nx xx 1 m'], errors.ZADD_NX_XX],
    [['zadd z gt lt 1 m'], errors.ZADD_GT_LT_NX],
    [['zadd z incr 1 m 2 n'], errors.ZADD_INCR_PAIR],
    [['expire a 9 nx xx'], errors.EXPIRE_NX_XX_GT_LT],
    [['expire a 9 gt lt'], errors.EXPIRE_GT_LT],
    [['lpos l a rank 0'], errors.LPOS_RANK_ZERO],
    [['xadd x 1-x f v'], errors.STREAM_ID],
    [['rename missing b'], errors.NO_KEY],
    [['move a 0'], errors.SAME_OBJECT],
    [['restore fresh 0 x'], errors.DUMP_PAYLOAD],
    [['set a b', 'restore a 0 x'], errors.BUSY_KEY],
    [['cluster info'], errors.CLUSTER_DISABLED],
    [['auth a b'], errors.WRONG_PASS],
    [['auth a'], errors.AUTH_WITHOUT_PASSWORD],
    [['hello 9'], errors.NO_PROTO],
    [['hello x'], errors.PROTOCOL_VERSION],
    [['exec'], errors.EXEC_WITHOUT_MULTI],
    [['discard'], errors.DISCARD_WITHOUT_MULTI],
    [['multi', 'multi'], errors.NESTED_MULTI],
    [['multi', 'watch a'], errors.WATCH_IN_MULTI],
    [['multi', 'save'], errors.NOT_IN_TRANSACTION],
    [['multi', 'get', 'exec'], errors.EXEC_ABORT],
    [['evalsha x 0'], errors.NO_SCRIPT],
    [['script kill'], errors.NOT_BUSY],
    [['client kill a'], errors.NO_CLIENT],
    [['client setname "a b"'], errors.CLIENT_NAME],
    [['client kill id x'], errors.CLIENT_ID_POSITIVE],
    [['xgroup create x g 0 mkstream', 'xgroup create x g 0'], errors.BUSY_GROUP],
    [['subscribe c', 'get a'], errors.subscribedContext('get')],
    [['config set maxmemory 1', 'set a b'], errors.OOM],
    [
      ['config set maxmemory 0', 'config set min-replicas-to-write 1', 'set a b'],
      errors.NO_REPLICAS,
    ],
    [['config set min-replicas-to-write 0', 'replicaof 127.0.0.1 1', 'set a b'], errors.READ_ONLY],
    [['config set replica-serve-stale-data no', 'get a'], errors.MASTER_DOWN],
    [['replicaof no one', 'acl setuser default -get', 'get a'], errors.noPermCommand('get')],
    [['acl setuser default +get resetkeys', 'get a'], errors.NO_PERM_KEY],
    [['acl setuser default allkeys resetchannels', 'publish a b'], errors.NO_PERM_CHANNEL],
    [
      ['acl setuser default on allchannels', 'config set requirepass p', 'reset', 'get a'],
      errors.NO_AUTH,
    ],
    [['hello 3'], errors.HELLO_NO_AUTH],
  ];

  test('error texts', async () => {
    for (const [lines, expected] of failing) {
      const client = await server.client();
      let last = '';
      for (const line of lines) {
        client.write(`${line}\r\n`);
        last = lineOf((await client.replies(1))[0]!);
      }
      await client.close();
      assert.equal(last, expected.text, lines.join('; '));
      assert.equal(Buffer.from(expected.bytes).toString('latin1'), `-${last}\r\n`);
    }
  });
});
