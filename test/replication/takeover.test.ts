/** Takeovers that meet each other, lose messages, or find processes that are stopped. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isError, textOf } from '../support/reply.js';
import { darterMissing, type Server } from '../support/server.js';
import {
  follow,
  followThroughProxy,
  linkUp,
  number,
  sameData,
  startNode,
  startSmall,
  until,
} from './support.js';

/** How many of the servers say that they are a primary. */
async function primaries(...servers: Server[]): Promise<Server[]> {
  const roles = await Promise.all(servers.map((server) => server.info('role')));
  return servers.filter((_, i) => roles[i] === 'master');
}

/** A client that writes until it is refused, or stopped. */
class Writer {
  readonly acknowledged: number[] = [];
  private isStopping = false;
  private readonly finished: Promise<void>;

  private constructor(private readonly client: Awaited<ReturnType<Server['client']>>) {
    this.finished = this.run();
    this.finished.catch(() => {});
  }

  static async start(server: Server): Promise<Writer> {
    return new Writer(await server.client());
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.isStopping; i++) {
      const reply = await this.client.command('SET', `written:${i}`, String(i));
      if (isError(reply)) return;
      this.acknowledged.push(i);
    }
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.finished;
    await this.client.close();
  }

  async areAllOn(server: Server): Promise<void> {
    const client = await server.client();
    const asked = this.acknowledged.map((i) => ['GET', `written:${i}`]);
    const replies = await client.pipeline(asked);
    replies.forEach((reply, at) => {
      assert.equal(textOf(reply), String(this.acknowledged[at]));
    });
    await client.close();
  }
}

describe('replication: takeover', { skip: darterMissing() }, () => {
  test('of two at once, and 50 ms apart, one is OK, and there is one primary', async () => {
    await using first = await startNode();
    await using second = await startNode();
    await using third = await startNode();
    const servers = [first, second, third];
    await first.ask('SET', 'k', 'v');
    for (const pauseMs of [0, 50, 0]) {
      const [primary] = await primaries(...servers);
      const replicas = servers.filter((server) => server !== primary);
      for (const replica of replicas) {
        await follow(replica, primary!.port).catch(() => {});
        await linkUp(replica);
      }
      const answers = await Promise.all(
        replicas.map(async (replica, i) => {
          await sleep(i * pauseMs);
          return replica.ask('REPLTAKEOVER', '10');
        }),
      );
      assert.equal(answers.filter((answer) => answer === 'OK').length, 1, answers.join('; '));
      assert.equal(answers.filter((answer) => /^(ERR|NOTAKE)/.test(answer)).length, 1);
      const left = await primaries(...servers);
      assert.deepEqual(left, [replicas[answers.indexOf('OK')]]);
      assert.equal(await left[0]!.ask('SET', 'k', String(pauseMs)), 'OK');
      // The one that lost still follows the old primary, which follows the new one.
      for (const server of servers) if (server !== left[0]) await linkUp(server);
      await sameData(...servers);
    }
    for (const server of servers) assert.equal((await number(server, 'sync_full')) <= 2, true);
  });

  test('whose answer is lost asks again: there is one primary, and it says OK', async (t) => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const proxy = await followThroughProxy(replica, primary, t);
    const writer = await Writer.start(primary);
    await until('there are writes', async () => writer.acknowledged.length > 20);
    let commits = 0;
    proxy.fateOf = (request) => {
      if (!request.includes('COMMIT')) return 'pass';
      return ++commits === 1 ? 'lose-reply' : 'pass';
    };
    assert.equal(await replica.ask('REPLTAKEOVER', '10'), 'OK');
    assert.equal(commits, 2);
    await writer.stop();
    assert.deepEqual(await primaries(primary, replica), [replica]);
    await writer.areAllOn(replica);
    await linkUp(primary);
    await sameData(primary, replica);
    assert.equal(await number(replica, 'sync_full'), 0, 'the old primary goes on where it was');
  });

  test('of a primary that is stopped past the deadline changes nothing, and loses nothing', async (t) => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const proxy = await followThroughProxy(replica, primary, t);
    const writer = await Writer.start(primary);
    await until('there are writes', async () => writer.acknowledged.length > 20);
    let isStopped = false;
    const stopped = new Promise<void>((resolve) => {
      proxy.fateOf = (request) => {
        // It has told its heads, and holds writes; COMMIT waits in its socket.
        if (request.includes('COMMIT') && !isStopped) isStopped = primary.child.kill('SIGSTOP');
        if (isStopped) resolve();
        return 'pass';
      };
    });
    // A busy machine may need more than the second: then it has changed nothing, and is asked again.
    let taking: Promise<string>;
    do {
      taking = replica.ask('REPLTAKEOVER', '1');
      await Promise.race([stopped, taking]);
    } while (!isStopped);
    await sleep(1500);
    const before = writer.acknowledged.length;
    primary.child.kill('SIGCONT');
    assert.match(await taking, /^ERR REPLTAKEOVER: .*(nothing has changed|not answered)/);
    await until('writes go on', async () => writer.acknowledged.length > before + 20);
    proxy.fateOf = () => 'pass';
    assert.deepEqual(await primaries(primary, replica), [primary]);
    await linkUp(replica);
    await writer.stop();
    await sameData(primary, replica);
    await writer.areAllOn(replica);
    // And it can still be taken over from.
    assert.equal(await replica.ask('REPLTAKEOVER', '10'), 'OK');
    assert.deepEqual(await primaries(primary, replica), [replica]);
  });

  test('that is abandoned lets writes go on at its deadline', async (t) => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const proxy = await followThroughProxy(replica, primary, t);
    await primary.ask('SET', 'k', 'v');
    proxy.fateOf = (request) => {
      // The heir is stopped while the primary holds writes for it.
      if (request.includes('HANDOVER')) replica.child.kill('SIGSTOP');
      return 'pass';
    };
    const beganMs = performance.now();
    const taking = replica.ask('REPLTAKEOVER', '2').catch(() => 'gone');
    await until('writes are held', async () => {
      return (await primary.info('master_failover_state')) === 'failover-in-progress';
    });
    assert.equal(await primary.ask('SET', 'k', 'w'), 'OK');
    assert.ok(performance.now() - beganMs > 1000, 'held until then');
    proxy.fateOf = () => 'pass';
    replica.child.kill('SIGCONT');
    assert.match(await taking, /^(ERR|NOTAKEOVER)/);
    assert.deepEqual(await primaries(primary, replica), [primary]);
    await linkUp(replica);
    await sameData(primary, replica);
    // One with hardly any time ends with its error and nothing else.
    const syncs = await number(primary, 'sync_partial_ok');
    for (let i = 0; i < 3; i++) {
      const answer = await replica.ask('REPLTAKEOVER', '0.001');
      if (answer === 'OK') return;
      assert.match(answer, /nothing has changed/);
      assert.equal(await replica.info('master_link_status'), 'up');
    }
    assert.equal(await number(primary, 'sync_partial_ok'), syncs, 'the link is the same');
    assert.equal(await primary.ask('SET', 'k', 'x'), 'OK');
    await sameData(primary, replica);
  });
});
