/**
 * The configuration of the running server: one truth for all threads.
 *
 * The values live as JSON in a shared text; each thread has a Config over it with its own copy, and
 * takes over changes when it calls `refresh` (once a turn: a single load when nothing changed).
 * CONFIG SET runs on whichever thread got the command: it changes the shared text under its lock,
 * starting from what is there then, so that two threads lose nothing.
 *
 * All strings are binary (one char per byte), except where a name says text or path.
 */
import { systemErrorText } from '../../base/system-error.js';
import type { ConfigurationPort } from '../../commands/contract/server-port.js';
import { SharedText, SharedTextFullError } from '../../memory/shared-text.js';
import { UNKNOWN_DIRECTIVE, untilNul } from '../../protocol/errors.js';
import { allNames, type DirectiveName, findDirective, type Named } from './directives.js';
import { rewriteFile } from './rewrite.js';
import { Values } from './values.js';
import { fromBinaryString, nameMatches } from './words.js';

interface Stored {
  readonly file: string;
  readonly values: readonly (readonly [string, string])[];
}

type Listener = (value: string) => void;
/** @returns what is wrong with the new value, or null */
type Guard = (value: string) => string | null;
/** The same for several directives together. */
type GroupGuard = (value: (name: string) => string, first: string) => string | null;
/** Whether a directive of this name is one of a group. */
type Belongs = (name: string) => boolean;
type Pairs = readonly (readonly [name: string, value: string])[];
/** What CONFIG SET was given, found in the table. */
type Chosen = readonly (readonly [name: string, named: Named, value: string])[];

const TOO_LONG = 'all directives together would be too long';

export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

export class Config implements ConfigurationPort {
  private readonly listeners = new Map<string, Listener[]>();
  private readonly guards = new Map<string, Guard[]>();
  private readonly groups: { readonly belongs: Belongs; readonly guard: GroupGuard }[] = [];
  private values = new Values();
  private version = 0;
  /** Absolute path of the configuration file, '' when there is none. */
  file = '';
  /** Called whenever this thread has taken over changes, by `refresh` or its own `set`. */
  changed: () => void = () => {};
  /** Called when CONFIG SET on this thread has set these. */
  wasSet: (names: readonly string[]) => void = () => {};
  /** Each user as a line of an ACL file; null: CONFIG REWRITE leaves the users to the ACL file. */
  userLines: () => readonly string[] | null = () => null;

  private constructor(private readonly shared: SharedText) {
    this.refresh();
  }

  static create(values: Values, file = ''): Config {
    return new Config(SharedText.create(stored(file, values)));
  }

  /** The same configuration in another thread. */
  static attach(buffer: SharedArrayBuffer): Config {
    return new Config(new SharedText(buffer));
  }

  /** Of what this thread has taken over: greater with each change. */
  get versionHere(): number {
    return this.version;
  }

  get buffer(): SharedArrayBuffer {
    return this.shared.buffer;
  }

  value(name: string): string {
    const named = findDirective(name);
    return named === undefined ? '' : this.values.get(named.name);
  }

  number(name: DirectiveName): number {
    return Number(this.values.get(name));
  }

  flag(name: DirectiveName): boolean {
    return this.values.get(name) === 'yes';
  }

  /** The words of a value such as that of `bind`. */
  words(name: DirectiveName): readonly string[] {
    const value = this.values.get(name);
    return value === '' ? [] : value.split(' ');
  }

  /** The value as text, for the file system and for people. */
  path(name: DirectiveName): string {
    return fromBinaryString(this.values.get(name));
  }

  get savePoints(): readonly SavePoint[] {
    const pairs = this.value('save').match(/\S+ \S+/g) ?? [];
    return pairs.map((pair) => {
      const [seconds, changes] = pair.split(' ').map(Number) as [number, number];
      return { seconds, changes };
    });
  }

