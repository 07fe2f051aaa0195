/**
 * MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password]
 * [KEYS key ...]: sends values to another server, a Redis or a Darter, and removes them here.
 *
 * The values are taken under the locks of their keys; the client waits while the main thread talks to
 * the other server, and everybody else is served. Keys that have changed meanwhile are kept, which is an
 * error. Nothing may wait inside a transaction or a script: there MIGRATE is refused.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { PayloadTooLongError } from '../../persistence/rdb/dump-writer.js';
import {
  MIGRATE_CHANGED,
  MIGRATE_INSIDE,
  MIGRATE_KEYS,
  NOT_INTEGER,
  PAYLOAD_TOO_LONG,
  SYNTAX,
} from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import type { MigrationOutcome } from '../contract/migration-port.js';
import { Migration } from './lib/migration.js';

const HOST = 1;
const PORT = 2;
const KEY = 3;
const DATABASE = 4;
const TIMEOUT = 5;
const FIRST_OPTION = 6;
const TIMEOUT_MS = 1000;

interface Options {
  copy: boolean;
  replace: boolean;
  authentication: string[];
  firstKey: number;
  endKey: number;
}

const parsed = new ParsedInteger();

/** @returns null when an error was answered */
function optionsOf(context: Context): Options | null {
  const { args, reply } = context;
  const options: Options = {
    ...{ copy: false, replace: false, authentication: [] },
    ...{ firstKey: KEY, endKey: KEY + 1 },
  };
  for (let i = FIRST_OPTION; i < args.count; i++) {
    const more = args.count - 1 - i;
    if (argumentIs(args, i, 'COPY')) options.copy = true;
    else if (argumentIs(args, i, 'REPLACE')) options.replace = true;
    else if (argumentIs(args, i, 'AUTH') && more >= 1) options.authentication = [context.text(++i)];
    else if (argumentIs(args, i, 'AUTH2') && more >= 2) {
      options.authentication = [context.text(i + 1), context.text(i + 2)];
      i += 2;
    } else if (argumentIs(args, i, 'KEYS')) {
      if (args.length[KEY] !== 0) {
        reply.error(MIGRATE_KEYS);
        return null;
      }
      options.firstKey = i + 1;
      options.endKey = args.count;
      break;
    } else {
      reply.error(SYNTAX);
      return null;
    }
  }
  return options;
}

/** Argument `index` as an integer, NaN when an error was answered. */
function integerAt({ args, reply }: Context, index: number): number {
  const { region, offset, length } = args;
  if (parseInteger(region, offset[index]!, length[index]!, parsed) === INTEGER_OK) {
    return parsed.value;
  }
  reply.error(NOT_INTEGER);
  return Number.NaN;
}

/** Takes the values of the keys that are there. @returns null when an error was answered */
function gather(context: Context, options: Options): Migration | null {
  const { args, keys, reply } = context;
  const migration = new Migration(context, options.replace, !options.copy);
  try {
    for (let i = options.firstKey; i < options.endKey; i++) {
      if (keys.seekForRead(args, i)) migration.add();
    }
    return migration;
  } catch (error) {
    migration.giveUp();
    if (!(error instanceof PayloadTooLongError)) throw error;
    reply.error(PAYLOAD_TOO_LONG);
    return null;
  }
}

function run(context: Context): void {
  const { reply } = context;
  const options = optionsOf(context);
  if (options === null) return;
  const timeout = integerAt(context, TIMEOUT);
  const database = Number.isNaN(timeout) ? Number.NaN : integerAt(context, DATABASE);
  if (Number.isNaN(database)) return;
  if (context.inTransaction) {
    reply.error(MIGRATE_INSIDE);
    return;
  }
  const migration = gather(context, options);
  if (migration === null) return;
  if (migration.count === 0) {
    reply.simple('NOKEY');
    return;
  }
  send(context, migration, options, database, timeout > 0 ? timeout : TIMEOUT_MS);
}

