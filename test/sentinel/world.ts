/**
 * A Darter primary, two replicas and three redis-sentinels that watch them, all on loopback:
 *
 *     clients, sentinels, replicas ──▶ proxy ──▶ node
 *
 * Everybody reaches a node through its proxy, whose port it announces, so that a test can cut its
 * network. Each node and each sentinel has a configuration file, which a failover rewrites.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LinkProxy } from '../replication/proxy.js';
import { until } from '../replication/support.js';
import { ConnectionLost, RawClient } from '../support/client.js';
import { claimPort } from '../support/ports.js';
import { isList, textOf } from '../support/reply.js';
import { darterCommand, type Server, spawnServer, untilReady } from '../support/server.js';

export const MASTER_NAME = 'main';
const REPLICAS = 2;
const SENTINELS = 3;
const QUORUM = 2;
/** A busy machine needs some of it for a single answer. */
const DOWN_AFTER_MS = 3000;
const FAILOVER_TIMEOUT_MS = 20_000;
/** Bounds failures only: a failover that does not come about is tried again after twice that time. */
const FAILED_OVER_WITHIN_MS = 120_000;

export interface Options {
  readonly password?: string | undefined;
}

/** A Darter behind its proxy. */
export class Node {
  server!: Server;

  private constructor(
    private readonly ownPort: number,
    private readonly file: string,
    private readonly password: string | undefined,
    readonly proxy: LinkProxy,
  ) {}

  static async start(directory: string, password?: string): Promise<Node> {
    const ownPort = await claimPort();
    const proxy = await LinkProxy.start(ownPort);
    const file = join(directory, `node-${ownPort}.conf`);
    const guard = password === undefined ? '' : `requirepass ${password}\nmasterauth ${password}\n`;
    writeFileSync(
      file,
      `port ${ownPort}\nbind 127.0.0.1\nsave ""\nreplica-announce-ip 127.0.0.1\n` +
        `replica-announce-port ${proxy.port}\n${guard}`,
    );
    const node = new Node(ownPort, file, password, proxy);
    await node.startServer();
    return node;
  }

  /** Under which the others know it. */
  get port(): number {
    return this.proxy.port;
  }

  /** Also after its process has ended. */
  async startServer(): Promise<void> {
    const { command, args, isDarter } = darterCommand();
    const words = [...args, this.file, ...(isDarter ? ['--threads', '2'] : [])];
    this.server = spawnServer('darter', command, words, this.ownPort);
    await untilReady(this.server, this.password);
  }

  /** Asks the node itself, not through its proxy. A sentinel that promotes it ends all clients. */
  async ask(...words: string[]): Promise<string> {
    try {
      return await this.askOnce(words);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      return this.askOnce(words);
    }
  }

  private async askOnce(words: readonly string[]): Promise<string> {
    const client = await RawClient.connect({ port: this.ownPort });
    try {
      if (this.password !== undefined) await client.command('AUTH', this.password);
      return textOf(await client.command(...words));
    } finally {
      await client.close();
    }
  }

  async info(field: string): Promise<string | undefined> {
    const text = await this.ask('INFO', 'replication');
    return new RegExp(`^${field}:(.*)\r?$`, 'm').exec(text)?.[1]?.trim();
  }

  async stop(): Promise<void> {
    if (this.server.alive) process.kill(this.server.pid, 'SIGCONT');
    await this.server.stop();
    await this.proxy.close();
  }
}

export class World {
  readonly nodes: Node[] = [];
  readonly sentinels: Server[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'sentinel-world-'));

  private constructor(readonly password: string | undefined) {}

  static async start({ password }: Options = {}): Promise<World> {
    const world = new World(password);
    try {
      for (let i = 0; i <= REPLICAS; i++) {
        world.nodes.push(await Node.start(world.directory, password));
      }
      const [primary, ...replicas] = world.nodes as [Node, ...Node[]];
      for (const replica of replicas) {
        assert.equal(await replica.ask('REPLICAOF', '127.0.0.1', String(primary.port)), 'OK');
      }
      for (const replica of replicas) await world.follows(replica, primary);
      const sentinels = Array.from({ length: SENTINELS }, () => world.startSentinel(primary.port));
      await Promise.all(sentinels);
      await world.untilWatched();
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  /** For clients. */
  get addresses(): { host: string; port: number }[] {
    return this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  private async startSentinel(primaryPort: number): Promise<void> {
    const port = await claimPort();
    const file = join(this.directory, `sentinel-${port}.conf`);
    const { password } = this;
    writeFileSync(
      file,
      `port ${port}\nbind 127.0.0.1\ndir ${this.directory}\n` +
        `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${primaryPort} ${QUORUM}\n` +
        `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}\n` +
        `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_TIMEOUT_MS}\n` +
        (password === undefined ? '' : `sentinel auth-pass ${MASTER_NAME} ${password}\n`),
    );
    const sentinel = spawnServer('redis', 'redis-sentinel', [file], port);
    this.sentinels.push(sentinel);
    await untilReady(sentinel);
  }

  /** Each sentinel has found both replicas (INFO) and both other sentinels (the hello channel). */
  private async untilWatched(): Promise<void> {
    for (const sentinel of this.sentinels) {
      await until(
        'a sentinel knows all',
        async () => {
          const facts = await this.facts(sentinel);
          const known = `${facts.get('num-slaves')} replicas, ${facts.get('num-other-sentinels')}`;
          return known === `${REPLICAS} replicas, ${SENTINELS - 1}` || known;
        },
        FAILED_OVER_WITHIN_MS,
      );
    }
  }

  /** What a sentinel says of the primary. */
  private async facts(sentinel: Server): Promise<Map<string, string>> {
    const client = await sentinel.client();
    const reply = await client.command('SENTINEL', 'MASTER', MASTER_NAME);
    await client.close();
    const words = isList(reply) ? reply.items.map(textOf) : [];
    const facts = new Map<string, string>();
    for (let i = 0; i < words.length; i += 2) facts.set(words[i]!, words[i + 1]!);
    return facts;
  }

  /** The primary that all sentinels agree on. */
  async primary(): Promise<Node | undefined> {
    const ports = await Promise.all(
      this.sentinels.map(async (sentinel) => (await this.facts(sentinel)).get('port')),
    );
    if (ports.some((port) => port !== ports[0])) return undefined;
    return this.nodes.find(({ port }) => String(port) === ports[0]);
  }

  /** Waits until another node is primary by its own word and that of all sentinels. */
  async failedOver(before: Node): Promise<Node> {
    let after: Node | undefined;
    await until(
      'all sentinels name another primary',
      async () => {
        after = await this.primary();
        if (after === undefined || after === before) return `still ${before.port}`;
        return (await after.info('role')) === 'master' || 'it is no primary yet';
      },
      FAILED_OVER_WITHIN_MS,
    );
    return after!;
  }

  /** Waits until a node follows this primary and has its data. */
  async follows(replica: Node, primary: Node): Promise<void> {
    await until(
      `${replica.port} follows ${primary.port}`,
      async () => {
        const port = await replica.info('master_port');
        const status = await replica.info('master_link_status');
        return (port === String(primary.port) && status === 'up') || `${port} ${status}`;
      },
      FAILED_OVER_WITHIN_MS,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.sentinels.map((sentinel) => sentinel.stop()));
    await Promise.all(this.nodes.map((node) => node.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
