/**
 * A server of the simulation: real shards, rings, dispatcher, flows of both sides; no threads and
 * no sockets. Everything it does is one call, so that locks are never contended.
 */
import { Region, toBinary } from '../../src/base/region.js';
import type { ServerPort } from '../../src/commands/contract/server-port.js';
import { commandModules } from '../../src/commands/index.generated.js';
import { definitionsOf } from '../../src/engine/definitions.js';
import { Dispatcher } from '../../src/engine/dispatch.js';
import { Registry } from '../../src/engine/registry.js';
import { ClientSession } from '../../src/engine/session.js';
import { Transactions } from '../../src/engine/transactions.js';
import { NewestCut } from '../../src/journal/cuts.js';
import { JournalRing } from '../../src/journal/ring.js';
import { JournalSink } from '../../src/journal/sink.js';
import { elementsByVerb } from '../../src/keyspace/effect-elements.js';
import { checkShard } from '../../src/keyspace/shard-check.js';
import { formatShard, Shards } from '../../src/keyspace/shards.js';
import { TYPES } from '../../src/keyspace/types.js';
import type { HashKey } from '../../src/memory/space.js';
import { Arguments } from '../../src/protocol/parser.js';
import { Reply } from '../../src/protocol/reply.js';
import { PrimaryState, streamsOf } from '../../src/replication/primary/primary-state.js';
import { ReplicaState } from '../../src/replication/replica/replica-state.js';
import { EffectApplier } from '../../src/server/flow-thread/effect-applier.js';
import { contentOf } from './content.js';
import { SimulatedKeyless } from './keyless-state.js';
import type { Link } from './link.js';

export const DATABASES = 2;
const MIB = 1 << 20;

export interface ServerShape {
  readonly shards: number;
  readonly shardMebibytes: number;
  readonly ringBytes: number;
  /** To which a ring may grow; `ringBytes` when it is not given. */
  readonly ringSpaceBytes?: number;
  /** Kept for a replica that is away; nothing when it is not given. */
  readonly ringElasticBytes?: number;
}

const registry = new Registry(definitionsOf(commandModules));
/** What a primary's flows know of effects on collections. */
export const elements = elementsByVerb(registry.all.map((command) => command.definition));

export class SimulatedServer {
  readonly shards: Shards;
  readonly rings: JournalRing[];
  readonly cuts: NewestCut;
  readonly state: ReplicaState;
  readonly primary: PrimaryState;
  readonly applier: EffectApplier;
  readonly keyless: SimulatedKeyless;
  /** The link to our primary, and those to our replicas. */
  up: Link | null = null;
  readonly down = new Set<Link>();
  following: SimulatedServer | null = null;
  /** Whether the rings are written, by whoever writes here. */
  journaling = false;
  /** Whether the data is whole: it was never in pieces, or has become whole since. */
  whole = true;
  crashed = false;
  /** How often a ring that had grown for a large record was made small again. */
  shrunkRings = 0;
  /** The progress of a full sync that may go on. */
  cutProgress: SharedArrayBuffer | null = null;
  /** Offset of the last cut applied, of the link that is gone. */
  lastOffset = 0;
  /** LSNs that a client was told are here for sure (WAIT). */
  confirmed: readonly number[] = [];
  private readonly dispatcher: Dispatcher;
  private readonly session: ClientSession;
  private readonly args = new Arguments();
  private region = new Region(new SharedArrayBuffer(65536), 0);
  private readonly sink: JournalSink;

  constructor(
    readonly name: string,
    readonly shape: ServerShape,
    hashKey: HashKey,
    newId: () => string,
  ) {
    const counters = new Int32Array(new SharedArrayBuffer(64));
    const regions = Array.from({ length: shape.shards }, () => {
      const region = new Region(new SharedArrayBuffer(shape.shardMebibytes * MIB), 0);
      formatShard(region, DATABASES, counters, 0, hashKey);
      return region;
    });
    this.shards = new Shards(regions, DATABASES, counters, 0, 0);
    this.rings = Array.from({ length: streamsOf(shape.shards) }, () => {
      return new JournalRing(
        new Region(
          JournalRing.create(shape.ringBytes, shape.ringSpaceBytes, shape.ringElasticBytes),
          0,
        ),
      );
    });
    this.keyless = new SimulatedKeyless(this.rings.at(-1)!, shape.shards);
    this.cuts = new NewestCut(NewestCut.create(this.rings.length), 1);
    this.sink = new JournalSink(this.rings);
    this.state = new ReplicaState(shape.shards, DATABASES);
    this.primary = new PrimaryState(shape.shards, DATABASES, newId);
    this.session = new ClientSession(1, 0, '', '', 0, () => true);
    this.dispatcher = this.newDispatcher();
    this.applier = new EffectApplier(
      this.newDispatcher(),
      new ClientSession(2, 0, '', '', 0, () => true),
    );
  }

  private newDispatcher(): Dispatcher {
    const count = registry.all.length;
    const statistics = {
      calls: new Float64Array(count),
      microseconds: new Float64Array(count),
      rejected: new Float64Array(count),
      failed: new Float64Array(count),
      timeEverything: false,
      errorReply: () => {},
      timed: () => {},
    };
    const hooks = {
      failed: (command: string, error: unknown) => {
        throw new Error(`${command} failed in the simulation`, { cause: error });
      },
      attacked: () => {},
      waiting: () => {},
      resumed: () => {},
    };
    const reply = new Reply(new Region(new SharedArrayBuffer(65536), 0));
    const nobody = new ClientSession(0, 0, '', '', 0, () => true);
    const dispatcher = new Dispatcher(registry, this.shards, reply, statistics, hooks, nobody);
    dispatcher.server = { transactions: new Transactions(dispatcher) } as unknown as ServerPort;
    return dispatcher;
  }

