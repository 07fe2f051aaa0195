/** From the options of `start` to directives. */
import { resolve } from 'node:path';
import type { DirectiveLines, EmbeddedData } from '../channel/embedding.js';
import type { StartOptions, StopOptions } from './darter.js';
import { darterError } from './errors.js';

/** Options that are no directives. */
const OWN: readonly string[] = ['preset', 'configFile', 'onLog', 'port'];

/** Within a program: reached from this machine, on a free port, and nothing is written to the disk. */
const DEFAULTS: DirectiveLines = [
  ['bind', '127.0.0.1'],
  ['port', '0'],
  ['save', ''],
];

/**
 * For tests: quick to start, little memory. Threads are most of both. Keys are spread over few shards; the
 * address space of each is only touched as data comes.
 */
const TEST: DirectiveLines = [
  ['threads', '1'],
  ['shards', '4'],
  ['shard-spread', '4'],
  ['shard-bytes', String(256 * 1024 * 1024)],
  ['repl-backlog-size', String(1024 * 1024)],
  ['maxclients', '1000'],
];

const SAVE_MODES: readonly unknown[] = ['default', 'save', 'nosave'];

export interface ReadOptions {
  readonly data: Omit<EmbeddedData, 'endLatch'>;
  readonly onLog: StartOptions['onLog'];
}

/** @throws DarterError when an option has a value of the wrong type */
export function readOptions(given: StartOptions): ReadOptions {
  const options = ownOf(given);
  const { preset, port, configFile = '', onLog } = options;
  if (preset !== undefined && preset !== 'test') throw wrong('preset', "it can only be 'test'");
  if (typeof configFile !== 'string') throw wrong('configFile', 'it must be a path');
  if (onLog !== undefined && typeof onLog !== 'function') throw wrong('onLog', 'no function');
  const folder = process.cwd();
  const data = {
    folder,
    configFile: configFile === '' ? '' : resolve(folder, configFile),
    defaults: preset === 'test' ? [...DEFAULTS, ...TEST] : DEFAULTS,
    directives: [...portLine(port), ...linesOf(options)],
    hasPort: port !== null,
    wantsLog: onLog !== undefined,
  };
  return { data, onLog };
}

/** @throws DarterError when an option of `stop` has a wrong value */
export function readSaveMode(options: StopOptions): NonNullable<StopOptions['save']> {
  const { save = 'default' } = ownOf(options);
  if (!SAVE_MODES.includes(save)) throw wrong('save', "it can be 'default', 'save' or 'nosave'");
  return save;
}

/** @throws DarterError when these are no names of sections */
export function checkSections(sections: readonly unknown[]): void {
  if (sections.every((section) => typeof section === 'string')) return;
  throw darterError('ERR_DARTER_DIRECTIVE', "The sections of 'info' must be strings");
}

/** What the object has itself: nothing that it, or every object, inherits is an option. */
function ownOf<Options extends object>(options: Options): Options {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  if (isObject) return { ...options };
  throw darterError('ERR_DARTER_DIRECTIVE', 'The options must be an object, or left out');
}

function portLine(port: unknown): DirectiveLines {
  return port === undefined ? [] : [['port', textOf('port', port ?? 0)]];
}

function linesOf(options: StartOptions): DirectiveLines {
  const lines: (readonly [string, string])[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (OWN.includes(name) || value === undefined) continue;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const one of values) lines.push([name, textOf(name, one)]);
  }
  return lines;
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return value;
  throw wrong(name, 'it must be a string, a number, true or false');
}

function wrong(name: string, why: string) {
  return darterError('ERR_DARTER_DIRECTIVE', `Option '${name}': ${why}`);
}
