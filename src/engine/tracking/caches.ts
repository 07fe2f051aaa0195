/**
 * The clients of one thread that track keys, and what they are told. With RESP3 a client gets a push;
 * or another client gets it in its place, with RESP2 as a message of a channel while that client is
 * subscribed to anything:
 *
 *     > invalidate, [keys]                       * message, __redis__:invalidate, [keys]
 *
 * Null in the place of the keys: all of them. MESSAGE_REDIRECTED takes such keys to the thread of the
 * client that is named, MESSAGE_REDIRECT_BROKEN comes back when it is gone:
 *
 *     f64 client named | f64 client that tracks | u32 its thread | keys, encoded
 *     f64 client that tracks | f64 client named
 */
import { newRegion } from '../../base/owned-region.js';
import { type Region, toBinary } from '../../base/region.js';
import type { Session } from '../../commands/contract/session.js';
import { BATCH_HEADER_BYTES } from '../../keyspace/invalidations.js';
import { ITEM_BYTES, itemClient, itemThread } from '../../keyspace/tracked-keys.js';
import type { Mailbox } from '../../memory/mailbox.js';
import { Reply } from '../../protocol/reply.js';
import {
  MESSAGE_BROADCAST,
  MESSAGE_FORGOTTEN,
  MESSAGE_INVALIDATED,
  MESSAGE_REDIRECT_BROKEN,
  MESSAGE_REDIRECTED,
} from '../message-kinds.js';
import { ClientSession } from '../session.js';
import type { LocalCaches } from './sender.js';

const INITIAL_BYTES = 1024;
const CHANNEL = '__redis__:invalidate';
const REDIRECTED_HEADER_BYTES = 20;
const INVALIDATED_HEADER_BYTES = 12;
/** Regions grown beyond this are not kept. */
const KEPT_BYTES = 1 << 20;

export interface CacheParts {
  readonly thread: number;
  readonly mailbox: Mailbox;
  /** All clients of the thread. */
  readonly sessions: ReadonlyMap<number, ClientSession>;
  /** Writes bytes to a client outside of its replies. */
  readonly push: (session: ClientSession, region: Region, offset: number, length: number) => void;
}

/** Who wants the keys with a prefix. */
interface Audience {
  readonly clients: Set<ClientSession>;
  /** Where its keys begin in this thread's own batch. */
  since: number;
}

export class Caches implements LocalCaches {
  private readonly tracking = new Set<ClientSession>();
  private readonly byPrefix = new Map<string, Audience>();
  /** The keys of a message. */
  private keys = new Reply(newRegion(INITIAL_BYTES));
  /** The whole message. */
  private message = new Reply(newRegion(INITIAL_BYTES));
  /** Clients with a message that found no room on its way to the client that they name. */
  private readonly missed = new Set<ClientSession>();

  constructor(private readonly parts: CacheParts) {
    const { mailbox } = parts;
    mailbox.handles(MESSAGE_INVALIDATED, (region, offset, length) =>
      this.takeInvalidated(region, offset, length),
    );
    mailbox.handles(MESSAGE_BROADCAST, (...bytes) => this.broadcast(...bytes));
    mailbox.handles(MESSAGE_FORGOTTEN, () => this.forget());
    mailbox.handles(MESSAGE_REDIRECTED, (...bytes) => this.takeRedirected(...bytes));
    mailbox.handles(MESSAGE_REDIRECT_BROKEN, ({ view }, offset) => {
      const client = this.parts.sessions.get(view.getFloat64(offset, true));
      const named = view.getFloat64(offset + 8, true);
      if (client?.tracking?.redirect === named) this.tellBroken(client);
    });
  }

  own(session: Session): ClientSession {
    if (session instanceof ClientSession) return session;
    throw new Error('a session of another engine');
  }

  add(client: ClientSession): void {
    this.tracking.add(client);
  }

