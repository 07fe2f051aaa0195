/**
 * One schedule of the simulation: a primary, replicas of it and of each other, a client that writes,
 * and everything that can go wrong, drawn from a seed. At the end the trouble stops; then all servers
 * have to hold the same data. On the way it is checked that
 *
 *   - a group of keys always written together (MSET, MULTI over several shards) is seen whole on
 *     every replica that says it is in sync;
 *   - a promoted replica has every write that had been confirmed to be on it;
 *   - nothing comes over a link that makes no sense to the replica: damage is seen as such, and
 *     whoever continues does so in the history that it has;
 *   - every table's invariants hold.
 */
import { PROTOCOL_VERSION } from '../../src/replication/primary/primary-state.js';
import type { SyncReply } from '../../src/replication/replica/replica-state.js';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { Random } from '../support/random.js';
import { CollectionWrites } from './collection-writes.js';
import { ConfirmedCuts } from './confirmed-cuts.js';
import { compare, keyName } from './content.js';
import { Link } from './link.js';
import { DATABASES, type ServerShape, SimulatedServer } from './server.js';

/** To which rings that may grow do: far beyond the longest record there is here. */
const RING_SPACE_BYTES = 1 << 19;
const MODES = { full: 'FULL', resume: 'RESUME', continue: 'CONTINUE' } as const;
const GROUPS = 4;
const GROUP_KEYS = 4;

export interface Outcome {
  readonly fullSyncs: number;
  readonly continued: number;
  /** Full syncs that went on after a cut. */
  readonly resumed: number;
  readonly restartedShards: number;
  readonly promotions: number;
  readonly joint: number;
  /** Writes without an effect, whose shards' journals began anew. */
  readonly lost: number;
  /** Offsets of replicas that were held against a confirmed cut. */
  readonly ordered: number;
  /** Rings that had grown for a large record and were made small again. */
  readonly shrunkRings: number;
  readonly failures: Map<string, number>;
}

export class World {
  private readonly random: Random;
  private readonly servers: SimulatedServer[] = [];
  private root: SimulatedServer;
  private now = 1_700_000_000_000;
  private token = 0;
  private readonly keyCount: number;
  private readonly valueBytes: number;
  private readonly flows: number;
  private restartedShards = 0;
  private fullSyncs = 0;
  private continued = 0;
  private resumed = 0;
  private promotions = 0;
  private joint = 0;
  private lost = 0;
  private readonly confirmed = new ConfirmedCuts();
  private readonly failures = new Map<string, number>();
  private names = 0;
  private readonly shape: ServerShape;
  private readonly collections: CollectionWrites;
  /** For tests: what happened, line by line. */
  readonly story: string[] = [];

  constructor(
    seed: number,
    private readonly steps: number,
  ) {
    const random = new Random(seed);
    this.random = random;
    const ringBytes = random.pick([4096, 16_384, 65_536, 262_144]);
    const elements = random.pick([30, 30, 600, 4000]);
    this.collections = new CollectionWrites(random, elements);
    this.shape = {
      shards: random.pick([1, 2, 4]),
      shardMebibytes: elements > 100 ? 16 : 2,
      ringBytes,
      ringSpaceBytes: random.chance(0.5) ? ringBytes : RING_SPACE_BYTES,
      ringElasticBytes: random.pick([0, ringBytes * 4]),
    };
    this.flows = random.between(1, Math.min(3, this.shape.shards));
    this.keyCount = random.pick([20, 200, 1500]);
    this.valueBytes = random.pick([20, 200]);
    this.root = this.addServer(this.shape);
    const filled = random.chance(0.5) ? this.keyCount : 0;
    for (let i = 0; i < filled; i++) {
      this.root.execute(this.now, i % DATABASES, 'SET', keyName(i), this.value());
    }
    if (random.chance(0.7)) {
      this.collections.fill((...words) => this.root.execute(this.now, 0, ...words));
    }
    const replicas = random.between(1, 3);
    for (let i = 0; i < replicas; i++) this.addReplica();
    if (random.chance(0.6)) this.heal();
  }

  private addServer(shape: ServerShape): SimulatedServer {
    const { random } = this;
    const newId = () => {
      let id = '';
      while (id.length < 40) id += random.next().toString(16).padStart(8, '0');
      return id;
    };
    const server = new SimulatedServer(
      `server${++this.names}`,
      shape,
      { key0: random.next() | 0, key1: random.next() | 0, spread: random.pick([1, 2, 8]) },
      newId,
    );
    this.servers.push(server);
    return server;
  }

