/**
 * The one door for writes. Each operation is about the key last sought, and does four things in
 * this order; no command can forget one:
 *
 *   1. it writes the bytes;
 *   2. it counts the change and raises the key's version, for those who WATCH it;
 *   3. it tells the keyspace event;
 *   4. it emits the effect: what a replica and the journal replay.
 *
 *     store, storeArgument      the key holds this value                effect: the value's own
 *     beginStore ... commit     the same, the caller writes the bytes   effect: see commit
 *     beginEdit ... commit      the value is longer, shorter, other     effect: see commit
 *     remove                    the key is gone                         effect: DEL
 *     expireAt, persist         the key expires, or does not            effect: PEXPIREAT, PERSIST
 *     commit                    what was begun is complete              effect: the command as it came
 *     commitValue               what was begun is complete              effect: the value's own
 *     commitUnannounced         the same, where Redis signals nothing   effect: the command as it came
 *     fill                      new keys of a file are there            none: where nobody hears of them
 *     custom                    what was begun is complete              effect: built by the caller
 *     customUnsignalled         the same, where Redis signals nothing   effect: built by the caller
 *     announce                  one more event of the last change
 *     noteElementExpiry         elements of the value expire          no effect of its own
 *     expireElements            elements of the value have expired    effect: their type's
 *
 * An edit of a collection is begun, done by the code of its type, and committed: HSET commits its
 * own vector, a command that chose by chance builds what it did with `custom`. When it emptied the
 * collection, `remove` follows: replicas that have removed the empty key themselves lose nothing.
 *
 * After a command, `settle` finds a change that left no effect, or was begun and not committed.
 *
 * Values may own pages (values/value-type.ts): what replaces or removes one frees them.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { copyBytes, type Region } from '../base/region.js';
import { ORDER_NONE } from '../structures/slot-order.js';
import type { EntryRows } from '../structures/table-filler.js';
import { EFFECT_EXPIRE_AT, EFFECT_PERSIST, EFFECT_REMOVE } from './effect-verbs.js';
import { EffectBuilder } from './effects.js';
import {
  EVENT_DEL,
  EVENT_EVICTED,
  EVENT_EXPIRED,
  EVENT_HEXPIRED,
  EVENT_KEY_MISS,
  EVENT_NEW,
  EVENT_PERSIST,
  type KeyspaceEvent,
} from './events.js';
import { Invalidations } from './invalidations.js';
import { KeyLookup } from './key-lookup.js';
import { ReadyKeys } from './ready-keys.js';
import { ReplacedValue } from './replaced-value.js';
import { WORD_TRACKED, WORD_WAITING, WORD_WATCHED } from './shard-words.js';
import type { Shards } from './shards.js';
import { type StoreFullError, shardFull } from './store-full.js';
import { findTicket } from './tickets.js';
import type { TypeRegistry } from './types.js';
import { touchWatched } from './watch.js';

/** Told of an event. The key is `length` bytes at `offset`, valid during the call. */
export type EventListener = (
  event: KeyspaceEvent,
  database: number,
  region: Region,
  offset: number,
  length: number,
) => void;

/** What counts for one command only, while another runs inside it. */
export class OuterCommand {
  writing = false;
  changes = 0;
  effectsMade = 0;
  expiryEffects = 0;
}

export abstract class Mutation extends KeyLookup {
  /** Changes since the command began; not 0 means that it wrote something. */
  changes = 0;
  /** Changes since the start. */
  totalChanges = 0;
  /** Keys that have expired and were removed, since the start. */
  expired = 0;
  /** Keys that were evicted, likewise. */
  evicted = 0;
  /** Elements of values (fields of hashes), likewise. */
  expiredElements = 0;
  listener: EventListener | null = null;
  readonly effects: EffectBuilder;
  /** Keys that clients wait for, changed since they were last served. */
  readonly ready = new ReadyKeys();
  /** Keys that clients have in their caches, changed since these were last told. */
  readonly invalidations = new Invalidations();
  /** Whether an operation was begun and is not committed. */
  private begun = false;
  /** Effects of expired keys since the command began: they belong to no change of the command. */
  private expiryEffects = 0;
  private readonly replaced = new ReplacedValue();
  /** The key stored next counts as created, even if it takes the place of another. */
  protected replacesKey = false;
  /** False while the event of a created key is told by the command itself. */
  tellsCreation = true;

