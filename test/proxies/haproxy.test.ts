/** examples/haproxy: writes reach the primary whichever server it is, reads reach replicas in step. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { claimPort } from '../support/ports.js';
import {
  darterMissing,
  programMissing,
  rootDirectory,
  type Server,
  spawnServer,
  startDarter,
  testsDarter,
} from '../support/server.js';
import { until } from '../support/until.js';
import { askThrough } from './support.js';

const skip =
  darterMissing() || programMissing('haproxy') || (testsDarter ? false : 'REPLTAKEOVER is ours');
const EXAMPLE = join(rootDirectory, 'examples/haproxy/haproxy.cfg');

interface Ports {
  readonly writes: number;
  readonly reads: number;
}

async function startProxy(servers: readonly Server[]): Promise<{ proxy: Server; ports: Ports }> {
  const ports = { writes: await claimPort(), reads: await claimPort() };
  let text = readFileSync(EXAMPLE, 'utf8')
    .replace('127.0.0.1:6400', `127.0.0.1:${ports.writes}`)
    .replace('127.0.0.1:6401', `127.0.0.1:${ports.reads}`);
  servers.forEach((server, i) => {
    text = text.replaceAll(`127.0.0.1:${6379 + i} `, `127.0.0.1:${server.port} `);
  });
  const file = join(servers[0]!.directory, 'haproxy.cfg');
  writeFileSync(file, text);
  return { proxy: spawnServer('redis', 'haproxy', ['-f', file], ports.writes), ports };
}

describe('HAProxy', { skip }, () => {
  test('follows the primary through a takeover and a death', async (t) => {
    const servers: Server[] = [];
    for (let i = 0; i < 3; i++) {
      const server = await startDarter({ threads: 1 });
      t.after(() => server.stop());
      servers.push(server);
    }
    const [a, b, c] = servers as [Server, Server, Server];
    for (const replica of [b, c]) await replica.ask('REPLICAOF', '127.0.0.1', String(a.port));
    for (const replica of [b, c]) {
      await until('it follows', async () => (await replica.info('master_link_status')) === 'up');
    }
    const { proxy, ports } = await startProxy(servers);
    t.after(() => proxy.stop());

    const writesReach = (server: Server) =>
      until('writes reach the primary', async () => {
        assert.ok(proxy.alive, proxy.log);
        const reply = await askThrough(ports.writes, 'CONFIG', 'GET', 'port');
        if (!reply.includes(String(server.port))) return reply;
        return (
          (await askThrough(ports.writes, 'SET', 'k', String(server.port))) === 'OK' || 'refused'
        );
      });
    const role = async () =>
      (await askThrough(ports.reads, 'INFO', 'replication')).match(/role:\w+/)?.[0];
    const readsReachReplicas = () =>
      until('reads reach a replica', async () => (await role()) === 'role:slave' || 'not yet');

    await writesReach(a);
    await readsReachReplicas();
    assert.equal(await b.ask('REPLTAKEOVER', '10'), 'OK');
    await writesReach(b);
    await readsReachReplicas();

    // B dies: nobody takes writes until somebody is promoted, and then that one does.
    b.child.kill('SIGKILL');
    await b.exited;
    assert.equal(await c.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    await writesReach(c);
    // A has no primary any more: it is out of step, and reads go to the primary instead.
    await until('reads reach the primary', async () => (await role()) === 'role:master' || 'no');
  });
});
