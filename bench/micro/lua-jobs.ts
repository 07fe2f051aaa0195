/**
 * What lives on scripts: one job through BullMQ's own (added, fetched, finished), and one call of rate
 * limiters: a counter, a bucket of tokens and a sliding window, these two over 10,000 keys, as
 * redis-benchmark draws them. All within this process, from the command vector to the reply, in shards that are given
 * locks as always. A job has two calls of EVALSHA and some thirty commands inside them.
 */
import { createRequire } from 'node:module';
import type { CommandDefinition } from '../../src/commands/contract/definition.js';
import { commandModules } from '../../src/commands/index.generated.js';
import { definitionsOf } from '../../src/engine/definitions.js';
import { createScripting } from '../../src/engine/scripts/create.js';
import { createScriptingBuffers } from '../../src/engine/scripts/shared.js';
import { createShards, TestEngine } from '../../src/engine/testing.js';
import { SharedRecords } from '../../src/memory/shared-records.js';
import { SharedStates } from '../../src/memory/shared-states.js';
import { SharedText } from '../../src/memory/shared-text.js';
import { argumentsOf } from '../../src/protocol/argument-words.js';
import type { Arguments } from '../../src/protocol/parser.js';
import { micro } from './harness.js';

const SHARDS = 16;
const PREFIX = 'bull:bench:';
const ADD_OPTIONS = '\xde\x00\x02\xa8attempts\x00\xb0removeOnComplete\xc3';
const ADD_ARGUMENTS = `\x9a\xab${PREFIX}\xa0\xa3job\xcbBz!Pc\b\x00\x00\xc0\xc0\xc0\xc0\xc0\xc0`;
const LOCK_OPTIONS =
  '\xde\x00\x04\xa5token\xa3tok\xaclockDuration\xcdu0\xa7limiter\xc0\xa4name\xc0';
const FINISH_OPTIONS =
  '\xde\x00\x0b\xa5token\xa3tok\xa4name\xc0\xa8keepJobs\xde\x00\x01\xa5count\x00\xa7limiter\xc0' +
  '\xaclockDuration\xcdu0\xa8attempts\x00\xaemaxMetricsSize\xa0\xa4fpof\xc2\xa4cpof\xc2\xa4idof\xc2' +
  '\xa4rdof\xc2';
const DATA = JSON.stringify({ payload: 'x'.repeat(100) });
/** Until V8 has optimized what they run. */
const WARM_UP_CALLS = 20_000;
const WARM_UP_JOBS = 4000;
/** Jobs that wait meanwhile. */
const WAITING = 10;

const RATE_LIMITER = `
local current = redis.call('incr', KEYS[1])
if current == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end
local left = redis.call('pttl', KEYS[1])
if current > tonumber(ARGV[2]) then return {0, left} end
return {1, left}`;

const TOKEN_BUCKET = `
local v = redis.call("HMGET", KEYS[1], "t", "n")
local now = tonumber(ARGV[1])
local n = tonumber(v[2]) or 10
local t = tonumber(v[1]) or now
n = math.min(10, n + (now - t) * tonumber(ARGV[2]))
local ok = 0
if n >= 1 then n = n - 1 ok = 1 end
redis.call("HSET", KEYS[1], "t", now, "n", n)
redis.call("PEXPIRE", KEYS[1], 60000)
return ok`;
/** Of a second or so: times are numbers of 13 digits, or of 18. */
const SLIDING_WINDOW = `
redis.call("ZREMRANGEBYSCORE", KEYS[1], 0, tonumber(ARGV[1]) - 1000)
local c = redis.call("ZCARD", KEYS[1])
if c < 100 then
  redis.call("ZADD", KEYS[1], ARGV[1], ARGV[2])
  redis.call("PEXPIRE", KEYS[1], 1000)
  return 1
end
return 0`;
const DIGITS = 12;
const DRAWN = 10_000;

const require = createRequire(import.meta.url);

function scriptOf(file: string, name: string): string {
  const script = require(`bullmq/dist/cjs/scripts/${file}.js`) as Record<
    string,
    { content: string }
  >;
  return script[name]!.content;
}

function keysOf(names: string): string[] {
  return names.split(' ').map((name) => PREFIX + name);
}

