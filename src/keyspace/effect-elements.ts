/**
 * Which elements of a collection an effect is about: declared beside the definition of the command that
 * is its verb. While a collection is shipped to a replica in parts, an effect on it is judged element by
 * element (replication/primary/part-filter.ts). A verb without a declaration is always right, and costs
 * that the collection is shipped from its beginning again.
 *
 * Argument 0 is the verb, argument 1 the key; where the verb has subcommands, these are 1 and 2.
 */
export type EffectElements =
  | GroupedElements
  | EachElement
  | ListChange
  | StreamChange
  | StreamGroupChange
  | Subcommands;

/**
 * Groups of arguments, one for each element, up to the end of the vector:
 *
 *     HSET key field value field value …     { by: 'hash', first: 2, step: 2, element: 0 }
 *     ZADD key NX score member …             { by: 'hash', first: 2, step: 2, element: 1, skip: ['NX'] }
 *     HPEXPIREAT key ms FIELDS 2 f g         { by: 'hash', first: 2, step: 1, element: 0, keyword: 'FIELDS' }
 *
 * What the effect does to an element depends on that element alone.
 */
export interface GroupedElements {
  readonly by: 'hash';
  /** Argument that begins the first group. */
  readonly first: number;
  readonly step: number;
  /** Which of a group's arguments is the element: a field, a member. */
  readonly element: number;
  /** Upper-case words that may stand before the first group. */
  readonly skip?: readonly string[];
  /** The groups come after this upper-case word, the first from `first` on, and their number. */
  readonly keyword?: string;
}

/** The effect names no elements. What it does to each one depends on that element alone. */
export interface EachElement {
  readonly by: 'each';
}

/**
 * A change of a list at one of its ends or at an index. Pushes have an element in each argument from
 * 2 on; pops have a count in argument 2, or none for one element; `replace` has the index there.
 */
export interface ListChange {
  readonly by: 'push-head' | 'push-tail' | 'pop-head' | 'pop-tail' | 'replace';
}

/** A change of a stream: an entry is appended whose id is argument 2; or what the root says is set. */
export interface StreamChange {
  readonly by: 'new-entry' | 'figures';
}

/**
 * A change of a group of a stream, of its consumers or of what is pending in it. Making the same consumer
 * once more, removing what is not there, and saying again what is pending change nothing.
 */
export interface StreamGroupChange {
  readonly by: 'group';
  /** Argument with the name of the group. */
  readonly group: number;
  /** Whether the group is removed. */
  readonly removes?: true;
}

/** The verb has subcommands: the key is argument 2, and a verb with its subcommand says what it is about. */
export interface Subcommands {
  readonly by: 'subcommand';
}

/** By the verb, in upper case; by verb|subcommand where it has some. */
export type ElementsByVerb = ReadonlyMap<string, EffectElements>;

interface DeclaringCommand {
  readonly name: string;
  readonly elements?: EffectElements;
}

/** The declarations of these commands. */
export function elementsByVerb(commands: Iterable<DeclaringCommand>): ElementsByVerb {
  const found = new Map<string, EffectElements>();
  for (const { name, elements } of commands) {
    if (elements === undefined) continue;
    const verb = name.toUpperCase();
    found.set(verb, elements);
    const end = verb.indexOf('|');
    if (end > 0) found.set(verb.slice(0, end), { by: 'subcommand' });
  }
  return found;
}
