/**
 * Whether a user may run a command with these arguments: checked where a command is admitted.
 *
 * A user is compiled when it changes. One flag says that it may do everything, which costs others
 * nothing; for all other users the check walks bitmaps and patterns in memory of its own and
 * allocates nothing. A command is allowed when one selector allows all of it: command, keys and
 * channels.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { keyFlagBits } from '../../commands/contract/key-flags.js';
import { PackedTexts } from './packed-texts.js';
import { KEY_READ, KEY_WRITE, type Selector } from './selector.js';
import type { AclUser } from './user.js';

/** Results of a check. A larger one tells more: it came nearer to being allowed. */
export const ALLOWED = 0;
export const DENIED_COMMAND = 1;
export const DENIED_KEY = 2;
/** Only of ACL LOG: a login that failed. */
export const DENIED_AUTH = 3;
export const DENIED_CHANNEL = 4;

/** What a command vector touches. The caller has one, reused, and fills it for restricted users. */
export class CommandAccess {
  args: ArgumentVector;
  /** The command's index in the catalog. */
  command = 0;
  /** AUTH, HELLO, QUIT, RESET: with the flag no_auth, allowed to everybody. */
  isOpen = false;
  keyCount = 0;
  channelCount = 0;
  /** Argument indexes of the keys, and KEY_READ, KEY_WRITE, both or 0 of each. */
  keyIndexes = new Int32Array(16);
  keyAccess = new Uint8Array(16);
  /** Argument indexes of the channels, and whether they are patterns (PSUBSCRIBE). */
  channelIndexes = new Int32Array(16);
  channelIsPattern = new Uint8Array(16);

  constructor(args: ArgumentVector) {
    this.args = args;
  }

  begin(args: ArgumentVector, command: number, isOpen: boolean): void {
    this.args = args;
    this.command = command;
    this.isOpen = isOpen;
    this.keyCount = 0;
    this.channelCount = 0;
  }

  addKey(index: number, access: number): void {
    if (this.keyCount === this.keyIndexes.length) {
      this.keyIndexes = doubled(this.keyIndexes, new Int32Array(this.keyCount * 2));
      this.keyAccess = doubled(this.keyAccess, new Uint8Array(this.keyCount * 2));
    }
    this.keyIndexes[this.keyCount] = index;
    this.keyAccess[this.keyCount++] = access;
  }

  addChannel(index: number, isPattern: boolean): void {
    if (this.channelCount === this.channelIndexes.length) {
      this.channelIndexes = doubled(this.channelIndexes, new Int32Array(this.channelCount * 2));
      this.channelIsPattern = doubled(this.channelIsPattern, new Uint8Array(this.channelCount * 2));
    }
    this.channelIndexes[this.channelCount] = index;
    this.channelIsPattern[this.channelCount++] = isPattern ? 1 : 0;
  }
}

function doubled<T extends Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const KEY_IS_READ = keyFlagBits(['access']);
const KEY_IS_CHANGED = keyFlagBits(['insert', 'delete', 'update']);

/** What a user needs for a key, from the flag bits of its specification. */
export function keyAccessOf(flags: number): number {
  const read = (flags & KEY_IS_READ) !== 0 ? KEY_READ : 0;
  return (flags & KEY_IS_CHANGED) !== 0 ? read | KEY_WRITE : read;
}

class CompiledSelector {
  readonly allKeys: boolean;
  readonly allChannels: boolean;
  private readonly allCommands: boolean;
  private readonly commands: Uint32Array;
  private readonly firstArguments = new Map<number, PackedTexts>();
  private readonly keyPatterns: PackedTexts;
  private readonly keyAccess: Uint8Array;
  /** Which patterns are a bare star. */
  private readonly everyKeyPatterns: Uint8Array;
  private readonly channels: PackedTexts;

  constructor(selector: Selector) {
    this.allKeys = selector.allKeys;
    this.allChannels = selector.allChannels;
    this.allCommands = selector.allCommands;
    this.commands = selector.commands.slice();
    for (const [index, words] of selector.firstArguments) {
      this.firstArguments.set(index, new PackedTexts(words));
    }
    this.keyPatterns = new PackedTexts(selector.keyPatterns.map((one) => one.pattern));
    this.keyAccess = Uint8Array.from(selector.keyPatterns, (one) => one.access);
    this.everyKeyPatterns = Uint8Array.from(selector.keyPatterns, (one) =>
      one.pattern === '*' ? 1 : 0,
    );
    this.channels = new PackedTexts(selector.channels);
  }

  get isUnrestricted(): boolean {
    return this.allCommands && this.allKeys && this.allChannels;
  }