  constructor(
    shards: Shards,
    readonly types: TypeRegistry,
  ) {
    super(shards);
    this.effects = new EffectBuilder(this);
    for (const space of shards.spaces) space.reclaimer = types.reclaim;
  }

  /** Before a command. @param writes whether it may change keys */
  beginCommand(writes: boolean): void {
    this.writing = writes;
    this.noting = this.order;
    this.changes = 0;
    this.expiryEffects = 0;
    this.begun = false;
    this.effects.reset();
  }

  /**
   * Before a command inside the one under way.
   * @param outer keeps what counts for the one under way, until `endInner`
   * @throws when a change was begun: the inner command might move its bytes, or write its effect
   */
  beginInner(outer: OuterCommand): void {
    if (this.begun || this.effects.begun) throw new Error('a command inside a change');
    outer.writing = this.writing;
    outer.changes = this.changes;
    outer.effectsMade = this.effects.made;
    outer.expiryEffects = this.expiryEffects;
  }

  /** After it, whatever became of it. */
  endInner(outer: OuterCommand): void {
    this.writing = outer.writing;
    this.changes = outer.changes;
    this.expiryEffects = outer.expiryEffects;
    this.begun = false;
    this.effects.made = outer.effectsMade;
    this.effects.begun = false;
  }

  /**
   * After a command that has changed something: counts its changes.
   * @throws when replicas and the journal would not learn of a change: a mistake in the command
   */
  settle(): void {
    this.totalChanges += this.changes;
    const { effects } = this;
    if (this.begun) throw new Error('a change was begun and not committed');
    if (effects.begun) throw new Error('an effect was begun and not ended');
    if (effects.active && effects.made === this.expiryEffects) {
      throw new Error('a change left no effect');
    }
  }

  /**
   * Creates or replaces the key.
   * @param expiry as base/expiry-time.ts has it, 0 for none
   * @param event null when the caller announces it later
   * @throws StoreFullError
   */
  store(
    kind: number,
    source: Region,
    offset: number,
    length: number,
    expiry: number,
    event: KeyspaceEvent | null,
  ): void {
    const at = this.place(kind, length, expiry);
    copyBytes(this.region, at, source, offset, length);
    this.changed(event, true);
    if (this.effects.sink !== null) this.emitValue();
  }

  /**
   * Puts new keys into a shard, which is locked, as long as nobody is to be told of one: they come from a
   * file, and there is neither a journal nor a client that waits for keys, watches or caches them.
   * @param from the first of them in the order of the rows; they end before `end`
   * @param kind of all; its values own no pages
   * @returns the first one that was not put: it is to be stored by itself
   */
  fill(
    {
      shard,
      database,
      kind,
    }: { readonly shard: number; readonly database: number; readonly kind: number },
    rows: EntryRows,
    from: number,
    end: number,
  ): number {
    if (!this.mayFill(shard)) return from;
    const next = this.shards.table(shard, database).fill(rows, from, end, kind);
    this.totalChanges += next - from;
    return next;
  }

  private mayFill(shard: number): boolean {
    const { words } = this.shards.spaces[shard]!.region;
    const heard = words[WORD_WAITING]! | words[WORD_TRACKED]! | words[WORD_WATCHED]!;
    const isTold = this.effects.sink !== null || this.listener !== null;
    return heard === 0 && !isTold && !this.invalidations.hasPrefixes && this.order === ORDER_NONE;
  }

  /** The same with the bytes of an argument. @throws StoreFullError */
  storeArgument(
    kind: number,
    args: ArgumentVector,
    index: number,
    expiry: number,
    event: KeyspaceEvent,
  ): void {
    this.store(kind, args.region, args.offset[index]!, args.length[index]!, expiry, event);
  }

  /**
   * Begins creating or replacing the key.
   * @returns the offset in `region` where the caller writes `length` bytes, and then commits
   * @throws StoreFullError
   */
  beginStore(kind: number, length: number, expiry: number): number {
    const at = this.place(kind, length, expiry);
    this.begin();
    return at;
  }

  /**
   * Begins changing the value in place: gives it a length and a kind of the same type. Its
   * beginning and its expiry stay, new bytes are 0. A key that does not exist begins empty.
   * @returns the offset in `region` of the value's bytes, which the caller changes, and then commits
   * @throws StoreFullError
   */
  beginEdit(kind: number, length: number, found: boolean): number {
    let at = this.valueOffset;
    if (!found) {
      at = this.place(kind, length, 0);
      this.region.bytes.fill(0, at, at + length);
    } else {
      if (length !== this.valueLength) {
        at = this.table.resize(length);
        if (at < 0) throw this.full();
        this.valueOffset = at;
        this.valueLength = length;
      }
      if (kind !== this.kind) this.reencode(kind);
    }
    this.begin();
    return at;
  }

