/** From the options of `start` to directives. */
import { resolve } from 'node:path';
import type { DirectiveLines, EmbeddedData } from '../channel/embedding.js';
import type { StartOptions } from './darter.js';
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

/** @throws DarterError when an option has a value of the wrong type */
export function readOptions(options: StartOptions): Omit<EmbeddedData, 'endLatch'> {
  const { preset, port, configFile = '', onLog } = options;
  if (preset !== undefined && preset !== 'test') throw wrong('preset', "it can only be 'test'");
  if (typeof configFile !== 'string') throw wrong('configFile', 'it must be a path');
  if (onLog !== undefined && typeof onLog !== 'function') throw wrong('onLog', 'no function');
  const folder = process.cwd();
  return {
    folder,
    configFile: configFile === '' ? '' : resolve(folder, configFile),
    defaults: preset === 'test' ? [...DEFAULTS, ...TEST] : DEFAULTS,
    directives: [...portLine(port), ...linesOf(options)],
    hasPort: port !== null,
    wantsLog: onLog !== undefined,
  };
}

function portLine(port: unknown): DirectiveLines {
  return port === undefined ? [] : [['port', String(port ?? 0)]];
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
