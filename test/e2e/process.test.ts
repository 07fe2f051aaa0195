/** The server as a process: how it starts, what it says, how it ends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { RawClient } from '../support/client.js';
import { claimPort, isAlive, releasePort } from '../support/ports.js';
import { isError, textOf } from '../support/reply.js';
import {
  darterCommand,
  darterMissing,
  rootDirectory,
  startDarter,
  testsDarter,
} from '../support/server.js';
import { until } from '../support/until.js';

/** Bounds of failures only: a busy machine starts a server in ten seconds. */
const WITHIN_MS = 60_000;

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the server's program to its end. */
function runProgram(args: readonly string[], input = ''): Finished {
  const { command, args: own } = darterCommand();
  const result = spawnSync(command, [...own, ...args], { input, timeout: WITHIN_MS });
  return { code: result.status, output: `${result.stdout}${result.stderr}` };
}

describe('the process', { skip: darterMissing() }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'darter-process-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('it says when it is ready, and a client that goes takes its queue with it', async () => {
    await using server = await startDarter({ threads: 1 });
    await server.logged(/Ready to accept connections/);
    assert.match(server.log, new RegExp(`^${server.pid}:[A-Z] \\d+ \\w+ \\d{4} `, 'm'));
    if (testsDarter)
      assert.match(server.log, /Nothing is saved by itself: there are no save points/);
    const client = await server.client();
    const value = 'x'.repeat(32 << 20);
    await client.text('MULTI');
    for (let i = 0; i < 4; i++) await client.text('SET', 'k', value);
    const fullBytes = server.residentBytes();
    await client.close();
    const lowBytes = fullBytes - 3 * value.length;
    await until('the memory of the queue is given back', () => server.residentBytes() < lowBytes);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends it with code 0`, async () => {
      const server = await startDarter({ threads: 1 });
      const client = await server.client();
      await client.text('SET', 'k', 'v');
      server.child.kill(signal);
      assert.deepEqual(await server.exit(), { code: 0, signal: null });
      await client.ended();
      await server.stop();
    });
  }

  for (const args of [['SHUTDOWN'], ['SHUTDOWN', 'NOSAVE'], ['shutdown', 'now', 'force']]) {
    test(`${args.join(' ')} ends it with code 0 and closes every connection`, async () => {
      const server = await startDarter({ threads: 1 });
      const [client, other] = await Promise.all([server.client(), server.client()]);
      await assert.rejects(client.command(...args));
      assert.deepEqual(await server.exit(), { code: 0, signal: null });
      await other.ended();
      await server.stop();
    });
  }

  const ofDarter = testsDarter ? false : 'shards are ours';
  test('a shard that becomes full is logged before it is', { skip: ofDarter }, async (t) => {
    const server = await startDarter({
      threads: 1,
      args: ['--shards', '1', '--shard-bytes', '8mb'],
    });
    t.after(() => server.stop());
    const client = await server.client();
    const value = 'v'.repeat(256 * 1024);
    let replies = 0;
    while (!isError(await client.command('SET', `k${replies}`, value))) replies++;
    assert.ok(replies > 20, `${replies} values`);
    await server.logged(/# Shard 0 is 9\d % full/);
    assert.equal(await client.text('FLUSHALL'), 'OK');
    await client.close();
  });

  test('a port in use ends it with code 1 and says so; two servers do not know of each other', async () => {
    await using one = await startDarter({ threads: 1 });
    await using two = await startDarter({ threads: 1 });
    await one.ask('SET', 'k', 'one');
    await two.ask('SET', 'k', 'two');
    const { code, output } = runProgram(['--port', String(one.port)]);
    assert.equal(code, 1, output);
    assert.match(output, /Address already in use/);
    for (const words of [['FOO'], ['SAVE', 'NOSAVE'], ['ABORT', 'NOW']]) {
      assert.equal(await one.ask('SHUTDOWN', ...words), 'ERR syntax error');
    }
    assert.equal(await one.ask('SHUTDOWN', 'ABORT'), 'ERR No shutdown in progress.');
    assert.equal(await one.ask('GET', 'k'), 'one');
    await one.stop();
    assert.equal(await two.ask('GET', 'k'), 'two');
  });

  for (const [args, line] of [
    [['--port', 'abc'], `>>> 'port "abc"'`],
    [['--nosuch', '1'], `>>> 'nosuch "1"'`],
    [['--maxmemory', '1xb'], `>>> 'maxmemory "1xb"'`],
  ] as const) {
    test(`${args.join(' ')}: a fatal configuration error`, () => {
      const { code, output } = runProgram(args);
      assert.equal(code, 1, output);
      assert.match(output, /\*\*\* FATAL CONFIG FILE ERROR/);
      assert.ok(output.includes(line), output);
      if (testsDarter) assert.match(output, /Reading the command line, at option 1\n/);
    });
  }

  test('a bad line in a file is told with its number', () => {
    const file = join(directory, 'bad.conf');
    writeFileSync(file, '# a comment\n\nport 7000\nmaxclients many\n');
    const { code, output } = runProgram([file]);
    assert.equal(code, 1, output);
    assert.match(output, /Reading the configuration file, at line 4\n>>> 'maxclients many'/);
  });

  test('a missing file is told', () => {
    const { code, output } = runProgram([join(directory, 'missing.conf')]);
    assert.equal(code, 1, output);
    assert.match(output, /can't open config file .*missing\.conf': No such file or directory/);
  });

  test('a file with includes, and arguments that override it', async () => {
    const file = join(directory, 'main.conf');
    writeFileSync(join(directory, 'part.conf'), 'maxclients 123\ntimeout 77\n');
    writeFileSync(file, `include ${join(directory, 'part.conf')}\ntimeout 88\n`);
    const port = await claimPort();
    const { command, args } = darterCommand();
    const { spawnServer, untilReady } = await import('../support/server.js');
    const options = [file, '--port', String(port), '--save', '', '--hz', '20'];
    const server = spawnServer('darter', command, [...args, ...options], port);
    await untilReady(server);
    assert.equal(await server.ask('CONFIG', 'GET', 'maxclients'), '[maxclients 123]');
    assert.equal(await server.ask('CONFIG', 'GET', 'timeout'), '[timeout 88]');
    assert.equal(await server.ask('CONFIG', 'GET', 'hz'), '[hz 20]');
    await server.stop();
  });

  for (const flag of ['--version', '-v', '--help', '-h']) {
    test(`${flag} prints and ends`, () => {
      const { code, output } = runProgram([flag]);
      assert.match(output, /v=\d+\.\d+|v?\d+\.\d+\.\d+|Usage:/);
      // redis-server calls asking for help an error; that is no example to follow.
      if (testsDarter) assert.equal(code, 0, output);
    });
  }

  test('daemonize: it answers in the background, with a pid file and a log file', async () => {
    const port = await claimPort();
    const [pidfile, logfile] = [join(directory, 'd.pid'), join(directory, 'd.log')];
    const { code, output } = runProgram([
      ...['--port', String(port), '--daemonize', 'yes', '--pidfile', pidfile],
      ...['--logfile', logfile, '--dir', directory, '--save', ''],
    ]);
    assert.equal(code, 0, output);
    let pid = 0;
    try {
      await until('a pid file', () => existsSync(pidfile) && readFileSync(pidfile, 'utf8') !== '');
      pid = Number(readFileSync(pidfile, 'utf8'));
      assert.ok(isAlive(pid), `process ${pid}`);
      await until('an answer', async () => (await pong(port)) === 'PONG');
      const isTold = () => /Ready to accept connections/.test(readFileSync(logfile, 'utf8'));
      await until('the log tells it', isTold);
    } finally {
      if (pid > 0) process.kill(pid, 'SIGTERM');
    }
    await until('its end', () => !isAlive(pid));
    assert.ok(!existsSync(pidfile), 'the pid file is removed');
    releasePort(port);
  });

  const noStart = testsDarter ? false : 'npm start starts Darter';
  test('npm start -- --port N', { skip: noStart }, async () => {
    const port = await claimPort();
    const { spawnServer, untilReady } = await import('../support/server.js');
    const args = ['--prefix', rootDirectory, 'start', '--', '--port', String(port), '--save', ''];
    const server = spawnServer('darter', 'npm', args, port);
    await untilReady(server);
    const pid = Number(await server.info('process_id'));
    assert.ok(isAlive(pid));
    process.kill(pid, 'SIGTERM');
    assert.equal((await server.exit()).code, 0);
    await server.stop();
  });
});

async function pong(port: number): Promise<string> {
  try {
    const client = await RawClient.connect({ port });
    const reply = await client.command('PING');
    await client.close();
    return isError(reply) ? 'error' : textOf(reply);
  } catch {
    return 'no answer';
  }
}
