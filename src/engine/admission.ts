/**
 * Admission: finds the command that a vector names and decides whether it may run now. The checks
 * are in Redis's order, because the first one that fails gives the error. Nothing here takes a
 * lock, and a refusal changes nothing.
 *
 * A command that runs a transaction's queue (EXEC) is checked for what the queue holds as well:
 * what was allowed when a command was queued may be forbidden now.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { prefixBinary } from '../base/region.js';
import type { ErrorReply } from '../protocol/errors.js';
import * as errors from '../protocol/errors.js';
import type { Arguments } from '../protocol/parser.js';
import type { AccessControl } from './acl/access-control.js';
import { FROM_CLIENT, FROM_TRANSACTION } from './acl/acl-log.js';
import { diskRefusal } from './disk-refusals.js';
import {
  GATE_LOADING,
  GATE_MASTER_DOWN,
  GATE_MEMORY,
  GATE_NO_REPLICAS,
  GATE_PAUSE_ALL,
  GATE_PAUSE_WRITES,
  GATE_READ_ONLY,
  GATES_DISK,
} from './gates.js';
import {
  type RegisteredCommand,
  TRAIT_DENY_OOM,
  TRAIT_LOADING,
  TRAIT_MAY_REPLICATE,
  TRAIT_NO_AUTH,
  TRAIT_NO_MULTI,
  TRAIT_READ,
  TRAIT_RUNS_QUEUE,
  TRAIT_STALE,
  TRAIT_TELLS_SAVE_FAILURE,
  TRAIT_TRANSACTION_CONTROL,
  TRAIT_WHILE_SUBSCRIBED,
  TRAIT_WRITE,
} from './registry.js';
import type { ScriptControl } from './scripts/script-control.js';
import type { ClientSession } from './session.js';

/** Longer than any name of a command or subcommand. */
const NAME_BYTES_MAX = 64;
/** An error quotes at most this many arguments, however short they are. */
const QUOTED_ARGUMENTS_MAX = 64;
const QUEUE_TRAITS = TRAIT_WRITE | TRAIT_DENY_OOM | TRAIT_MAY_REPLICATE;
/** What clients that use MONITOR may not do. */
const KEYSPACE_TRAITS = TRAIT_READ | TRAIT_WRITE | TRAIT_MAY_REPLICATE;
/** Their refusals come after that of a command while subscribed. */
const STALE_GATES = GATE_MASTER_DOWN | GATE_LOADING;
const QUEUE_PERMISSIONS = TRAIT_STALE | TRAIT_LOADING;

/** The subcommand that argument 1 names, or undefined. */
export function subcommandOf(
  container: RegisteredCommand,
  args: ArgumentVector,
): RegisteredCommand | undefined {
  const { region, offset, length } = args;
  const name = prefixBinary(region, offset[1]!, length[1]!, NAME_BYTES_MAX);
  return container.subcommands.get(name.toLowerCase());
}

/**
 * Why a command may not run, or not be queued, or null.
 * @param state the traits that the server's state is held against: its own, or its script's
 */
export function refusalOf(
  command: RegisteredCommand,
  state: number,
  session: ClientSession,
  args: Arguments,
  access: AccessControl,
  gates: number,
): ErrorReply | null {
  const { traits } = command;
  if (!command.accepts(args.count)) return errors.wrongArity(command.fullName);
  if (!session.authenticated && (traits & TRAIT_NO_AUTH) === 0) return errors.NO_AUTH;
  if (session.inMulti && (traits & TRAIT_NO_MULTI) !== 0) return errors.NOT_IN_TRANSACTION;
  if (session.permissions !== null) {
    const context = session.inMulti ? FROM_TRANSACTION : FROM_CLIENT;
    const denied = access.refusal(session, command, args, context);
    if (denied !== null) return denied;
  }
  if (session.subscriptions !== null) return refusalOfSubscriber(command, state, session, gates);
  return gates === 0 ? null : refusalOfState(state, session, gates);
}

