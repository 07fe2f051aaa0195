/** One suite for the three transports: what the contract in transport.ts promises. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { certificate, hasOpenssl } from './testing/certificate.js';
import { checksum, PATTERN_PERIOD, patternByte } from './testing/line-server.js';
import {
  asBytes,
  Client,
  eventually,
  ServerThread,
  serve,
  unavailable,
  within,
} from './testing/transport-client.js';
import type { ThreadOptions } from './testing/transport-thread.js';
import type { TransportName } from './transport.js';
import { wakeTransport } from './wake.js';

const folder = mkdtempSync(join(tmpdir(), 'darter-transport-'));
after(async () => {
  await ServerThread.stopAll();
  rmSync(folder, { recursive: true, force: true });
});

const MEGABYTE = 1024 * 1024;

/** Runs `body` against a fresh server, and checks that nothing is left of its clients. */
async function withServer(
  name: TransportName,
  body: (port: number, thread: ServerThread) => Promise<void>,
  options: Partial<ThreadOptions> = {},
): Promise<void> {
  const { thread, port } = await serve(name, options);
  try {
    await body(port, thread);
    await eventually(async () => (await thread.counters()).live === 0, 'all connections closed');
  } finally {
    await thread.stop();
  }
}

function checkPattern(bytes: Uint8Array, from: number): void {
  let expected = patternByte(from);
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== expected) assert.fail(`wrong byte at ${from + i}`);
    expected = expected === PATTERN_PERIOD - 1 ? 0 : expected + 1;
  }
}

for (const name of ['uring', 'epoll', 'portable'] as const) {
  describe(`transport ${name}`, { skip: unavailable(name) }, () => {
    bytesAndTurns(name);
    longTransfers(name);
    endings(name);
    addresses(name);
    if (name !== 'portable') descriptors(name);
    if (name === 'uring') fullQueues();
  });
}