  private addReplica(): void {
    const { random } = this;
    // Most have the same shape; another number of shards is served too, but serves nobody.
    const shards = random.chance(0.85) ? this.shape.shards : random.pick([1, 2, 4, 8]);
    const replica = this.addServer({ ...this.shape, shards });
    this.follow(replica, this.candidate(replica));
  }

  /** Whom a server may follow: anybody that is not below it and has the shape of the root. */
  private candidate(server: SimulatedServer): SimulatedServer {
    const possible = this.servers.filter((other) => {
      if (other === server || other.shape.shards !== this.shape.shards) return false;
      for (let up: SimulatedServer | null = other; up !== null; up = up.following) {
        if (up === server) return false;
      }
      return true;
    });
    return this.random.chance(0.6) ? this.root : this.random.pick(possible);
  }

  private follow(server: SimulatedServer, primary: SimulatedServer): void {
    this.note(`${server.name} follows ${primary.name}`);
    const wasPrimary = !server.isReplica;
    this.disconnect(server, 'told to follow another');
    const heads = server.heads();
    // Data of a primary that kept its journal has a history that others may share.
    const history =
      wasPrimary && server.journaling && server.whole
        ? { id: server.primary.replicationId, lsns: heads }
        : undefined;
    server.following = primary;
    server.confirmed = [];
    if (wasPrimary) {
      server.cuts.clear(true);
      server.lastOffset = 0;
    }
    this.endDown(server, 'the primary became a replica');
    server.installSink();
    server.state.follow('host', 1, this.now, history);
    // Connecting takes its time, in which more is written.
    server.state.retryAtMs = this.now + this.random.below(2) * 1500;
  }

  private disconnect(server: SimulatedServer, why: string): void {
    if (server.up !== null) this.drop(server.up, why);
  }

  /** A server's history changes: its replicas have to come back, and notice it sooner or later. */
  private endDown(server: SimulatedServer, why: string): void {
    for (const link of [...server.down]) {
      link.end(why);
      if (this.random.chance(0.5)) this.drop(link, why);
    }
  }

  private drop(link: Link, why: string): void {
    const { to, from } = link;
    to.lastOffset = link.progress.failed ? 0 : link.progress.offset;
    this.note(`link ${from.name} -> ${to.name} drops: ${why}`);
    this.count(`link lost: ${why}`);
    link.cut();
    const { nonsense } = link;
    if (nonsense !== null) throw new Error(`${to.name} got from ${from.name}: ${nonsense}`);
    this.restartedShards += link.restartedShards;
    this.joint += link.progress.sums[3]!;
    from.down.delete(link);
    to.up = null;
    // The data may have become whole a moment before the link was lost.
    if (to.state.step === 'sync' && !link.progress.failed && link.progress.ready) this.online(to);
    const { half } = link.progress;
    to.state.lost(this.now, link.applied, link.progress.failed, half);
    to.cutProgress = half === null ? null : link.progress.buffer;
  }

  private count(what: string): void {
    const kind = what.replace(/[0-9a-f]{40}|\d+/g, 'N').slice(0, 70);
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
  }

  private note(text: string): void {
    this.story.push(text);
  }

  /** A replica that wants to asks its primary for a sync. */
  private connect(server: SimulatedServer): void {
    const { following: primary, state } = server;
    if (primary === null || server.up !== null || !state.due(this.now)) return;
    state.connected(this.now);
    // A primary that is a replica itself and not in sync has nothing to give yet.
    const able = primary.whole && !primary.crashed && (!primary.isReplica || primary.same);
    if (!able || (primary.isReplica && primary.state.step !== 'online')) {
      state.lost(this.now, [], false);
      return;
    }
    const decision = primary.primary.decide(
      state.request(),
      primary.journaling ? primary.rings : null,
    );
    if (decision.kind === 'refuse') throw new Error(decision.why);
    primary.startJournal();
    const why = decision.kind === 'full' ? decision.why : '';
    this.note(`${server.name} syncs with ${primary.name}: ${decision.kind} ${why}`);
    const reply: SyncReply = {
      version: PROTOCOL_VERSION,
      replicationId: primary.primary.replicationId,
      shards: primary.shards.count,
      databases: DATABASES,
      hashKey0: primary.shards.keyHash.key0,
      hashKey1: primary.shards.keyHash.key1,
      spread: primary.shards.keyHash.spread,
      flows: this.flows,
      windowBytes: 65_536,
      mode: MODES[decision.kind],
      syncId: 1,
    };
    this.start(server, primary, reply, why);
  }

