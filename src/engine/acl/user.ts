/** A user: whether it may log in, with which passwords, and what its selectors allow. */
import { untilNul } from '../../protocol/errors.js';
import type { AclCatalog } from './catalog.js';
import { hashPassword, isPasswordHash } from './passwords.js';
import type { RuleError } from './rule-errors.js';
import { Selector } from './selector.js';
import { splitQuoted } from './words.js';

/** What a new user and a new selector begin with: acl-pubsub-default. */
export interface AclDefaults {
  readonly allChannels: boolean;
}

/** Whether RESTORE checks the payloads of this user's clients; unset until a rule says it. */
export type Sanitizing = 'unset' | 'skip' | 'always';

export class AclUser {
  enabled = false;
  noPassword = false;
  sanitizing: Sanitizing = 'unset';
  /** SHA-256 in hexadecimal. */
  passwords: string[] = [];
  /** The root selector first. */
  selectors: Selector[];

  /**
   * @param born tells the user from an earlier one of the same name, whose connections are not this
   *   one's. The default user, which never goes, has 0
   */
  constructor(
    readonly name: string,
    readonly born: number,
    catalog: AclCatalog,
    private readonly defaults: AclDefaults,
  ) {
    this.selectors = [new Selector(catalog.emptySet(), defaults.allChannels)];
  }

  get root(): Selector {
    return this.selectors[0]!;
  }

  /** Names of the flags that are set, in the order in which ACL GETUSER and ACL LIST show them. */
  flagNames(): string[] {
    const names = [this.enabled ? 'on' : 'off'];
    if (this.noPassword) names.push('nopass');
    if (this.sanitizing === 'skip') names.push('skip-sanitize-payload');
    if (this.sanitizing === 'always') names.push('sanitize-payload');
    return names;
  }

  /**
   * Applies one rule of ACL SETUSER, a selector's words being joined to one. When it is refused,
   * nothing has changed.
   *
   * @param rule one char a byte
   */
  apply(catalog: AclCatalog, rule: string): RuleError | null {
    if (rule === '' || this.applyKeyword(untilNul(rule).toLowerCase())) return null;
    switch (rule[0]) {
      case '>':
        return this.addPassword(hashPassword(rule.slice(1)));
      case '#':
        return isPasswordHash(rule.slice(1)) ? this.addPassword(rule.slice(1)) : 'bad-hash';
      case '<':
        return this.removePassword(hashPassword(rule.slice(1)));
      case '!':
        return isPasswordHash(rule.slice(1)) ? this.removePassword(rule.slice(1)) : 'bad-hash';
      case '(':
        if (rule.endsWith(')')) return this.addSelector(catalog, rule.slice(1, -1));
    }
    return this.root.apply(catalog, rule);
  }

  private applyKeyword(word: string): boolean {
    switch (word) {
      case 'on':
      case 'off':
        this.enabled = word === 'on';
        return true;
      case 'skip-sanitize-payload':
        this.sanitizing = 'skip';
        return true;
      case 'sanitize-payload':
        this.sanitizing = 'always';
        return true;
      case 'nopass':
      case 'resetpass':
        this.noPassword = word === 'nopass';
        this.passwords = [];
        return true;
      case 'clearselectors':
        this.selectors = [this.root];
        return true;
      case 'reset':
        this.reset();
        return true;
      default:
        return false;
    }
  }

  private reset(): void {
    this.enabled = false;
    this.noPassword = false;
    this.sanitizing = 'always';
    this.passwords = [];
    this.selectors = [this.root];
    this.root.setAllKeys(false);
    this.root.setAllChannels(this.defaults.allChannels);
    this.root.forbidAllCommands();
  }

  private addPassword(hash: string): null {
    if (!this.passwords.includes(hash)) this.passwords.push(hash);
    this.noPassword = false;
    return null;
  }

  private removePassword(hash: string): RuleError | null {
    if (!this.passwords.includes(hash)) return 'no-such-password';
    this.passwords = this.passwords.filter((one) => one !== hash);
    return null;
  }

  private addSelector(catalog: AclCatalog, rules: string): RuleError | null {
    const selector = new Selector(catalog.emptySet(), this.defaults.allChannels);
    for (const rule of splitQuoted(rules)) {
      const error = selector.apply(catalog, rule);
      if (error !== null) return error;
    }
    this.selectors.push(selector);
    return null;
  }
}