function bytesAndTurns(name: TransportName): void {
  test('echoes, one request at a time', () =>
    withServer(name, async (port) => {
      const client = await Client.connect(port);
      for (let i = 0; i < 200; i++) assert.equal(await client.ask(`echo hello ${i}`), `hello ${i}`);
      client.destroy();
    }));

  test('answers pipelined bursts in order', () =>
    withServer(name, async (port) => {
      const client = await Client.connect(port);
      for (let burst = 0; burst < 20; burst++) {
        const lines = Array.from({ length: 2000 }, (_, i) => `burst ${burst} line ${i}`);
        client.socket.write(lines.map((line) => `echo ${line}\n`).join(''));
        const expected = `${lines.join('\n')}\n`;
        assert.equal((await client.read(expected.length)).toString(), expected);
      }
      client.destroy();
    }));

  test('takes requests split anywhere', () =>
    withServer(name, async (port) => {
      const client = await Client.connect(port);
      const request = 'echo split\n';
      for (let at = 1; at < request.length; at++) {
        client.socket.write(request.slice(0, at));
        await sleep(2);
        client.socket.write(request.slice(at));
        assert.equal(await client.line(), 'split');
      }
      client.destroy();
    }));

  test('serves 2,000 connections', () =>
    withServer(name, async (port, thread) => {
      const clients: Client[] = [];
      for (let i = 0; i < 20; i++) {
        clients.push(
          ...(await Promise.all(Array.from({ length: 100 }, () => Client.connect(port)))),
        );
      }
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all(clients.map((c, i) => c.ask(`echo ${round} ${i}`)));
        for (const [i, answer] of answers.entries()) assert.equal(answer, `${round} ${i}`);
      }
      assert.equal((await thread.counters()).live, 2000);
      for (const client of clients) client.destroy();
    }));

  test('receives more at once than there are receive buffers', () =>
    withServer(name, async (port) => {
      // 100 clients × 400 KiB without a line end: 40 MB that arrive while the server reads.
      const clients = await Promise.all(Array.from({ length: 100 }, () => Client.connect(port)));
      const filler = 'x'.repeat(400 * 1024);
      const answers = await Promise.all(clients.map((c, i) => c.ask(`echo ${filler}${i}`)));
      for (const [i, answer] of answers.entries()) assert.ok(answer === `${filler}${i}`);
      for (const client of clients) client.destroy();
    }));

  test('reuses slots without mixing connections up', () =>
    withServer(name, async (port, thread) => {
      for (let round = 0; round < 30; round++) {
        const clients = await Promise.all(Array.from({ length: 20 }, () => Client.connect(port)));
        await Promise.all(
          clients.map(async (client, i) => {
            assert.equal(await client.ask(`echo ${round}-${i}`), `${round}-${i}`);
            if (i % 3 === 0) client.socket.write('drop\n');
            else if (i % 3 === 1) client.destroy();
            else client.socket.end();
            await client.rest();
          }),
        );
      }
      assert.equal((await thread.counters()).accepted, 600);
    }));

  test('is woken from another thread', () =>
    withServer(name, async (_, thread) => {
      const before = (await thread.counters()).woken;
      for (let i = 0; i < 50; i++) {
        wakeTransport(thread.waker);
        await sleep(1);
      }
      await eventually(async () => (await thread.counters()).woken > before + 10, 'wakes');
    }));

  test('does nothing while idle', () =>
    withServer(name, async (port, thread) => {
      const client = await Client.connect(port);
      await client.ask('echo hello');
      await sleep(50);
      const before = await thread.counters();
      await sleep(400);
      const { turns } = await thread.counters();
      assert.ok(turns - before.turns < 10, `${turns - before.turns} turns while idle`);
      client.destroy();
    }));

  test('waits as long as the turn says', async () => {
    const { thread } = await serve(name, { waitMs: 20 });
    const before = (await thread.counters()).turns;
    const beganMs = performance.now();
    let turns = 0;
    // On a busy machine a turn comes late.
    for (let tries = 0; turns < 10 && tries < 50; tries++) {
      await sleep(600);
      turns = (await thread.counters()).turns - before;
    }
    const most = (performance.now() - beganMs) / 15;
    assert.ok(turns >= 10 && turns <= most, `${turns} turns of 20 ms, ${most} at most`);
    await thread.stop();
  });
}

