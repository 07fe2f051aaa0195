/**
 * The one table of error replies. Texts are Redis's, word for word, as clients match on them.
 *
 * Errors that never change are constants, encoded once; those that quote something the client
 * sent are functions that make one. Quoted bytes travel in strings of one byte per char.
 */

import { CR, isLineEnd, LF, withoutLineEnds } from '../base/line-ends.js';

const SPACE = 32;
const MINUS = 45;

/** An error as it goes to the client: `-ERR text\r\n`. */
export class ErrorReply {
  /** The whole reply. */
  readonly bytes: Uint8Array;
  /** The first word, by which INFO errorstats counts. */
  readonly code: string;

  /** @param text code and message, one byte per char; line ends become spaces, at its end they go */
  constructor(readonly text: string) {
    const line = withoutLineEnds(text);
    this.bytes = new Uint8Array(line.length + 3);
    this.bytes[0] = MINUS;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      this.bytes[i + 1] = isLineEnd(code) ? SPACE : code;
    }
    this.bytes[line.length + 1] = CR;
    this.bytes[line.length + 2] = LF;
    this.code = text.split(' ', 1)[0]!;
  }
}

function error(text: string): ErrorReply {
  return new ErrorReply(text);
}

// Arguments and numbers.
export const SYNTAX = error('ERR syntax error');
export const NOT_INTEGER = error('ERR value is not an integer or out of range');
export const NOT_FLOAT = error('ERR value is not a valid float');
export const OUT_OF_RANGE = error('ERR value is out of range');
export const OUT_OF_RANGE_POSITIVE = error('ERR value is out of range, must be positive');
export const OVERFLOW = error('ERR increment or decrement would overflow');
export const DECREMENT_OVERFLOW = error('ERR decrement would overflow');
export const NAN_OR_INFINITY = error('ERR increment would produce NaN or Infinity');
export const INCREMENT_NAN_OR_INFINITY = error('ERR value is NaN or Infinity');
export const SCORE_NAN = error('ERR resulting score is not a number (NaN)');
export const HASH_NOT_INTEGER = error('ERR hash value is not an integer');
export const HASH_NOT_FLOAT = error('ERR hash value is not a float');
export const INDEX_OUT_OF_RANGE = error('ERR index out of range');
export const OFFSET_OUT_OF_RANGE = error('ERR offset is out of range');
export const DB_INDEX = error('ERR DB index is out of range');
export const FIRST_DB_INDEX = error('ERR invalid first DB index');
export const SECOND_DB_INDEX = error('ERR invalid second DB index');
export const STRING_TOO_LONG = error(
  'ERR string exceeds maximum allowed size (proto-max-bulk-len)',
);
export const CURSOR = error('ERR invalid cursor');
export const NUMKEYS_POSITIVE = error('ERR numkeys should be greater than 0');
export const COUNT_POSITIVE = error('ERR count should be greater than 0');
export const LIMIT_NEGATIVE = error("ERR LIMIT can't be negative");
export const TIMEOUT_NOT_FLOAT = error('ERR timeout is not a float or out of range');
export const TIMEOUT_NOT_INTEGER = error('ERR timeout is not an integer or out of range');
export const TIMEOUT_NEGATIVE = error('ERR timeout is negative');
export const MIN_MAX_NOT_FLOAT = error('ERR min or max is not a float');
export const MIN_MAX_NOT_LEX = error('ERR min or max not valid string range item');
export const WEIGHT_NOT_FLOAT = error('ERR weight value is not a float');
export const BIT_OFFSET = error('ERR bit offset is not an integer or out of range');
export const BIT_VALUE = error('ERR bit is not an integer or out of range');
export const BIT_ARGUMENT = error('ERR The bit argument must be 1 or 0.');
export const BITOP_NOT = error('ERR BITOP NOT must be called with a single source key.');
export const BITFIELD_OVERFLOW = error('ERR Invalid OVERFLOW type specified');
export const BITFIELD_READ_ONLY = error('ERR BITFIELD_RO only supports the GET subcommand');
export const LCS_NOT_STRINGS = error('ERR The specified keys must contain string values');
export const LCS_LENGTH_AND_INDEXES = error(
  'ERR If you want both the length and indexes, please just use IDX.',
);
export const LCS_MEMORY = error(
  'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
);
export const BITFIELD_TYPE = error(
  'ERR Invalid bitfield type. Use something like i16 u8. ' +
    'Note that u64 is not supported but i64 is.',
);
export const ZADD_NX_XX = error('ERR XX and NX options at the same time are not compatible');
export const ZADD_GT_LT_NX = error(
  'ERR GT, LT, and/or NX options at the same time are not compatible',
);
export const ZADD_INCR_PAIR = error('ERR INCR option supports a single increment-element pair');
export const EXPIRE_NX_XX_GT_LT = error(
  'ERR NX and XX, GT or LT options at the same time are not compatible',
);
export const EXPIRE_GT_LT = error('ERR GT and LT options at the same time are not compatible');
export const LPOS_RANK_ZERO = error(
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
    'or use negative to start from the end of the list',
);
export const STREAM_ID = error('ERR Invalid stream ID specified as stream command argument');

