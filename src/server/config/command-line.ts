/**
 * The command line, read as redis-server reads its own:
 *
 *   darter [configuration file] [--name value ...] ... [-]
 *
 * Options become lines that follow those of the file (and of standard input, for `-`), so the later
 * ones win. Errors name the place that the line comes from. What follows an option's name is always its value, even when it
 * begins with `--`; after one value, `--` begins the next option.
 */
import { resolve } from 'node:path';
import { DARTER_VERSION, REDIS_VERSION } from '../../base/version.js';
import { Declarations } from './declarations.js';
import {
  COMMAND_LINE,
  ConfigurationError,
  ConfigurationReader,
  MAIN_FILE,
  readConfigurationFile,
  STANDARD_INPUT,
} from './file.js';
import { usageText } from './usage.js';
import { Values } from './values.js';
import { quoteWord, splitWords, toBinaryString } from './words.js';

export type StartRequest =
  | { readonly action: 'print'; readonly text: string; readonly exitCode: number }
  | { readonly action: 'fail'; readonly text: string }
  | { readonly action: 'check'; readonly path: string }
  | {
      readonly action: 'run';
      readonly values: Values;
      readonly declarations: Declarations;
      /** Absolute path of the configuration file, '' when there is none. */
      readonly file: string;
      readonly warnings: readonly string[];
    };

export interface Surroundings {
  readonly folder: string;
  /** Bytes, one char each. */
  readonly readStandardInput: () => string;
}

/** @param argv the arguments after the program's name */
export function readCommandLine(argv: readonly string[], around: Surroundings): StartRequest {
  const first = argv[0];
  if (first === '-v' || first === '--version') {
    const text = `Darter v=${DARTER_VERSION} redis=${REDIS_VERSION} node=${process.versions.node}\n`;
    return { action: 'print', text, exitCode: 0 };
  }
  if (first === '-h' || first === '--help')
    return { action: 'print', text: usageText(), exitCode: 0 };
  if (first === '--check') {
    const [, path] = argv;
    if (path === undefined || argv.length > 2) return { action: 'fail', text: usageText() };
    return { action: 'check', path: resolve(around.folder, path) };
  }
  const file = first !== undefined && !first.startsWith('-') ? resolve(around.folder, first) : '';
  const { lines, hasStandardInput } = optionLines(argv.slice(file === '' ? 0 : 1));
  const values = new Values([['dir', toBinaryString(around.folder)]]);
  const declarations = new Declarations(values);
  const reader = new ConfigurationReader(values, declarations);
  try {
    if (file !== '') reader.readText(readConfigurationFile(file), MAIN_FILE);
    if (hasStandardInput) reader.readText(around.readStandardInput(), STANDARD_INPUT);
    reader.readText(lines, COMMAND_LINE);
  } catch (error) {
    if (error instanceof ConfigurationError) return { action: 'fail', text: error.message };
    throw error;
  }
  return { action: 'run', values, declarations, file, warnings: warningsOf(reader) };
}

function warningsOf(reader: ConfigurationReader): string[] {
  const names = reader.ignored;
  if (names.length === 0) return [];
  return [`Directives without a meaning for Darter, ignored: ${names.join(', ')}`];
}

function optionLines(argv: readonly string[]): { lines: string; hasStandardInput: boolean } {
  let lines = '';
  let hasStandardInput = false;
  /** The next word may be an option's name: nothing still waits for its value. */
  let mayBeName = true;
  argv.forEach((argument, index) => {
    const word = toBinaryString(argument);
    const isLast = index === argv.length - 1;
    if (word === '-' && isLast) {
      hasStandardInput = true;
      return;
    }
    if (!mayBeName || !word.startsWith('--')) {
      lines += `${quoteWord(word)} `;
      mayBeName = true;
      return;
    }
    lines += `${lines === '' ? '' : '\n'}${word.slice(2)} `;
    // "--port 7000" in one word is complete.
    mayBeName = splitWords(word)?.length !== 1;
    if (mayBeName) return;
    const name = word.toLowerCase();
    const nextIsOption = argv[index + 1]?.startsWith('--') === true;
    // Two names may go without a value: an empty `save`, and `sentinel`.
    if (name === '--save' && (isLast || nextIsOption)) lines += '""';
    mayBeName = (name === '--save' && nextIsOption) || name === '--sentinel';
  });
  return { lines, hasStandardInput };
}
