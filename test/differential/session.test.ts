/** The connection's own rules, to the byte: what is answered, in which order, and when it closes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { exchange, UNTIL_ITS_END_MS } from '../support/transcript.js';

/** Inline commands, one a line. */
const scripts: Readonly<Record<string, readonly string[]>> = {
  'QUIT answers OK and closes; what follows is not run': ['SET k 1', 'QUIT', 'SET k 2'],
  'RESET leaves MULTI, the database and the protocol': [
    ...['HELLO 3 SETNAME me', 'SELECT 3', 'MULTI', 'SET k 1', 'RESET', 'CLIENT GETNAME'],
    ...['GET missing', 'EXEC', 'EXISTS k'],
  ],
  'RESET forgets watched keys': ['WATCH k', 'SET k 1', 'RESET', 'MULTI', 'PING', 'EXEC'],
  'CLIENT REPLY OFF silences, ON speaks again': [
    ...['CLIENT REPLY OFF', 'SET k 9', 'GET k', 'FOO', 'CLIENT REPLY ON', 'GET k'],
  ],
  'CLIENT REPLY SKIP silences itself and the next command': [
    ...['CLIENT REPLY SKIP', 'SET k 10', 'GET k', 'CLIENT REPLY SKIP', 'FOO', 'PING'],
  ],
  'RESET ends CLIENT REPLY OFF': ['CLIENT REPLY OFF', 'PING', 'RESET', 'PING'],
  'an error while queueing aborts EXEC': ['MULTI', 'SET k', 'SET k 1', 'EXEC', 'PING'],
  'an error while running does not': ['SET k a', 'MULTI', 'INCR k', 'SET k b', 'EXEC', 'GET k'],
  'MULTI inside MULTI, WATCH inside MULTI': ['MULTI', 'MULTI', 'WATCH k', 'PING', 'EXEC'],
  'EXEC and DISCARD without MULTI': ['EXEC', 'DISCARD', 'EXEC foo'],
  'an empty transaction': ['MULTI', 'EXEC', 'HELLO 3', 'MULTI', 'EXEC'],
  'an own write between WATCH and MULTI counts': ['WATCH k', 'SET k 1', 'MULTI', 'PING', 'EXEC'],
  'the same in RESP3': ['HELLO 3', 'WATCH k', 'SET k 1', 'MULTI', 'PING', 'EXEC'],
  'UNWATCH forgets': ['WATCH k', 'SET k 1', 'UNWATCH', 'MULTI', 'PING', 'EXEC'],
  'DISCARD forgets too': ['WATCH k', 'SET k 1', 'MULTI', 'DISCARD', 'MULTI', 'PING', 'EXEC'],
  'a transaction sees the database it selects': [
    ...['MULTI', 'SELECT 2', 'SET k two', 'SELECT 0', 'EXISTS k', 'EXEC', 'SELECT 2', 'GET k'],
  ],
  'QUIT inside MULTI': ['MULTI', 'SET k 77', 'QUIT', 'PING'],
  'null, map, double and set change with the protocol': [
    ...['GET none', 'CONFIG GET hz', 'HELLO 3', 'GET none', 'CONFIG GET hz', 'MGET a none'],
    ...['LCS none none2 IDX', 'COMMAND INFO nope', 'HELLO 2', 'GET none'],
  ],
  'PING and ECHO': ['PING', 'PING hello', 'PING a b', 'ECHO', 'ECHO "a b"', "ECHO 'it\\'s'"],
  'inline quoting': ['SET k "a\\x00\\n\\"b"', 'GET k', "SET k 'a\\n'", 'GET k', 'ECHO ""'],
  'inline with many spaces and an empty line': ['   SET   k    v   ', '', '  ', 'GET k'],
  'unbalanced quotes close the connection': ['PING', 'SET k "abc', 'PING'],
  'a quote must be followed by a space': ['SET k "abc"d', 'PING'],
  'unknown commands and subcommands': [
    ...['nosuch', 'nosuch a b c', 'CLIENT', 'CLIENT nosuch', 'CONFIG nosuch x', 'OBJECT nosuch'],
    ...['GET', 'GET a b', 'COMMAND nosuch', 'client|list', 'SET'],
  ],
  'AUTH without a password set': [
    'AUTH x',
    'AUTH default x',
    'AUTH nobody x',
    'AUTH',
    'AUTH a b c',
  ],
  'HELLO errors': [
    ...['HELLO x', 'HELLO 1', 'HELLO 4', 'HELLO 3 FOO', 'HELLO 3 AUTH a', 'HELLO 3 SETNAME "a b"'],
    ...['HELLO 3 AUTH nobody x', 'PING'],
  ],
  'SELECT out of range': ['SELECT 16', 'SELECT -1', 'SELECT x', 'SELECT 15', 'SELECT'],
  'HELLO inside MULTI': ['MULTI', 'HELLO 3', 'GET none', 'EXEC', 'GET none'],
  'a pipeline of errors keeps its order': ['GET', 'PING 1', 'SET', 'PING 2', 'NOPE', 'PING 3'],
};

describe('sessions', { skip: eitherMissing() }, () => {
  let ours: Server;
  let theirs: Server;

  before(async () => {
    [ours, theirs] = await Promise.all([startDarter(), startRedis()]);
  });
  after(() => Promise.all([ours.stop(), theirs.stop()]));

  for (const [name, lines] of Object.entries(scripts)) {
    test(name, async () => {
      await Promise.all([ours.ask('FLUSHALL'), theirs.ask('FLUSHALL')]);
      const bytes = lines.map((line) => `${line}\r\n`).join('');
      const [own, their] = await Promise.all([
        exchange(ours.port, bytes, { quiet_ms: UNTIL_ITS_END_MS }),
        exchange(theirs.port, bytes, { quiet_ms: UNTIL_ITS_END_MS }),
      ]);
      assert.deepEqual(
        { ...own, received: withoutIdentity(own.received) },
        { ...their, received: withoutIdentity(their.received) },
      );
    });
  }
});

/** HELLO tells the server's version and the connection's number. */
function withoutIdentity(text: string): string {
  return text
    .replace(/(\$7\r\nversion\r\n)\$\d+\r\n[\d.]+\r\n/g, '$1(version)\r\n')
    .replace(/(\$2\r\nid\r\n):\d+\r\n/g, '$1(id)\r\n');
}
