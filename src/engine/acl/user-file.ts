/**
 * Users from text: the ACL file, which ACL LOAD takes or leaves as a whole, and the `user` directive
 * of a configuration file, which is checked as it is read and applied when all of it is known.
 */
import { untilNul } from '../../protocol/errors.js';
import { ruleErrorText } from './rule-errors.js';
import type { AclUser } from './user.js';
import { userText } from './user-text.js';
import { type AclUsers, DEFAULT_USER } from './users.js';
import { hasBlanks, joinSelectors } from './words.js';

const NOTHING_CHANGED =
  'WARNING: ACL errors detected, no change to the previously active ACL rules was performed';

function trim(text: string, characters: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && characters.includes(text[start]!)) start++;
  while (end > start && characters.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** Reads the lines of an ACL file, and says what is wrong with each of them. */
class FileReader {
  /** Texts of users, by name. */
  readonly found = new Map<string, string>();
  errors = '';

  constructor(
    private readonly users: AclUsers,
    private readonly fileName: string,
  ) {}

  readLine(text: string, number: number): void {
    const line = trim(text, ' \t\r\n');
    if (line === '') return;
    const [keyword, name, ...rules] = line.split(' ');
    const place = `${this.fileName}:${number}`;
    if (keyword !== 'user' || name === undefined) {
      this.errors += `${place} should start with user keyword followed by the username. `;
      return;
    }
    if (hasBlanks(name)) {
      this.errors += `'${place}: username '${untilNul(name)}' contains invalid characters. `;
      return;
    }
    if (this.found.has(name)) {
      this.errors += `WARNING: Duplicate user '${name}' found on line ${number}. `;
      return;
    }
    const user = this.users.createUser(name);
    const { words, unmatched } = joinSelectors(rules);
    if (unmatched === undefined) this.applyRules(user, words, place);
    else this.errors += `${place}: Unmatched parenthesis in selector definition.`;
    this.found.set(name, userText(user));
  }

  /** Every unknown command is told, of other errors the first: it may be why others follow. */
  private applyRules(user: AclUser, rules: readonly string[], place: string): void {
    let hasError = false;
    for (const rule of rules) {
      const word = trim(rule, '\t\r\n');
      const error = user.apply(this.users.catalog, word);
      if (error === null) continue;
      const text = ruleErrorText(error);
      if (error === 'unknown') {
        this.errors += `${place}: Error in applying operation '${untilNul(word)}': ${text}. `;
      } else if (!hasError) {
        this.errors += `${place}: ${text}. `;
        hasError = true;
      }
    }
  }
}

/**
 * Takes the users of an ACL file in the place of those there are, or none of them.
 *
 * @param text one char a byte
 * @returns null, or all that is wrong with the file, in one line
 */
export function loadUsers(users: AclUsers, text: string, fileName: string): string | null {
  const reader = new FileReader(users, fileName);
  text.split('\n').forEach((line, i) => {
    reader.readLine(line, i + 1);
  });
  if (reader.errors !== '') return reader.errors + NOTHING_CHANGED;
  users.replaceAll(reader.found);
  return null;
}

/** The whole of an ACL file. */
export function saveUsers(users: AclUsers): string {
  return users
    .lines('file')
    .map((line) => `${line}\n`)
    .join('');
}

/** The users that a configuration file declares. */
export class DeclaredUsers {
  private readonly rules = new Map<string, readonly string[]>();

  constructor(private readonly users: AclUsers) {}

  get count(): number {
    return this.rules.size;
  }

  /**
   * Takes the words of a `user` directive, without its name. Unknown commands are no error yet.
   *
   * @returns null, or what is wrong, with the word that is
   */
  declare(words: readonly string[]): string | null {
    const [name = '', ...rules] = words;
    if (this.rules.has(name)) return declarationError(name, ruleErrorText('duplicate-user'));
    const { words: joined, unmatched } = joinSelectors(rules);
    if (unmatched !== undefined) return declarationError(unmatched, 'Unmatched parenthesis');
    const trial = this.users.createUser(name);
    for (const rule of joined) {
      const error = trial.apply(this.users.catalog, rule);
      if (error !== null && error !== 'unknown') {
        return declarationError(rule, ruleErrorText(error));
      }
    }
    this.rules.set(name, joined);
    return null;
  }

  /** Makes the users: null, or why the server cannot start. Each warning is for the log. */
  apply(warn: (text: string) => void): string | null {
    for (const [name, rules] of this.rules) {
      if (hasBlanks(name)) return 'Spaces not allowed in ACL usernames';
      const user = this.users.createUser(name);
      if (name === DEFAULT_USER) user.apply(this.users.catalog, 'reset');
      for (const rule of rules) {
        const error = user.apply(this.users.catalog, rule);
        if (error === null) continue;
        const text = ruleErrorText(error);
        return `Error loading ACL rule '${rule}' for the user named '${name}': ${text}`;
      }
      if (!user.enabled) warn(disabledWarning(name));
      this.users.put(user);
    }
    return null;
  }
}

function declarationError(word: string, text: string): string {
  return `Error in user declaration '${untilNul(word)}': ${text}`;
}

function disabledWarning(name: string): string {
  return (
    `The user '${name}' is disabled (there is no 'on' modifier in the user description). Make ` +
    'sure this is not a configuration error.'
  );
}