  private start(
    server: SimulatedServer,
    primary: SimulatedServer,
    reply: SyncReply,
    why: string,
  ): void {
    const { state } = server;
    const before = state.lsns;
    const streams = state.request().half;
    const action = state.answered(reply, this.now);
    if (action.kind === 'give-up') throw new Error(action.why);
    const full = action.kind === 'start-full';
    if (full) {
      this.fullSyncs++;
      this.count(`full sync: ${why}`);
      server.whole = false;
      server.confirmed = [];
      server.lastOffset = 0;
      server.cuts.clear(true);
      this.endDown(server, 'the primary starts a full sync');
      const { hashKey0, hashKey1, spread } = reply;
      prepareFullSync(server.shards, { key0: hashKey0, key1: hashKey1, spread });
    } else if (action.kind === 'start-resume') {
      this.resumed++;
    } else {
      this.continued++;
      if (server.primary.adopt(reply.replicationId, before)) {
        this.endDown(server, 'the primary has another id');
      }
    }
    const continues = action.kind === 'start-continue';
    const half =
      action.kind === 'start-resume' ? { progress: server.cutProgress!, streams: streams! } : null;
    const link = new Link(
      ...([primary, server, continues ? before : null, half, this.flows, this.random] as const),
    );
    server.up = link;
    primary.down.add(link);
  }

  /** Notices what has become of the links. */
  private watchLinks(noticing = 0.1): void {
    for (const server of this.servers) {
      const link = server.up;
      if (link === null) continue;
      if (link.failed !== null) this.drop(link, link.failed);
      else if (link.ended !== null && this.random.chance(noticing)) this.drop(link, link.ended);
      else if (server.state.step === 'sync' && link.progress.ready) {
        this.online(server);
        this.observe(server);
      }
    }
  }

  private online(server: SimulatedServer): void {
    server.state.ready(this.now);
    server.whole = true;
    if (server.same) {
      server.journaling = true;
      server.primary.adopt(server.state.replicationId, null);
    }
    this.note(`${server.name} is in sync`);
  }

  /** Runs the schedule. @throws where anything is wrong */
  run(): Outcome {
    for (let i = 0; i < this.steps; i++) this.step();
    this.heal();
    this.verify();
    return {
      fullSyncs: this.fullSyncs,
      continued: this.continued,
      resumed: this.resumed,
      restartedShards: this.restartedShards,
      promotions: this.promotions,
      joint: this.joint,
      lost: this.lost,
      ordered: this.confirmed.ordered,
      shrunkRings: this.servers.reduce((sum, server) => sum + server.shrunkRings, 0),
      failures: this.failures,
    };
  }

  private step(): void {
    const { random } = this;
    const what = random.below(1000);
    if (what < 400) this.write();
    else if (what < 900) {
      const links = this.servers.flatMap((server) => (server.up === null ? [] : [server.up]));
      for (let i = random.below(8); links.length > 0 && i >= 0; i--) random.pick(links).step();
    } else if (what < 930) this.now += random.between(1, 2000);
    else if (what < 940) this.observe(random.pick(this.servers));
    else if (what < 952) this.makeCut();
    else if (what < 960) this.confirm();
    else if (what < 968) this.cutOne();
    else if (what < 974) this.damageOne();
    else if (what < 980) random.pick(this.servers).maintain();
    else if (what < 984) this.promote();
    else if (what < 988) this.crashReplica();
    else if (what < 992) this.moveReplica();
    else if (what < 994) this.stopJournal();
    else if (what < 995) random.chance(0.8) ? this.failWrite() : this.loseNote();
    else if (what < 996 && this.servers.length < 5) this.addReplica();
    else this.slowDown();
    for (const server of this.servers) this.connect(server);
    this.watchLinks();
  }

  /** A write whose effect is lost: it reaches every replica all the same. */
  private failWrite(): void {
    const database = this.random.below(DATABASES);
    if (!this.root.failHalfWay(this.now, database, this.key(), this.value())) return;
    this.lost++;
    this.note(`${this.root.name} loses an effect`);
  }

  private loseNote(): void {
    this.root.keyless.loseNote('lost', `${++this.token}`);
    this.note(`${this.root.name} loses a note`);
  }

  private value(): string {
    const { random } = this;
    const length = random.chance(0.03) ? random.between(1000, 20_000) : this.valueBytes;
    return `${++this.token}`.padEnd(random.between(1, length), 'v');
  }

  private key(): string {
    return keyName(this.random.below(this.keyCount));
  }

