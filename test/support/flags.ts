/** Command-line flags of the benchmark and campaign programs: `--name value`, `--name=value` or `--name`. */
import { parseArgs } from 'node:util';

export type FlagKind = 'text' | 'texts' | 'number' | 'switch';

export class Flags {
  private readonly values: Readonly<Record<string, unknown>>;

  /** Ends the process with the usage when a flag is unknown, or for --help. */
  constructor(
    usage: string,
    private readonly kinds: Readonly<Record<string, FlagKind>>,
  ) {
    const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean }> = {
      help: { type: 'boolean', multiple: false },
    };
    for (const [name, kind] of Object.entries(kinds)) {
      const type = kind === 'switch' ? 'boolean' : 'string';
      options[name] = { type, multiple: kind === 'texts' };
    }
    try {
      this.values = parseArgs({ options }).values;
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n\n${usage}\n`);
      process.exit(2);
    }
    if (this.values.help === true) {
      process.stdout.write(`${usage}\n`);
      process.exit(0);
    }
  }

  has(name: string): boolean {
    return this.values[this.known(name)] === true;
  }

  text(name: string, otherwise: string): string {
    const value = this.values[this.known(name)];
    return typeof value === 'string' ? value : otherwise;
  }

  texts(name: string): string[] {
    const value = this.values[this.known(name)];
    return Array.isArray(value) ? value.map(String) : [];
  }

  number(name: string, otherwise: number): number {
    const value = this.numberOf(name, otherwise);
    if (value > 0) return value;
    return this.refuse(name, 'a positive number');
  }

  /** A seed or a place: whole, from 0 on. */
  whole(name: string, otherwise: number): number {
    const value = this.numberOf(name, otherwise);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    return this.refuse(name, 'a whole number');
  }

  private numberOf(name: string, otherwise: number): number {
    const text = this.text(name, '');
    if (text === '') return otherwise;
    const value = Number(text);
    return Number.isFinite(value) ? value : Number.NaN;
  }

  private refuse(name: string, wanted: string): never {
    process.stderr.write(`--${name} wants ${wanted}, not '${this.text(name, '')}'\n`);
    process.exit(2);
  }

  private known(name: string): string {
    if (!(name in this.kinds)) throw new Error(`no flag --${name} was declared`);
    return name;
  }
}
