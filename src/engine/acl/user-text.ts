/**
 * A user as a text of one byte a char, which is how a server keeps most of its users:
 *
 *     [born, flags, [password ...], [selector ...]]
 *     selector: [flags, commands, [key pattern ...], access of each as a digit, [channel ...],
 *                [[command, [first argument ...]] ...]]
 *
 * Its name is kept beside it. Commands are `*` for all bits, an empty text for none, else their bitmap
 * in base64.
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
const NEEDS_NO_ESCAPES = /^[ !#-[\]-~]*$/;

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
  const { born, enabled, noPassword, sanitizing, passwords, selectors } = user;
  const flags =
    (enabled ? ENABLED : 0) |
    (noPassword ? NO_PASSWORD : 0) |
    (SANITIZING.indexOf(sanitizing) * SANITIZING_UNIT);
  // By parts: a third of the time that JSON.stringify takes for the whole. Hashes need no escapes.
  const hashes = passwords.length === 0 ? '[]' : `["${passwords.join('","')}"]`;
  let texts = selectorText(selectors[0]!);
  for (let i = 1; i < selectors.length; i++) texts += `,${selectorText(selectors[i]!)}`;
  return `[${born},${flags},${hashes},[${texts}]]`;
}

export function userFromText(
  name: string,
  text: string,
  catalog: AclCatalog,
  defaults: AclDefaults,
): AclUser {
  const [born, flags, passwords, selectors] = JSON.parse(text) as UserRecord;
  const user = new AclUser(name, born, catalog, defaults);
  user.enabled = (flags & ENABLED) !== 0;
  user.noPassword = (flags & NO_PASSWORD) !== 0;
  user.sanitizing = SANITIZING[Math.floor(flags / SANITIZING_UNIT)]!;
  user.passwords = passwords;
  user.selectors = selectors.map((one) => selectorFromRecord(one, catalog.emptySet()));
  return user;
}

function selectorText(selector: Selector): string {
  const { allKeys, allChannels, allCommands, futureCommands, keyPatterns, channels } = selector;
  const flags =
    (allKeys ? ALL_KEYS : 0) |
    (allChannels ? ALL_CHANNELS : 0) |
    (allCommands ? ALL_COMMANDS : 0) |
    (futureCommands ? FUTURE_COMMANDS : 0);
  let access = '';
  for (const one of keyPatterns) access += one.access;
  const patterns = listText(keyPatterns.map(({ pattern }) => pattern));
  const words =
    selector.firstArguments.size === 0 ? '[]' : JSON.stringify([...selector.firstArguments]);
  const commands = commandsText(selector.commands);
  return `[${flags},"${commands}",${patterns},"${access}",${listText(channels)},${words}]`;
}

function listText(texts: readonly string[]): string {
  if (texts.length === 0) return '[]';
  return NEEDS_NO_ESCAPES.test(texts.join('')) ? `["${texts.join('","')}"]` : JSON.stringify(texts);
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

/** Texts of sets by a hash of theirs: most users have one of a few. */
const knownTexts: { readonly commands: CommandSet; readonly text: string }[] = [];
const KNOWN_TEXTS = 64;

function commandsText(commands: CommandSet): string {
  let hash = 0;
  for (const word of commands) hash = Math.imul(hash, 31) + word;
  const place = (hash ^ (hash >>> 16)) & (KNOWN_TEXTS - 1);
  const known = knownTexts[place];
  if (known !== undefined && equalSets(known.commands, commands)) return known.text;
  const text = makeCommandsText(commands);
  knownTexts[place] = { commands: commands.slice(), text };
  return text;
}

function equalSets(a: CommandSet, b: CommandSet): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function makeCommandsText(commands: CommandSet): string {
  if (commands.every((word) => word === 0)) return '';
  if (commands.every((word) => word === 0xffffffff)) return EVERY_BIT;
  return Buffer.from(commands.buffer, commands.byteOffset, commands.byteLength).toString('base64');
}

function readCommands(commands: CommandSet, text: string): void {
  if (text === EVERY_BIT) commands.fill(0xffffffff);
  else Buffer.from(commands.buffer, commands.byteOffset).write(text, 'base64');
}
