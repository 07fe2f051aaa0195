/** redis-cli: commands, mass insertion, scans and its small reports. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { encodeAll } from '../support/client.js';
import { darterMissing, programMissing, type Server, startDarter } from '../support/server.js';

const skip = darterMissing() || programMissing('redis-cli');

describe('redis-cli', { skip }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter();
  });
  after(() => server.stop());

  /** Its output; it is ended after a while if it does not end. */
  function cli(args: readonly string[], input?: Buffer, most_ms = 60_000): Promise<string> {
    return new Promise((resolve, reject) => {
      // Line by line, so that what it printed is there when it is ended.
      const all = ['-oL', 'redis-cli', '-p', String(server.port), ...args];
      const child = spawn('stdbuf', all);
      const timer = setTimeout(() => child.kill('SIGTERM'), most_ms);
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString('latin1');
      });
      child.stderr.on('data', (chunk: Buffer) => {
        output += chunk.toString('latin1');
      });
      child.on('error', reject);
      child.on('close', () => {
        clearTimeout(timer);
        resolve(output);
      });
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  }

  test('commands', async () => {
    assert.equal(await cli(['SET', 'k', 'v']), 'OK\n');
    assert.equal(await cli(['GET', 'k']), 'v\n');
    assert.equal(await cli(['--no-raw', 'MGET', 'k', 'none']), '1) "v"\n2) (nil)\n');
    assert.equal(await cli(['--no-raw', 'INCR', 'n']), '(integer) 1\n');
    assert.match(await cli(['INCR', 'k']), /^ERR value is not an integer or out of range\n/);
    assert.equal(await cli(['-n', '3', 'EXISTS', 'k']), '0\n');
    assert.equal(await cli(['-3', '--no-raw', 'GET', 'none']), '(nil)\n');
    assert.match(
      await cli(['-3', '--no-raw', 'CONFIG', 'GET', 'maxclients']),
      /^1# "maxclients" => /,
    );
  });

  test('--eval', async () => {
    const path = join(server.directory, 'sum.lua');
    writeFileSync(
      path,
      "return {KEYS[1], #ARGV, redis.call('incrby', KEYS[1], ARGV[1] + ARGV[2])}",
    );
    assert.equal(await cli(['--eval', path, 'sum', ',', '20', '22']), 'sum\n2\n42\n');
    writeFileSync(path, 'return {err = "MINE of mine"}');
    assert.equal(await cli(['--eval', path]), 'MINE of mine\n\n');
  });

  test('commands from its standard input', async () => {
    const input = Buffer.from('FLUSHALL\nSET a 1\nMULTI\nINCR a\nGET a\nEXEC\nSELECT 2\nGET a\n');
    assert.equal(await cli([], input), 'OK\nOK\nOK\nQUEUED\nQUEUED\n2\n2\nOK\n\n');
  });

  test('--pipe inserts 20,000 keys', async () => {
    const commands = Array.from({ length: 20_000 }, (_, i) => ['SET', `pipe:${i}`, `value ${i}`]);
    const output = await cli(['--pipe'], encodeAll([['FLUSHALL'], ...commands]));
    assert.match(output, /errors: 0, replies: 20001/);
    assert.equal(await cli(['DBSIZE']), '20000\n');
    assert.equal(await cli(['GET', 'pipe:19999']), 'value 19999\n');
  });

  test('--scan lists each key', async () => {
    const keys = (await cli(['--scan', '--pattern', 'pipe:1??'])).trim().split('\n');
    assert.equal(new Set(keys).size, 100);
  });

  test('--bigkeys finds the largest', async () => {
    await cli(['SET', 'the-biggest', 'x'.repeat(5000)]);
    const output = await cli(['--bigkeys']);
    assert.match(output, /Sampled 20001 keys in the keyspace/);
    assert.match(output, /Biggest string found .*the-biggest.* has 5000 bytes/);
  });

  test('--bigkeys and --memkeys know lists', async () => {
    await cli(['RPUSH', 'short', 'a', 'b']);
    await cli(['RPUSH', 'long', ...Array.from({ length: 3000 }, (_, i) => `element ${i}`)]);
    assert.match(await cli(['--bigkeys']), /Biggest +list found .*long.* has 3000 items/);
    const memory = await cli(['MEMORY', 'USAGE', 'long']);
    const output = await cli(['--memkeys']);
    assert.match(output, new RegExp(`Biggest +list found .*long.* has ${memory.trim()} bytes`));
    const listed = await cli(['SCAN', '0', 'TYPE', 'list', 'COUNT', '1000000']);
    assert.deepEqual(listed.trim().split('\n').sort(), ['0', 'long', 'short']);
    await cli(['DEL', 'short', 'long']);
  });

  test('--stat prints lines', async () => {
    const output = await cli(['--stat', '-i', '0.1'], undefined, 1500);
    assert.match(output, /keys +mem +clients/);
    assert.match(output, /20001 +[\d.]+[BKMG]/);
  });

  test('--latency', async () => {
    const output = await cli(['--latency', '--raw', '-i', '0.3'], undefined, 3000);
    assert.match(output, /^\d+ \d+ \d+\.\d+ \d+/);
  });

  test('-r and -i repeat', async () => {
    await cli(['DEL', 'times']);
    await cli(['-r', '5', 'INCR', 'times']);
    assert.equal(await cli(['GET', 'times']), '5\n');
  });

  test('INFO, CLIENT LIST, COMMAND COUNT', async () => {
    assert.match(await cli(['INFO', 'server']), /redis_version:\d+\.\d+/);
    assert.match(
      await cli(['CLIENT', 'LIST']),
      /^id=\d+ addr=127\.0\.0\.1:\d+ .* cmd=client\|list /,
    );
    assert.match(await cli(['COMMAND', 'COUNT']), /^\d+\n$/);
  });

  test('-x takes the last argument from standard input, binary too', async () => {
    const value = Buffer.from([0, 1, 2, 253, 254, 255, 13, 10]);
    assert.equal(await cli(['-x', 'SET', 'binary'], value), 'OK\n');
    assert.equal(await cli(['STRLEN', 'binary']), '8\n');
  });
});