  /** CONFIG GET: a name comes back as it was asked for, what a pattern finds by its own name. */
  get(patterns: readonly string[]): Pairs {
    // Each once, under the name that it was first asked for by.
    const found = new Map<string, [string, string]>();
    const add = (name: string): void => {
      const key = name.toLowerCase();
      if (!found.has(key)) found.set(key, [name, this.value(name)]);
    };
    for (const pattern of patterns) {
      if (/[*?[]/.test(pattern)) {
        for (const name of allNames()) {
          if (nameMatches(pattern, name) && !findDirective(name)!.directive.isHidden) add(name);
        }
      } else if (findDirective(pattern) !== undefined) {
        add(pattern);
      }
    }
    return [...found.values()];
  }

  /** CONFIG SET: all of the pairs, or none and the error's text. */
  set(pairs: Pairs, isLocalClient = false): string | null {
    this.refresh();
    const chosen: Chosen[number][] = [];
    for (const [name, value] of pairs) {
      const named = findDirective(name);
      if (named === undefined) return `${UNKNOWN_DIRECTIVE}'${untilNul(name)}'`;
      const wrong = this.whyFixed(named, isLocalClient);
      if (wrong !== null) return failure(name, wrong);
      // A directive may come under both of its names: then the later one wins.
      const isTwice = chosen.some(([other]) => other.toLowerCase() === name.toLowerCase());
      if (isTwice) return failure(name, 'duplicate parameter');
      chosen.push([name, named, value]);
    }
    try {
      const wrong = this.change((next) => this.assignAll(next, chosen));
      if (wrong === null) this.wasSet(chosen.map(([, named]) => named.name));
      return wrong;
    } catch (error) {
      if (error instanceof SharedTextFullError) return failure(pairs[0]![0], TOO_LONG);
      throw error;
    }
  }

  private assignAll(next: Values, chosen: Chosen): string | null {
    for (const [name, named, value] of chosen) {
      const words = named.directive.kind.takesWords ? splitAtBlanks(value) : [value];
      const refusal = next.assign(named, words, false);
      if (refusal !== null) return failure(name, refusal.message);
    }
    return this.askGuards(next, chosen);
  }

  private whyFixed({ directive }: Named, isLocalClient: boolean): string | null {
    if (directive.change === 'at start') return "can't set immutable config";
    const allowed = this.value('enable-protected-configs');
    const isAllowed = allowed === 'yes' || (allowed === 'local' && isLocalClient);
    return directive.change === 'protected' && !isAllowed ? "can't set protected config" : null;
  }

  private askGuards(next: Values, chosen: readonly (readonly [string, Named, string])[]) {
    for (const [name, named] of chosen) {
      const value = next.get(named.name);
      if (value === this.values.get(named.name)) continue;
      for (const guard of this.guards.get(named.name) ?? []) {
        const wrong = guard(value);
        if (wrong !== null) return failure(name, wrong);
      }
    }
    return this.askGroups(next, chosen);
  }

  private askGroups(next: Values, chosen: Chosen): string | null {
    for (const { belongs, guard } of this.groups) {
      const first = chosen.find(([, named]) => belongs(named.name));
      if (first === undefined) continue;
      const wrong = guard((name) => next.get(name), first[1].name);
      if (wrong !== null) return failure(first[0], wrong);
    }
    return null;
  }

  /**
   * Sets a value from within the server, whether or not CONFIG SET may: REPLICAOF, for one.
   *
   * @throws RangeError when the directive does not take the value
   */
  assign(name: DirectiveName, words: readonly string[]): void {
    this.change((next) => {
      const refusal = next.assign(findDirective(name)!, words, false);
      if (refusal !== null) throw new RangeError(`${name}: ${refusal.message}`);
      return null;
    });
  }

  private change(edit: (next: Values) => string | null): string | null {
    let error: string | null = null;
    this.shared.update((text) => {
      const { file, values } = JSON.parse(text) as Stored;
      const next = new Values(values);
      error = edit(next);
      return error === null ? stored(file, next) : null;
    });
    this.refresh();
    return error;
  }

  /** CONFIG REWRITE. @returns the error's text, or null */
  rewrite(): string | null {
    if (this.file === '') return 'ERR The server is running without a config file';
    try {
      rewriteFile(this.file, this.values, this.userLines());
      return null;
    } catch (error) {
      return `ERR Rewriting config file: ${systemErrorText(error)}`;
    }
  }

  /** Takes over what other threads have changed, and tells listeners. @returns whether they had */
  refresh(): boolean {
    if (this.shared.version === this.version) return false;
    const { text, version } = this.shared.read();
    const { file, values } = JSON.parse(text) as Stored;
    const before = this.values;
    this.values = new Values(values);
    this.version = version;
    this.file = file;
    for (const [name, listeners] of this.listeners) {
      const value = this.values.get(name);
      if (value !== before.get(name)) for (const listener of listeners) listener(value);
    }
    this.changed();
    return true;
  }

  /** Called in this thread, when it takes over a new value, whichever thread has set it. */
  onChange(name: DirectiveName, listener: Listener): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  /** Asked before CONFIG SET on this thread changes the value; must not set anything itself. */
  guard(name: DirectiveName, guard: Guard): void {
    this.guards.set(name, [...(this.guards.get(name) ?? []), guard]);
  }

  /** The same for directives that go together, also when a value stays what it was. */
  guardGroup(belongs: Belongs, guard: GroupGuard): void {
    this.groups.push({ belongs, guard });
  }
}

function stored(file: string, values: Values): string {
  return JSON.stringify({ file, values: values.entries() } satisfies Stored);
}

function splitAtBlanks(value: string): string[] {
  return value === '' ? [] : value.split(' ');
}

function failure(name: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}
