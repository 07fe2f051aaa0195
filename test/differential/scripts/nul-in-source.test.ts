/** Sources with NULs beside redis-server: Lua 5.1 takes one for what it looks for in some places. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showReply } from '../../support/reply.js';
import { eitherMissing, startDarter, startRedis } from '../../support/server.js';

const SOURCES = [
  ...['return 1\0', 'return 1\0end', 'return 1\0+2', 'return 1\0\x003', 'return (1\0)'],
  ...['return 1e\x005', 'return 1e+\x005', 'return 0x1\0f', 'return 1.\x005', 'return .5\0'],
  ...['return 1E\0', 'return 1e5\x002', 'return 3\0e5', 'return 5\0- 3', 'return 5\0-3'],
  ...['return 5e\0-3', 'return 5x\0', 'return 5.5.5\0', 'return 1..\x002', 'return \x001'],
  ...["return 'a'.\0'b'", "return 'a'.\0.'b'", "return 'a'..\0'b'", 'f\0()', 'return "a\0b"'],
  ...['local a = {} return a.\0b', 'return [[a\0b]]', '--\0\nreturn 1', 'return 1 ~\0 2'],
  ...['return 1 <\0 2', 'local function f(.\0\0) return ... end return f(7)'],
];
const HASH = /[0-9a-f]{40}/g;

test('sources with NULs', { skip: eitherMissing() }, async () => {
  await using darter = await startDarter();
  await using redis = await startRedis();
  const [ours, theirs] = [await darter.client(), await redis.client()];
  for (const source of SOURCES) {
    const [got, expected] = await Promise.all(
      [ours, theirs].map(async (client) => {
        return showReply(await client.command('EVAL', source, '0'), 500).replace(HASH, 'HASH');
      }),
    );
    assert.equal(got, expected, JSON.stringify(source));
  }
  await Promise.all([ours.close(), theirs.close()]);
});