  /** @param batchedBytes of this thread's own batch: a prefix that nobody had hears of none of its keys */
  addPrefix(prefix: string, client: ClientSession, batchedBytes: number): void {
    client.tracking!.prefixes.add(prefix);
    let audience = this.byPrefix.get(prefix);
    if (audience === undefined) {
      audience = { clients: new Set(), since: batchedBytes };
      this.byPrefix.set(prefix, audience);
    }
    audience.clients.add(client);
  }

  remove(client: ClientSession): void {
    this.tracking.delete(client);
    for (const prefix of client.tracking?.prefixes ?? []) {
      const clients = this.byPrefix.get(prefix)?.clients;
      clients?.delete(client);
      if (clients?.size === 0) this.byPrefix.delete(prefix);
    }
  }

  // --- what has changed ---------------------------------------------------------------------------

  private takeInvalidated(region: Region, offset: number, length: number): void {
    const { view } = region;
    const author = view.getFloat64(offset, true);
    const count = view.getInt32(offset + 8, true);
    const items = offset + INVALIDATED_HEADER_BYTES;
    const key = items + count * ITEM_BYTES;
    this.invalidate(author, region, items, count, key, offset + length - key);
  }

  invalidate(
    author: number,
    region: Region,
    items: number,
    count: number,
    key: number,
    length: number,
  ): void {
    const { thread, sessions } = this.parts;
    let isEncoded = false;
    for (let i = 0, at = items; i < count; i++, at += ITEM_BYTES) {
      if (itemThread(region, at) !== thread) continue;
      const client = sessions.get(itemClient(region, at));
      const tracking = client?.tracking;
      if (client === undefined || tracking === null || tracking === undefined) continue;
      if (tracking.broadcasts || (tracking.noLoop && client.id === author)) continue;
      if (!isEncoded) {
        this.beginKeys(1);
        this.keys.bulk(region, key, length);
        isEncoded = true;
      }
      this.tell(client);
    }
    this.forgetLarge();
  }

  /** Of this thread's own batch, which is told and begins anew. */
  broadcastOwn(region: Region, length: number): void {
    const changed = keysOf(region, 0, length);
    for (const prefix of [...this.byPrefix.keys()].sort()) {
      const audience = this.byPrefix.get(prefix)!;
      const { since } = audience;
      audience.since = 0;
      const keys = since === 0 ? changed : keysOf(region, since, length - since);
      this.tellAudience(prefix, audience, keys);
    }
    this.forgetLarge();
  }

  /** Of another thread's. */
  private broadcast(region: Region, offset: number, length: number): void {
    const changed = keysOf(region, offset, length);
    for (const prefix of [...this.byPrefix.keys()].sort()) {
      this.tellAudience(prefix, this.byPrefix.get(prefix)!, changed);
    }
    this.forgetLarge();
  }

  /** Each prefix has its message, with its keys in order. */
  private tellAudience(prefix: string, { clients }: Audience, changed: Map<string, number>): void {
    const keys = [...changed.keys()].filter((name) => name.startsWith(prefix)).sort();
    for (const client of clients) {
      const { noLoop } = client.tracking!;
      const foreign = noLoop ? keys.filter((name) => changed.get(name) !== client.id) : keys;
      if (foreign.length === 0) continue;
      this.beginKeys(foreign.length);
      for (const name of foreign) this.keys.bulkBinary(name);
      this.tell(client);
    }
  }

  forget(): void {
    for (const client of this.tracking) this.forgetOne(client);
  }

  private forgetOne(client: ClientSession): void {
    const { keys } = this;
    keys.rewind(0);
    keys.protocol = client.protocol;
    keys.nullBulk();
    this.tell(client);
  }

  private beginKeys(count: number): void {
    this.keys.rewind(0);
    this.keys.protocol = 3;
    this.keys.array(count);
  }

  // --- telling ------------------------------------------------------------------------------------