  /** What a flow to a replica needs of this server. */
  get primaryParts() {
    const { shards, rings, cuts } = this;
    return { shards, rings, cuts, elements, owner: 1, keylessState: this.keyless.effects };
  }

  /** What a flow from a primary needs of this server. @param same whether both have as many shards */
  replicaParts(same = true) {
    const { shards, rings, cuts, applier: target } = this;
    return {
      shards,
      rings: same ? rings : null,
      cuts: same ? cuts : null,
      keyless: { ring: rings.at(-1)!, owner: 1 },
      keylessTarget: this.keyless.effects,
      target,
    };
  }

  get isReplica(): boolean {
    return this.following !== null;
  }

  /** Whether ours and the primary's shards are the same ones. */
  get same(): boolean {
    return this.following === null || this.following.shape.shards === this.shape.shards;
  }

  /** Begins to keep the journal. What was written meanwhile is in no ring: LSNs from before are void. */
  startJournal(): void {
    if (this.journaling) return;
    this.journaling = true;
    for (const ring of this.rings) ring.reset(ring.head + 4);
    this.installSink();
  }

  stopJournal(): void {
    this.journaling = false;
    this.installSink();
  }

  /** Only a primary's own writes are journaled by its dispatcher. */
  installSink(): void {
    const isOn = this.journaling && !this.isReplica;
    this.dispatcher.keys.effects.sink = isOn ? this.sink : null;
    this.keyless.stream.isOn = isOn;
    this.dispatcher.keys.expiresKeys = !this.isReplica;
  }

  /** What INFO shows of a replica: the offset of the last cut that it has applied whole. */
  get offset(): number {
    return this.up?.progress.offset ?? this.lastOffset;
  }

  heads(): number[] {
    return this.rings.map((ring) => ring.head);
  }

  /** Runs a command as a client does. @returns the reply's bytes */
  execute(nowMs: number, database: number, ...words: (string | number)[]): string {
    const texts = words.map(String);
    const bytes = texts.reduce((sum, text) => sum + text.length, 0);
    if (bytes > this.region.length)
      this.region = new Region(new SharedArrayBuffer(bytes + 4096), 0);
    const { args, region, dispatcher, session } = this;
    args.region = region;
    args.count = 0;
    let at = 0;
    for (const text of texts) {
      region.bytes.set(Buffer.from(text, 'latin1'), at);
      args.push(at, text.length);
      at += text.length;
    }
    session.database = database;
    dispatcher.beginTurn(nowMs, 0);
    dispatcher.reply.rewind(0);
    dispatcher.dispatch(session, args);
    const { start, position } = dispatcher.reply;
    return toBinary(dispatcher.reply.region, start, position - start);
  }

  /**
   * A command fails after it has changed a key and before it has told the journal.
   * @returns whether there is a journal that has lost it
   */
  failHalfWay(nowMs: number, database: number, key: string, value: string): boolean {
    const { effects } = this.dispatcher.keys;
    const { sink } = effects;
    effects.sink = null;
    this.execute(nowMs, database, 'SET', key, value);
    effects.sink = sink;
    const bytes = Buffer.from(key, 'latin1');
    this.region.bytes.set(bytes);
    const shard = this.shards.shardOf(this.region, 0, bytes.length);
    this.shards.lock(shard);
    effects.lost([shard]);
    this.shards.unlock(shard);
    return sink !== null;
  }

  /** Background work on the tables, as the expiry cycle does it. */
  maintain(): void {
    for (let shard = 0; shard < this.shards.count; shard++) {
      for (let database = 0; database < DATABASES; database++) {
        this.shards.table(shard, database).maintain(4);
      }
      TYPES.reclaim.step(this.shards.spaces[shard]!, 20);
    }
    for (const ring of this.rings) {
      // As if the replicas that are away stayed away.
      ring.removeAnchor();
      this.shrinkRing(ring);
    }
  }

  private shrinkRing(ring: JournalRing): void {
    if (!ring.hasGrown) return;
    ring.shrink();
    if (!ring.hasGrown) this.shrunkRings++;
  }

  /**
   * Every key of every database: type, expiry, value; without those past their time. And what has
   * no key.
   */
  dump(nowMs: number): Map<string, string> {
    const found = new Map<string, string>();
    for (const [name, value] of this.keyless.notes) found.set(`note ${name}`, value);
    found.set('last message', String(this.keyless.lastMessage));
    for (let shard = 0; shard < this.shards.count; shard++) {
      for (let database = 0; database < DATABASES; database++) {
        const table = this.shards.table(shard, database);
        if (table.size === 0) continue;
        for (let position = 0; position < 2 ** 32; ) {
          position = table.scan(position);
          for (let i = 0; i < table.scanCount; i++) {
            table.decode(table.scanOffsets[i]!);
            const { kind, expiry } = table;
            if (expiry !== 0 && expiry < nowMs) continue;
            const key = toBinary(table.region, table.keyOffset, table.keyLength);
            const value = contentOf(table);
            if (found.has(`${database} ${key}`)) throw new Error(`${key} is there twice`);
            found.set(`${database} ${key}`, `${kind & 7} ${expiry} ${value}`);
          }
        }
      }
    }
    return found;
  }

  /** @throws when a shard is damaged or a key lies in another than its own */
  check(): void {
    for (let shard = 0; shard < this.shards.count; shard++) {
      this.shards.lock(shard);
      checkShard(this.shards, shard);
      this.shards.spaces[shard]!.check();
      this.shards.unlock(shard);
    }
  }
}
