/** What a connection receives that was postponed: later, whole and in order (`postpone` in transport.ts). */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Client, ServerThread, serve, unavailable } from './testing/transport-client.js';
import type { TransportName } from './transport.js';

after(() => ServerThread.stopAll());

const MOVES = 60;
/** No receive buffer is larger. */
const RECEIVE_BYTES = 64 * 1024;
const LINES = Array.from({ length: 300 }, (_, i) => `${i} ${'x'.repeat(20_000)}`);
/** Each of these postpones its connection; the server throws when bytes come before a turn has passed. */
const REQUESTS = LINES.map((line) => `later ${line}\n`).join('');
const REPLIES = `${LINES.join('\n')}\n`;

for (const name of ['uring', 'epoll', 'portable'] as const) {
  describe(`transport ${name}`, { skip: unavailable(name) }, () => {
    test('what is postponed comes after a turn, all of it before the end', () => postponed(name));
    test('so it does when memory for a large request is named meanwhile', () => mixed(name));
    test('who closes meanwhile leaves nothing behind', () => closed(name));
    if (name !== 'portable') test('a postponed connection changes threads', () => moved(name));
  });
}

async function postponed(name: TransportName): Promise<void> {
  const { thread, port } = await serve(name);
  const [greedy, other] = [await Client.connect(port), await Client.connect(port)];
  greedy.socket.end(REQUESTS);
  for (let i = 0; i < 20; i++) assert.equal(await other.ask(`echo ${i}`), String(i));
  assert.ok((await greedy.rest()).toString() === REPLIES);
  const { turns } = await thread.counters();
  assert.ok(turns >= Math.floor(REQUESTS.length / RECEIVE_BYTES), `${turns} turns`);
  await thread.stop();
}

async function mixed(name: TransportName): Promise<void> {
  const { thread, port } = await serve(name);
  const client = await Client.connect(port);
  const large = 'y'.repeat(300_000);
  client.socket.end(`${REQUESTS}into ${large.length}\n${large}echo end\n`.repeat(3));
  const replies = (await client.rest()).toString();
  const rest = /^300000 -?\d+\nend\n$/;
  for (let i = 0, at = 0; i < 3; i++) {
    assert.ok(replies.startsWith(REPLIES, at), `part ${i}`);
    const end = replies.indexOf('end\n', at) + 4;
    assert.match(replies.slice(at + REPLIES.length, end), rest);
    at = end;
  }
  await thread.stop();
}

async function closed(name: TransportName): Promise<void> {
  const { thread, port } = await serve(name);
  for (let round = 0; round < 3; round++) {
    const clients = await Promise.all(Array.from({ length: 8 }, () => Client.connect(port)));
    await Promise.all(
      clients.map(async (client) => {
        client.socket.write(`${REQUESTS}drop\n`);
        await client.line();
        client.destroy();
      }),
    );
    const client = await Client.connect(port);
    assert.equal(await client.ask('echo here'), 'here');
    client.destroy();
  }
  await thread.stop();
}

async function moved(name: TransportName): Promise<void> {
  const { thread: first, port } = await serve(name);
  const { thread: second } = await serve(name);
  first.onDetached = (state) => void second.order({ order: 'resume', state });
  second.onDetached = (state) => void first.order({ order: 'resume', state });
  const client = await Client.connect(port);
  client.socket.end(REQUESTS);
  const replies = client.rest();
  for (let i = 0; i < MOVES; i++) {
    await (i % 2 === 0 ? first : second).order({ order: 'detachAll' });
  }
  assert.ok((await replies).toString() === REPLIES);
  await first.stop();
  await second.stop();
}