  private write(): void {
    const { random, root, now } = this;
    const database = random.below(DATABASES);
    const run = (...words: (string | number)[]) => {
      const reply = root.execute(now, database, ...words);
      if (
        /^-(?!WRONGTYPE|BUSYGROUP|NOGROUP|ERR The |ERR value is not an int|ERR no such key|ERR index out|ERR source and dest)/.test(
          reply,
        )
      ) {
        throw new Error(`${words[0]}: ${reply}`);
      }
    };
    const what = random.below(100);
    if (random.chance(0.1)) {
      if (random.chance(0.5)) root.keyless.message();
      else root.keyless.note(`name${random.below(8)}`, this.value());
    } else if (random.chance(0.25)) this.collections.write(run);
    else if (what < 30) run('SET', this.key(), this.value());
    else if (what < 38) run('APPEND', this.key(), 'x'.repeat(random.between(1, 40)));
    else if (what < 46) run('DEL', this.key(), this.key());
    else if (what < 52) run('SET', this.key(), this.value(), 'PX', random.between(1, 5000));
    else if (what < 56) run('PEXPIRE', this.key(), random.between(1, 5000));
    else if (what < 60) run('GET', this.key());
    else if (what < 64) run('INCR', `counter:${random.below(5)}`);
    else if (what < 80) this.writeGroup(run);
    else if (what < 86) run('MSET', this.key(), this.value(), this.key(), this.value());
    else if (what < 90) run('RENAME', this.key(), this.key());
    else if (what < 92) run('SETRANGE', this.key(), random.below(50), 'yy');
    else if (what < 98 && random.chance(0.3)) run('FLUSHDB');
    else if (what < 99 && random.chance(0.5)) this.swap(run);
    else run('PERSIST', this.key());
  }

  /** Alone, or amid other commands of a transaction. */
  private swap(run: (...words: (string | number)[]) => void): void {
    const { random } = this;
    if (random.chance(0.5)) {
      run('SWAPDB', 0, 1);
      return;
    }
    run('MULTI');
    for (let i = random.below(3); i >= 0; i--) {
      for (let k = random.below(4); k > 0; k--) run('SET', this.key(), this.value());
      if (random.chance(0.2)) run('FLUSHDB');
      run('SWAPDB', 0, 1);
    }
    run('SET', this.key(), this.value());
    run('EXEC');
  }

  /** The keys of a group are only ever written together, with the same value. */
  private writeGroup(run: (...words: (string | number)[]) => void): void {
    const { random } = this;
    const group = random.below(GROUPS);
    const value = `${++this.token}`;
    const keys = Array.from({ length: GROUP_KEYS }, (_, i) => `group:${group}:${i}`);
    if (random.chance(0.5)) {
      run('MSET', ...keys.flatMap((key) => [key, value]));
      return;
    }
    run('MULTI');
    for (const key of keys) run('SET', key, value);
    run('EXEC');
  }

  /** What a client sees on a server that is in sync. */
  private observe(server: SimulatedServer): void {
    if (!server.whole || (server.isReplica && server.state.step === 'sync')) return;
    for (let database = 0; database < DATABASES; database++) {
      for (let group = 0; group < GROUPS; group++) {
        const seen = new Set<string>();
        for (let i = 0; i < GROUP_KEYS; i++) {
          seen.add(server.execute(this.now, database, 'GET', `group:${group}:${i}`));
        }
        if (seen.size !== 1) {
          throw new Error(`${server.name} shows half a transaction: ${[...seen].join(' and ')}`);
        }
      }
    }
  }

  /** WAIT begins: a cut is made, or the newest one is new enough. Or cuts are made for INFO. */
  private makeCut(): void {
    this.confirmed.makeCut(this.root, this.now, this.random.chance(0.5));
  }

  private confirm(): void {
    this.confirmed.confirm(this.root);
    this.confirmed.checkOffsets(this.root, this.servers);
  }

  private cutOne(): void {
    const server = this.random.pick(this.servers);
    this.disconnect(server, 'cut');
  }

  private damageOne(): void {
    const link = this.random.pick(this.servers).up;
    if (link?.damage() === true) this.note(`damage on the way to ${link.to.name}`);
  }

  private slowDown(): void {
    const link = this.random.pick(this.servers).up;
    if (link !== null) link.window = this.random.pick([200, 20_000, 1 << 22]);
  }

