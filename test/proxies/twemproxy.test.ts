/** examples/twemproxy: keys lie on several primaries, and Sentinel tells the proxy of a new one. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
  untilReady,
} from '../support/server.js';
import { until } from '../support/until.js';
import { askThrough } from './support.js';

const skip = darterMissing() || programMissing('nutcracker') || programMissing('redis-sentinel');
const EXAMPLES = join(rootDirectory, 'examples/twemproxy');
const KEYS = 100;

/** The proxy, and what restarts it when the script asks for that. */
class Twemproxy {
  private child!: Server;
  readonly wish: string;

  private constructor(
    readonly config: string,
    readonly port: number,
    private readonly statistics: number,
  ) {
    this.wish = `${config}.wish`;
  }

  static async start(folder: string, east: number, west: number): Promise<Twemproxy> {
    const proxy = new Twemproxy(
      join(folder, 'nutcracker.yml'),
      await claimPort(),
      await claimPort(),
    );
    const text = readFileSync(join(EXAMPLES, 'nutcracker.yml'), 'utf8')
      .replace('127.0.0.1:6500', `127.0.0.1:${proxy.port}`)
      .replace('127.0.0.1:6379:', `127.0.0.1:${east}:`)
      .replace('127.0.0.1:6479:', `127.0.0.1:${west}:`);
    writeFileSync(proxy.config, text);
    chmodSync(proxy.config, 0o644);
    proxy.startAgain();
    return proxy;
  }

  private startAgain(): void {
    const statistics = ['-a', '127.0.0.1', '-s', String(this.statistics)];
    this.child = spawnServer('redis', 'nutcracker', ['-c', this.config, ...statistics], this.port);
  }

  async restartIfAsked(): Promise<void> {
    if (!existsSync(this.wish)) return;
    this.child.child.kill('SIGTERM');
    await this.child.exited;
    rmSync(this.wish);
    this.startAgain();
  }

  /** One command, on a connection of its own. */
  ask(...words: string[]): Promise<string> {
    return askThrough(this.port, ...words);
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }
}

async function startSentinel(east: Server, west: Server, proxy: Twemproxy): Promise<Server> {
  const port = await claimPort();
  const file = join(east.directory, 'sentinel.conf');
  // One Sentinel is enough to see the script called; it need not wait as long as three in earnest.
  const text = readFileSync(join(EXAMPLES, 'sentinel.conf'), 'utf8')
    .replace('port 26379', `port ${port}\nbind 127.0.0.1`)
    .replace('/var/lib/redis', east.directory)
    .replace('127.0.0.1 6379 2', `127.0.0.1 ${east.port} 1`)
    .replace('127.0.0.1 6479 2', `127.0.0.1 ${west.port} 1`)
    .replaceAll('/etc/nutcracker/reconfigure.sh', join(EXAMPLES, 'reconfigure.sh'))
    .replaceAll(/down-after-milliseconds (\w+) 5000/g, 'down-after-milliseconds $1 2000');
  writeFileSync(file, text);
  const env = { NUTCRACKER_CONFIG: proxy.config, NUTCRACKER_RESTART: `touch ${proxy.wish}` };
  // As Debian's unit runs it.
  const command = ['-c', 'umask 007; exec redis-sentinel "$0"', file];
  const sentinel = spawnServer('redis', 'sh', command, port, env);
  await untilReady(sentinel);
  return sentinel;
}

describe('twemproxy', { skip }, () => {
  test('spreads keys, and goes to the replica that Sentinel has promoted', async (t) => {
    const start = async (...args: string[]) => {
      const server = await startDarter({ threads: 1, args });
      t.after(() => server.stop());
      return server;
    };
    const [east, west] = [await start(), await start()];
    const heir = await start('--replicaof', `127.0.0.1 ${east.port}`);
    const proxy = await Twemproxy.start(heir.directory, east.port, west.port);
    t.after(() => proxy.stop());
    await until('the proxy serves', async () => {
      const reply = await proxy.ask('SET', 'key:0', 'value:0');
      return reply === 'OK' || reply;
    });
    for (let i = 1; i < KEYS; i++)
      assert.equal(await proxy.ask('SET', `key:${i}`, `value:${i}`), 'OK');
    const onEast = Number(await east.ask('DBSIZE'));
    assert.ok(onEast > KEYS / 5 && onEast < (KEYS * 4) / 5, `${onEast} keys of ${KEYS}`);
    assert.equal(Number(await west.ask('DBSIZE')), KEYS - onEast);

    // Keys with one tag lie on one server, so that commands on several of them work.
    assert.equal(await proxy.ask('SINTERSTORE', '{t}c', '{t}a', '{t}b'), '0');

    await until('the replica has all', async () => Number(await heir.ask('DBSIZE')) === onEast);
    const sentinel = await startSentinel(east, west, proxy);
    t.after(() => sentinel.stop());
    await until('Sentinel knows the replica', async () =>
      /name=east.*slaves=1/.test(await sentinel.ask('INFO', 'sentinel')),
    );
    east.child.kill('SIGKILL');
    await until('all keys are there again', async () => {
      await proxy.restartIfAsked();
      for (let i = 0; i < KEYS; i++) {
        const reply = await proxy.ask('GET', `key:${i}`);
        if (reply !== `value:${i}`) return reply;
      }
      const reply = await proxy.ask('MSET', 'key:0', 'new', 'key:1', 'new', 'key:2', 'new');
      return reply === 'OK' || reply;
    });
    assert.equal(await heir.info('role'), 'master');
    assert.match(readFileSync(proxy.config, 'utf8'), new RegExp(`:${heir.port}:1 east`));
    assert.equal(statSync(proxy.config).mode & 0o777, 0o644, "the proxy's user can read it");
  });
});
