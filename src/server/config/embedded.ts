/** The configuration of a server within a program's process: an object's directives, and a file's. */
import { resolve } from 'node:path';
import { Declarations } from './declarations.js';
import { findDirective } from './directives.js';
import {
  ConfigurationError,
  ConfigurationReader,
  MAIN_FILE,
  readConfigurationFile,
} from './file.js';
import { Values } from './values.js';
import { fromBinaryString, quoteWord, toBinaryString } from './words.js';

type Lines = readonly (readonly [name: string, value: string])[];

export interface EmbeddedRequest {
  /** Where relative paths start, and the default of `dir`. */
  readonly folder: string;
  /** Absolute path of a configuration file that is read first, or ''. */
  readonly configFile: string;
  /** In place of the initial values. */
  readonly defaults: Lines;
  /** With values as CONFIG SET takes them; what is no directive (`user`) as in a file. */
  readonly directives: Lines;
}

export interface EmbeddedConfiguration {
  readonly values: Values;
  readonly declarations: Declarations;
}

/** What is for a process of its own, with the value that a program's process allows. */
const NOT_HERE: readonly (readonly [name: string, allowed: string])[] = [
  ['daemonize', 'no'],
  ['supervised', 'no'],
  ['pidfile', ''],
  ['oom-score-adj', 'no'],
];

/** The program may change its folder while the server runs. */
const PATHS = ['dir', 'unixsocket', 'logfile'];

/** @throws ConfigurationError */
export function readEmbedded(request: EmbeddedRequest): EmbeddedConfiguration {
  const { folder, configFile, defaults, directives } = request;
  const values = new Values([['dir', toBinaryString(folder)]]);
  for (const [name, value] of defaults) values.set(name, toBinaryString(value));
  const declarations = new Declarations(values);
  const reader = new ConfigurationReader(values, declarations);
  if (configFile !== '') reader.readText(readConfigurationFile(configFile), MAIN_FILE);
  const seen = new Set<string>();
  for (const [name, value] of directives) {
    if (seen.has(name) && hasOneLine(name)) {
      throw new ConfigurationError(`Directive '${name}': there is one value, no array`);
    }
    seen.add(name);
    const refusal = reader.readLine(`${quoteWord(toBinaryString(name))} ${wordsOf(name, value)}`);
    if (refusal !== null) throw new ConfigurationError(`Directive '${name}': ${refusal.message}`);
  }
  for (const [name, allowed] of NOT_HERE) {
    if (values.get(name) === allowed) continue;
    throw new ConfigurationError(
      `Directive '${name}': a server within another program's process has no process to change`,
    );
  }
  for (const name of PATHS) {
    const path = fromBinaryString(values.get(name));
    if (path !== '') values.set(name, toBinaryString(resolve(folder, path)));
  }
  return { values, declarations };
}

/** Whether a later value would take the place of an earlier one. */
function hasOneLine(name: string): boolean {
  return findDirective(name)?.directive.kind.takesWords === false;
}

/** A directive of several words has them apart, any other is one word, whatever it contains. */
function wordsOf(name: string, value: string): string {
  const binary = toBinaryString(value);
  const kind = findDirective(name)?.directive.kind;
  const isOneWord = kind !== undefined && (!kind.takesWords || binary === '');
  return isOneWord ? quoteWord(binary) : binary;
}