function send(
  context: Context,
  migration: Migration,
  { authentication }: Options,
  database: number,
  timeoutMs: number,
): void {
  const suspension = context.suspend(() => {});
  const port = Number(context.text(PORT));
  const request = {
    ...{ host: context.text(HOST), port, timeoutMs, database, authentication },
    commands: new Uint8Array(migration.commands.bytes.slice(0, migration.bytes)),
    count: migration.count,
  };
  context.server.migration.send(request, (outcome) => {
    const kept = migration.finish(outcome.done);
    suspension.resume((later) => answer(later, outcome, kept));
  });
}

function answer({ reply }: Context, outcome: MigrationOutcome, kept: number): void {
  const { failedStep, targetError } = outcome;
  if (targetError !== '') {
    reply.errorText(`ERR Target instance replied with error: ${targetError}`);
  } else if (failedStep === 'connecting') {
    reply.errorText('IOERR error or timeout connecting to the client');
  } else if (failedStep !== '') {
    reply.errorText(`IOERR error or timeout ${failedStep} to target instance`);
  } else if (kept > 0) {
    reply.error(MIGRATE_CHANGED);
  } else {
    reply.ok();
  }
}

/** Whether an argument is a user or a password: behind AUTH or AUTH2, before the keys. */
function isSecret(args: ArgumentVector, index: number): boolean {
  for (let at = TIMEOUT + 1; at < index && !argumentIs(args, at, 'KEYS'); ) {
    const secrets = argumentIs(args, at, 'AUTH') ? 1 : argumentIs(args, at, 'AUTH2') ? 2 : 0;
    if (index <= at + secrets) return true;
    at += 1 + secrets;
  }
  return false;
}

export const migrate: CommandDefinition = {
  name: 'migrate',
  summary: 'Sends keys to another server, and removes them here',
  since: '2.6.0',
  group: 'generic',
  complexity:
    'This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See the pages of these commands for time complexity. Also an O(N) data transfer between the two instances is performed.',
  arity: -6,
  flags: ['write', 'movablekeys'],
  categories: ['dangerous'],
  keys: [
    { ...keysAt(3, 0, 1, 'RW', 'access', 'delete'), skipsEmpty: true },
    {
      flags: ['RW', 'access', 'delete', 'incomplete'],
      begin: { keyword: 'KEYS', startFrom: -2 },
      find: { last: -1, step: 1, limit: 0 },
    },
  ],
  arguments: [
    { name: 'host', type: 'string' },
    { name: 'port', type: 'integer' },
    {
      name: 'key_or_empty_string',
      type: 'oneof',
      arguments: [
        { name: 'key', type: 'key', keySpecIndex: 0 },
        { name: 'empty_string', type: 'pure-token', token: '' },
      ],
    },
    { name: 'destination-db', type: 'integer' },
    { name: 'timeout', type: 'integer' },
    { name: 'copy', type: 'pure-token', token: 'COPY', since: '3.0.0', flags: ['optional'] },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', since: '3.0.0', flags: ['optional'] },
    {
      name: 'authentication',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'password', type: 'string', token: 'AUTH', since: '4.0.7' },
        {
          name: 'username_password',
          type: 'block',
          token: 'AUTH2',
          since: '6.0.0',
          arguments: [
            { name: 'username', type: 'string' },
            { name: 'password', type: 'string' },
          ],
        },
      ],
    },
    {
      name: 'key',
      type: 'key',
      keySpecIndex: 1,
      token: 'KEYS',
      since: '3.0.6',
      flags: ['optional', 'multiple'],
    },
  ],
  history: [
    ['3.0.0', 'COPY and REPLACE.'],
    ['3.0.6', 'KEYS.'],
    ['4.0.7', 'AUTH.'],
    ['6.0.0', 'AUTH2.'],
  ],
  tips: ['nondeterministic_output'],
  isSecret,
  run,
};