function longTransfers(name: TransportName): void {
  test('sends 30 MB to a slow reader', () =>
    withServer(name, async (port, thread) => {
      const client = await Client.connect(port);
      client.socket.pause();
      client.socket.write(`big ${30 * MEGABYTE}\necho after\n`);
      await eventually(
        async () => (await thread.counters()).unsent > 0,
        'a send left bytes behind',
      );
      await sleep(50);
      assert.equal((await thread.counters()).drained, 0);
      client.socket.resume();
      checkPattern(asBytes(await client.read(30 * MEGABYTE)), 0);
      assert.equal(await client.line(), 'after');
      assert.ok((await thread.counters()).drained > 0);
      client.destroy();
    }));

  test('serves others while a reader is stuck', () =>
    withServer(name, async (port, thread) => {
      const stuck = await Client.connect(port);
      stuck.socket.pause();
      stuck.socket.write(`big ${30 * MEGABYTE}\n`);
      const client = await Client.connect(port);
      for (let i = 0; i < 50; i++) assert.equal(await client.ask(`echo ${i}`), `${i}`);
      await eventually(
        async () => (await thread.counters()).unsent > 0,
        'a send left bytes behind',
      );
      const before = (await thread.counters()).turns;
      await sleep(200);
      assert.ok((await thread.counters()).turns - before < 20, 'spins on a stuck reader');
      stuck.destroy();
      client.destroy();
    }));

  test('receives 50 MB straight to memory, between ordinary requests', () =>
    withServer(name, async (port) => {
      const client = await Client.connect(port);
      const bytes = new Uint8Array(50 * MEGABYTE);
      for (let i = 0; i < bytes.length; i++) bytes[i] = (i >> 8) ^ i;
      client.socket.write(`echo before\ninto ${bytes.length}\n`);
      client.socket.write(bytes);
      client.socket.write('echo after\n');
      assert.equal(await client.line(), 'before');
      assert.equal(await client.line(), `${bytes.length} ${checksum(bytes)}`);
      assert.equal(await client.line(), 'after');
      client.destroy();
    }));

  test('receives to memory in any size and rhythm', () =>
    withServer(name, async (port) => {
      const client = await Client.connect(port);
      const sizes = [1, 100, 16_384, 40_000, 40_000, 65_536, 70_001, 262_145, 1_000_003];
      for (const size of sizes) {
        for (const pauses of [false, true]) {
          const bytes = Uint8Array.from({ length: size }, (_, i) => i * 13);
          client.socket.write(`into ${size}\n`);
          if (pauses) await sleep(5);
          client.socket.write(bytes.subarray(0, size >> 1));
          if (pauses) await sleep(5);
          client.socket.write(bytes.subarray(size >> 1));
          client.socket.write(`echo ${size}\n`);
          assert.equal(await client.line(), `${size} ${checksum(bytes)}`);
          assert.equal(await client.line(), `${size}`);
        }
        // Longer than io_uring asks for each receive anew.
        for (let i = 0; i < 20; i++) assert.equal(await client.ask(`echo ${i}`), `${i}`);
      }
      client.destroy();
    }));

  test('survives a peer that vanishes in the middle of receiveInto', () =>
    withServer(name, async (port, thread) => {
      for (const reset of [false, true]) {
        const client = await Client.connect(port);
        client.socket.write(`into ${10 * MEGABYTE}\n`);
        client.socket.write(new Uint8Array(MEGABYTE));
        await sleep(30);
        if (reset) client.socket.resetAndDestroy();
        else client.destroy();
        await eventually(async () => (await thread.counters()).live === 0, 'closed');
      }
      assert.equal((await thread.counters()).reasons.length, 2);
    }));
}

function endings(name: TransportName): void {
  test('answers what was asked before a half-close, then closes', () =>
    withServer(name, async (port, thread) => {
      for (let i = 0; i < 20; i++) {
        const client = await Client.connect(port);
        client.socket.end('echo one\necho two\n');
        assert.equal((await client.rest()).toString(), 'one\ntwo\n');
        assert.equal(client.error, undefined);
      }
      assert.deepEqual(new Set((await thread.counters()).reasons), new Set([0]));
    }));

  test('a half-closed slow reader gets its whole reply', () =>
    withServer(name, async (port) => {
      const client = await Client.connect(port);
      client.socket.pause();
      client.socket.end(`big ${20 * MEGABYTE}\n`);
      await sleep(50);
      client.socket.resume();
      const all = await client.rest();
      assert.equal(all.length, 20 * MEGABYTE);
      checkPattern(asBytes(all), 0);
    }));

  test('reports a reset with its error number', () =>
    withServer(name, async (port, thread) => {
      const client = await Client.connect(port);
      await client.ask('echo hello');
      client.socket.resetAndDestroy();
      await eventually(async () => (await thread.counters()).live === 0, 'closed');
      assert.deepEqual((await thread.counters()).reasons, [constants.errno.ECONNRESET]);
    }));

  test('survives a reset while a reply is under way', () =>
    withServer(name, async (port, thread) => {
      const client = await Client.connect(port);
      client.socket.pause();
      client.socket.write(`big ${30 * MEGABYTE}\n`);
      await eventually(
        async () => (await thread.counters()).unsent > 0,
        'a send left bytes behind',
      );
      client.socket.resetAndDestroy();
      await eventually(async () => (await thread.counters()).live === 0, 'closed');
      assert.equal((await thread.counters()).reasons.length, 1);
    }));

  test('a reply and a close in one turn: the reply arrives', () =>
    withServer(name, async (port, thread) => {
      for (let i = 0; i < 50; i++) {
        const client = await Client.connect(port);
        client.socket.write(`echo ${i}\nbye\n`);
        assert.equal((await client.rest()).toString(), `${i}\nbye\n`);
      }
      assert.deepEqual((await thread.counters()).reasons, []);
    }));

  test('close from a callback ends the connection and reports nothing', () =>
    withServer(name, async (port, thread) => {
      const client = await Client.connect(port);
      client.socket.write('drop\necho never\n');
      assert.equal((await client.rest()).length, 0);
      assert.deepEqual((await thread.counters()).reasons, []);
    }));

  test('close while a sendLater is under way drops it', () =>
    withServer(name, async (port, thread) => {
      const client = await Client.connect(port);
      client.socket.write(`now ${30 * MEGABYTE}\n`);
      assert.ok((await client.rest()).length < 30 * MEGABYTE);
      const { drained, reasons } = await thread.counters();
      assert.deepEqual([drained, reasons], [0, []]);
    }));

  test('closing listeners leaves connections alone', () =>
    withServer(name, async (port, thread) => {
      const client = await Client.connect(port);
      await client.ask('echo hello');
      await thread.order({ order: 'closeListeners' });
      await assert.rejects(Client.connect(port), { code: 'ECONNREFUSED' });
      assert.equal(await client.ask('echo still here'), 'still here');
      client.destroy();
    }));
}

