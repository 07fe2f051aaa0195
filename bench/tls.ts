/**
 * `npm run bench:tls`: GET and SET over TLS, Darter and redis-server side by side. Both run all the time
 * and take turns, round by round. Told are requests per second, the server's CPU for each request, and
 * what an idle connection takes of the server's memory. redis-benchmark speaks TLS on one thread, and
 * shares the machine with the servers.
 */
import './support/fail-loudly.js';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { Flags } from '../test/support/flags.js';
import { table } from './report/table.js';
import { cpuBetweenNs, readCpu, residentBytes } from './support/process.js';
import { runRedisBenchmark } from './support/redis-benchmark.js';
import { Server } from './support/servers.js';
import { median } from './support/statistics.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';

const usage = `usage: npm run bench:tls [-- options]
  --rounds N              rounds (5), after one to warm up
  --requests N            requests in a round (100000)
  --clients N             idle connections for the memory of one (500)
${systemUsage}`;
const flags = new Flags(usage, {
  ...{ rounds: 'number', requests: 'number', clients: 'number' },
  ...systemFlags,
});

const KEY_SPACE = 100_000;
const VALUE = 'x'.repeat(100);
/** Clients that connect at a time: a thread turns away what is above its bound of handshakes. */
const AT_ONCE = 50;
const CASES = [
  { name: 'GET, 50 clients', connections: 50, pipeline: 1, command: ['GET', 'key:__rand_int__'] },
  {
    name: 'SET, 50 clients',
    connections: 50,
    pipeline: 1,
    command: ['SET', 'key:__rand_int__', VALUE],
  },
  {
    name: 'GET, pipelines of 16',
    connections: 50,
    pipeline: 16,
    command: ['GET', 'key:__rand_int__'],
  },
];

interface Round {
  readonly requestsPerSecond: number;
  readonly cpuMicroseconds: number;
}

interface Secured {
  readonly server: Server;
  readonly tlsPort: number;
}

const folder = mkdtempSync(join(tmpdir(), 'darter-bench-tls-'));
const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** It signs itself, so it is its own authority. */
function makeCertificate(): void {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject], { stdio: 'pipe' });
}

async function startAll(): Promise<Secured[]> {
  const all: Secured[] = [];
  for (const system of chosenSystems(flags)) {
    const tlsPort = await freePort();
    const directives = [
      ...['--tls-port', String(tlsPort), '--tls-cert-file', cert, '--tls-key-file', key],
      ...['--tls-ca-cert-file', cert],
    ];
    const server = await Server.start({ ...system, command: [...system.command, ...directives] });
    all.push({ server, tlsPort });
  }
  return all;
}

async function round({ server, tlsPort }: Secured, one: (typeof CASES)[number]): Promise<Round> {
  const before = readCpu(server.pid);
  const requests = flags.number('requests', 100_000);
  const result = await server.guard(
    runRedisBenchmark({
      ...{ port: tlsPort, connections: one.connections, pipeline: one.pipeline, requests },
      ...{ keySpace: KEY_SPACE, command: one.command },
      more: ['--tls', '--cacert', cert, '--cert', cert, '--key', key],
    }),
  );
  const cpuNs = cpuBetweenNs(before, readCpu(server.pid));
  return {
    requestsPerSecond: result.requests / result.seconds,
    cpuMicroseconds: cpuNs / 1000 / result.requests,
  };
}

async function connected(port: number): Promise<TLSSocket> {
  const ca = readFileSync(cert);
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca,
    cert: ca,
    key: readFileSync(key),
  });
  socket.write('PING\r\n');
  await once(socket, 'data');
  return socket;
}

/** Kibibytes that the server keeps for an idle connection. */
async function connectionKibibytes({ server, tlsPort }: Secured): Promise<number> {
  const clients = flags.number('clients', 500);
  const sockets: TLSSocket[] = [];
  // Some first, as code and tables come with them.
  for (let i = 0; i < AT_ONCE; i++) sockets.push(await server.guard(connected(tlsPort)));
  const before = residentBytes(server.pid);
  while (sockets.length < clients + AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, () => connected(tlsPort));
    sockets.push(...(await server.guard(Promise.all(batch))));
  }
  const growth = residentBytes(server.pid) - before;
  const count = sockets.length - AT_ONCE;
  for (const socket of sockets) socket.destroy();
  return growth / 1024 / count;
}

makeCertificate();
const all = await startAll();
try {
  const rows: string[][] = [];
  for (const one of CASES) {
    const results = all.map((): Round[] => []);
    for (let i = 0; i <= flags.number('rounds', 5); i++) {
      for (const [s, secured] of all.entries()) {
        const result = await round(secured, one);
        if (i > 0) results[s]!.push(result);
      }
    }
    for (const [s, { server }] of all.entries()) {
      rows.push([
        ...[one.name, server.name],
        median(results[s]!.map((result) => result.requestsPerSecond)).toFixed(0),
        median(results[s]!.map((result) => result.cpuMicroseconds)).toFixed(1),
      ]);
    }
  }
  process.stdout.write(
    `${table(['over TLS', '', 'requests a second', 'server CPU µs'], rows)}\n\n`,
  );
  const memory: string[][] = [];
  for (const secured of all) {
    memory.push([secured.server.name, (await connectionKibibytes(secured)).toFixed(1)]);
  }
  process.stdout.write(`${table(['an idle connection with TLS', 'KiB'], memory)}\n`);
} finally {
  for (const { server } of all) await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
