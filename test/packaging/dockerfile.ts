/**
 * Carries a Dockerfile out without Docker: a stage is a folder, COPY copies, and RUN runs here with the paths of
 * the stage in place of those of the image. It knows what the Dockerfile of this repository uses, and refuses the
 * rest. Images that FROM names are not there: node and npm are this machine's.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** What the last stage says of the container. */
export interface Image {
  /** The folder that is the root of its file system. */
  readonly root: string;
  readonly user: string;
  readonly workingFolder: string;
  readonly entrypoint: readonly string[];
  readonly healthcheck: readonly string[];
}

export function readDockerfile(path: string): Instruction[] {
  const lines = readFileSync(path, 'utf8')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [name, ...rest] = line.split(' ');
    return { name: name!, text: rest.join(' ') };
  });
}

/** @returns the words of the exec form: there is no shell in the image, and none is wanted */
export function execForm(text: string): string[] {
  const words: unknown = JSON.parse(text);
  if (!Array.isArray(words)) throw new Error(`not in exec form: ${text}`);
  return words.map(String);
}

export class Builder {
  private readonly stages = new Map<string, string>();
  private root = '';
  private user = '';
  private workingFolder = '/';
  private entrypoint: readonly string[] = [];
  private healthcheck: readonly string[] = [];

  /**
   * @param folder where the stages are made
   * @param copyContext brings the sources to a folder: what `COPY . .` means
   * @param skipped RUN is left out where its words contain this
   */
  constructor(
    private readonly folder: string,
    private readonly copyContext: (target: string) => void,
    private readonly skipped?: string,
  ) {}

  build(instructions: readonly Instruction[]): Image {
    for (const instruction of instructions) this.carryOut(instruction);
    const { root, user, workingFolder, entrypoint, healthcheck } = this;
    return { root, user, workingFolder, entrypoint, healthcheck };
  }

  private carryOut({ name, text }: Instruction): void {
    switch (name) {
      case 'FROM':
        this.from(text);
        return;
      case 'WORKDIR':
        this.workingFolder = text;
        mkdirSync(this.inStage(text), { recursive: true });
        return;
      case 'COPY':
        this.copy(text);
        return;
      case 'RUN':
        this.run(execForm(text));
        return;
      case 'USER':
        this.user = text;
        return;
      case 'ENTRYPOINT':
        this.entrypoint = execForm(text);
        return;
      case 'HEALTHCHECK':
        this.healthcheck = execForm(text.slice(text.indexOf('CMD ') + 4));
        return;
      case 'VOLUME':
      case 'EXPOSE':
      case 'STOPSIGNAL':
        return;
      default:
        throw new Error(`${name} is not known here`);
    }
  }

  private from(text: string): void {
    const stage = / AS (\w+)$/.exec(text)?.[1] ?? 'last';
    this.root = join(this.folder, stage);
    this.stages.set(stage, this.root);
    this.workingFolder = '/';
    mkdirSync(this.root, { recursive: true });
  }

  private copy(text: string): void {
    const words = text.split(' ');
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
    const [source, target] = words.filter((word) => !word.startsWith('--')) as [string, string];
    if (from === undefined) {
      if (source !== '.') throw new Error(`COPY ${text}: only the whole context is known here`);
      this.copyContext(this.inStage(this.workingFolder));
      return;
    }
    cpSync(join(this.stages.get(from)!, source), this.inStage(target), { recursive: true });
  }

  private run(words: readonly string[]): void {
    if (this.skipped !== undefined && words.some((word) => word.includes(this.skipped!))) return;
    const [program, ...args] = words;
    const mapped = args.map((word) => (word.startsWith('/') ? this.inStage(word) : word));
    const command = program === 'node' ? process.execPath : program!;
    const { status, stderr } = spawnSync(command, mapped, {
      cwd: this.inStage(this.workingFolder),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) throw new Error(`RUN ${words.join(' ')} ended with ${status}:\n${stderr}`);
  }

  private inStage(path: string): string {
    return join(this.root, path);
  }
}