function addresses(name: TransportName): void {
  test('names both ends', () =>
    withServer(name, async (port) => {
      const client = await Client.connect(port);
      const [peer, local, descriptor] = (await client.ask('names')).split(' ');
      assert.equal(peer, `127.0.0.1:${client.socket.localPort}`);
      assert.equal(local, `127.0.0.1:${port}`);
      assert.ok(name === 'portable' ? descriptor === '-1' : Number(descriptor) > 2);
      client.destroy();
    }));

  test('listens on IPv4 and IPv6 of one port, side by side', async () => {
    const thread = await ServerThread.start(name);
    const port = (await thread.listen({ host: '*', port: 0 })) as number;
    assert.equal(await thread.listen({ host: '::*', port }), port);
    thread.run();
    for (const host of ['127.0.0.1', '::1']) {
      const client = await Client.connect({ host, port });
      const [peer, local] = (await client.ask('names')).split(' ');
      const shown = host === '::1' ? '[::1]' : host;
      assert.equal(peer, `${shown}:${client.socket.localPort}`);
      assert.equal(local, `${shown}:${port}`);
      client.destroy();
    }
    await thread.stop();
  });

  test('listens on a unix socket with its mode', async () => {
    const path = join(folder, `${name}.sock`);
    const thread = await ServerThread.start(name);
    assert.equal(await thread.listen({ path, mode: 0o700 }), 0);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    thread.run();
    const client = await Client.connect(path);
    assert.equal(await client.ask('echo hello'), 'hello');
    const [peer, local] = (await client.ask('names')).split(' ');
    assert.deepEqual([peer, local], [`${path}:0`, `${path}:0`]);
    client.socket.end(`big ${5 * MEGABYTE}\n`);
    assert.equal((await client.rest()).length, 5 * MEGABYTE);
    await thread.stop();
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });

  test('sees the end of a Unix client that comes together with its last bytes', async () => {
    const path = join(folder, `${name}-ends.sock`);
    const thread = await ServerThread.start(name);
    await thread.listen({ path });
    thread.run();
    for (let i = 0; i < 200; i++) {
      const client = await Client.connect(path);
      client.socket.end('echo last\n');
      assert.equal((await within(client.rest(), 'the end')).toString(), 'last\n');
    }
    await thread.stop();
  });

  test('says why it cannot listen', async () => {
    const { thread: first, port } = await serve(name);
    const second = await ServerThread.start(name);
    assert.equal(await second.listen({ host: '127.0.0.1', port }), 'EADDRINUSE');
    assert.equal(await second.listen({ host: '192.0.2.1', port: 0 }), 'EADDRNOTAVAIL');
    assert.equal(await second.listen({ host: 'no-such-host.invalid', port: 0 }), 'ENOTFOUND');
    // libuv says EACCES for a folder that is not there.
    const missing = name === 'portable' ? 'EACCES' : 'ENOENT';
    assert.equal(await second.listen({ path: '/no/such/folder/socket' }), missing);
    await second.stop();
    await first.stop();
  });

  test('speaks TLS, if it is the portable one', { skip: !hasOpenssl() }, async () => {
    const tls = certificate(folder);
    const thread = await ServerThread.start(name);
    const port = await thread.listen({ host: '127.0.0.1', port: 0, tls });
    if (name !== 'portable') assert.equal(port, 'ENOTSUP');
    else {
      thread.run();
      const socket = connectTls({ port: port as number, ca: tls.cert, servername: 'localhost' });
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes;
      });
      socket.write('echo secret\nbye\n');
      await within(new Promise((resolve) => socket.once('end', resolve)), 'TLS reply');
      assert.equal(text, 'secret\nbye\n');
    }
    await thread.stop();
  });
}

