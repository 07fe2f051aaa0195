/**
 * The libraries of functions. Their sources are one text that all threads share; a thread loads what is
 * new when it next needs a function. A change begins with what all have, and starts over when another
 * thread was faster, so that two threads never both add a function of one name. Replicas get the sources
 * of all libraries with each change.
 */
import type { LibraryDescription, RestorePolicy } from '../../commands/contract/server-port.js';
import type { SharedText } from '../../memory/shared-text.js';
import type { Environment } from '../../scripting/environment.js';
import type { CommandHost } from './command-host.js';
import {
  type Library,
  LibraryError,
  type LibraryFunction,
  type LibraryLoader,
  libraryName,
} from './library.js';
import { SCRIPT_FLAGS } from './shebang.js';

/** The name of the effect without a key that has the sources of all libraries. */
export const EFFECT_LIBRARIES = 'LIBRARIES';
/** How often a change is tried again because another thread was faster. */
const TRIES_MAX = 100;

/**
 * Tells the replicas the sources of all libraries. `change` makes them valid here, under the lock of
 * the replicas' stream; when it throws, nothing is told.
 */
export type Publish = (codes: readonly string[], change: () => void) => void;

/** Another thread has changed the libraries meanwhile. */
class Overtaken extends Error {}

/** Room for the sources of all libraries. */
export const LIBRARIES_BYTES_MAX = 16 * 1024 * 1024;
const BUSY = 'ERR the libraries are being changed, try again';
const FULL = 'OOM no room for the code of more libraries';

type Libraries = Map<string, Library>;

/** What the text holds of each library; its name is in its code. */
type Stored = readonly string[];

export class Functions {
  private libraries: Libraries = new Map();
  private functions = new Map<string, LibraryFunction>();
  private version = 0;

  constructor(
    private readonly shared: SharedText,
    readonly environment: Environment,
    private readonly loader: LibraryLoader,
    private readonly host: CommandHost,
    private readonly failed: (text: string) => void,
    private readonly publish: Publish,
  ) {}

  find(name: string): LibraryFunction | undefined {
    this.refresh();
    return this.functions.get(name.toLowerCase());
  }

  get libraryCount(): number {
    this.refresh();
    return this.libraries.size;
  }

  get functionCount(): number {
    this.refresh();
    return this.functions.size;
  }

  get bytes(): number {
    this.refresh();
    let sum = 0;
    for (const { code } of this.libraries.values()) sum += code.length;
    return sum;
  }

  list(): LibraryDescription[] {
    this.refresh();
    return [...this.libraries.values()].map(({ name, code, functions }) => ({
      name,
      code,
      functions: [...functions.values()].map((one) => ({
        name: one.name,
        description: one.description,
        flags: SCRIPT_FLAGS.filter(([, bit]) => (one.flags & bit) !== 0).map(([flag]) => flag),
      })),
    }));
  }

  sources(): string[] {
    this.refresh();
    return [...this.libraries.values()].map(({ code }) => code);
  }

  /** @returns the library's name @throws LibraryError */
  load(code: string, replace: boolean): string {
    let name = '';
    this.change((libraries) => {
      const library = replace ? this.compile(code) : this.compileNew(libraries, code);
      name = library.name;
      addLibrary(libraries, library);
    });
    return name;
  }

  /** @throws LibraryError */
  remove(name: string): void {
    this.change((libraries) => {
      if (!libraries.delete(name)) throw new LibraryError('ERR Library not found');
    });
  }

  flush(): void {
    this.change((libraries) => libraries.clear());
  }

  /**
   * Adds all of these libraries or none.
   *
   * @param damage behind them: the text of an error, or null
   * @throws LibraryError
   */
  restore(codes: readonly string[], damage: string | null, policy: RestorePolicy): void {
    const restored: Libraries = new Map();
    for (const code of codes) addLibrary(restored, this.compileNew(restored, code));
    if (damage !== null) throw new LibraryError(damage);
    this.change((libraries) => {
      if (policy === 'flush') libraries.clear();
      for (const name of restored.keys()) {
        if (policy === 'append' && libraries.has(name)) {
          throw new LibraryError(`ERR Library ${name} already exists`);
        }
        libraries.delete(name);
      }
      for (const library of restored.values()) addLibrary(libraries, library);
    });
  }

  /** Compiles what must not be there yet; so a name that is taken is told before a fault of the code. */
  private compileNew(libraries: Libraries, code: string): Library {
    const name = libraryName(code);
    if (libraries.has(name)) throw new LibraryError(`ERR Library '${name}' already exists`);
    return this.compile(code);
  }

  private compile(code: string): Library {
    this.host.isLoading = true;
    try {
      return this.loader.load(this.environment, code);
    } finally {
      this.host.isLoading = false;
    }
  }

  /** Changes the libraries of all threads, or nothing when `edit` throws. @throws LibraryError */
  private change(edit: (libraries: Libraries) => void): void {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      this.refresh();
      const next: Libraries = new Map(this.libraries);
      edit(next);
      if (this.replace(next)) return;
    }
    throw new LibraryError(BUSY);
  }

  /** @returns false when another thread was faster @throws LibraryError */
  private replace(next: Libraries): boolean {
    const { shared, version } = this;
    const codes = [...next.values()].map(({ code }) => code);
    try {
      this.publish(codes, () =>
        shared.update(() => {
          if (shared.version !== version) throw new Overtaken();
          return JSON.stringify(codes);
        }),
      );
    } catch (error) {
      if (error instanceof Overtaken) return false;
      if (error instanceof RangeError) throw new LibraryError(FULL);
      throw error;
    }
    this.take(next, version + 1);
    return true;
  }

  /** Takes over what other threads have changed. */
  private refresh(): void {
    // Loading runs Lua, and a thread runs one script at a time: INFO within a script tells the last.
    if (this.shared.version === this.version || this.host.isRunning) return;
    const { text, version } = this.shared.read();
    this.take(this.loadAll(JSON.parse(text) as Stored), version);
  }

  private take(libraries: Libraries, version: number): void {
    this.libraries = libraries;
    this.version = version;
    this.functions = new Map();
    for (const { functions } of libraries.values()) {
      for (const one of functions.values()) this.functions.set(one.name.toLowerCase(), one);
    }
  }

  /** The libraries of these sources; those that this thread has keep what their variables hold. */
  private loadAll(codes: Stored): Libraries {
    const known = new Map([...this.libraries.values()].map((library) => [library.code, library]));
    const libraries: Libraries = new Map();
    for (const code of codes) {
      try {
        const library = known.get(code) ?? this.compile(code);
        libraries.set(library.name, library);
      } catch (error) {
        if (!(error instanceof LibraryError)) throw error;
        // Another thread has loaded it: only memory or time can make the difference.
        this.failed(`A library of functions cannot be loaded: ${error.message}`);
      }
    }
    return libraries;
  }
}

/** Adds or replaces a library. @throws LibraryError when another one has a function of the same name */
function addLibrary(libraries: Libraries, library: Library): void {
  for (const other of libraries.values()) {
    if (other.name === library.name) continue;
    const names = new Set([...other.functions.keys()].map((name) => name.toLowerCase()));
    for (const name of library.functions.keys()) {
      if (names.has(name.toLowerCase())) {
        throw new LibraryError(`ERR Function ${name} already exists`);
      }
    }
  }
  libraries.set(library.name, library);
}