  /**
   * Begins replacing the value found by one that keeps its beginning; it does not expire. Else as
   * beginEdit.
   * @throws StoreFullError
   */
  beginRewrite(kind: number, length: number): number {
    this.beginEdit(kind, length, true);
    // Without an expiry an entry is shorter, so that this cannot fail.
    if (this.expiry !== 0) this.setExpiry(0);
    return this.valueOffset;
  }

  /** Completes the operation that was begun. The effect is the command as it came: `args`. */
  commit(event: KeyspaceEvent, args: ArgumentVector): void {
    this.complete(event);
    if (this.effects.sink !== null) this.effects.verbatim(args);
  }

  /** Completes what was begun. The effect is the value that the key has now. */
  commitValue(event: KeyspaceEvent | null): void {
    this.complete(event);
    if (this.effects.sink !== null) this.emitValue();
  }

  /**
   * Completes an edit that Redis does not count as a change: the key's version stays, and there is
   * no event. The bytes may be others all the same, so that replicas need the effect.
   */
  commitUnannounced(args: ArgumentVector): void {
    this.endBegun();
    this.changes--;
    if (this.effects.sink !== null) this.effects.verbatim(args);
  }

  /**
   * Completes what was begun. The caller appends to the effect, which has the name and the key, and
   * ends it. test/tidy lists the files that do.
   */
  custom(event: KeyspaceEvent | null, name: string, subcommand = ''): EffectBuilder {
    this.complete(event);
    return this.effects.begin(name, subcommand);
  }

  /** The same where Redis signals nothing to those who watch the key: its version stays. */
  customUnsignalled(name: string, subcommand = ''): EffectBuilder {
    this.endBegun();
    return this.effects.begin(name, subcommand);
  }

  /** Removes the key, which exists. */
  remove(event: KeyspaceEvent): void {
    this.types.removeEntry(this.table);
    this.removed(event);
  }

  /** Removes the key, whose pages belong to another key now. */
  protected removeMoved(event: KeyspaceEvent): void {
    this.table.remove();
    this.removed(event);
  }

  private removed(event: KeyspaceEvent): void {
    this.exists = false;
    this.changed(event, false);
    if (this.effects.sink !== null) this.effects.begin(EFFECT_REMOVE).end();
  }

  /** Sets when the key expires, which exists. @throws StoreFullError */
  expireAt(expiry: number, event: KeyspaceEvent): void {
    this.setExpiry(expiry);
    this.changed(event, true);
    if (this.effects.sink !== null) this.effects.begin(EFFECT_EXPIRE_AT).time(expiry).end();
  }

  /** Removes the key's expiry. */
  persist(): void {
    this.setExpiry(0);
    this.changed(EVENT_PERSIST, true);
    if (this.effects.sink !== null) this.effects.begin(EFFECT_PERSIST).end();
  }

  /** Changes how the value is stored and not what it is: no change, and no effect. */
  reencode(kind: number): void {
    this.table.setKind(kind);
    this.types.markOwning(this.table, kind);
    this.kind = kind;
  }

  /** Tells an event of the key last sought: one more of the last change. */
  announce(event: KeyspaceEvent): void {
    if (this.listener === null) return;
    const { soughtDatabase, keyRegion, keyOffset, keyLength } = this;
    this.listener(event, soughtDatabase, keyRegion, keyOffset, keyLength);
  }

  /**
   * Removes a batch of the elements of the value found that have expired, and the key with the last of
   * them. No change of the command's, as with keys that have expired. Where expired keys are only
   * hidden, so are elements, by their type.
   * @returns whether the key is still there
   */
  expireElements(): boolean {
    if (!this.expiresKeys || (!this.writing && this.defersExpiry(this.shard))) return true;
    const { effects } = this;
    const before = effects.made;
    const { isMuted } = effects;
    // What has expired is no change of the script's that may keep its own to itself.
    effects.isMuted = false;
    const removed = this.types.elementExpiry(this.kind).expire(this, this.now, effects);
    effects.isMuted = isMuted;
    this.expiryEffects += effects.made - before;
    if (removed === 0) return true;
    this.expiredElements += Math.abs(removed);
    this.touch(true);
    this.announce(EVENT_HEXPIRED);
    if (removed > 0) return true;
    this.removeByServer(EVENT_DEL);
    return false;
  }