function fullQueues(): void {
  test('loses nothing when queues overflow and buffers run out', () =>
    withServer(
      'uring',
      async (port, thread) => {
        const clients = await Promise.all(Array.from({ length: 300 }, () => Client.connect(port)));
        for (let round = 0; round < 3; round++) {
          const filler = 'y'.repeat(30_000);
          const asked = clients.map((client, i) => client.ask(`echo ${filler}${round} ${i}`));
          for (const [i, answer] of (await Promise.all(asked)).entries()) {
            assert.ok(answer === `${filler}${round} ${i}`, `reply ${i} of round ${round}`);
          }
        }
        assert.equal((await thread.counters()).live, 300);
        for (const client of clients) client.destroy();
      },
      { uringSizes: { submissions: 4, completions: 8, receiveBuffers: 2 } },
    ));

  test('replies keep their order when bytes come before the news of what was not sent', () =>
    withServer(
      'uring',
      async (port, thread) => {
        const client = await Client.connect(port);
        client.socket.pause();
        const length = 20 * 1024 * 1024;
        const texts = Array.from({ length: 3000 }, (_, i) => `${i} ${'z'.repeat(i % 100)}`);
        client.socket.write(`big ${length}\n${texts.map((text) => `echo ${text}\n`).join('')}`);
        await eventually(async () => (await thread.counters()).unsent > 0, 'bytes are left');
        client.socket.resume();
        await client.read(length);
        for (const text of texts) assert.equal(await client.line(), text);
        client.destroy();
      },
      { uringSizes: { submissions: 64, completions: 64, receiveBuffers: 2 } },
    ));
}

