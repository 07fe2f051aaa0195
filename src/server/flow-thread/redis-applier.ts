/**
 * Applies the stream of a Redis: one command after the other through a dispatcher of this thread's own,
 * as if a client had sent it, which writes to our journal what it does. Transactions are queued and run
 * whole by the dispatcher, like a client's.
 *
 * No key expires here: the keyspace's clock stands at 1970, as only the primary decides that a key has
 * expired, and then sends a DEL. Times relative to now (old versions send some) count from the real one.
 *
 * What is no write is refused: a primary may change data, and nothing else of this server.
 */

import { BUSY, DEFERRED, DONE, PAUSED } from '../../base/outcome.js';
import { newRegion } from '../../base/owned-region.js';
import { shownFromPeer } from '../../base/peer-text.js';
import { subcommandOf } from '../../engine/admission.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import { answeredError, foreignName } from '../../engine/foreign-commands.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_MAY_REPLICATE,
  TRAIT_RUNS_SCRIPT,
  TRAIT_WRITE,
} from '../../engine/registry.js';
import type { ClientSession } from '../../engine/session.js';
import type { Arguments } from '../../protocol/parser.js';
import { argumentIs } from '../../protocol/text.js';

/** What `apply` returns. */
export const APPLIED = 0;
/** A shard is taken, or a replica of ours lags: to be tried again. */
export const PUT_OFF = 1;
/** It failed: see `failure`. The data may no longer be the primary's. */
export const FAILED = 2;
/** This server does not know it, or takes it from no primary: see `failure`. Nothing has changed. */
export const REFUSED = 3;
/** The primary asks how far we are. */
export const ASKED = 4;

/** What becomes of a command of the stream. */
const REFUSE = 0;
const RUN = 1;
const IGNORE = 2;
const ANSWER = 3;

/** What a primary sends besides writes. SCRIPT: before 7.0. */
const MORE_TO_RUN = ['select', 'multi', 'exec', 'script|load', 'script|flush'];
const TO_IGNORE = ['ping'];
const TO_ANSWER = ['replconf'];
/** What writes to another server, or waits: primaries send what it did here. */
const NEVER = ['migrate'];

const REPLY_BYTES = 4096;
/** A reply's region beyond this is not kept. */
const KEPT_BYTES = 1 << 20;

export class RedisApplier {
  failure = '';
  /** By index of the registry. */
  private readonly treatments: Uint8Array;
  /** Index in the registry of the last command of the stream, -1 before the first. */
  lastCommand = -1;
  /** Whether the command, or transaction, under way runs a script. */
  private hasScript = false;
  /** Set by an exception of the command under way. */
  private exception = '';

  /**
   * @param dispatcher this thread's own, used for nothing else
   * @param session a client that may do everything
   */
  constructor(
    readonly dispatcher: Dispatcher,
    readonly session: ClientSession,
  ) {
    session.isReplica = true;
    session.authenticated = true;
    dispatcher.session = session;
    dispatcher.keys.expiresKeys = false;
    this.treatments = treatmentsOf(dispatcher.registry);
    this.beginTurn();
  }

  /** Once for each read of the connection. */
  beginTurn(): void {
    const { dispatcher } = this;
    dispatcher.beginTurn(Date.now(), 0);
    dispatcher.keys.now = 0;
  }

  /** A link begins, or has ended: whatever is left of a transaction is forgotten. */
  reset(database: number): void {
    const { session } = this;
    session.reset();
    session.isReplica = true;
    session.authenticated = true;
    session.putOffSinceMs = 0;
    session.database = database;
    this.hasScript = false;
  }

  /** Whether the stream is within a transaction that has not run. */
  get inTransaction(): boolean {
    return this.session.inMulti;
  }

  /** Told by the dispatcher's hooks. */
  noteException(error: unknown): void {
    this.exception = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }

  /** Applies a command. @returns one of the outcomes above */
  apply(args: Arguments): number {
    const command = this.find(args);
    this.lastCommand = command?.index ?? -1;
    const treatment = command === null ? REFUSE : this.treatments[command.index]!;
    if (treatment === IGNORE) return APPLIED;
    if (treatment === ANSWER) return argumentIs(args, 1, 'GETACK') ? ASKED : APPLIED;
    if (treatment === REFUSE) {
      const why = command === null ? 'does not know' : 'takes from no primary';
      this.failure = `it sends ${foreignName(args)}, which this server ${why}`;
      return REFUSED;
    }
    return this.run(command!, args);
  }

  private run(command: RegisteredCommand, args: Arguments): number {
    const { dispatcher, session } = this;
    const { reply } = dispatcher;
    this.hasScript ||= (command.traits & TRAIT_RUNS_SCRIPT) !== 0;
    this.exception = '';
    reply.rewind(0);
    const errorsBefore = reply.errors;
    const outcome = dispatcher.dispatch(session, args);
    if (outcome === BUSY || outcome === DEFERRED || outcome === PAUSED) return PUT_OFF;
    session.putOffSinceMs = 0;
    // What a script answers is its own: on the primary it was the same.
    const hasError = reply.errors > errorsBefore && !this.hasScript;
    if (!session.inMulti) this.hasScript = false;
    if (outcome !== DONE || hasError || this.exception !== '') {
      this.failure = `${foreignName(args)} of the primary failed: ${this.errorText()}`;
      return FAILED;
    }
    if (reply.region.length > KEPT_BYTES) this.dropReply();
    return APPLIED;
  }

  /** After commands were applied and their locks given back: clients hear of what they have cached. */
  invalidate(): void {
    this.dispatcher.invalidations?.endTurn();
  }

  private errorText(): string {
    return shownFromPeer(this.exception || answeredError(this.dispatcher.reply));
  }

  private dropReply(): void {
    const { reply } = this.dispatcher;
    reply.region = newRegion(REPLY_BYTES);
    reply.start = 0;
    reply.position = 0;
    reply.limit = reply.region.length;
  }

  /** The command that the vector names, or its subcommand. */
  private find(args: Arguments): RegisteredCommand | null {
    const { registry } = this.dispatcher;
    const command = registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command === null || !command.hasSubcommands || args.count < 2) return command;
    return subcommandOf(command, args) ?? null;
  }
}

function treatmentsOf(registry: Registry): Uint8Array {
  const treatments = new Uint8Array(registry.all.length);
  for (const { index, traits, fullName } of registry.all) {
    const isWrite = (traits & (TRAIT_WRITE | TRAIT_MAY_REPLICATE)) !== 0;
    if (isWrite || MORE_TO_RUN.includes(fullName)) treatments[index] = RUN;
    if (TO_IGNORE.includes(fullName)) treatments[index] = IGNORE;
    if (TO_ANSWER.includes(fullName)) treatments[index] = ANSWER;
    if (NEVER.includes(fullName)) treatments[index] = REFUSE;
  }
  return treatments;
}
