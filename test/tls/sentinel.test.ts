/** A redis-sentinel that speaks TLS alone fails over Darters that speak TLS alone. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect } from 'node:tls';
import { claimPort, releasePort } from '../support/ports.js';
import {
  darterCommand,
  darterMissing,
  programMissing,
  type Server,
  spawnServer,
  testsDarter,
} from '../support/server.js';
import { until } from '../support/until.js';
import { Authority, contentOf, type Pair } from './certificates.js';

const ANSWER_MS = 30_000;
const skip =
  darterMissing() ||
  programMissing('openssl') ||
  programMissing('redis-sentinel') ||
  (testsDarter ? false : 'needs Darter');

/** One command over TLS. @returns the reply, which must fit in a record; '' for none */
function ask(port: number, own: Pair, command: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ...contentOf(own) };
    const socket = connect(options);
    let text = '';
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.write(`${command}\r\n`);
  });
}

function tlsLines(port: number, own: Pair, authority: Authority): string {
  return (
    `port 0\ntls-port ${port}\ntls-replication yes\ntls-cert-file ${own.cert}\n` +
    `tls-key-file ${own.key}\ntls-ca-cert-file ${authority.file}\n`
  );
}

describe('redis-sentinel over TLS', { skip }, () => {
  test('promotes the replica of a primary that was killed', async () => {
    const authority = new Authority('authority');
    const own = authority.sign('server');
    const [primaryPort, replicaPort, sentinelPort] = [
      await claimPort(),
      await claimPort(),
      await claimPort(),
    ];
    const servers: Server[] = [];
    const start = (port: number, more: string): Server => {
      const { command, args } = darterCommand();
      const file = join(authority.folder, `node-${port}.conf`);
      writeFileSync(file, `${tlsLines(port, own, authority)}bind 127.0.0.1\nsave ""\n${more}`);
      const server = spawnServer('darter', command, [...args, file, '--threads', '1'], port);
      servers.push(server);
      return server;
    };
    try {
      const primary = start(primaryPort, '');
      await primary.logged(/Ready to accept connections/);
      await start(replicaPort, `replicaof 127.0.0.1 ${primaryPort}\n`).logged(/Ready to accept/);
      await ask(primaryPort, own, 'SET kept value');
      await until('the replica has it', async () => {
        const text = await ask(replicaPort, own, 'GET kept');
        return text.startsWith('$5\r\nvalue') || text;
      });
      const file = join(authority.folder, 'sentinel.conf');
      writeFileSync(
        file,
        `${tlsLines(sentinelPort, own, authority)}sentinel monitor main 127.0.0.1 ${primaryPort} 1\n` +
          'sentinel down-after-milliseconds main 2000\nsentinel failover-timeout main 20000\n',
      );
      servers.push(spawnServer('redis', 'redis-sentinel', [file], sentinelPort));
      await until('the sentinel knows the replica', async () => {
        const text = await ask(sentinelPort, own, 'SENTINEL replicas main');
        return text.includes(`127.0.0.1:${replicaPort}`) || text;
      });
      primary.child.kill('SIGKILL');
      await until('the replica is the primary', async () => {
        const text = await ask(replicaPort, own, 'ROLE');
        return text.includes('master') || text;
      });
      await until('the sentinel says so', async () => {
        const text = await ask(sentinelPort, own, 'SENTINEL get-master-addr-by-name main');
        return text.includes(String(replicaPort)) || text;
      });
      assert.match(await ask(replicaPort, own, 'GET kept'), /^\$5\r\nvalue/);
      assert.match(await ask(replicaPort, own, 'SET more 1'), /^\+OK/);
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
      for (const port of [primaryPort, replicaPort, sentinelPort]) releasePort(port);
      authority.remove();
    }
  });
});
