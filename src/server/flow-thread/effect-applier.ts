/**
 * Runs effects on a replica: the vector goes through the thread's own dispatcher, as if a client
 * had sent it, so that replication knows no command. Locks are taken by the caller.
 *
 * The clock stands at 1970 here, so that no key expires: only the primary decides that a key has
 * expired, and then sends a DEL.
 */
import { shownFromPeer } from '../../base/peer-text.js';
import { prefixBinary, type Region } from '../../base/region.js';
import { subcommandOf } from '../../engine/admission.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import type { KeyspaceNotifications } from '../../engine/notifications.js';
import {
  type RegisteredCommand,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
  TRAIT_WRITE,
} from '../../engine/registry.js';
import type { ClientSession } from '../../engine/session.js';
import { loadVector } from '../../journal/keyless-stream.js';
import type { Keyspace } from '../../keyspace/keyspace.js';
import { Arguments } from '../../protocol/parser.js';
import type { EffectTarget } from '../../replication/replica/record-applier.js';

const MINUS = 0x2d;
const NAME_BYTES_MAX = 64;
const ERROR_BYTES_MAX = 256;

/** Keys whose effects came before and are not in the tables yet. */
export interface WaitingKeys {
  /** Whether one may have this hash position. */
  mayHave(shard: number, h1: number): boolean;
  /** Brings those of a shard there. @returns what went wrong, or null */
  settle(shard: number): string | null;
}

export class EffectApplier implements EffectTarget {
  private readonly args = new Arguments();

  /**
   * @param dispatcher this thread's own, used for nothing else, without an effect sink
   * @param session a client that may do everything
   */
  constructor(
    private readonly dispatcher: Dispatcher,
    session: ClientSession,
  ) {
    session.isReplica = true;
    session.authenticated = true;
    dispatcher.session = session;
    dispatcher.keys.expiresKeys = false;
    dispatcher.beginTurn(0, 0);
  }

  /** After effects were applied: tells clients of what they have in their caches. */
  invalidate(): void {
    this.dispatcher.invalidations?.endTurn();
  }

  /** The keyspace events of the effects. */
  get notifications(): KeyspaceNotifications {
    return this.dispatcher.notifications;
  }

  get keys(): Keyspace {
    return this.dispatcher.keys;
  }

  apply(
    shard: number,
    database: number,
    region: Region,
    offset: number,
    waiting: WaitingKeys | null = null,
  ): string | null {
    const { dispatcher, args } = this;
    loadVector(region, offset, args);
    const found = dispatcher.registry.find(region, args.offset[0]!, args.length[0]!);
    const command = found === null ? null : this.inner(found);
    if (command === null) return `the effect ${this.shownName()} is unknown`;
    const { traits } = command;
    const refused = (traits & (TRAIT_LOCK_ALL | TRAIT_LOCK_NONE)) !== 0;
    if ((traits & TRAIT_WRITE) === 0 || refused || command.firstKey < 1) {
      return `${this.shownName()} is no effect`;
    }
    if (!command.accepts(args.count)) return `${this.shownName()} is cut off`;
    // Only this shard's lock is held: no key may lie in another.
    if (shard < 0) dispatcher.keys.forget();
    else if (!dispatcher.planner.keysLieIn(command, args, shard)) {
      return `the key of ${this.shownName()} belongs to another shard`;
    }
    if (waiting !== null && this.mayBeAbout(waiting, shard, command)) {
      const wrong = waiting.settle(shard);
      if (wrong !== null) return wrong;
    }
    dispatcher.keys.database = database;
    const reply = dispatcher.reply;
    reply.rewind(0);
    dispatcher.run(command, args);
    const { start, position } = reply;
    if (reply.region.bytes[start] !== MINUS) return null;
    const error = prefixBinary(reply.region, start + 1, position - start - 3, ERROR_BYTES_MAX);
    return `${this.shownName()} failed: ${shownFromPeer(error)}`;
  }

  /** Whether the effect may be about a key that waits. */
  private mayBeAbout(waiting: WaitingKeys, shard: number, command: RegisteredCommand): boolean {
    const { keys } = this.dispatcher;
    const hasOneKey = command.hasOneKey(this.args.count) && command.readsAnyKey === undefined;
    return !hasOneKey || waiting.mayHave(shard, keys.preparedH1);
  }

  /** The command that the vector names, for an error. */
  private shownName(): string {
    const { region, offset, length } = this.args;
    return shownFromPeer(prefixBinary(region, offset[0]!, length[0]!, NAME_BYTES_MAX));
  }

  /** The subcommand that the vector names, or the command itself. */
  private inner(command: RegisteredCommand): RegisteredCommand | null {
    if (!command.hasSubcommands || this.args.count < 2) return command;
    return subcommandOf(command, this.args) ?? null;
  }
}
