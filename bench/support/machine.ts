/** What a report must say about where its figures come from. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { projectRoot, type System } from './servers.js';

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Git commit of the project, with '+' when the work tree differs from it. */
  readonly commit: string;
  readonly systems: readonly { readonly name: string; readonly version: string; command: string }[];
}

export function describeMachine(systems: readonly System[]): Machine {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commit(),
    systems: systems.map((system) => ({
      name: system.name,
      version: version(system),
      command: readable(system.command),
    })),
  };
}

/** A command line without this machine's paths. */
function readable(command: readonly string[]): string {
  const words = command.map((word) => word.replace(process.execPath, 'node'));
  return words.map((word) => word.replace(projectRoot, '').replace(/^\.\//, '')).join(' ');
}

function commit(): string {
  try {
    const git = (...words: string[]): string =>
      execFileSync('git', ['-C', projectRoot, ...words], { encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? '+' : '');
  } catch {
    return 'unknown';
  }
}

function version(system: System): string {
  if (system.name === 'darter') {
    const text = readFileSync(`${projectRoot}package.json`, 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  }
  try {
    const text = execFileSync(system.command[0]!, ['--version'], { encoding: 'utf8' });
    return (
      /v=(\S+)/.exec(text)?.[1] ?? /(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? text.slice(0, 40).trim()
    );
  } catch {
    return 'unknown';
  }
}