// Keys and values.
export const WRONG_TYPE = error(
  'WRONGTYPE Operation against a key holding the wrong kind of value',
);
export const NO_KEY = error('ERR no such key');
export const SAME_OBJECT = error('ERR source and destination objects are the same');
export const BUSY_KEY = error('BUSYKEY Target key name already exists.');
export const DUMP_PAYLOAD = error('ERR DUMP payload version or checksum are wrong');
export const RESTORE_BAD_FORMAT = error('ERR Bad data format');
export const RESTORE_TTL = error('ERR Invalid TTL value, must be >= 0');
export const RESTORE_IDLE_TIME = error('ERR Invalid IDLETIME value, must be >= 0');
export const RESTORE_FREQUENCY = error('ERR Invalid FREQ value, must be >= 0 and <= 255');
export const MIGRATE_KEYS = error(
  'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
);
/** Redis lets everybody wait meanwhile: there is no such case. */
export const MIGRATE_CHANGED = error(
  'ERR a key has changed while it was migrated: it is kept here, and the target has it as it was',
);
export const MIGRATE_INSIDE = error(
  'ERR MIGRATE waits for another server: it is not allowed in a transaction or a script',
);
export const PAYLOAD_TOO_LONG = error('ERR the value is too large for a payload');

// The server's state refuses the command.
export const OOM = error("OOM command not allowed when used memory > 'maxmemory'.");
/** Unlike maxmemory this cannot be helped by a setting of the running server. */
export function shardFull(shard: number, shards: number, shardBytes: number): string {
  return (
    `OOM shard ${shard} of ${shards} is full (${shardBytes} bytes): delete some of its keys, or ` +
    'restart with a larger shard-bytes, more shards or, for keys with one hash tag, a larger ' +
    'shard-spread'
  );
}
export const LOADING = error('LOADING Redis is loading the dataset in memory');
export const BUSY = error(
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
);
export const MASTER_DOWN = error(
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);
export const BUSY_FUNCTION = error(
  'BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.',
);
export const READ_ONLY = error("READONLY You can't write against a read only replica.");
export const NO_REPLICAS = error('NOREPLICAS Not enough good replicas to write.');
export const MISCONF = error(
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to " +
    'disk. Commands that may modify the data set are disabled, because this instance is ' +
    'configured to report errors during writes if RDB snapshotting fails ' +
    '(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the ' +
    'RDB error.',
);
export const NO_MASTER_LINK = error("NOMASTERLINK Can't SYNC while not connected with my master");
export const FAILOVER_IN_PROGRESS = error('INPROG Failover already in progress');
export const SAVE_IN_PROGRESS = error('ERR Background save already in progress');
export const CLUSTER_DISABLED = error('ERR This instance has cluster support disabled');
export const INTERNAL = error("ERR internal error, see the server's log");
export const QUEUE_TOO_LONG = error('ERR the commands of a transaction may have 2 GiB in all');
export const REPLY_TOO_LONG = error('ERR a reply may have 2 GiB');
export const MAX_CLIENTS = error('ERR max number of clients reached');

// Who may do what.
export const NO_AUTH = error('NOAUTH Authentication required.');
export const WRONG_PASS = error('WRONGPASS invalid username-password pair or user is disabled.');
export const AUTH_WITHOUT_PASSWORD = error(
  'ERR AUTH <password> called without any password configured for the default user. ' +
    'Are you sure your configuration is correct?',
);
export const NO_PROTO = error('NOPROTO unsupported protocol version');
export const PROTOCOL_VERSION = error('ERR Protocol version is not an integer or out of range');
export const HELLO_NO_AUTH = error(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the ' +
    'HELLO AUTH <user> <pass> option can be used to authenticate the client and select ' +
    'the RESP protocol version at the same time',
);
/** Redis's names itself and its redis.conf; this gives the same advice in the words of this server. */
export const PROTECTED_MODE = error(
  'DENIED Darter is running in protected mode because protected mode is enabled and no password ' +
    'is set for the default user. In this mode connections are only accepted from the loopback ' +
    'interface. To connect from other computers: 1) run CONFIG SET protected-mode no from the ' +
    'loopback interface, or start with --protected-mode no (make sure the server cannot be reached ' +
    'from the internet), or 2) set a password for the default user (requirepass).',
);
export const NO_PERM_KEY = error(
  'NOPERM this user has no permissions to access one of the keys used as arguments',
);
export const NO_PERM_CHANNEL = error(
  'NOPERM this user has no permissions to access one of the channels used as arguments',
);

