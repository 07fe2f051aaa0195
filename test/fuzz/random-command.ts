/** A random command vector that fits a command's arguments as COMMAND DOCS tells them, mostly. */
import type { ArgumentSpecification } from '../../src/commands/contract/definition.js';
import type { Random } from '../support/random.js';

export interface Words {
  key(): string;
  string(name: string): string;
  pattern(): string;
}

const NUMBERS = ['0', '1', '2', '-1', '3', '10'];
const DEEPEST = 8;
/** Stands where the number of the keys that follow belongs. */
const KEY_COUNT = '\0numkeys';

export class RandomCommand {
  private out: string[] = [];

  constructor(
    private readonly random: Random,
    private readonly words: Words,
  ) {}

  /** @param name as definitions give it: 'config|get' */
  make(name: string, specifications: readonly ArgumentSpecification[]): string[] {
    this.out = name.split('|');
    this.addAll(specifications, 0);
    return this.out.map((word) => (word === KEY_COUNT ? this.random.pick(NUMBERS) : word));
  }

  private addAll(specifications: readonly ArgumentSpecification[], depth: number): void {
    for (const one of specifications) {
      const isLeft = one.flags?.includes('optional') === true && this.random.chance(0.5);
      if (isLeft || depth > DEEPEST) continue;
      this.addRepeated(one, depth);
    }
  }

  private addRepeated(one: ArgumentSpecification, depth: number): void {
    const { random } = this;
    const isMultiple = one.flags?.includes('multiple') === true;
    const times = isMultiple ? random.between(1, 3) : 1;
    if (one.type === 'key') this.setKeyCount(times);
    for (let i = 0; i < times; i++) {
      const hasToken = i === 0 || one.flags?.includes('multiple_token') === true;
      if (one.token !== undefined && hasToken) this.out.push(one.token);
      this.addOne(one, depth);
    }
  }

  private setKeyCount(keys: number): void {
    const at = this.out.lastIndexOf(KEY_COUNT);
    if (at >= 0) this.out[at] = String(keys);
  }

  private addOne(one: ArgumentSpecification, depth: number): void {
    const { random, words, out } = this;
    const parts = one.arguments ?? [];
    if (one.type === 'block') this.addAll(parts, depth + 1);
    else if (one.type === 'oneof') this.addRepeated(random.pick(parts), depth + 1);
    else if (one.type === 'key') out.push(words.key());
    else if (one.type === 'pattern') out.push(words.pattern());
    else if (one.type === 'string') out.push(words.string(one.name));
    else if (one.name === 'numkeys') out.push(KEY_COUNT);
    else if (one.type === 'double')
      out.push(one.name === 'timeout' ? '0.01' : random.pick(NUMBERS));
    else if (one.type === 'integer' || one.type === 'unix-time') out.push(this.integer(one.name));
  }

  private integer(name: string): string {
    // Nobody waits for long.
    if (name === 'milliseconds' || name === 'timeout') return '5';
    return this.random.pick(NUMBERS);
  }
}
