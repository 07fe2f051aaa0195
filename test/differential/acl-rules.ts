/** Random rules of ACL users: mostly valid, some that are nearly so. */
import type { Random } from '../support/random.js';

const FLAGS = [
  'on',
  'off',
  'nopass',
  'resetpass',
  'sanitize-payload',
  'skip-sanitize-payload',
  'allkeys',
  'resetkeys',
  'allchannels',
  'resetchannels',
  'allcommands',
  'nocommands',
  'clearselectors',
  'reset',
  '+@all',
  '-@all',
  '~*',
  '&*',
];

const PATTERNS = ['a', 'b*', 'key:?', '[a-c]x', '\\*', '', 'ü', '(', 'x)', '"q', '*'];
const HASH = 'c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2';
const PASSWORDS = ['p', 'q', 'r', '', 'foobar', 'with blank'];

const WRONG = [
  'foo',
  '+',
  '-',
  '+@',
  '-@nosuch',
  '+nosuch',
  '-get|x',
  '+config|',
  '+config|nosuch',
  '+config|get|x',
  '+select|',
  '+|get',
  '%~a',
  '%',
  '%RRW~a',
  '%X~a',
  '~a b',
  '&a\tb',
  '#12',
  `#${HASH.toUpperCase()}`,
  '!12',
  '(',
  ')',
  '(+nosuch)',
  '(~a ~*  ~b)',
  '(on)',
  '(+get "x)',
  '("")',
  '((+get))',
  'on\0x',
  '+get\0x',
  '~a\0b',
  'all keys',
];

interface Named {
  readonly name: string;
}

function anyCase(random: Random, word: string): string {
  return random.chance(0.1) ? word.toUpperCase() : word;
}

/** A rule that a selector may have too. */
function selectorRule(
  random: Random,
  commands: readonly string[],
  categories: readonly Named[],
): string {
  const kind = random.below(10);
  const sign = random.pick(['+', '-', '+']);
  if (kind < 3) return anyCase(random, `${sign}${random.pick(commands)}`);
  if (kind < 5) return anyCase(random, `${sign}@${random.pick(categories).name}`);
  if (kind === 5) {
    const word = random.pick(['0', '1', 'x', 'X']);
    return `+${random.pick(['select', 'get', 'debug', 'zadd'])}|${word}`;
  }
  if (kind < 8) {
    const mark = random.pick(['~', '~', '%R~', '%W~', '%RW~', '%wr~', '%R']);
    return `${mark}${random.pick(PATTERNS)}`;
  }
  if (kind === 8) return `&${random.pick(PATTERNS)}`;
  return random.pick(['resetkeys', 'resetchannels', 'nocommands', '-@all', '+@all', 'allkeys']);
}

function passwordRule(random: Random): string {
  if (random.chance(0.3)) return random.pick([`#${HASH}`, `!${HASH}`]);
  return random.pick(['>', '>', '>', '<']) + random.pick(PASSWORDS);
}

/** Up to eight rules, a selector perhaps in several words. */
export function randomRules(
  random: Random,
  commands: readonly string[],
  categories: readonly Named[],
  onlyGood = false,
): string[] {
  const rules: string[] = [];
  for (let i = random.between(0, 8); i > 0; i--) {
    const kind = random.below(100);
    if (kind < 60) rules.push(selectorRule(random, commands, categories));
    else if (kind < 75) rules.push(anyCase(random, random.pick(FLAGS)));
    else if (kind < 85) rules.push(passwordRule(random));
    else if (kind < 97) {
      const inner = Array.from({ length: random.below(4) }, () =>
        selectorRule(random, commands, categories),
      );
      const text = `(${inner.join(' ')})`;
      if (random.chance(0.3)) rules.push(...text.split(' '));
      else rules.push(text);
    } else if (!onlyGood) rules.push(random.pick(WRONG));
  }
  return rules.map((rule) => (onlyGood ? rule.replaceAll(' ', '_') : rule));
}

/** The single commands of a line of rules in the order of their names: Redis's order is random. */
export function sortSingleCommands(line: string): string {
  const out: string[] = [];
  let run: string[] = [];
  const flush = (): void => {
    out.push(...run.sort());
    run = [];
  };
  let inSelector = false;
  for (const word of line.split(' ')) {
    const isSingle = /^[+-][^@]/.test(word);
    if (!isSingle) flush();
    if (word.startsWith('(')) inSelector = true;
    if (isSingle && inSelector && word.endsWith(')')) {
      inSelector = false;
      run.push(word.slice(0, -1));
      flush();
      out.push(')');
    } else if (isSingle) run.push(word);
    else out.push(word);
  }
  flush();
  return out.join(' ');
}
