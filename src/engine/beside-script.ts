/**
 * Commands of a thread's other clients while a script of its own runs for too long: those that Redis
 * allows then run, between two steps of the script; all others are answered BUSY. The script's locks,
 * and the plan that holds them, are in use, so a command gets shards besides only when they are free.
 */
import type { Arguments } from '../protocol/parser.js';
import { refusalOf } from './admission.js';
import type { Dispatcher } from './dispatch.js';
import { type RegisteredCommand, TRAIT_ALLOW_BUSY, TRAIT_TRANSACTION_CONTROL } from './registry.js';
import type { ClientSession } from './session.js';

/** Runs or refuses the command that the dispatcher shows. */
export function runBesideScript(
  dispatcher: Dispatcher,
  session: ClientSession,
  args: Arguments,
): void {
  const { keys, refusals, access, gates, scripts } = dispatcher;
  const command = dispatcher.find(session, args);
  if (command === null) return;
  const traits = dispatcher.traitsOf(command, session, args);
  const refusal = refusalOf(command, traits, session, args, access, gates);
  if (refusal !== null) {
    refusals.reject(command, session, refusal);
    return;
  }
  keys.database = session.database;
  const isAllowed = (command.traits & TRAIT_ALLOW_BUSY) !== 0;
  if (!isAllowed || !borrowKeys(dispatcher, command, args)) {
    refusals.reject(command, session, scripts.ownBusyError);
  } else if (session.inMulti && (command.traits & TRAIT_TRANSACTION_CONTROL) === 0) {
    dispatcher.enqueue(command, traits, session, args);
  } else dispatcher.execution.run(command, args);
}

/** Locks the shards of a command's keys besides those of the script, as far as they are free. */
function borrowKeys(
  { keys, locks, shards }: Dispatcher,
  command: RegisteredCommand,
  args: Arguments,
): boolean {
  if (command.firstKey === 0) return true;
  const last = command.lastKey < 0 ? args.count + command.lastKey : command.lastKey;
  for (let i = command.firstKey; i <= last; i += command.keyStep) {
    const { epoch } = shards.keyHash;
    const shard = keys.mark(args, i);
    // Several keys may lie in one shard, which is then this thread's from the first on.
    if (!shards.isLocked(shard) && !locks.borrow(shard)) return false;
    if (epoch !== shards.keyHash.epoch) return false;
  }
  return true;
}
