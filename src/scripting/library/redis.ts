/**
 * The table `redis`, as far as it is pure: constants, sha1hex, the tables of replies. All that does
 * something is the host's. Errors of this library are tables with a field `err`, as in Redis.
 */
import { createHash } from 'node:crypto';
import { formatDouble } from '../../base/double-text.js';
import { withoutOuterLineEnds } from '../../base/line-ends.js';
import { REDIS_VERSION } from '../../base/version.js';
import { LuaError } from '../runtime/errors.js';
import { CommandWord, InputReference } from '../runtime/input.js';
import { meter } from '../runtime/meter.js';
import { nonFiniteText, numberToText, parseNumber } from '../runtime/number-text.js';
import { LuaTable } from '../runtime/table.js';
import { type LuaResult, type LuaValue, NONE } from '../runtime/values.js';
import { defineFunctions, type Native } from './define.js';

/** An argument of a command, whose text is `commandText`. The first one, its name, is a string or a word. */
export type CommandArgument = string | number | CommandWord | InputReference;

/**
 * What a script can ask of the server. Results are Lua values, an error or status reply a table with
 * `err` or `ok`.
 */
export interface ScriptHost {
  /** @throws LuaError where `redis` lacks this function, as while a library is loaded */
  demand(name: string): void;
  /** redis.call: an error reply is thrown as a LuaError with that table. */
  call(args: readonly CommandArgument[]): LuaValue;
  /** The same where nobody sees what it answers, unless it is an error. */
  perform(args: readonly CommandArgument[]): void;
  /** redis.pcall: an error reply is returned. */
  pcall(args: readonly CommandArgument[]): LuaValue;
  log(level: number, message: string): void;
  /** RESP 2 or 3 for the replies that the script sees. */
  setResp(version: number): void;
  setReplication(flags: number): void;
  /** @returns undefined for an unknown command */
  mayRun(args: readonly CommandArgument[]): boolean | undefined;
}

const LOG_LEVELS = ['LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING'];
const REPLICATION_FLAGS = {
  REPL_NONE: 0,
  REPL_AOF: 1,
  REPL_SLAVE: 2,
  REPL_REPLICA: 2,
  REPL_ALL: 3,
};
const REPLICATION_MAX = 3;
/** What a digest takes, and what makes it. */
const HASH_BYTES = 1000;

/** An error as Redis's own functions raise it. */
export function redisError(message: string): LuaError {
  return new LuaError(errorTable(message));
}

export function errorTable(message: string): LuaTable {
  return LuaTable.ofField('err', message);
}

const INT_MAX = 0x7fff_ffff;
const NO_ARGUMENTS = 'ERR Please specify at least one argument for this redis lib call';
const BAD_ARGUMENTS = 'ERR Lua redis lib command arguments must be strings or integers';

/** As %.17g: large integers have an exponent. */
export function commandNumber(x: number): string {
  return Number.isFinite(x) ? formatDouble(x) : nonFiniteText(x);
}

/** @param args of a call; nobody else has this array. @returns the same one, or an error */
function commandArguments(args: LuaValue[]): readonly CommandArgument[] | string {
  if (args.length === 0) return NO_ARGUMENTS;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (isWord(arg) || typeof arg === 'string' || typeof arg === 'number') continue;
    if (!isReference(arg) || arg.index < 0) return BAD_ARGUMENTS;
  }
  if (!isWord(args[0]) && typeof args[0] !== 'string') {
    args[0] = commandText(args[0] as CommandArgument);
  }
  return args as CommandArgument[];
}

/** Generated code passes these and references to commands, and to nothing else. */
function isWord(value: unknown): value is CommandWord {
  return value instanceof CommandWord;
}

function isReference(value: unknown): value is InputReference {
  return value instanceof InputReference;
}

/** The text of an argument. */
export function commandText(arg: CommandArgument): string {
  if (typeof arg === 'string') return arg;
  return typeof arg === 'number' ? commandNumber(arg) : arg.text;
}

/** Of `-CODE text` and `CODE text` the same; a text of one word gets the code ERR. */
function errorText(text: string): string {
  const nul = text.indexOf('\0');
  const cut = nul < 0 ? text : text.slice(0, nul);
  const body = cut.startsWith('-') ? cut.slice(1) : cut;
  const space = body.indexOf(' ');
  const code = space < 0 ? 'ERR' : body.slice(0, space);
  return `${code} ${withoutOuterLineEnds(body.slice(space + 1))}`;
}

function replyTable(field: 'err' | 'ok'): Native {
  return (...args) => {
    const text = args[0];
    if (args.length !== 1 || typeof text !== 'string') {
      return errorTable('ERR wrong number or type of arguments');
    }
    if (field === 'err') return errorTable(errorText(text));
    return LuaTable.ofField(field, text);
  };
}

