/**
 * A user as a text of one byte a char, which is how a server keeps most of its users:
 *
 *     name SP [born, flags, [password ...], [selector ...]]
 *     selector: [flags, commands, [key pattern ...], access of each as a digit, [channel ...],
 *                [[command, [first argument ...]] ...]]
 *
 * A name has no blanks, so that it can be told without reading on. Commands are `*` for all bits, an
 * empty text for none, else their bitmap in base64.
 */
import type { AclCatalog, CommandSet } from './catalog.js';
import { Selector } from './selector.js';
import { type AclDefaults, AclUser, type Sanitizing } from './user.js';

const ENABLED = 1;
const NO_PASSWORD = 2;
const SANITIZING: readonly Sanitizing[] = ['unset', 'skip', 'always'];
/** The place of its index in SANITIZING among the flags. */
const SANITIZING_UNIT = 4;

const ALL_KEYS = 1;
const ALL_CHANNELS = 2;
const ALL_COMMANDS = 4;
const FUTURE_COMMANDS = 8;

const EVERY_BIT = '*';

type SelectorRecord = readonly [
  flags: number,
  commands: string,
  keyPatterns: readonly string[],
  keyAccess: string,
  channels: string[],
  firstArguments: readonly (readonly [index: number, words: string[]])[],
];

type UserRecord = readonly [
  born: number,
  flags: number,
  passwords: string[],
  selectors: readonly SelectorRecord[],
];

export function userText(user: AclUser): string {
  const { name, born, enabled, noPassword, sanitizing, passwords, selectors } = user;
  const flags =
    (enabled ? ENABLED : 0) |
    (noPassword ? NO_PASSWORD : 0) |
    (SANITIZING.indexOf(sanitizing) * SANITIZING_UNIT);
  const record: UserRecord = [born, flags, passwords, selectors.map(selectorRecord)];
  return `${name} ${JSON.stringify(record)}`;
}

/** The name in a user's text; it does not keep the text. */
export function nameIn(text: string): string {
  return Buffer.from(text.slice(0, text.indexOf(' ')), 'latin1').toString('latin1');
}

export function userFromText(text: string, catalog: AclCatalog, defaults: AclDefaults): AclUser {
  const record = JSON.parse(text.slice(text.indexOf(' ') + 1)) as UserRecord;
  const [born, flags, passwords, selectors] = record;
  const user = new AclUser(nameIn(text), born, catalog, defaults);
  user.enabled = (flags & ENABLED) !== 0;
  user.noPassword = (flags & NO_PASSWORD) !== 0;
  user.sanitizing = SANITIZING[Math.floor(flags / SANITIZING_UNIT)]!;
  user.passwords = passwords;
  user.selectors = selectors.map((one) => selectorFromRecord(one, catalog.emptySet()));
  return user;
}

function selectorRecord(selector: Selector): SelectorRecord {
  const { allKeys, allChannels, allCommands, futureCommands, keyPatterns, channels } = selector;
  const flags =
    (allKeys ? ALL_KEYS : 0) |
    (allChannels ? ALL_CHANNELS : 0) |
    (allCommands ? ALL_COMMANDS : 0) |
    (futureCommands ? FUTURE_COMMANDS : 0);
  const patterns = keyPatterns.map(({ pattern }) => pattern);
  const access = keyPatterns.map((one) => one.access).join('');
  const commands = commandsText(selector.commands);
  return [flags, commands, patterns, access, channels, [...selector.firstArguments]];
}

function selectorFromRecord(record: SelectorRecord, commands: CommandSet): Selector {
  const [flags, commandsText, patterns, access, channels, firstArguments] = record;
  readCommands(commands, commandsText);
  const selector = new Selector(commands, (flags & ALL_CHANNELS) !== 0);
  selector.allKeys = (flags & ALL_KEYS) !== 0;
  selector.allCommands = (flags & ALL_COMMANDS) !== 0;
  selector.futureCommands = (flags & FUTURE_COMMANDS) !== 0;
  selector.keyPatterns = patterns.map((pattern, i) => ({ pattern, access: Number(access[i]) }));
  selector.channels = channels;
  selector.firstArguments = new Map(firstArguments);
  return selector;
}

function commandsText(commands: CommandSet): string {
  if (commands.every((word) => word === 0)) return '';
  if (commands.every((word) => word === 0xffffffff)) return EVERY_BIT;
  return Buffer.from(commands.buffer, commands.byteOffset, commands.byteLength).toString('base64');
}

function readCommands(commands: CommandSet, text: string): void {
  if (text === EVERY_BIT) commands.fill(0xffffffff);
  else Buffer.from(commands.buffer, commands.byteOffset).write(text, 'base64');
}