  /** Tells a client, or the one that it names, of the keys that are encoded. */
  private tell(client: ClientSession): void {
    const { keys } = this;
    const { redirect, redirectThread } = client.tracking!;
    if (redirect === 0) {
      if (client.protocol === 3) this.push(client, keys.region, keys.start, keys.length);
    } else if (redirectThread !== this.parts.thread) {
      this.sendRedirected(client);
    } else {
      const named = this.parts.sessions.get(redirect);
      if (named === undefined) this.tellBroken(client);
      else this.pushTo(named, keys.region, keys.start, keys.length);
    }
  }

  /** To a client that gets invalidations of another. */
  private pushTo(named: ClientSession, region: Region, offset: number, length: number): void {
    if (named.protocol === 3) this.push(named, region, offset, length);
    else if (named.subscriptions !== null) this.pushMessage(named, region, offset, length);
  }

  private push(client: ClientSession, region: Region, offset: number, length: number): void {
    const { message } = this;
    message.rewind(0);
    message.protocol = 3;
    message.push(2);
    message.bulkBinary('invalidate');
    message.raw(region, offset, length);
    this.parts.push(client, message.region, message.start, message.length);
  }

  private pushMessage(client: ClientSession, region: Region, offset: number, length: number): void {
    const { message } = this;
    message.rewind(0);
    message.array(3);
    message.bulkBinary('message');
    message.bulkBinary(CHANNEL);
    message.raw(region, offset, length);
    this.parts.push(client, message.region, message.start, message.length);
  }

  private tellBroken(client: ClientSession): void {
    const { message } = this;
    const tracking = client.tracking!;
    tracking.isBroken = true;
    if (client.protocol !== 3) return;
    message.rewind(0);
    message.protocol = 3;
    message.push(2);
    message.bulkBinary('tracking-redir-broken');
    message.integer(tracking.redirect);
    this.parts.push(client, message.region, message.start, message.length);
  }

  private sendRedirected(client: ClientSession): void {
    const { thread, mailbox } = this.parts;
    const { redirect, redirectThread } = client.tracking!;
    const { keys } = this;
    mailbox.begin(MESSAGE_REDIRECTED);
    mailbox.putNumber(redirect);
    mailbox.putNumber(client.id);
    mailbox.putWord(thread);
    mailbox.put(keys.region, keys.start, keys.length);
    if (!mailbox.sendTo(redirectThread)) this.missed.add(client);
  }

  /** Clients whose messages found no room drop their caches. */
  makeUp(): void {
    for (const client of this.missed) {
      this.missed.delete(client);
      if (client.tracking !== null) this.forgetOne(client);
    }
  }

  private takeRedirected(region: Region, offset: number, length: number): void {
    const { view } = region;
    const redirect = view.getFloat64(offset, true);
    const named = this.parts.sessions.get(redirect);
    const keys = offset + REDIRECTED_HEADER_BYTES;
    if (named !== undefined) {
      this.pushTo(named, region, keys, offset + length - keys);
      return;
    }
    const { mailbox } = this.parts;
    mailbox.begin(MESSAGE_REDIRECT_BROKEN);
    mailbox.putNumber(view.getFloat64(offset + 8, true));
    mailbox.putNumber(redirect);
    mailbox.sendAlwaysTo(view.getInt32(offset + 16, true));
  }

  private forgetLarge(): void {
    if (this.keys.region.length > KEPT_BYTES) this.keys = new Reply(newRegion(INITIAL_BYTES));
    if (this.message.region.length > KEPT_BYTES) this.message = new Reply(newRegion(INITIAL_BYTES));
  }
}

/** The keys of a batch, each with the one client that has changed it, 0 when it was not only one. */
function keysOf(region: Region, offset: number, length: number): Map<string, number> {
  const { view } = region;
  const keys = new Map<string, number>();
  for (let at = offset; at < offset + length; ) {
    const author = view.getFloat64(at, true);
    const bytes = view.getInt32(at + 8, true);
    const name = toBinary(region, at + BATCH_HEADER_BYTES, bytes);
    const before = keys.get(name) ?? author;
    keys.set(name, before === author ? author : 0);
    at += BATCH_HEADER_BYTES + bytes;
  }
  return keys;
}