function descriptors(name: TransportName): void {
  test('two threads listen on one port with reusePort', async () => {
    const first = await ServerThread.start(name);
    const second = await ServerThread.start(name);
    const address = { host: '127.0.0.1', reusePort: true };
    const port = (await first.listen({ ...address, port: 0 })) as number;
    assert.equal(await second.listen({ ...address, port }), port);
    first.run();
    second.run();
    const clients = await Promise.all(Array.from({ length: 64 }, () => Client.connect(port)));
    await Promise.all(clients.map((client, i) => client.ask(`echo ${i}`)));
    const [one, other] = [await first.counters(), await second.counters()];
    assert.equal(one.accepted + other.accepted, 64);
    assert.ok(one.accepted > 5 && other.accepted > 5, `${one.accepted} and ${other.accepted}`);
    for (const client of clients) client.destroy();
    await first.stop();
    await second.stop();
  });

  test('one thread accepts, another adopts', async () => {
    const { thread: first, port } = await serve(name, { handOver: true });
    const { thread: second } = await serve(name);
    first.onOffered = (descriptor) => void second.order({ order: 'adopt', descriptor });
    const clients = await Promise.all(Array.from({ length: 40 }, () => Client.connect(port)));
    const answers = await Promise.all(clients.map((client, i) => client.ask(`echo ${i}`)));
    assert.deepEqual(
      answers.map(Number),
      Array.from({ length: 40 }, (_, i) => i),
    );
    assert.equal((await first.counters()).accepted, 20);
    assert.equal((await second.counters()).accepted, 20);
    for (const client of clients) client.destroy();
    await eventually(async () => (await second.counters()).live === 0, 'closed');
    await first.stop();
    await second.stop();
  });

  test('keeps serving when descriptors run out, and takes clients when some are free', async () => {
    const script = new URL('./testing/transport-child.js', import.meta.url).pathname;
    const limited = `ulimit -n 60; exec "$0" "$1" ${name}`;
    const child = spawn('sh', ['-c', limited, process.execPath, script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    try {
      const printed = within(
        new Promise((resolve) => child.stdout.once('data', resolve)),
        'the child',
      );
      const port = Number(await printed);
      const clients = await Promise.all(Array.from({ length: 80 }, () => Client.connect(port)));
      const answered: Client[] = [];
      const answers = clients.map((client, i) =>
        client.ask(`echo ${i}`).then(() => answered.push(client)),
      );
      await eventually(async () => answered.length > 5, 'some are served');
      const stats = async () => JSON.parse(await answered[0]!.ask('stats'));
      await eventually(async () => (await stats()).troubles.length > 0, 'none is left');
      await sleep(400);
      const served = answered.length;
      assert.ok(served < 80, `${served} of 80 served with 60 descriptors`);
      const counters = await stats();
      assert.deepEqual(counters.troubles, [constants.errno.EMFILE]);
      assert.ok(counters.turns < 600, `${counters.turns} turns: it spins`);
      // Each that leaves makes room for one that waits.
      for (let i = 0; answered.length < 80 && i < 80; i++) {
        for (const client of answered.slice(0, answered.length)) client.destroy();
        await sleep(120);
      }
      await within(Promise.all(answers), 'all clients served');
      for (const client of clients) client.destroy();
    } finally {
      child.kill();
      await exited;
    }
  });

  test('accepted sockets inherit keepalive', async () => {
    const thread = await ServerThread.start(name);
    const port = (await thread.listen({ host: '127.0.0.1', port: 0 })) as number;
    await thread.order({ order: 'keepAlive', seconds: 300 });
    thread.run();
    const client = await Client.connect(port);
    await client.ask('echo hello');
    // /proc/net/tcp: timer_active 2 is the keepalive timer, with its time left in 1/100 s.
    const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, '0');
    const ours = `0100007F:${hex(port)} 0100007F:${hex(client.socket.localPort!)} `;
    let left = '';
    // Until its last bytes are acknowledged, a socket shows another timer.
    await eventually(async () => {
      const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n');
      const line = rows.find((row) => row.includes(ours))!;
      const [timer, timeLeft] = line.trim().split(/\s+/)[5]!.split(':');
      left = timeLeft!;
      return timer === '02';
    }, 'the keepalive timer');
    const seconds = Number.parseInt(left, 16) / 100;
    assert.ok(seconds > 250 && seconds <= 301, `${seconds} s`);
    client.destroy();
    await thread.stop();
  });

  test('a client that connects and resets at once does no harm', () =>
    withServer(name, async (port) => {
      for (let i = 0; i < 100; i++) {
        const socket = createConnection({ port, host: '127.0.0.1' });
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.resetAndDestroy();
      }
      const client = await Client.connect(port);
      assert.equal(await client.ask('echo fine'), 'fine');
      client.destroy();
    }));
}
