/** Users are those of all threads: a change is in force everywhere before it is answered. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { isError, isList, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const THREADS = 3;
const CLIENTS = 9;
const LATE_MS = 120_000;

describe('users of all threads', { skip: darterMissing() }, () => {
  let server: Server;
  let admin: RawClient;
  let clients: RawClient[] = [];

  before(async () => {
    server = await startDarter({ threads: THREADS, args: ['--placement', 'spread'] });
    admin = await server.client();
  });
  after(async () => {
    await admin.close();
    await server.stop();
  });
  beforeEach(async () => {
    await admin.text('ACL', 'SETUSER', 'u', 'reset', 'on', 'nopass', '+@all', '~*');
    await admin.text('ACL', 'LOG', 'RESET');
    clients = [];
    // One after the other, so that they are shared out.
    for (let i = 0; i < CLIENTS; i++) {
      const client = await server.client({ timeout_ms: LATE_MS });
      await client.text('AUTH', 'u', 'x');
      clients.push(client);
    }
    let threads: number[] = [];
    // Those of the test before may still be there.
    await until('all are there, and nobody else', async () => {
      const lines = (await admin.text('CLIENT', 'LIST')).split('\n');
      threads = lines.filter((line) => line.includes(' user=u ')).map(threadOf);
      return threads.length === CLIENTS || `${threads.length} clients`;
    });
    assert.ok(new Set(threads).size > 1, `all on one of ${THREADS} threads`);
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
  });

  test('a rule binds all connections once it is answered', async () => {
    for (let round = 0; round < 100; round++) {
      const allowed = round % 2 === 1;
      await admin.text('ACL', 'SETUSER', 'u', allowed ? '+get' : '-get');
      const replies = await Promise.all(clients.map((client) => client.command('GET', 'k')));
      for (const reply of replies) assert.equal(isError(reply), !allowed, textOf(reply));
    }
  });

  test('whoever changes the rules, nothing is lost', async () => {
    const rules = ['+get', '+set', '+del', '+ping', '+echo', '+type', '+ttl', '+exists', '+time'];
    await admin.text('ACL', 'SETUSER', 'v', 'reset');
    await Promise.all(
      clients.map(async (client, i) => {
        for (let round = 0; round < 20; round++) {
          await client.text('ACL', 'SETUSER', `n${i}-${round}`, 'on', `>p${round}`, '~*');
        }
        await client.text('ACL', 'SETUSER', 'v', rules[i]!);
      }),
    );
    const lists = await Promise.all(clients.map((client) => client.text('ACL', 'LIST')));
    for (const list of lists) assert.equal(list, lists[0]);
    const users = await admin.command('ACL', 'USERS');
    assert.ok(isList(users));
    assert.equal(users.items.filter((name) => textOf(name).startsWith('n')).length, CLIENTS * 20);
    for (const rule of rules) {
      const name = rule.slice(1);
      const words = { set: ['k', 'v'], echo: ['x'], ping: [], time: [] }[name] ?? ['k'];
      assert.equal(await admin.text('ACL', 'DRYRUN', 'v', name, ...words).then(isAboutKeys), true);
    }
    const names = users.items.map(textOf).filter((name) => name.startsWith('n') || name === 'v');
    assert.equal(await clients[0]!.text('ACL', 'DELUSER', ...names), String(names.length));
  });

  /** `v` has no keys: a command that it may run is denied for its keys at most. */
  function isAboutKeys(text: string): boolean {
    return text === 'OK' || text.includes(' key');
  }

  test('who is removed is cut off on all threads, and a user of that name is another', async () => {
    const [own, ...others] = clients;
    assert.equal(await own!.text('ACL', 'DELUSER', 'u'), '1');
    assert.doesNotMatch(await admin.text('CLIENT', 'LIST'), / user=u /);
    await admin.text('ACL', 'SETUSER', 'u', 'on', 'nopass', '+@all', '~*');
    await Promise.all(clients.map((client) => client.ended()));
    await Promise.all(others.map((client) => assert.rejects(client.command('PING'))));
  });

  test('also who changes threads meanwhile', async () => {
    for (let round = 0; round < 5; round++) {
      await admin.text('ACL', 'SETUSER', 'm', 'on', 'nopass', '+@all', '~*');
      const many: RawClient[] = [];
      for (let i = 0; i < 24; i++) {
        const client = await server.client({ timeout_ms: LATE_MS });
        await client.text('AUTH', 'm', 'x');
        many.push(client);
      }
      const lines = (await admin.text('CLIENT', 'LIST')).split('\n');
      const away = lines.filter(
        (line) => line.includes(' user=u ') && threadOf(line) === round % 3,
      );
      // Those of one thread leave it, so that others move there.
      for (const line of away)
        await admin.text('CLIENT', 'KILL', 'ID', /^id=(\d+)/.exec(line)![1]!);
      await admin.text('ACL', 'DELUSER', 'm');
      await admin.text('ACL', 'SETUSER', 'm', 'on', 'nopass', '+@all', '~*');
      await Promise.all(many.map((client) => client.ended()));
      await Promise.all(many.map((client) => client.close()));
    }
  });

  test('CLIENT KILL USER and ACL LOG are about all threads', async () => {
    await admin.text('ACL', 'SETUSER', 'u', 'resetkeys', '~k');
    for (const client of clients) assert.match(await answer(client, 'GET', 'x'), /^NOPERM/);
    for (const client of clients) assert.match(await answer(client, 'AUTH', 'u', 'x'), /^OK/);
    for (const client of clients)
      assert.match(await answer(client, 'AUTH', 'w', 'x'), /^WRONGPASS/);
    const log = await clients[3]!.command('ACL', 'LOG');
    assert.ok(isList(log));
    const entries = log.items.map((entry) => {
      assert.ok(isList(entry));
      const texts = entry.items.map(textOf);
      return [texts[1], texts[3], texts[7], texts[9]];
    });
    assert.deepEqual(entries, [
      [String(CLIENTS), 'auth', 'AUTH', 'w'],
      [String(CLIENTS), 'key', 'x', 'u'],
    ]);
    assert.equal(await admin.text('CLIENT', 'KILL', 'USER', 'u'), String(CLIENTS));
    await Promise.all(clients.map((client) => client.ended()));
    assert.equal(await admin.text('ACL', 'LOG', 'RESET'), 'OK');
    const empty = await admin.command('ACL', 'LOG');
    assert.ok(isList(empty) && empty.items.length === 0);
  });

  test('a password is asked for by all threads at once', async () => {
    const waiting: RawClient[] = [];
    for (let i = 0; i < 6; i++) waiting.push(await server.client());
    try {
      for (const client of waiting) assert.equal(await answer(client, 'PING'), 'PONG');
      await admin.text('CONFIG', 'SET', 'requirepass', 'secret');
      for (const client of waiting) {
        // Who came before is logged in; RESET ends that.
        assert.equal(await answer(client, 'PING'), 'PONG');
        await client.text('RESET');
        assert.match(await answer(client, 'PING'), /^NOAUTH/);
      }
      await admin.text('CONFIG', 'SET', 'requirepass', '');
      for (const client of waiting) assert.equal(await answer(client, 'PING'), 'PONG');
    } finally {
      await Promise.all(waiting.map((client) => client.close()));
    }
  });
});

async function answer(client: RawClient, ...words: string[]): Promise<string> {
  return textOf(await client.command(...words));
}

function threadOf(line: string): number {
  return Number(/ io-thread=(\d+)/.exec(line)![1]);
}
