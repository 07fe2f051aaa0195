/**
 * Users in the form of rules: what ACL LIST, ACL GETUSER, ACL SAVE and CONFIG REWRITE show.
 *
 * Only the resulting set of commands is kept, not the rules that led to it. They are found again:
 * from +@all or -@all, the category that brings the set nearest is taken, again and again; single
 * commands make up the rest.
 *
 * Redis shows some users in a way that it reads otherwise: a pattern in a selector that has a quote or
 * a parenthesis, and both kinds of access to `*`. What clients see is the same here; what goes to a
 * file is written such that it gives the same user again, also to Redis.
 */
import {
  type AclCatalog,
  type AclCategory,
  addCommands,
  type CommandSet,
  countShared,
  hasCommand,
  removeCommands,
} from './catalog.js';
import { KEY_READ, KEY_READ_WRITE, type KeyPattern, type Selector } from './selector.js';
import type { AclUser } from './user.js';

/** For whom a description is: clients, as Redis shows it, or a file, from which users are read. */
export type Audience = 'client' | 'file';

/** The rule of a key pattern. */
function patternRule({ pattern, access }: KeyPattern, audience: Audience): string {
  // ~* would be the flag allkeys, after which no pattern may follow.
  if (access === KEY_READ_WRITE && pattern === '*' && audience === 'file') return '%RW~*';
  if (access === KEY_READ_WRITE) return `~${pattern}`;
  return access === KEY_READ ? `%R~${pattern}` : `%W~${pattern}`;
}

function keyRules(selector: Selector, audience: Audience): string[] {
  if (selector.allKeys) return ['~*'];
  return selector.keyPatterns.map((one) => patternRule(one, audience));
}

function channelRules(selector: Selector): string[] {
  return selector.allChannels ? ['&*'] : selector.channels.map((one) => `&${one}`);
}

export function describeKeys(selector: Selector): string {
  return keyRules(selector, 'client').join(' ');
}

export function describeChannels(selector: Selector): string {
  return channelRules(selector).join(' ');
}

/** The rules that give a selector's commands, from +@all or -@all on. */
export function describeCommands(catalog: AclCatalog, selector: Selector): string {
  return commandRules(catalog, selector).join(' ');
}

function commandRules(catalog: AclCatalog, selector: Selector): string[] {
  const adds = !selector.futureCommands;
  const rules = [adds ? '-@all' : '+@all'];
  const reached = catalog.emptySet();
  if (!adds) reached.fill(0xffffffff);
  // What is not covered by a category yet.
  const rest = selector.commands.slice();
  const unused = new Set(catalog.categories);
  for (;;) {
    const best = nearestCategory(unused, rest, adds);
    if (best === undefined) break;
    unused.delete(best);
    if (adds) {
      addCommands(reached, best.affected);
      removeCommands(rest, best.affected);
    } else {
      removeCommands(reached, best.affected);
      addCommands(rest, best.affected);
    }
    rules.push(`${adds ? '+@' : '-@'}${best.name}`);
  }
  addSingleCommands(rules, catalog, selector, reached);
  return rules;
}

/** The category with the fewest commands that differ, of those with more that do not. */
function nearestCategory(
  categories: ReadonlySet<AclCategory>,
  rest: CommandSet,
  adds: boolean,
): AclCategory | undefined {
  let best: AclCategory | undefined;
  let leastDifferent = Infinity;
  let mostSame = 0;
  for (const category of categories) {
    const on = countShared(category.members, rest);
    const off = category.size - on;
    const same = adds ? on : off;
    const different = adds ? off : on;
    if (same <= different) continue;
    if (different > leastDifferent) continue;
    if (different === leastDifferent && same <= mostSame) continue;
    best = category;
    leastDifferent = different;
    mostSame = same;
  }
  return best;
}

/** Redis lists these in the order of a hash table with a random seed; here they are by name. */
function addSingleCommands(
  rules: string[],
  catalog: AclCatalog,
  selector: Selector,
  reached: CommandSet,
): void {
  for (const command of catalog.commands) {
    const allowed = hasCommand(selector.commands, command.index);
    if (allowed !== hasCommand(reached, command.index)) {
      rules.push(`${allowed ? '+' : '-'}${command.fullName}`);
      if (allowed) addCommands(reached, catalog.setOf(command));
      else removeCommands(reached, catalog.setOf(command));
    }
    if (allowed) continue;
    for (const word of selector.firstArguments.get(command.index) ?? []) {
      rules.push(`+${command.fullName}|${word}`);
    }
  }
}

function selectorRules(catalog: AclCatalog, selector: Selector, audience: Audience): string[] {
  const rules = keyRules(selector, audience);
  if (!selector.allChannels) rules.push('resetchannels');
  rules.push(...channelRules(selector), ...commandRules(catalog, selector));
  return rules;
}

/** A word of a selector, in quotes when it would be read as something else without. */
function quoted(word: string): string {
  return /["'()]/.test(word) ? `"${word.replace(/["\\]/g, '\\$&')}"` : word;
}

/** All rules of a user, in one line. */
export function describeUser(catalog: AclCatalog, user: AclUser, audience: Audience): string {
  const parts = [...user.flagNames(), ...user.passwords.map((hash) => `#${hash}`)];
  user.selectors.forEach((selector, i) => {
    const rules = selectorRules(catalog, selector, audience);
    if (i === 0) parts.push(...rules);
    else parts.push(`(${rules.map((one) => (audience === 'file' ? quoted(one) : one)).join(' ')})`);
  });
  return parts.join(' ');
}

/** A line of ACL LIST, of the ACL file or of a configuration file. */
export function describeUserLine(catalog: AclCatalog, user: AclUser, audience: Audience): string {
  return `user ${user.name} ${describeUser(catalog, user, audience)}`;
}
