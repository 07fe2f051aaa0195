/** A replica that follows over TLS, control connection and flows. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fill, follow, linkUp, sameData } from '../replication/support.js';
import { claimPort, releasePort } from '../support/ports.js';
import { darterMissing, programMissing, startDarter, testsDarter } from '../support/server.js';
import { Authority } from './certificates.js';

const skip = darterMissing() || programMissing('openssl') || (testsDarter ? false : 'needs Darter');

describe('replication over TLS', { skip }, () => {
  test('a full sync, its stream, a link that is cut, and a replica that is not let in', async (t) => {
    const authority = new Authority('authority');
    const stranger = new Authority('stranger');
    t.after(() => {
      authority.remove();
      stranger.remove();
    });
    const start = async (by: Authority) => {
      const tlsPort = await claimPort();
      const own = by.sign(`server-${tlsPort}`);
      const server = await startDarter({
        threads: 1,
        args: [
          ...['--enable-debug-command', 'yes', '--tls-port', String(tlsPort)],
          ...['--tls-cert-file', own.cert, '--tls-key-file', own.key],
          ...['--tls-ca-cert-file', by.file, '--tls-replication', 'yes'],
        ],
      });
      t.after(async () => {
        await server.stop();
        releasePort(tlsPort);
      });
      return { server, tlsPort };
    };
    const primary = await start(authority);
    const replica = await start(authority);
    await fill(primary.server, 5000, 100);
    await follow(replica.server, primary.tlsPort);
    await linkUp(replica.server);
    await sameData(primary.server, replica.server);
    const replicas = await primary.server.ask('INFO', 'replication');
    assert.match(replicas, new RegExp(`slave0:ip=127\\.0\\.0\\.1,port=${replica.tlsPort},`));
    const big = 'b'.repeat(3_000_000);
    assert.equal(await primary.server.ask('SET', 'big', big), 'OK');
    await sameData(primary.server, replica.server);
    await primary.server.ask('CLIENT', 'KILL', 'TYPE', 'replica');
    assert.equal(await primary.server.ask('SET', 'after', 'the cut'), 'OK');
    await linkUp(replica.server);
    await sameData(primary.server, replica.server);

    const other = await start(stranger);
    await follow(other.server, primary.tlsPort);
    await other.server.logged(/self.signed certificate|unable to (get|verify)/i);
    assert.equal(await other.server.info('master_link_status'), 'down');
  });
});