  /** A replica takes over; the old primary is gone, or follows it. */
  private promote(): void {
    const { random } = this;
    const server = random.pick(this.servers);
    const { shards } = this.shape;
    if (!server.isReplica || !server.whole || server.shape.shards !== shards) return;
    if (server.state.step === 'sync') return;
    const old = this.root;
    const link = server.up;
    const planned = random.chance(0.5) && link !== null && link.from === old;
    if (planned) link.settle();
    this.watchLinks();
    if (planned && server.up === null) return;
    this.note(`${server.name} is promoted, ${planned ? 'planned' : 'by force'}`);
    this.disconnect(server, 'promoted');
    const progress = server.heads();
    server.confirmed.forEach((lsn, shard) => {
      if (progress[shard]! < lsn) throw new Error(`${server.name} lost a confirmed write`);
    });
    const history = server.same ? server.state.unfollow(this.now, progress) : null;
    server.following = null;
    if (history === null) {
      server.state.unfollow(this.now, []);
      server.primary.startAnew();
    } else server.primary.promote(history.id, history.lsns);
    this.endDown(server, 'the primary was promoted');
    server.installSink();
    this.root = server;
    server.cuts.clear(false);
    this.confirmed.forget();
    this.promotions++;
    if (planned) this.sameAs(server, old);
    server.confirmed = [];
    // Those that followed the old primary may stay with it as sub-replicas, or move over.
    for (const other of this.servers) {
      if (other !== server && other.following === old && random.chance(0.8)) {
        this.follow(other, server);
      }
    }
    if (random.chance(0.3)) this.crash(old);
    else this.follow(old, server);
  }

  private sameAs(server: SimulatedServer, other: SimulatedServer): void {
    compare(other.dump(this.now), server.dump(this.now), `${server.name} after the takeover`);
  }

  /** The process is gone, with everything; whoever followed it finds another. */
  private crash(server: SimulatedServer): void {
    this.note(`${server.name} crashes`);
    this.disconnect(server, 'crash');
    for (const link of [...server.down]) this.drop(link, 'crash of the primary');
    server.crashed = true;
    this.servers.splice(this.servers.indexOf(server), 1);
    for (const other of this.servers) {
      if (other.following === server) this.follow(other, this.root);
    }
  }

  private crashReplica(): void {
    const server = this.random.pick(this.servers);
    if (server === this.root) return;
    this.crash(server);
    this.addReplica();
  }

  private moveReplica(): void {
    const server = this.random.pick(this.servers);
    if (server !== this.root) this.follow(server, this.candidate(server));
  }

  private stopJournal(): void {
    for (const server of this.servers) {
      if (!server.isReplica && server.down.size === 0) server.stopJournal();
    }
  }

  /** All trouble stops; everybody gets in sync. */
  private heal(): void {
    if (this.servers.length === 1) this.addReplica();
    const isOnline = (server: SimulatedServer) =>
      !server.isReplica || (server.state.step === 'online' && server.up !== null);
    for (let round = 0; ; round++) {
      if (round > 200) throw new Error('the servers never get in sync');
      this.now += 10_000;
      for (const server of this.servers) this.connect(server);
      for (const server of this.servers) {
        if (server.up === null) continue;
        server.up.window = 1 << 22;
        server.up.settle();
      }
      this.watchLinks(1);
      if (round > 3 && this.servers.every(isOnline)) break;
    }
    if (this.root.journaling) this.root.cuts.make(this.root.rings, this.now);
    // From the root downwards, as what comes to a replica is passed on.
    for (let level = 0; level < this.servers.length; level++) {
      for (const server of this.servers) server.up?.settle();
    }
    this.watchLinks(1);
    for (const server of this.servers) {
      if (!isOnline(server)) throw new Error(`${server.name}: ${server.state.step} at the end`);
    }
  }

  private verify(): void {
    const expected = this.root.dump(this.now);
    for (const server of this.servers) {
      server.check();
      if (server === this.root) continue;
      compare(expected, server.dump(this.now), server.name);
      const { up } = server;
      const { offset } = this.root.cuts;
      if (this.root.journaling && server.offset !== offset) {
        throw new Error(`${server.name} ends at offset ${server.offset}, the root at ${offset}`);
      }
      if (up === null || !server.same || !up.from.isReplica) continue;
      // A chain counts the same LSNs from end to end.
      const heads = up.from.heads();
      server.heads().forEach((head, shard) => {
        if (head !== heads[shard]) throw new Error(`${server.name}: shard ${shard} at ${head}`);
      });
    }
    for (const server of this.servers) if (server.up !== null) this.drop(server.up, 'the end');
  }
}
