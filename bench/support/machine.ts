/** What a report must say about where its figures come from. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot, type System } from './servers.js';

/** More than this share of the machine used by others: the figures say so. */
const BUSY_SHARE = 0.05;
const BUSY_SAMPLE_MS = 1500;

/**
 * The share of all cores that other programs use, measured before the servers start. Other work
 * makes ratios wander however they are interleaved, so a report must not hide it.
 */
export async function busyBefore(): Promise<number> {
  const before = cpuTimes();
  await sleep(BUSY_SAMPLE_MS);
  const after = cpuTimes();
  const share = 1 - (after.idle - before.idle) / (after.all - before.all);
  if (share > BUSY_SHARE) process.stderr.write(`${busyText(share)}\n`);
  return share;
}

function cpuTimes(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.idle + times.user + times.sys + times.nice + times.irq;
  }
  return { idle, all };
}

/** A warning, or nothing when the machine was quiet. */
export function busyText(share: number): string {
  if (share <= BUSY_SHARE) return '';
  const percent = (share * 100).toFixed(0);
  return `Warning: other programs used ${percent} % of the machine before this run began.`;
}

/** A command line to copy: words with anything special in them are quoted. */
export function quotedCommand(script: string, words: readonly string[]): string {
  if (words.length === 0) return `npm run ${script}`;
  const quoted = words.map((word) => (/^[\w./:,=-]+$/.test(word) ? word : `'${word}'`));
  return `npm run ${script} -- ${quoted.join(' ')}`;
}

export interface Machine {
  readonly date: string;
  /** Share of the cores that other programs used beforehand (0-1). */
  readonly busyBefore: number;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Git commit of the project, with '+' when the work tree differs from it. */
  readonly commit: string;
  readonly systems: readonly { readonly name: string; readonly version: string; command: string }[];
}

export function describeMachine(systems: readonly System[], busy: number): Machine {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    busyBefore: busy,
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