  /** One of the results; the argument that is denied is left in `denial`. */
  check(access: CommandAccess, denial: Denial): number {
    if (!this.allowsCommand(access)) return DENIED_COMMAND;
    if (!this.allKeys) {
      for (let i = 0; i < access.keyCount; i++) {
        if (this.allowsKey(access, i)) continue;
        denial.selectorIndex = access.keyIndexes[i]!;
        return DENIED_KEY;
      }
    }
    if (this.allChannels) return ALLOWED;
    for (let i = 0; i < access.channelCount; i++) {
      if (this.allowsChannel(access, i)) continue;
      denial.selectorIndex = access.channelIndexes[i]!;
      return DENIED_CHANNEL;
    }
    return ALLOWED;
  }

  /** Whether the selector allows such access to every key there may be. */
  allowsEveryKey(needed: number): boolean {
    if (this.allKeys) return true;
    for (let i = 0; i < this.keyPatterns.count; i++) {
      if (this.everyKeyPatterns[i] === 1 && (this.keyAccess[i]! & needed) === needed) return true;
    }
    return false;
  }

  private allowsCommand(access: CommandAccess): boolean {
    if (this.allCommands || access.isOpen) return true;
    const { command, args } = access;
    if ((this.commands[command >>> 5]! & (1 << (command & 31))) !== 0) return true;
    const words = this.firstArguments.get(command);
    if (words === undefined || args.count < 2) return false;
    for (let i = 0; i < words.count; i++) if (words.equals(i, args, 1, true)) return true;
    return false;
  }

  private allowsKey(access: CommandAccess, key: number): boolean {
    const { args } = access;
    const index = access.keyIndexes[key]!;
    const needed = access.keyAccess[key]!;
    const offset = args.offset[index]!;
    const length = args.length[index]!;
    for (let i = 0; i < this.keyPatterns.count; i++) {
      if ((this.keyAccess[i]! & needed) !== needed) continue;
      if (this.keyPatterns.matches(i, args.region, offset, length)) return true;
    }
    return false;
  }

  /** A channel matches a pattern of the rules; a pattern must be one of them, letter by letter. */
  private allowsChannel(access: CommandAccess, channel: number): boolean {
    const { args } = access;
    const index = access.channelIndexes[channel]!;
    const literally = access.channelIsPattern[channel] === 1;
    const offset = args.offset[index]!;
    const length = args.length[index]!;
    for (let i = 0; i < this.channels.count; i++) {
      const matches = literally
        ? this.channels.equals(i, args, index, false)
        : this.channels.matches(i, args.region, offset, length);
      if (matches) return true;
    }
    return false;
  }
}

/** Why a command is denied. */
export class Denial {
  /** The argument with the key or channel that is denied. */
  argumentIndex = 0;
  /** The one that a selector has found; it stays when the next one denies the command itself. */
  selectorIndex = 0;
}

/** A user's rules as the check needs them. Never changes: a user that changes is compiled anew. */
export class Permissions {
  /** Whether all commands, keys and channels are allowed: no need to check anything. */
  readonly isUnrestricted: boolean;
  /** Whether a check needs to know the keys of a command, and the channels. */
  readonly looksAtKeys: boolean;
  readonly looksAtChannels: boolean;
  private readonly selectors: readonly CompiledSelector[];

  constructor(user: AclUser) {
    this.selectors = user.selectors.map((selector) => new CompiledSelector(selector));
    this.isUnrestricted = this.selectors.some((selector) => selector.isUnrestricted);
    this.looksAtKeys = this.selectors.some((selector) => !selector.allKeys);
    this.looksAtChannels = this.selectors.some((selector) => !selector.allChannels);
  }

  /**
   * ALLOWED, or DENIED_COMMAND when no selector has the command, else what denies it in the selector
   * that came nearest; of those as near, the last argument.
   */
  check(access: CommandAccess, denial: Denial): number {
    let result = DENIED_COMMAND;
    denial.argumentIndex = 0;
    denial.selectorIndex = 0;
    for (let i = 0; i < this.selectors.length; i++) {
      const found = this.selectors[i]!.check(access, denial);
      if (found === ALLOWED) return ALLOWED;
      const isFarther = found === result && denial.selectorIndex > denial.argumentIndex;
      if (found <= result && !isFarther) continue;
      result = found;
      denial.argumentIndex = denial.selectorIndex;
    }
    return result;
  }

  /**
   * Whether one selector allows the command and, besides, such access to every key: SORT's BY and GET
   * read keys that it does not declare.
   */
  checkEveryKey(access: CommandAccess, denial: Denial, needed: number): boolean {
    return this.selectors.some(
      (one) => one.check(access, denial) === ALLOWED && one.allowsEveryKey(needed),
    );
  }
}