  /**
   * Notes that no element of the value found expires before this, 0 for none at all: the expiry cycle
   * looks at tables whose earliest time has come.
   */
  noteElementExpiry(expiry: number): void {
    if (expiry === 0) return;
    const earliest = this.table.ownerNumber;
    if (earliest === 0 || expiry < earliest) this.table.ownerNumber = expiry;
  }

  /** Tells that a command that only reads has not found the key last sought. */
  missed(): void {
    this.announce(EVENT_KEY_MISS);
  }

  /** Removes the key last sought, which has expired (also used by the active cycle). */
  protected expire(): void {
    this.expired++;
    this.removeByServer(EVENT_EXPIRED);
  }

  /** Removes the key found to make room for others. Outside of commands. */
  evict(): void {
    this.evicted++;
    this.removeByServer(EVENT_EVICTED);
  }

  /** No client has asked for it, and no command counts it as its change. */
  private removeByServer(event: KeyspaceEvent): void {
    this.types.removeEntry(this.table);
    this.exists = false;
    const { invalidations } = this;
    const { byClient } = invalidations;
    invalidations.byClient = false;
    this.touch(false);
    invalidations.byClient = byClient;
    this.announce(event);
    const { effects } = this;
    if (!effects.active) return;
    const { isMuted } = effects;
    effects.isMuted = false;
    this.expiryEffects++;
    effects.begin(EFFECT_REMOVE).end();
    effects.isMuted = isMuted;
  }

  /** Makes the entry of the key last sought; its value's bytes are to be written. */
  private place(kind: number, length: number, expiry: number): number {
    const existed = this.exists;
    const isNew = !existed || this.replacesKey;
    const owned = existed && this.types.owns(this.kind);
    if (owned) this.replaced.keep(this);
    const at = this.table.put(kind, length, expiry);
    if (at < 0) throw this.full();
    this.types.markOwning(this.table, kind);
    if (owned) this.types.free(this.replaced);
    // A copy may have elements that expire. The cycle finds out when.
    if (this.types.hasExpiringElements(kind)) this.noteElementExpiry(1);
    this.exists = true;
    this.kind = kind;
    this.expiry = expiry;
    this.valueOffset = at;
    this.valueLength = length;
    if (!existed && this.order !== ORDER_NONE) this.table.placeNew(this.order);
    if (isNew && this.tellsCreation) this.announce(EVENT_NEW);
    return at;
  }

  private setExpiry(expiry: number): void {
    const { table } = this;
    if (!table.setExpiry(expiry)) throw this.full();
    this.expiry = expiry;
    this.valueOffset = table.valueOffset;
  }

  /** The error of a shard without room. */
  full(shard = this.shard): StoreFullError {
    return shardFull(shard, this.shards.count, this.shards.spaces[shard]!.region.length);
  }

  private begin(): void {
    this.begun = true;
    // `settle` notices when no commit follows.
    this.changes++;
  }

  private complete(event: KeyspaceEvent | null): void {
    this.endBegun();
    this.touch(true);
    if (event !== null) this.announce(event);
  }

  private endBegun(): void {
    if (!this.begun) throw new Error('nothing was begun');
    this.begun = false;
  }

  private changed(event: KeyspaceEvent | null, exists: boolean): void {
    this.changes++;
    this.touch(exists);
    if (event !== null) this.announce(event);
  }

  /**
   * Raises the key's version, for those who watch it; notes it for those who wait for it, or have it
   * in a cache.
   */
  private touch(exists: boolean): void {
    const { words } = this.region;
    if (words[WORD_WAITING] !== 0) this.noteReady();
    if (words[WORD_TRACKED] !== 0 || this.invalidations.hasPrefixes) this.invalidations.note(this);
    if (words[WORD_WATCHED] === 0) return;
    touchWatched(this.space, this.h1, this.h2, this.soughtDatabase, exists);
  }

  /** Clients wait in this shard: if it is for this key, they are served after the command. */
  private noteReady(): void {
    const { space, shard, h1, h2, soughtDatabase } = this;
    if (findTicket(space, h1, h2, soughtDatabase) === 0) return;
    this.ready.add(shard, soughtDatabase, h1, h2, this);
  }

  private emitValue(): void {
    this.types.of(this.kind).effects(this, this.effects);
  }
}