function textOf(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? numberToText(value) : undefined;
}

const sha1hex: Native = (...args) => {
  if (args.length !== 1) throw redisError('ERR wrong number of arguments');
  const text = textOf(args[0]) ?? '';
  meter.workOnBytes(text.length);
  meter.allocate(HASH_BYTES);
  return createHash('sha1').update(text, 'latin1').digest('hex');
};

/** As C takes a number for an int: what is none, or too large, is the least one. */
function integerArgument(value: LuaValue): number | undefined {
  const number = typeof value === 'string' ? parseNumber(value) : value;
  if (typeof number !== 'number') return undefined;
  const integer = Math.trunc(number);
  return Math.abs(integer) <= INT_MAX ? integer : -INT_MAX - 1;
}

/** @throws LuaError for arguments that no command can have */
function rightArguments(args: LuaValue[]): readonly CommandArgument[] {
  const texts = commandArguments(args);
  if (typeof texts === 'string') throw new LuaError(errorTable(texts));
  return texts;
}

/** redis.call of a statement. */
export function performing(host: ScriptHost): (...args: LuaValue[]) => void {
  return (...args) => {
    host.demand('call');
    host.perform(rightArguments(args));
  };
}

function hostFunctions(host: () => ScriptHost): Readonly<Record<string, Native>> {
  return {
    call: (...args) => {
      host().demand('call');
      return host().call(rightArguments(args));
    },
    pcall: (...args) => {
      host().demand('pcall');
      const texts = commandArguments(args);
      return typeof texts === 'string' ? errorTable(texts) : host().pcall(texts);
    },
    log: (...args) => log(host(), args),
    setresp: (...args) => {
      host().demand('setresp');
      if (args.length !== 1) throw redisError('ERR redis.setresp() requires one argument.');
      const version = integerArgument(args[0]);
      if (version !== 2 && version !== 3) throw redisError('ERR RESP version must be 2 or 3.');
      host().setResp(version);
      return NONE;
    },
    set_repl: (...args) => {
      host().demand('set_repl');
      if (args.length !== 1) throw redisError('ERR redis.set_repl() requires two arguments.');
      const flags = integerArgument(args[0]) ?? 0;
      if (flags < 0 || flags > REPLICATION_MAX) {
        const names = 'REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE';
        throw redisError(`ERR Invalid replication flags. Use ${names}.`);
      }
      host().setReplication(flags);
      return NONE;
    },
    acl_check_cmd: (...args) => {
      host().demand('acl_check_cmd');
      const texts = commandArguments(args);
      if (typeof texts === 'string') throw redisError(texts);
      const allowed = host().mayRun(texts);
      if (allowed === undefined) {
        throw redisError('ERR Invalid command passed to redis.acl_check_cmd()');
      }
      return allowed;
    },
  };
}

function log(host: ScriptHost, args: readonly LuaValue[]): LuaResult {
  if (args.length < 2) throw redisError('ERR redis.log() requires two arguments or more.');
  const level = integerArgument(args[0]);
  if (level === undefined) throw redisError('ERR First argument must be a number (log level).');
  if (level < 0 || level >= LOG_LEVELS.length) throw redisError('ERR Invalid debug level.');
  const parts = args.slice(1).map(textOf);
  host.log(level, parts.filter((part) => part !== undefined).join(' '));
  return NONE;
}

function versionNumber(): number {
  const [major, minor, patch] = REDIS_VERSION.split('.').map(Number);
  return (major! << 16) | (minor! << 8) | patch!;
}

/** What scripts have and libraries of functions have not. */
const OF_SCRIPTS: Readonly<Record<string, Native>> = {
  breakpoint: () => false,
  debug: () => NONE,
  replicate_commands: () => true,
};

/**
 * `host` is asked at each call, because it changes from run to run.
 * @param more what libraries of functions have and scripts have not
 */
export function redisLibrary(
  host: () => ScriptHost,
  more: Readonly<Record<string, Native>> = OF_SCRIPTS,
): LuaTable {
  const table = defineFunctions(new LuaTable(0, 32), {
    ...hostFunctions(host),
    error_reply: replyTable('err'),
    sha1hex,
    status_reply: replyTable('ok'),
    ...more,
  });
  LOG_LEVELS.forEach((name, level) => {
    table.set(name, level);
  });
  for (const [name, flags] of Object.entries(REPLICATION_FLAGS)) table.set(name, flags);
  table.set('REDIS_VERSION', REDIS_VERSION);
  table.set('REDIS_VERSION_NUM', versionNumber());
  return table;
}
