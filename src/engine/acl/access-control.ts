/**
 * The check of a client's rights where its command is admitted, one per thread. A user that may do
 * everything has no permissions to look at: callers test `session.permissions` first, and that is all
 * it costs. For all others the check finds keys and channels in memory of its own and allocates
 * nothing, unless the command is denied.
 */
import { prefixBinary } from '../../base/region.js';
import { KeyPlaces } from '../../commands/contract/key-flags.js';
import { ErrorReply } from '../../protocol/errors.js';
import { Arguments } from '../../protocol/parser.js';
import { findKeys } from '../key-places.js';
import { type RegisteredCommand, TRAIT_NO_AUTH } from '../registry.js';
import type { ClientSession } from '../session.js';
import { type AclLogContext, FROM_SCRIPT, FROM_TRANSACTION } from './acl-log.js';
import {
  ALLOWED,
  CommandAccess,
  DENIED_COMMAND,
  Denial,
  keyAccessOf,
  type Permissions,
} from './permissions.js';
import { KEY_READ } from './selector.js';
import { changedSinceQueuedText, denialText, deniedInScriptText } from './texts.js';

/** ACL LOG keeps this much of a key or channel. */
export const OBJECT_BYTES_MAX = 1024;

/** What a client was denied: for ACL LOG, and to be counted. */
export interface DeniedAccess {
  readonly session: ClientSession;
  /** DENIED_COMMAND and so on. */
  readonly reason: number;
  readonly context: AclLogContext;
  /** The command's full name, the key or the channel. */
  readonly object: string;
}

export class AccessControl {
  /** Told of everything that is denied. */
  onDenied: (denied: DeniedAccess) => void = () => {};
  private readonly access = new CommandAccess(new Arguments());
  private readonly denial = new Denial();
  private readonly places = new KeyPlaces();

  /** The argument that the last check denied, when it was a key or a channel. */
  get deniedArgument(): number {
    return this.denial.argumentIndex;
  }

  /** ALLOWED, DENIED_COMMAND, DENIED_KEY or DENIED_CHANNEL; nothing is logged. */
  check(permissions: Permissions, command: RegisteredCommand, args: Arguments): number {
    this.load(permissions, command, args);
    return permissions.check(this.access, this.denial);
  }

  /** Why a command of a restricted user may not run or be queued, or null. */
  refusal(
    session: ClientSession,
    command: RegisteredCommand,
    args: Arguments,
    context: AclLogContext,
  ): ErrorReply | null {
    const reason = this.deny(session, command, args, context);
    return reason === ALLOWED ? null : new ErrorReply(denialText(reason, command.fullName));
  }

  /** The same for a queued command when its transaction runs: the user may have changed since. */
  refusalInExec(
    session: ClientSession,
    command: RegisteredCommand,
    args: Arguments,
  ): ErrorReply | null {
    const reason = this.deny(session, command, args, FROM_TRANSACTION);
    return reason === ALLOWED ? null : new ErrorReply(changedSinceQueuedText(reason));
  }

  /** The same for a command that a script calls; the script has its user's rights. */
  refusalInScript(
    session: ClientSession,
    command: RegisteredCommand,
    args: Arguments,
  ): ErrorReply | null {
    const reason = this.deny(session, command, args, FROM_SCRIPT);
    return reason === ALLOWED ? null : new ErrorReply(deniedInScriptText(reason));
  }

  /** Whether a command may read keys that it does not declare: SORT with BY and GET. */
  allowsEveryKey(session: ClientSession, command: RegisteredCommand, args: Arguments): boolean {
    const { permissions } = session;
    if (permissions === null) return true;
    this.load(permissions, command, args);
    return permissions.checkEveryKey(this.access, this.denial, KEY_READ);
  }

  private deny(
    session: ClientSession,
    command: RegisteredCommand,
    args: Arguments,
    context: AclLogContext,
  ): number {
    const { permissions } = session;
    if (permissions === null) return ALLOWED;
    const reason = this.check(permissions, command, args);
    if (reason === ALLOWED) return ALLOWED;
    const object =
      reason === DENIED_COMMAND ? command.fullName : argumentText(args, this.deniedArgument);
    this.onDenied({ session, reason, context, object });
    return reason;
  }

  private load(permissions: Permissions, command: RegisteredCommand, args: Arguments): void {
    const { access, places } = this;
    access.begin(args, command.index, (command.traits & TRAIT_NO_AUTH) !== 0);
    // A vector whose keys cannot be told gets no further than to its error.
    if (permissions.looksAtKeys && findKeys(command.keys, args, places)) {
      for (let i = 0; i < places.count; i++) {
        access.addKey(places.index[i]!, keyAccessOf(places.flags[i]!));
      }
    }
    if (permissions.looksAtChannels && command.channels !== null) this.loadChannels(command, args);
  }

  private loadChannels({ channels }: RegisteredCommand, args: Arguments): void {
    const { first, last, arePatterns } = channels!;
    const end = last === 'all' ? args.count - 1 : Math.min(last, args.count - 1);
    for (let i = first; i <= end; i++) this.access.addChannel(i, arePatterns);
  }
}

/** An argument as ACL LOG keeps it. */
export function argumentText(args: Arguments, index: number): string {
  return prefixBinary(args.region, args.offset[index]!, args.length[index]!, OBJECT_BYTES_MAX);
}