/** The same for a client with subscriptions: what RESP2 lets it do comes in between. */
function refusalOfSubscriber(
  command: RegisteredCommand,
  state: number,
  session: ClientSession,
  gates: number,
): ErrorReply | null {
  const { traits, fullName } = command;
  if (session.isSubscribed && session.protocol === 2 && (traits & TRAIT_WHILE_SUBSCRIBED) === 0) {
    const refusal = refusalOfState(state, session, gates & ~STALE_GATES);
    return refusal ?? errors.notWhileSubscribed(fullName);
  }
  const refusal = refusalOfState(state, session, gates);
  if (refusal !== null || !session.isMonitor) return refusal;
  return (traits & KEYSPACE_TRAITS) === 0 ? null : errors.NOT_FOR_MONITORS;
}

/** The command's traits, and for EXEC those that its queue adds and takes away. */
function effectiveTraits(traits: number, { inMulti, queue }: ClientSession): number {
  if ((traits & TRAIT_RUNS_QUEUE) === 0 || !inMulti || queue === null) return traits;
  return (traits | (queue.anyTraits & QUEUE_TRAITS)) & (queue.allTraits | ~QUEUE_PERMISSIONS);
}

/** Why the server's state refuses a command, or null. */
function refusalOfState(state: number, session: ClientSession, gates: number): ErrorReply | null {
  const traits = effectiveTraits(state, session);
  if ((gates & GATE_MEMORY) !== 0 && !session.isReplica) {
    // A queue takes memory as well, whatever is put into it.
    const isQueued = session.inMulti && (traits & TRAIT_TRANSACTION_CONTROL) === 0;
    if (isQueued || (traits & TRAIT_DENY_OOM) !== 0) return errors.OOM;
  }
  if ((gates & GATES_DISK) !== 0 && !session.isReplica) {
    if ((traits & (TRAIT_WRITE | TRAIT_TELLS_SAVE_FAILURE)) !== 0) return diskRefusal(gates);
  }
  if ((traits & TRAIT_WRITE) !== 0 && !session.isReplica) {
    if ((gates & GATE_NO_REPLICAS) !== 0) return errors.NO_REPLICAS;
    if ((gates & GATE_READ_ONLY) !== 0) return errors.READ_ONLY;
  }
  if ((gates & GATE_MASTER_DOWN) !== 0 && (traits & TRAIT_STALE) === 0) return errors.MASTER_DOWN;
  if ((gates & GATE_LOADING) !== 0 && (traits & TRAIT_LOADING) === 0) return errors.LOADING;
  return null;
}

/** Whether CLIENT PAUSE holds a command back. A script that promises not to write is no write. */
export function mustPause(
  command: RegisteredCommand,
  session: ClientSession,
  args: Arguments,
  gates: number,
  scripts: ScriptControl,
): boolean {
  if (session.isReplica || session.isReplicaClient) return false;
  if ((gates & GATE_PAUSE_ALL) !== 0) return true;
  if ((gates & GATE_PAUSE_WRITES) === 0) return false;
  const writes = effectiveTraits(command.traits, session) & (TRAIT_WRITE | TRAIT_MAY_REPLICATE);
  return writes !== 0 && !scripts.writesNothing(command, args);
}

/**
 * Whether the vector begins an HTTP request: POST and Host: are no commands but something that a
 * web page may have been made to send here.
 */
export function isHttp(args: ArgumentVector): boolean {
  const { region, offset, length } = args;
  const name = prefixBinary(region, offset[0]!, length[0]!, NAME_BYTES_MAX).toLowerCase();
  return name === 'post' || name === 'host:';
}

export function unknownCommand(args: ArgumentVector): ErrorReply {
  const { region, offset, length } = args;
  const count = Math.min(args.count, QUOTED_ARGUMENTS_MAX);
  const texts = Array.from({ length: count }, (_, i) =>
    prefixBinary(region, offset[i]!, length[i]!, errors.QUOTED_BYTES_MAX),
  );
  return errors.unknownCommand(texts);
}

/** The container is named as the client did: rename-command may have changed its name. */
export function unknownSubcommand(args: ArgumentVector): ErrorReply {
  const { region, offset, length } = args;
  const name = prefixBinary(region, offset[1]!, length[1]!, errors.QUOTED_BYTES_MAX);
  const container = prefixBinary(region, offset[0]!, length[0]!, errors.QUOTED_BYTES_MAX);
  return errors.unknownSubcommand(container, name);
}
