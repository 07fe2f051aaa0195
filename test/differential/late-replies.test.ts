/** CLIENT REPLY OFF and SKIP beside redis-server, before commands whose replies come later. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { encodeCommand } from '../../src/protocol/encode-command.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const skip = eitherMissing();
const LATE = [
  ...[['WAIT', '2', '10'], ['SAVE'], ['BGSAVE'], ['BGREWRITEAOF'], ['DEBUG', 'RELOAD']],
  ...[
    ['MIGRATE', '127.0.0.1', '1', 'k', '0', '10'],
    ['REPLICAOF', 'NO', 'ONE'],
  ],
  ...[
    ['BLPOP', 'none', '0.01'],
    ['XREAD', 'BLOCK', '1', 'STREAMS', 'none', '$'],
  ],
];
const END = '$3\r\nend\r\n';

/** What a client gets that sends all of this at once. */
async function sent(server: Server, commands: readonly (readonly string[])[]): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let got = '';
  socket.on('data', (bytes) => {
    got += bytes.toString('latin1');
  });
  await once(socket, 'connect');
  for (const words of [...commands, ['ECHO', 'end']]) socket.write(encodeCommand([...words]));
  while (!got.endsWith(END)) await once(socket, 'data');
  socket.destroy();
  return got;
}

test('a command that is silenced has no reply, and the next one its own', { skip }, async () => {
  for (const late of LATE) {
    const seen = [];
    for (const start of [startRedis, startDarter]) {
      // Each has its own: one that saves may not while another one does.
      await using server = await start({ args: ['--enable-debug-command', 'yes'] });
      const first = [['SET', 'k', 'v'], ['CLIENT', 'REPLY', 'SKIP'], late, ['PING']];
      const second = [['CLIENT', 'REPLY', 'OFF'], late, ['PING'], ['CLIENT', 'REPLY', 'ON']];
      seen.push([await sent(server, first), await sent(server, second)]);
    }
    assert.deepEqual(seen[1], seen[0], late.join(' '));
    assert.deepEqual(seen[0], [`+OK\r\n+PONG\r\n${END}`, `+OK\r\n${END}`]);
  }
});
