/**
 * The commands and categories that ACL rules name, as bitmaps: a rule sets or clears the bits of the
 * commands it means, whether it names one command or a category of a hundred.
 *
 * The registry's commands fit `AclCommand` as they are; nothing else of the registry is known here.
 */

export interface AclCommand {
  /** 'get', or 'config|get' for a subcommand. Never the name that rename-command gave it. */
  readonly fullName: string;
  /** From 0 on, without large gaps; the same on all threads. */
  readonly index: number;
  /** Without '@'. */
  readonly categories: readonly string[];
  readonly subcommands: ReadonlyMap<string, AclCommand>;
  readonly definition: { readonly flags: readonly string[] };
}

/** Bits of commands by their index. */
export type CommandSet = Uint32Array;

export function hasCommand(set: CommandSet, index: number): boolean {
  return (set[index >>> 5]! & (1 << (index & 31))) !== 0;
}

function include(set: CommandSet, index: number): void {
  set[index >>> 5] = set[index >>> 5]! | (1 << (index & 31));
}

export function addCommands(set: CommandSet, more: CommandSet): void {
  for (let i = 0; i < set.length; i++) set[i] = set[i]! | more[i]!;
}

export function removeCommands(set: CommandSet, fewer: CommandSet): void {
  for (let i = 0; i < set.length; i++) set[i] = set[i]! & ~fewer[i]!;
}

/** How many commands both sets have. */
export function countShared(a: CommandSet, b: CommandSet): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) {
    for (let bits = a[i]! & b[i]!; bits !== 0; bits &= bits - 1) count++;
  }
  return count;
}

export interface AclCategory {
  readonly name: string;
  /** Commands that are in the category themselves. */
  readonly members: CommandSet;
  /** What a rule for the category changes: its members, and all subcommands of containers in it. */
  readonly affected: CommandSet;
  readonly size: number;
}

function sorted(commands: Iterable<AclCommand>): AclCommand[] {
  return [...commands].sort((a, b) => (a.fullName < b.fullName ? -1 : 1));
}

export class AclCatalog {
  /** Containers before their subcommands, all by name. */
  readonly commands: readonly AclCommand[];
  private readonly byName = new Map<string, AclCommand>();
  /** Made when a rule first names them: most servers have no such rules. */
  private readonly commandsAndSubcommands: (CommandSet | undefined)[] = [];
  private readonly categoriesByName = new Map<string, AclCategory>();
  private readonly words: number;

  /** @param categories their names, in the order in which ACL CAT lists them */
  constructor(
    commands: Iterable<AclCommand>,
    private readonly categoryNames: readonly string[],
  ) {
    this.commands = sorted(commands).flatMap((one) => [one, ...sorted(one.subcommands.values())]);
    let indexEnd = 0;
    for (const command of this.commands) {
      this.byName.set(command.fullName, command);
      indexEnd = Math.max(indexEnd, command.index + 1);
    }
    this.words = (indexEnd + 31) >>> 5;
  }

  get categories(): readonly AclCategory[] {
    return this.categoryNames.map((name) => this.category(name));
  }

  emptySet(): CommandSet {
    return new Uint32Array(this.words);
  }

  /** A command or, after a bar, a subcommand; in any case. */
  find(name: string): AclCommand | undefined {
    return this.byName.get(name.toLowerCase());
  }

  findCategory(name: string): AclCategory | undefined {
    const wanted = name.toLowerCase();
    return this.categoryNames.includes(wanted) ? this.category(wanted) : undefined;
  }

  /** The command and its subcommands, which a rule for the command means too. */
  setOf(command: AclCommand): CommandSet {
    const known = this.commandsAndSubcommands[command.index];
    if (known !== undefined) return known;
    const set = this.emptySet();
    include(set, command.index);
    for (const subcommand of command.subcommands.values()) include(set, subcommand.index);
    this.commandsAndSubcommands[command.index] = set;
    return set;
  }

  /** Full names of the members, for ACL CAT. */
  membersOf(category: AclCategory): string[] {
    return this.commands
      .filter((command) => hasCommand(category.members, command.index))
      .map((command) => command.fullName);
  }

  private category(name: string): AclCategory {
    const known = this.categoriesByName.get(name);
    if (known !== undefined) return known;
    const category = this.categoryOf(name);
    this.categoriesByName.set(name, category);
    return category;
  }

  private categoryOf(name: string): AclCategory {
    const members = this.emptySet();
    const affected = this.emptySet();
    for (const command of this.commands) {
      if (!command.categories.includes(name)) continue;
      include(members, command.index);
      addCommands(affected, this.setOf(command));
    }
    return { name, members, affected, size: countShared(members, members) };
  }
}
