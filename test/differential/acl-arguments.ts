/** Random commands with keys and channels, and rules that allow some of them. */
import type { Random } from '../support/random.js';

const SHAPES = [
  'get K',
  'set K v',
  'set K v get',
  'del K K K',
  'mget K K',
  'mset K v K w',
  'exists K K',
  'type K',
  'copy K K',
  'rename K K',
  'getex K persist',
  'lmove K K left right',
  'sunionstore K K K',
  'zunionstore K 2 K K',
  'eval return 1 K',
  'sort K',
  'sort K store K',
  'bitfield K get u8 0',
  'bitfield K set u8 0 1',
  'ping',
  'auth x',
  'hello',
  'select 0',
  'select 1',
  'config get x',
  'config set x y',
  'client id',
  'object encoding K',
  'memory usage K',
  'xgroup create K g $',
  'subscribe C C',
  'psubscribe C C',
  'publish C m',
  'spublish C m',
  'ssubscribe C',
  'unsubscribe C',
];
const KEYS = ['a', 'b1', 'b2', 'key:1', 'bx', 'other'];
const CHANNELS = ['c', 'd1', 'd*', 'news', '*'];
const PATTERNS = ['a', 'b*', 'key:?', '[a-c]x', '*'];
const CHANNEL_PATTERNS = ['c', 'd*', 'n?ws', '*s', '[cd]'];

export class CommandArguments {
  constructor(private readonly random: Random) {}

  /** A command; its keys differ from each other and from its other words. */
  vector(): string[] {
    const keys = this.random.shuffle([...KEYS]);
    const channels = this.random.shuffle([...CHANNELS]);
    return this.random
      .pick(SHAPES)
      .split(' ')
      .map((word) => {
        if (word === 'K') return keys.pop()!;
        return word === 'C' ? channels.pop()! : word;
      });
  }

  rules(): string[] {
    const { random } = this;
    const rules = ['reset', 'on', ...this.selectorRules()];
    for (let i = random.below(3); i > 0; i--) rules.push(`(${this.selectorRules().join(' ')})`);
    return rules;
  }

  private selectorRules(): string[] {
    const { random } = this;
    const rules: string[] = [];
    if (random.chance(0.7))
      rules.push(random.pick(['+@all', '+@all -@write', '+@read', '+@string']));
    for (let i = random.below(4); i > 0; i--) {
      const words = random.pick(SHAPES).split(' ');
      const name = words[0]!;
      const second = words[1] ?? '';
      if (name === 'config' || name === 'client') {
        rules.push(random.pick([`+${name}|${second}`, `+${name}`, `-${name}|${second}`]));
      } else if (name === 'select') rules.push(random.pick(['+select|1', '+select', '-select']));
      else rules.push(`${random.pick(['+', '+', '-'])}${name}`);
    }
    if (random.chance(0.25)) rules.push('allkeys');
    else {
      for (let i = random.below(4); i > 0; i--) {
        rules.push(random.pick(['~', '%R~', '%W~', '%RW~']) + random.pick(PATTERNS.slice(0, 4)));
      }
      if (random.chance(0.1)) rules.push(random.pick(['%R~*', '%W~*']));
    }
    if (random.chance(0.25)) rules.push('allchannels');
    else {
      for (let i = random.below(3); i > 0; i--) {
        rules.push(`&${random.pick(CHANNEL_PATTERNS)}`);
      }
    }
    return rules.flatMap((rule) => rule.split(' '));
  }

  /** Argument indexes of the channels that need a permission: not those of UNSUBSCRIBE. */
  static channelsOf(words: readonly string[]): number[] {
    const name = words[0]!;
    if (name === 'publish' || name === 'spublish') return [1];
    if (!['subscribe', 'psubscribe', 'ssubscribe'].includes(name)) return [];
    return words.slice(1).map((_, i) => i + 1);
  }
}
