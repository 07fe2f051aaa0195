/** The values of all directives: those that differ from the initial ones, by name, as text. */
import { DIRECTIVES, type Named } from './directives.js';
import { Refusal } from './kinds.js';

export class Values {
  private readonly changed: Map<string, string>;

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.changed = new Map(entries);
  }

  /** @param name a directive's own name; '' when there is none such */
  get(name: string): string {
    return this.changed.get(name) ?? DIRECTIVES[name]?.initial ?? '';
  }

  set(name: string, value: string): void {
    if (value === DIRECTIVES[name]?.initial) this.changed.delete(name);
    else this.changed.set(name, value);
  }

  /**
   * Sets a directive from the words of a line.
   *
   * @param addsToEarlier an earlier line of the same configuration has set it
   */
  assign(named: Named, words: readonly string[], addsToEarlier: boolean): Refusal | null {
    const { kind, refuse } = named.directive;
    const adds =
      kind.adds === 'to the value' || (kind.adds === 'to earlier lines' && addsToEarlier);
    const value = kind.parse(words, adds ? this.get(named.name) : '');
    if (value instanceof Refusal) return value;
    const reason = refuse?.(value) ?? null;
    if (reason !== null) return new Refusal(reason);
    this.set(named.name, value);
    return null;
  }

  entries(): [string, string][] {
    return [...this.changed];
  }
}
