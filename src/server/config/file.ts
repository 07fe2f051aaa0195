/**
 * Reading configuration text: redis.conf's syntax, with includes. The lines are carried out in
 * order, the last one wins; the first that is wrong ends the reading, with Redis's message.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { systemErrorText } from '../../base/system-error.js';
import { DARTER_VERSION } from '../../base/version.js';
import type { Declarations } from './declarations.js';
import { FORMER_DIRECTIVES, findDirective, type Named } from './directives.js';
import { Refusal } from './kinds.js';
import { readTextFile } from './text-file.js';
import type { Values } from './values.js';
import { fromBinaryString, nameMatches, splitWords } from './words.js';

export const INCLUDES_DEPTH_MAX = 16;
const NOT_A_DIRECTIVE = 'Bad directive or wrong number of arguments';

/** What is wrong with the configuration, as it is to be shown to who started the server. */
export class ConfigurationError extends Error {}

/** Where lines come from, as messages name it. */
export interface Source {
  readonly name: string;
  /** What its lines are called. */
  readonly unit: 'line' | 'option';
}

export const MAIN_FILE: Source = { name: 'the configuration file', unit: 'line' };
export const STANDARD_INPUT: Source = { name: 'standard input', unit: 'line' };
export const COMMAND_LINE: Source = { name: 'the command line', unit: 'option' };

export class ConfigurationReader {
  private readonly seen = new Set<string>();
  private depth = 0;

  constructor(
    private readonly values: Values,
    private readonly declarations: Declarations,
  ) {}

  /** Directives that were given another value than the initial one, though nothing looks at it. */
  get ignored(): string[] {
    const isIgnored = (name: string): boolean => {
      const directive = findDirective(name)?.directive;
      return directive?.isIgnored === true && this.values.get(name) !== directive.initial;
    };
    return [...this.seen].filter(isIgnored).sort();
  }

  readText(text: string, source: Source): void {
    text.split('\n').forEach((raw, index) => {
      const line = raw.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
      if (line === '' || line.startsWith('#')) return;
      const refusal = this.readLine(line);
      if (refusal !== null) throw fatal(source, index + 1, line, refusal.message);
    });
  }

  /** @returns why the line is not accepted, or null */
  readLine(line: string): Refusal | null {
    const words = splitWords(line);
    if (words === null) return new Refusal('Unbalanced quotes in configuration line');
    const [first, ...given] = words;
    if (first === undefined) return null;
    const name = first.toLowerCase();
    const named = findDirective(name);
    if (named !== undefined) return this.assign(named, given);
    if (FORMER_DIRECTIVES.includes(name) && given.length === 1) return null;
    return this.readSpecial(name, given);
  }

  private assign(named: Named, given: readonly string[]): Refusal | null {
    const { kind } = named.directive;
    if (!kind.takesWords && given.length !== 1) return new Refusal('wrong number of arguments');
    // Words may come as one quoted word, as CONFIG GET shows them.
    const lone = given.length === 1 && given[0] !== '' ? given[0] : undefined;
    const words = kind.takesWords && lone !== undefined ? lone.split(' ') : given;
    const refusal = this.values.assign(named, words, this.seen.has(named.name));
    this.seen.add(named.name);
    return refusal;
  }

  /** Lines that are no directives: CONFIG GET and CONFIG SET do not know them. */
  private readSpecial(name: string, given: readonly string[]): Refusal | null {
    if (name === 'include' && given.length === 1) return this.include(given[0]!);
    if (name === 'user' && given.length >= 1) {
      return refusalOf(this.declarations.declareUser(given));
    }
    if (name === 'rename-command' && given.length === 2) {
      return refusalOf(this.declarations.rename(given[0]!, given[1]!));
    }
    if (name === 'loadmodule' && given.length >= 1) {
      return new Refusal('Darter cannot load modules');
    }
    if (name === 'sentinel') {
      return new Refusal('Darter is no Sentinel: use redis-sentinel, which can watch it');
    }
    return new Refusal(NOT_A_DIRECTIVE);
  }

  private include(binaryPath: string): Refusal | null {
    const given = fromBinaryString(binaryPath);
    // As after Redis's change of folder: relative to `dir`.
    const path = resolve(fromBinaryString(this.values.get('dir')), given);
    if (this.depth === INCLUDES_DEPTH_MAX) return new Refusal('includes are nested too deeply');
    this.depth++;
    for (const file of /[*?[]/.test(given) ? expand(path) : [path]) {
      const source: Source = { name: `the configuration file ${file}`, unit: 'line' };
      this.readText(readConfigurationFile(file), source);
    }
    this.depth--;
    return null;
  }
}

function refusalOf(error: string | null): Refusal | null {
  return error === null ? null : new Refusal(error);
}

/** Bytes, one char each. */
export function readConfigurationFile(path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    const reason = systemErrorText(error);
    throw new ConfigurationError(`Fatal error, can't open config file '${path}': ${reason}`);
  }
}

function fatal(source: Source, line: number, text: string, reason: string): ConfigurationError {
  return new ConfigurationError(
    `\n*** FATAL CONFIG FILE ERROR (Darter ${DARTER_VERSION}) ***\n` +
      `Reading ${source.name}, at ${source.unit} ${line}\n` +
      `>>> '${fromBinaryString(text)}'\n${reason}`,
  );
}

/** The files whose path matches a pattern, sorted; blanks of the shell's kind in any part of it. */
function expand(pattern: string): string[] {
  const folder = dirname(pattern);
  const last = pattern.slice(folder.length).replace(/^\//, '');
  const folders = /[*?[]/.test(folder) ? expand(folder) : [folder];
  return folders.flatMap((one) => namesIn(one, last).map((name) => join(one, name)));
}

function namesIn(folder: string, pattern: string): string[] {
  if (!/[*?[]/.test(pattern)) return [pattern];
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const isHidden = (name: string): boolean => name.startsWith('.') && !pattern.startsWith('.');
  return names.filter((name) => !isHidden(name) && nameMatches(pattern, name)).sort();
}
