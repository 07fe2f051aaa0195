/**
 * A selector: a set of commands, key patterns and channel patterns that go together. Each user has a
 * root selector, which rules without parentheses change, and may have more.
 *
 * `futureCommands` is set by +@all: it tells "everything but" from "nothing but" when both would be
 * the same set today, for commands that a later version adds.
 */
import { untilNul } from '../../protocol/errors.js';
import {
  type AclCatalog,
  type AclCommand,
  addCommands,
  type CommandSet,
  removeCommands,
} from './catalog.js';
import type { RuleError } from './rule-errors.js';
import { hasBlanks } from './words.js';

export const KEY_READ = 1;
export const KEY_WRITE = 2;
export const KEY_READ_WRITE = KEY_READ | KEY_WRITE;

export interface KeyPattern {
  readonly pattern: string;
  /** KEY_READ, KEY_WRITE or both. */
  access: number;
}

export class Selector {
  allKeys = false;
  allCommands = false;
  keyPatterns: KeyPattern[] = [];
  channels: string[] = [];
  futureCommands = false;
  /** First arguments with which a command may run that may not otherwise, by command index. */
  firstArguments = new Map<number, string[]>();

  constructor(
    public commands: CommandSet,
    public allChannels: boolean,
  ) {}

  /** Applies a rule about keys, channels or commands. When it is refused, nothing has changed. */
  apply(catalog: AclCatalog, rule: string): RuleError | null {
    const word = untilNul(rule);
    if (this.applyKeyword(word.toLowerCase())) return null;
    const mark = word[0];
    if (mark === '~' || mark === '%') return this.addKeyPattern(rule);
    if (mark === '&') return this.addChannel(rule.slice(1));
    if (mark !== '+' && mark !== '-') return 'syntax';
    const allow = mark === '+';
    if (word[1] === '@') return this.changeCategory(catalog, word.slice(2), allow);
    if (allow && word.includes('|')) return this.allowSubcommand(catalog, word.slice(1));
    const command = catalog.find(word.slice(1));
    if (command === undefined) return 'unknown';
    this.changeCommand(catalog, command, allow);
    return null;
  }

  allowAllCommands(): void {
    this.commands.fill(0xffffffff);
    this.allCommands = true;
    this.futureCommands = true;
    this.firstArguments.clear();
  }

  forbidAllCommands(): void {
    this.commands.fill(0);
    this.allCommands = false;
    this.futureCommands = false;
    this.firstArguments.clear();
  }

  setAllKeys(allowed: boolean): void {
    this.allKeys = allowed;
    this.keyPatterns = [];
  }

  setAllChannels(allowed: boolean): void {
    this.allChannels = allowed;
    this.channels = [];
  }

  private applyKeyword(word: string): boolean {
    switch (word) {
      case 'allkeys':
      case '~*':
        this.setAllKeys(true);
        return true;
      case 'resetkeys':
        this.setAllKeys(false);
        return true;
      case 'allchannels':
      case '&*':
        this.setAllChannels(true);
        return true;
      case 'resetchannels':
        this.setAllChannels(false);
        return true;
      case 'allcommands':
      case '+@all':
        this.allowAllCommands();
        return true;
      case 'nocommands':
      case '-@all':
        this.forbidAllCommands();
        return true;
      default:
        return false;
    }
  }

  /** `~pattern`, `%R~pattern`, `%W~pattern`, `%RW~pattern`; also, as Redis takes it, a bare `%R`. */
  private addKeyPattern(rule: string): RuleError | null {
    if (this.allKeys) return 'all-keys';
    const match = /^(?:~|%(r|w|rw|wr)(?:~|$))/i.exec(rule);
    if (match === null) return 'syntax';
    const letters = (match[1] ?? 'rw').toLowerCase();
    const access = (letters.includes('r') ? KEY_READ : 0) | (letters.includes('w') ? KEY_WRITE : 0);
    const pattern = rule.slice(match[0].length);
    if (hasBlanks(pattern)) return 'syntax';
    const known = this.keyPatterns.find((one) => one.pattern === pattern);
    if (known === undefined) this.keyPatterns.push({ pattern, access });
    else known.access |= access;
    return null;
  }

  private addChannel(pattern: string): RuleError | null {
    if (this.allChannels) return 'all-channels';
    if (hasBlanks(pattern)) return 'syntax';
    if (!this.channels.includes(pattern)) this.channels.push(pattern);
    return null;
  }

  private changeCategory(catalog: AclCatalog, name: string, allow: boolean): RuleError | null {
    const category = catalog.findCategory(name);
    if (category === undefined) return 'unknown';
    this.change(category.affected, allow);
    for (const index of [...this.firstArguments.keys()]) {
      const bit = category.affected[index >>> 5]! & (1 << (index & 31));
      if (bit !== 0) this.firstArguments.delete(index);
    }
    return null;
  }

  private changeCommand(catalog: AclCatalog, command: AclCommand, allow: boolean): void {
    this.change(catalog.setOf(command), allow);
    this.firstArguments.delete(command.index);
  }

  private change(commands: CommandSet, allow: boolean): void {
    if (allow) {
      addCommands(this.commands, commands);
      return;
    }
    removeCommands(this.commands, commands);
    if (commands.some((word) => word !== 0)) this.allCommands = false;
  }

  /** `+config|get`, or the deprecated `+select|0` of a command that has no subcommands. */
  private allowSubcommand(catalog: AclCatalog, name: string): RuleError | null {
    const bar = name.lastIndexOf('|');
    const container = catalog.find(name.slice(0, bar));
    const word = name.slice(bar + 1);
    if (container === undefined) return 'unknown';
    if (container.fullName.includes('|')) return 'first-argument-of-subcommand';
    if (word === '') return 'syntax';
    if (container.subcommands.size === 0) {
      this.addFirstArgument(container, word);
      return null;
    }
    const subcommand = catalog.find(name);
    if (subcommand === undefined) return 'unknown';
    this.changeCommand(catalog, subcommand, true);
    return null;
  }

  private addFirstArgument(command: AclCommand, word: string): void {
    const words = this.firstArguments.get(command.index);
    if (words === undefined) this.firstArguments.set(command.index, [word]);
    else if (!words.some((one) => one.toLowerCase() === word.toLowerCase())) words.push(word);
  }
}
