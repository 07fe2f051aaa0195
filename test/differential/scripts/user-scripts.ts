/**
 * Scripts after what applications use, written anew: locks, limiters, counters, sessions, catalogues. They
 * run in random order on the same keys, by EVAL, EVALSHA and as functions. Their clock is an argument.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../../support/random.js';
import type { Step } from './conversions.js';
import { limiterScripts } from './limiter-scripts.js';
import { lockScripts } from './lock-scripts.js';
import { workerScripts } from './worker-scripts.js';

export interface UserScript {
  readonly name: string;
  /** Names of keys; {user} and {item} are filled in. */
  readonly keys: string;
  /** Kinds of arguments: a key of ARGUMENTS each. */
  readonly args: string;
  readonly source: string;
}

const USERS = ['ann', 'bob', 'cid'];
const ITEMS = ['apple', 'pear', 'fig', 'a b', 'ünï', ''];
const LONG_MS = '100000000';

export const userScripts: readonly UserScript[] = [
  ...workerScripts,
  ...limiterScripts,
  ...lockScripts,
];

/** Makes the commands of one run. */
export class UserStory {
  private now = 1000;
  private id = 1;

  constructor(private readonly random: Random) {}

  /** What comes before: the scripts as a library of functions. */
  static library(): Step {
    const functions = userScripts.map(
      ({ name, source }) =>
        `redis.register_function('${name}', function(KEYS, ARGV)\n${source}\nend)`,
    );
    return ['FUNCTION', 'LOAD', 'REPLACE', `#!lua name=users\n${functions.join('\n')}`];
  }

  step(): Step {
    const { random } = this;
    const { name, keys, args, source } = random.pick(userScripts);
    const words = keys === '' ? [] : keys.split(' ').map((key) => this.filled(key));
    const values = args === '' ? [] : args.split(' ').map((kind) => this.argument(kind));
    const rest = [String(words.length), ...words, ...values];
    if (random.chance(0.3)) return ['FCALL', name, ...rest];
    if (random.chance(0.5)) return ['EVAL', source, ...rest];
    // NOSCRIPT the first time, on both.
    return ['EVALSHA', createHash('sha1').update(source).digest('hex'), ...rest];
  }

  private filled(key: string): string {
    return key
      .replace('{user}', () => this.random.pick(USERS))
      .replace('{item}', () => this.random.pick(ITEMS));
  }

  private argument(kind: string): string {
    const { random } = this;
    switch (kind) {
      case 'now':
        this.now += random.below(20);
        return String(this.now);
      case 'soon':
        return String(this.now + random.below(60));
      case 'id':
        return String(this.id++);
      case 'user':
        return random.pick(USERS);
      case 'item':
        return random.pick(ITEMS);
      case 'small':
        return String(random.between(1, 5));
      case 'float':
        return random.pick(['0.5', '1', '2.25', '1e2', '-3', '0.1', '7', '1e-7', '12345678.9']);
      case 'long':
        return LONG_MS;
      default:
        throw new Error(`no such kind of argument: ${kind}`);
    }
  }
}
