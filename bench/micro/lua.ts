/**
 * Lua: one run of a compiled script, beside EVALSHA of the same script in redis-server, whose time
 * over a pipeline has the cost of the protocol in it. Compilation is measured with a script of 6 KB.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Environment, inputOf } from '../../src/scripting/environment.js';
import { FakeHost } from '../../src/scripting/testing.js';
import { micro } from './harness.js';

const SCRIPTS: Readonly<Record<string, string>> = {
  'return 1': 'return 1',
  'GET of a key': 'return redis.call("get", KEYS[1])',
  '1,000 host calls': 'for i = 1, 1000 do redis.call("incrby", KEYS[1], 1) end',
  'fib(25)':
    'local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(25)',
  '1,000 concatenations': 'local s = "" for i = 1, 1000 do s = s .. i .. "," end return #s',
  '10,000 table inserts': 'local t = {} for i = 1, 10000 do t[#t + 1] = i end return #t',
  '1,000 fields':
    'local t = {} for i = 1, 1000 do t["k" .. i] = i end local n = 0 for k, v in pairs(t) do n = n + v end return n',
  'sort of 1,000':
    'local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end table.sort(t) return t[1]',
  'gsub of 1,000 words':
    'return select(2, string.gsub(string.rep("word ", 1000), "%a+", string.upper))',
  'cjson of 100 objects':
    'local t = {} for i = 1, 100 do t[i] = {id = i, name = "n" .. i} end return #cjson.encode(cjson.decode(cjson.encode(t)))',
};
const PORT = 7290;
const RUNS_IN_REDIS = 200;

class CountingHost extends FakeHost {
  override call(): number {
    return 1;
  }
}

const environment = new Environment({ host: new CountingHost() });
for (const [name, source] of Object.entries(SCRIPTS)) {
  const script = environment.compile(source);
  micro(`lua: ${name}`, (iterations) => {
    for (let i = 0; i < iterations; i++) environment.run(script, inputOf(['key'], []));
  });
}

const sixKilobytes = Array.from(
  { length: 60 },
  (_, i) =>
    `local v${i} = redis.call("hget", KEYS[1], ARGV[${i + 1}]) if v${i} == false then v${i} = ${i} end`,
).join('\n');
let compiled = 0;
micro(`lua: compile ${(sixKilobytes.length / 1024).toFixed(1)} KB`, (iterations) => {
  for (let i = 0; i < iterations; i++) environment.compile(`${sixKilobytes} -- ${compiled++}`);
});

/** Milliseconds of so many EVALs in one pipeline. */
function evaluateInRedis(source: string, count: number): Promise<number> {
  const parts = ['EVAL', source, '1', 'key'];
  const request = `*4\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
  const last = '*1\r\n$4\r\nPING\r\n';
  return new Promise((resolve, reject) => {
    const socket = createConnection(PORT, '127.0.0.1');
    const started = performance.now();
    let tail = '';
    socket.on('error', reject);
    socket.on('data', (data: Buffer) => {
      tail = (tail + data.toString('latin1')).slice(-7);
      if (tail !== '+PONG\r\n') return;
      socket.destroy();
      resolve(performance.now() - started);
    });
    socket.write(request.repeat(count) + last);
  });
}

async function besideRedis(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lua-bench-'));
  const args = ['--port', String(PORT), '--save', '', '--dir', folder];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  try {
    await sleep(500);
    await evaluateInRedis('redis.call("set", KEYS[1], 0)', 1);
    for (const [name, source] of Object.entries(SCRIPTS)) {
      await evaluateInRedis(source, 20);
      const ms = await evaluateInRedis(source, RUNS_IN_REDIS);
      const nanoseconds = (ms * 1e6) / RUNS_IN_REDIS;
      process.stdout.write(
        `redis-server, pipelined EVAL: ${name.padEnd(24)} ${nanoseconds.toFixed(0)} ns\n`,
      );
    }
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

// With a single operation chosen, a counter is running: only that operation is wanted.
if (process.env.DARTER_MICRO_ONLY === undefined) {
  await besideRedis().catch((error: Error) => {
    process.stdout.write(`redis-server not measured: ${error.message}\n`);
  });
}
