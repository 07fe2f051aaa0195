/** A value as text that is equal for equal values, however they are stored. */
import { type Region, toBinary } from '../../src/base/region.js';
import { type StoredValue, TYPES, type ValueEffects } from '../../src/keyspace/types.js';

/** Collects the commands that rebuild a value. */
class Commands implements ValueEffects {
  readonly takesParts = false;
  readonly all: string[][] = [];
  private words: string[] = [];

  begin(name: string, subcommand = ''): this {
    this.words = subcommand === '' ? [name] : [name, subcommand];
    return this;
  }

  bytes(source: Region, offset: number, length: number): this {
    return this.word(toBinary(source, offset, length));
  }

  word(text: string): this {
    this.words.push(text);
    return this;
  }

  time(expiry: number): this {
    return this.word(`${expiry}`);
  }

  end(): void {
    this.all.push(this.words);
  }
}

/** Arguments of one element in the commands that add elements without an order. */
const GROUPS: Readonly<Record<string, number>> = { HSET: 2, SADD: 1, ZADD: 2 };

export function contentOf(value: StoredValue): string {
  const commands = new Commands();
  TYPES.of(value.kind).effects(value, commands);
  const ordered: string[] = [];
  const unordered: string[] = [];
  for (const [name, ...words] of commands.all) {
    const group = GROUPS[name!];
    if (name === 'RPUSH') ordered.push(...words);
    else if (group === undefined) unordered.push([name, ...words].join(' '));
    else
      for (let i = 0; i < words.length; i += group)
        unordered.push(words.slice(i, i + group).join(' '));
  }
  return [...unordered.sort(), ...ordered].join('\n');
}

/** @throws when two servers' contents (SimulatedServer.dump) differ */
export function compare(
  expected: Map<string, string>,
  actual: Map<string, string>,
  who: string,
): void {
  for (const [key, value] of expected) {
    const other = actual.get(key);
    if (other === value) continue;
    const got = other === undefined ? 'nothing' : other.slice(0, 60);
    throw new Error(`${who}: key ${key} is ${got}, should be ${value.slice(0, 60)}`);
  }
  for (const key of actual.keys()) {
    if (!expected.has(key)) throw new Error(`${who}: key ${key} is too many`);
  }
}

/** Every third key has a hash tag, one of two. */
export function keyName(number: number): string {
  return number % 3 === 0 ? `{tag:${number & 1}}:${number}` : `key:${number}`;
}
