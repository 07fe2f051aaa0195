/**
 * What the threads of the process share besides the data: declared by the subjects that use it,
 * laid out here. A subject declares its counters, words and values beside its code:
 *
 *     export const EXPIRED = declareCounter('keyspace.expired');
 *
 * A declaration is a name, without a place. The process lists all of them once (ControlLayout), and
 * a control block finds their places by that list. So a place does not depend on the order in which
 * a thread loads its modules. A declaration that is not in the list has no place: using it throws.
 */

/** Counted by each thread in its own section; readers add the sections up. */
export interface Counter {
  readonly kind: 'counter';
  readonly name: string;
  /** Outlives CONFIG RESETSTAT. */
  readonly lasting: boolean;
}

/** An Int32 that any thread changes, atomically. */
export interface Word {
  readonly kind: 'word';
  readonly name: string;
}

/** A Float64 that one thread at a time writes, and any reads. */
export interface Value {
  readonly kind: 'value';
  readonly name: string;
}

/** Numbers from which any thread takes the next. */
export interface Sequence {
  readonly kind: 'sequence';
  readonly name: string;
}

/** Something that threads sleep for. Takes two words: see SharedSignal. */
export interface Signal {
  readonly kind: 'signal';
  readonly name: string;
}

export type Declaration = Counter | Word | Value | Sequence | Signal;

export function declareCounter(name: string, { lasting = false } = {}): Counter {
  return { kind: 'counter', name, lasting };
}

export function declareWord(name: string): Word {
  return { kind: 'word', name };
}

export function declareValue(name: string): Value {
  return { kind: 'value', name };
}

export function declareSequence(name: string): Sequence {
  return { kind: 'sequence', name };
}

export function declareSignal(name: string): Signal {
  return { kind: 'signal', name };
}

/** The places of all declarations. Equal lists give equal layouts, in any thread. */
export class ControlLayout {
  /** How many of each there are; a signal counts as two words. */
  readonly counts = { counter: 0, word: 0, value: 0, sequence: 0 };
  /** Counters that CONFIG RESETSTAT clears, by index. */
  readonly passing: number[] = [];
  /** Two layouts with the same signature have the same declarations in the same order. */
  readonly signature: number;
  private readonly places = new Map<Declaration, number>();

  /** @throws Error when two have the same name */
  constructor(declarations: readonly Declaration[]) {
    const names = new Set<string>();
    for (const declaration of declarations) {
      const { name, kind } = declaration;
      if (names.has(name)) throw new Error(`two shared declarations have the name ${name}`);
      names.add(name);
      const group = kind === 'signal' ? 'word' : kind;
      const place = this.counts[group];
      this.counts[group] += kind === 'signal' ? 2 : 1;
      this.places.set(declaration, place);
      if (declaration.kind === 'counter' && !declaration.lasting) this.passing.push(place);
    }
    this.signature = hash(declarations.map(({ kind, name }) => `${kind} ${name}\n`).join(''));
  }

  /** @throws Error for what was not in the list */
  placeOf(declaration: Declaration): number {
    const place = this.places.get(declaration);
    if (place === undefined)
      throw new Error(`${declaration.name} has no place: it is in no layout`);
    return place;
  }
}

/** FNV-1a over UTF-16 units, as Int32. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value | 0;
}