const engine = new TestEngine(
  createShards(SHARDS),
  0,
  definitionsOf(commandModules) as CommandDefinition[],
);
const { dispatcher, sessions, reply } = engine;
const buffers = createScriptingBuffers(1);
const { scripts } = createScripting({
  thread: 0,
  dispatcher,
  registry: dispatcher.registry,
  records: new SharedRecords(buffers.records),
  libraries: new SharedText(buffers.libraries),
  states: new SharedStates(new Int32Array(buffers.states)),
  bounds: { slowAfterMs: () => 0, serve: () => false, attend: () => {}, warn: () => {} },
  payloads: { write: () => '', read: () => ({ codes: [], error: null }) },
  findRunning: () => null,
  publish: () => {},
  log: () => {},
});
dispatcher.scripts = scripts;
dispatcher.server = Object.assign(dispatcher.server, { scripts });

function run(args: Arguments): void {
  reply.rewind(0);
  dispatcher.dispatch(sessions[0]!, args);
  if (reply.region.bytes[reply.start] === 0x2d) throw new Error(engine.answer);
}

function shaOf(source: string): string {
  const loaded = scripts.load(source);
  if ('error' in loaded) throw new Error(loaded.error);
  return loaded.sha;
}

const limiter = argumentsOf(['EVALSHA', shaOf(RATE_LIMITER), '1', 'limit:1', '60000', '5']);
function limit(iterations: number): void {
  for (let i = 0; i < iterations; i++) run(limiter);
}
limit(WARM_UP_CALLS);
micro('lua: rate limiter', limit);

let turn = 0;

/** Writes a number, in an order that caches cannot guess, over the last digits of arguments. */
function draw({ region, offset, length }: Arguments, indexes: readonly number[]): void {
  for (const index of indexes) {
    turn = (Math.imul(turn, 1664525) + 1013904223) | 0;
    let rest = Math.floor(((turn >>> 0) / 2 ** 32) * DRAWN);
    const end = offset[index]! + length[index]!;
    for (let at = end - 1; at >= end - DIGITS; at--) {
      region.bytes[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }
}

function drawing(name: string, source: string, drawn: readonly number[], ...words: string[]): void {
  const args = argumentsOf(['EVALSHA', shaOf(source), '1', ...words]);
  const calls = (iterations: number) => {
    for (let i = 0; i < iterations; i++) {
      draw(args, drawn);
      run(args);
    }
  };
  calls(WARM_UP_CALLS);
  micro(`lua: ${name}`, calls);
}

const zeros = '0'.repeat(DIGITS);
drawing('token bucket', TOKEN_BUCKET, [3], `lim:${zeros}`, '1700000000', '1');
drawing('sliding window', SLIDING_WINDOW, [3, 4, 5], `win:${zeros}`, `1${zeros}`, zeros);
drawing(
  'sliding window, 18 digits',
  SLIDING_WINDOW,
  [3, 4, 5],
  `nano:${zeros}`,
  `170000${zeros}`,
  zeros,
);

const addJob = shaOf(scriptOf('addStandardJob-9', 'addStandardJob'));
const fetchJob = shaOf(scriptOf('moveToActive-11', 'moveToActive'));
const finishJob = shaOf(scriptOf('moveToFinished-14', 'moveToFinished'));
const add = argumentsOf(
  ['EVALSHA', addJob, '9'].concat(
    keysOf('wait paused meta id completed delayed active events marker'),
    [ADD_ARGUMENTS, DATA, ADD_OPTIONS],
  ),
);
const shared = 'wait active prioritized events stalled limiter delayed paused meta pc';

function finish(id: string): Arguments {
  return argumentsOf(
    ['EVALSHA', finishJob, '14'].concat(
      keysOf(`${shared} completed ${id} metrics:completed marker`),
      [id, '1795649056956', 'returnvalue', '"done"', 'completed', '1', PREFIX, FINISH_OPTIONS, ''],
    ),
  );
}

run(argumentsOf(['HSET', `${PREFIX}meta`, 'opts.maxLenEvents', '10000']));
for (let i = 0; i < WAITING; i++) run(add);
run(
  argumentsOf(
    ['EVALSHA', fetchJob, '11'].concat(keysOf(`${shared} marker`), [
      PREFIX,
      '1795649056942',
      LOCK_OPTIONS,
    ]),
  ),
);
let lastJob = 0;
function work(jobs: number): void {
  for (let i = 0; i < jobs; i++) {
    run(add);
    run(finish(String(++lastJob)));
  }
}
work(WARM_UP_JOBS);
micro('lua: a job of BullMQ', work);
