/**
 * Clients with caches on several threads, and clients that write. When a write has been acknowledged,
 * and a reader has made one round trip since, no older value is in the reader's cache.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { encode, type RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, isList, type Reply, ReplyDecoder, showReply, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const THREADS = 3;
/** Values that readers find in their caches, in all. */
const SERVED = 2000;
const WRITES = 500;
/** A bound of failures only. */
const RUN_MS_MAX = 120_000;
const KEYS = 24;
const WRITERS = 4;
const KEYS_READ_AT_ONCE = 1000;
const MANY_KEYS = 300_000;

/** A client with a cache: replies and invalidations take effect in the order in which they come. */
class Reader {
  readonly cache = new Map<string, number>();
  invalidated = 0;
  private readonly decoder = new ReplyDecoder();
  private readonly waiting: ((reply: Reply) => void)[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.decoder.push(chunk);
      for (let reply = this.decoder.next(); reply !== undefined; reply = this.decoder.next()) {
        if (reply.type === 'push') this.forget(reply);
        else this.waiting.shift()!(reply);
      }
    });
  }

  static async open(port: number): Promise<Reader> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Reader(socket);
  }

  private forget(push: Reply): void {
    assert.ok(isList(push));
    const [name, keys] = push.items;
    assert.equal(textOf(name!), 'invalidate');
    this.invalidated++;
    if (isList(keys!)) for (const key of keys.items) this.cache.delete(textOf(key));
    else this.cache.clear();
  }

  /** @param take runs when the reply comes, before anything that comes after it */
  command(args: readonly string[], take: (reply: Reply) => void = () => {}): Promise<Reply> {
    this.socket.write(encode(args));
    return new Promise((resolve) => {
      this.waiting.push((reply) => {
        take(reply);
        resolve(reply);
      });
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

const MODES: readonly (readonly string[])[] = [
  [],
  ['NOLOOP'],
  ['OPTOUT'],
  ['BCAST', 'PREFIX', 'key:'],
  ['BCAST'],
];

function numberOf(reply: Reply): number {
  assert.ok(!isError(reply), showReply(reply));
  return Number(textOf(reply));
}

describe('caches of clients on several threads', { skip: darterMissing() }, () => {
  let server: Server;
  let admin: RawClient;

  before(async () => {
    server = await startDarter({
      threads: THREADS,
      args: ['--placement', 'spread', '--enable-debug-command', 'yes'],
    });
    admin = await server.client();
  });
  after(async () => {
    await admin.close();
    await server.stop();
  });

  async function figure(name: string): Promise<number> {
    const text = await admin.text('INFO', 'everything');
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)![1]);
  }

  test('hold no value older than an acknowledged write, after one round trip', async (t) => {
    const seed = seedFromEnvironment();
    t.diagnostic(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    const acknowledged = new Array<number>(KEYS).fill(0);
    const endMs = Date.now() + RUN_MS_MAX;
    let served = 0;
    let writes = 0;
    let deaf = MODES.length * 2;
    const enough = () => served >= SERVED && writes >= WRITES && deaf === 0;
    const isOver = () => enough() || Date.now() > endMs;

    async function write(writer: number): Promise<void> {
      const client = await server.client();
      for (let value = 1; !isOver(); value++) {
        // Each key has one writer.
        const key = writer + WRITERS * random.below(KEYS / WRITERS);
        const set = ['SET', `key:${key}`, String(value)];
        const script = "return redis.call('set', KEYS[1], ARGV[1])";
        const chosen = random.pick([
          [set],
          [['MULTI'], set, ['EXEC']],
          [['EVAL', script, '1', `key:${key}`, String(value)]],
          [['DEL', `key:${key}`], set],
          [['MSET', `key:${key}`, String(value), `other:${key}`, '1']],
        ]);
        for (const reply of await client.pipeline(chosen)) assert.ok(!isError(reply));
        acknowledged[key] = value;
        writes++;
      }
      await client.close();
    }

    async function read(number: number): Promise<void> {
      const reader = await Reader.open(server.port);
      await reader.command(['HELLO', '3']);
      const mode = MODES[number % MODES.length]!;
      assert.equal(textOf(await reader.command(['CLIENT', 'TRACKING', 'ON', ...mode])), 'OK');
      let isDeaf = true;
      while (!isOver()) {
        if (isDeaf && reader.invalidated > 0) {
          isDeaf = false;
          deaf--;
        }
        const floor = [...acknowledged];
        await reader.command(['PING']);
        for (const [key, value] of reader.cache) {
          const least = floor[Number(key.slice(4))]!;
          assert.ok(value >= least, `${mode} ${key}: ${value} after ${least}, seed ${seed}`);
          served++;
        }
        const keys = Array.from({ length: 4 }, () => `key:${random.below(KEYS)}`);
        const missing = keys.filter((key) => !reader.cache.has(key));
        await Promise.all(
          missing.map((key) =>
            reader.command(['GET', key], (reply) => {
              if (reply.type !== 'null') reader.cache.set(key, numberOf(reply));
            }),
          ),
        );
      }
      reader.close();
    }

    await Promise.all([
      ...Array.from({ length: WRITERS }, (_, i) => write(i)),
      ...Array.from({ length: MODES.length * 2 }, (_, i) => read(i)),
    ]);
    const amounts = `${writes} writes, ${served} values were in caches, ${deaf} readers told nothing`;
    assert.ok(enough(), amounts);
  });

  test('an expired key is told, whoever finds it', async () => {
    const reader = await Reader.open(server.port);
    await reader.command(['HELLO', '3']);
    await reader.command(['CLIENT', 'TRACKING', 'ON', 'NOLOOP']);
    for (const active of ['1', '0']) {
      await admin.text('DEBUG', 'SET-ACTIVE-EXPIRE', active);
      // On a busy machine it may have expired before the reader gets it: then once more, for longer.
      for (let timeMs = 150, got = false; !got; timeMs *= 4) {
        await admin.text('SET', 'brief', 'x', 'PX', String(timeMs));
        const told = reader.invalidated;
        got = (await reader.command(['GET', 'brief'])).type !== 'null';
        if (!got) continue;
        await until('told', async () => {
          if (active === '0') await admin.command('GET', 'brief');
          return reader.invalidated > told;
        });
      }
    }
    await admin.text('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    reader.close();
  });

  test('invalidations go to a connection of another thread, and it is noticed when it is gone', async () => {
    for (let round = 0; round < THREADS; round++) {
      const [target, client] = [await server.client(), await server.client()];
      await target.command('HELLO', '3');
      await client.command('HELLO', '3');
      const id = await target.text('CLIENT', 'ID');
      await client.text('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id);
      await client.command('MGET', 'far', 'farther');
      await admin.text('SET', 'far', '1');
      await until('redirected', async () => {
        await target.command('PING');
        return target.pushes.length > 0;
      });
      assert.match(showReply(target.pushes[0]!), /invalidate.*far/s);
      await target.close();
      await until('gone', async () => !(await admin.text('CLIENT', 'LIST')).includes(`id=${id} `));
      await admin.text('SET', 'farther', '1');
      await until('broken', async () => {
        await client.command('PING');
        return client.pushes.length > 0;
      });
      assert.match(showReply(client.pushes[0]!), /tracking-redir-broken/);
      assert.match(await admin.text('CLIENT', 'LIST'), new RegExp(`flags=tR .* redir=${id} `));
      await client.close();
    }
  });

  test('many keys are tracked, and their memory comes back', async () => {
    const before = await figure('used_memory');
    const client = await server.client();
    await client.command('HELLO', '3');
    await client.text('CLIENT', 'TRACKING', 'ON');
    for (let from = 0; from < MANY_KEYS; from += KEYS_READ_AT_ONCE) {
      const keys = Array.from({ length: KEYS_READ_AT_ONCE }, (_, i) => `m:${from + i}`);
      await client.command('MGET', ...keys);
    }
    const total = await figure('tracking_total_keys');
    assert.ok(total > MANY_KEYS * 0.95 && total <= MANY_KEYS * 1.05, `${total} keys`);
    assert.ok((await figure('used_memory')) > before + 6e6);
    await client.close();
    await until('forgotten', async () => (await figure('tracking_total_keys')) === 0);
    assert.equal(await figure('tracking_total_items'), 0);
    assert.equal(await figure('tracking_clients'), 0);
    await until('given back', async () => (await figure('used_memory')) < before + 1.5e6);
  });

  test('tracking-table-max-keys bounds them: those too many are invalidated', async () => {
    const client = await server.client();
    await client.command('HELLO', '3');
    await client.text('CLIENT', 'TRACKING', 'ON');
    const keys = Array.from({ length: 2000 }, (_, i) => `b:${i}`);
    await client.command('MGET', ...keys);
    assert.equal(await figure('tracking_total_keys'), 2000);
    await admin.text('CONFIG', 'SET', 'tracking-table-max-keys', '100');
    await until('evicted', async () => (await figure('tracking_total_keys')) <= 100);
    const wanted = 2000 - (await figure('tracking_total_keys'));
    // Other threads may have evicted them: what they tell takes a moment.
    await until('told', async () => {
      await client.command('PING');
      const told = new Set(client.pushes.map((push) => showReply(push)));
      return told.size === wanted || `${told.size} of ${wanted}`;
    });
    await client.command('MGET', ...keys);
    await until('bounded', async () => (await figure('tracking_total_keys')) <= 100);
    await admin.text('CONFIG', 'SET', 'tracking-table-max-keys', '1000000');
    await client.close();
  });
});