// Transactions.
export const EXEC_ABORT = error('EXECABORT Transaction discarded because of previous errors.');
export const NESTED_MULTI = error('ERR MULTI calls can not be nested');
export const WATCH_IN_MULTI = error('ERR WATCH inside MULTI is not allowed');
export const EXEC_WITHOUT_MULTI = error('ERR EXEC without MULTI');
export const DISCARD_WITHOUT_MULTI = error('ERR DISCARD without MULTI');
export const NOT_IN_TRANSACTION = error('ERR Command not allowed inside a transaction');

export const NOT_FOR_MONITORS = error("ERR Replica can't interact with the keyspace");

// Scripts.
export const NO_SCRIPT = error('NOSCRIPT No matching script. Please use EVAL.');
export const NOT_BUSY = error('NOTBUSY No scripts in execution right now.');
export const UNKILLABLE = error(
  'UNKILLABLE Sorry the script already executed write commands against the dataset. ' +
    'You can either wait the script termination or kill the server in a hard way using the ' +
    'SHUTDOWN NOSAVE command.',
);

// Clients and streams.
export const UNBLOCKED = error('UNBLOCKED client unblocked via CLIENT UNBLOCK');
export const TOO_MANY_BLOCKED = error('ERR too many clients of this thread are blocked');
export const UNBLOCKED_ROLE = error(
  'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
);
export const BUSY_GROUP = error('BUSYGROUP Consumer Group name already exists');
export const NO_CLIENT = error('ERR No such client');
export const CLIENT_NAME = error(
  'ERR Client names cannot contain spaces, newlines or special characters.',
);
export const CLIENT_ID_POSITIVE = error('ERR client-id should be greater than 0');

/** @param name of the command in lower case, with its subcommand as "config|get" */
export function wrongArity(name: string): ErrorReply {
  return error(`ERR wrong number of arguments for '${name}' command`);
}

export function invalidExpire(name: string): ErrorReply {
  return error(`ERR invalid expire time in '${name}' command`);
}

/** CONFIG SET; the directive's name follows, in quotation marks. */
export const UNKNOWN_DIRECTIVE = 'ERR Unknown option or number of arguments for CONFIG SET - ';

export function noInputKey(name: string): ErrorReply {
  return error(`ERR at least 1 input key is needed for '${name}' command`);
}

export function noPermCommand(name: string): ErrorReply {
  return error(`NOPERM this user has no permissions to run the '${name}' command`);
}

/** EXEC refused as a whole, for the reason a single command would have been. */
/** What RESP2 clients may not do while they are subscribed. */
export function notWhileSubscribed(command: string): ErrorReply {
  return error(
    `ERR Can't execute '${command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET ` +
      'are allowed in this context',
  );
}

export function execAbortBecause(reason: ErrorReply): ErrorReply {
  const cause = reason.text.replace(/^ERR /, '');
  return error(`EXECABORT Transaction discarded because of: ${cause}`);
}

/** An exception, which the log tells about. */
export function internalError(name: string): ErrorReply {
  return error(`ERR internal error in '${name}', see the server's log`);
}

/** A question to all threads that one of them did not answer in time. */
export function unanswered(name: string): ErrorReply {
  return error(`ERR a thread did not answer in time (${name})`);
}

/** In a connection that has subscribed, with RESP2. */
export function subscribedContext(name: string): ErrorReply {
  return error(
    `ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET ` +
      'are allowed in this context',
  );
}

export function unknownSubcommand(container: string, subcommand: string): ErrorReply {
  const quoted = untilNul(subcommand).slice(0, QUOTED_BYTES_MAX);
  return error(`ERR unknown subcommand '${quoted}'. Try ${container.toUpperCase()} HELP.`);
}

/** An error for which the protocol parser found the words; the connection closes after it. */
export function protocolError(text: string): ErrorReply {
  return error(`ERR ${untilNul(text)}`);
}

/** As much of the client's command as an error quotes: of its name, and of its arguments. */
export const QUOTED_BYTES_MAX = 128;

export function unknownCategory(name: string): ErrorReply {
  return error(`ERR Unknown category '${untilNul(name).slice(0, QUOTED_BYTES_MAX)}'`);
}

/** C strings end at NUL, and clients see that in these texts. */
export function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** @param args the command's name and its arguments, one byte per char */
export function unknownCommand(args: readonly string[]): ErrorReply {
  const name = untilNul(args[0]!).slice(0, QUOTED_BYTES_MAX);
  let quoted = '';
  for (let i = 1; i < args.length && quoted.length < QUOTED_BYTES_MAX; i++) {
    const room = QUOTED_BYTES_MAX - quoted.length;
    quoted += `'${untilNul(args[i]!).slice(0, room)}' `;
  }
  return error(`ERR unknown command '${name}', with args beginning with: ${quoted}`);
}
