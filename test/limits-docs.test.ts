/** docs/limits.md says what the code does: constants, and initial values of directives. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PAGE_BYTES, STRING_LIMIT_BYTES } from '../src/base/limits.js';

import { MESSAGE_CHARACTERS_MAX } from '../src/base/log.js';
import { SHOWN_CHARACTERS_MAX } from '../src/base/peer-text.js';
import { TEXT_BYTES_MAX } from '../src/base/region.js';
import { NAME_BYTES_MAX as CLIENT_NAME_BYTES_MAX } from '../src/commands/connection/lib/session.js';
import { WORDS_BYTES_MAX, WORDS_MAX } from '../src/commands/contract/words.js';
import { SORT_BYTES_MAX, SORT_RESULTS_MAX } from '../src/commands/generic/lib/sort-vector.js';
import { FIELD_TIME_MAX } from '../src/commands/hash/lib/times.js';
import { NAME_BYTES_MAX } from '../src/commands/pubsub/lib/confirm.js';
import { ADDRESS_BYTES_MAX } from '../src/commands/replication/replconf.js';
import { OBJECT_BYTES_MAX } from '../src/engine/acl/access-control.js';
import { evictionTimeMs } from '../src/engine/memory-guard.js';
import { SHOWN_BYTES_MAX } from '../src/engine/monitor-feed.js';
import { DIRECTORY_BYTES, ENTRY_BYTES } from '../src/engine/pubsub/directory.js';
import { COMMAND_NAME_BYTES_MAX } from '../src/engine/registry.js';
import { LIBRARIES_BYTES_MAX } from '../src/engine/scripts/functions.js';
import { LOAD_MS_MAX } from '../src/engine/scripts/library.js';
import {
  COMPILED_BYTES_MAX,
  COMPILED_SCRIPTS_MAX,
  SOURCES_BYTES_MAX,
} from '../src/engine/scripts/script-cache.js';
import * as shebang from '../src/engine/scripts/shebang.js';
import { QUEUE_BYTES_MAX } from '../src/engine/transaction-queue.js';
import { GROWN_BYTES_MAX, READERS_MAX, RING_BYTES_MIN } from '../src/journal/ring.js';
import { SHARD_SPREAD_MAX } from '../src/keyspace/key-hash.js';
import { ITEM_BYTES } from '../src/keyspace/tracked-keys.js';
import { PREFIXES_BYTES_MAX } from '../src/keyspace/tracked-prefixes.js';
import { CLAIM_SLOTS } from '../src/memory/claims.js';
import { THREADS_MAX } from '../src/memory/control.js';
import { ERROR_NAME_BYTES, ERROR_NAMES_MAX } from '../src/memory/error-names.js';
import { KEPT_BYTES_MAX } from '../src/memory/mailbox.js';
import { DEFAULT_BYTES } from '../src/memory/shared-text.js';
import { PENDING_PAGES_MAX } from '../src/memory/space.js';
import {
  ASSEMBLED_ARGUMENTS_MAX,
  QUERY_BYTES_MAX,
  TURN_COMMANDS,
  TURN_INPUT_BYTES,
  TURN_MICROS,
  TURN_MS,
  UNAUTHENTICATED_QUERY_BYTES_MAX,
} from '../src/net/client-input.js';
import { TURN_REPLIES_BYTES_MAX } from '../src/net/output.js';
import { PAYLOAD_BYTES_MAX } from '../src/persistence/rdb/dump-writer.js';
import { PATH_BYTES_MAX } from '../src/platform/ffi/socket.js';
import { USUAL_SIZES } from '../src/platform/ffi/uring.js';
import { BUFFER_BYTES, FIRST_BUFFERS } from '../src/platform/ffi/uring-buffers.js';
import { GROWTH_BYTES } from '../src/platform/thread-heap.js';
import {
  BULK_BYTES_MAX_DEFAULT,
  COMMAND_BYTES_MAX,
  LINE_BYTES_MAX,
  UNAUTHENTICATED_ARGUMENTS_MAX,
  UNAUTHENTICATED_BULK_BYTES_MAX,
} from '../src/protocol/parser.js';
import * as reply from '../src/protocol/reply.js';
import { STRING_MAX_BYTES } from '../src/scripting/runtime/meter.js';
import { GATHER_TIMEOUT_MS } from '../src/server/channel/gather.js';
import { FLOW_THREADS_MAX } from '../src/server/channel/main-flow.js';
import { HANDSHAKE_MS, HANDSHAKES_MAX, LINGER_MS } from '../src/server/channel/main-tls.js';
import { USERS_BYTES_MAX } from '../src/server/channel/users.js';
import { reservedDescriptors } from '../src/server/config/descriptor-budget.js';
import {
  DATABASES_MAX,
  DIRECTIVES,
  SHARD_BYTES_MAX,
  SHARDS_MAX,
  TLS_THREADS_MAX,
} from '../src/server/config/directives.js';
import { INCLUDES_DEPTH_MAX } from '../src/server/config/file.js';
import { ADDRESSES_MAX } from '../src/server/config/special-kinds.js';
import { CONFIG_FILE_BYTES_MAX } from '../src/server/config/text-file.js';
import { HANDSHAKE_LINE_BYTES_MAX } from '../src/server/flow-thread/followed-flow.js';
import { SAMPLES_MAX } from '../src/server/io-thread/latency-monitor.js';
import * as slowLog from '../src/server/io-thread/slow-log.js';
import * as feed from '../src/server/main-thread/console/live-feed.js';
import { REPLY_BYTES_MAX as CONSOLE_REPLY_BYTES_MAX } from '../src/server/main-thread/console/reply-reader.js';
import * as requests from '../src/server/main-thread/console/requests.js';
import { LOG_INS_MAX } from '../src/server/main-thread/console/routes.js';
import * as sessions from '../src/server/main-thread/console/sessions.js';
import * as http from '../src/server/main-thread/http/http-server.js';
import { KEPT_MAX } from '../src/server/main-thread/migration/migrator.js';
import * as migration from '../src/server/main-thread/migration/target-connection.js';
import { REPLY_BYTES_MAX } from '../src/server/main-thread/replication/resp-client.js';
import { CONNECT_MS_MAX } from '../src/server/main-thread/replication/served-replicas.js';
import { STOP_TIMEOUT_MS } from '../src/server/main-thread/server.js';
import { REPORT_TIMEOUT_MS } from '../src/server/main-thread/thread-reports.js';
import { VICTIMS_MAX } from '../src/structures/victims.js';
import { PACKED_LIST_BYTES_MAX, PACKED_LIST_COUNT_MAX } from '../src/values/list/layout.js';
import * as sets from '../src/values/set/kinds.js';
import { MEMBERS_MAX } from '../src/values/sorted-set/accumulator.js';
import * as sortedSets from '../src/values/sorted-set/kinds.js';
import { rootDirectory } from './support/server.js';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Cells of the tables by the first one: what is limited. */
function readLimits(): Map<string, string[]> {
  const text = readFileSync(join(rootDirectory, 'docs/limits.md'), 'utf8');
  const rows = text.split('\n').filter((line) => /^\| (?!what )/.test(line));
  return new Map(
    rows.map((line) => {
      const [, what, ...cells] = line.split('|').map((cell) => cell.trim());
      return [what!, cells];
    }),
  );
}

const two = { ioThreads: 2, flowThreads: 2, tlsThreads: 0, listeners: 2, loading: 4, http: 0 };
const grouped = (value: number): string => value.toLocaleString('en-US');
const kib = (bytes: number): string => `${bytes / KIBIBYTE} KiB`;
const mib = (bytes: number): string => `${bytes / MEBIBYTE} MiB`;
const ms = (value: number): string => `${grouped(value)} ms`;
const initial = (name: string): number => Number(DIRECTIVES[name]!.initial);

/** What each row says, as the code has it. */
const EXPECTED: readonly (readonly [what: string, limit: string])[] = [
  ['clients', grouped(initial('maxclients'))],
  ['reserve of descriptors', `(${reservedDescriptors(two)} with two threads)`],
  ['connections not yet accepted', grouped(initial('tcp-backlog'))],
  ['TLS handshakes under way', grouped(HANDSHAKES_MAX)],
  ['time of a TLS handshake', ms(HANDSHAKE_MS)],
  ['last bytes for a TLS client whose connection is over', ms(LINGER_MS)],
  ['TLS threads', `at most ${TLS_THREADS_MAX}`],
  ['HTTP connections (`metrics-port`)', `${http.HTTP_CONNECTIONS_MAX} by address`],
  ['sessions of the console', `${sessions.SESSIONS_MAX}, two clients each`],
  ['unused session of the console', `${sessions.SESSION_IDLE_MS / 1000} s`],
  ['session of the console', `${sessions.SESSION_MS / 3_600_000} hours`],
  ['log-ins to the console at once', `${LOG_INS_MAX}`],
  ["viewers of the console's live figures", `${feed.VIEWERS_MAX}`],
  ['figures that wait for a slow viewer', mib(feed.VIEWER_BYTES_MAX)],
  [
    'request of the console',
    `${kib(requests.BODY_BYTES_MAX)}, ${requests.COMMANDS_MAX} commands of ${grouped(requests.WORDS_MAX)} words`,
  ],
  ['replies to a request of the console', `${mib(CONSOLE_REPLY_BYTES_MAX)} in all`],
  ['headers of an HTTP request', `${grouped(http.HTTP_HEADER_BYTES_MAX)} bytes`],
  [
    'time until an HTTP request is there',
    `${ms(http.HTTP_REQUEST_MS_MAX)}, its headers ${ms(http.HTTP_HEADERS_MS_MAX)}`,
  ],
  ['silent HTTP connections', ms(http.HTTP_IDLE_MS_MAX)],
  ['answer of an I/O thread to `/health` and `/metrics`', ms(REPORT_TIMEOUT_MS)],
  ['addresses to listen on', grouped(ADDRESSES_MAX)],
  ['path of the Unix socket', `${PATH_BYTES_MAX} bytes`],
  ['one argument', mib(BULK_BYTES_MAX_DEFAULT)],
  [
    'input of a client that waits, or is a command under assembly',
    `${grouped(initial('client-query-buffer-limit'))} bytes, at most ${grouped(QUERY_BYTES_MAX)}`,
  ],
  ['the same before AUTH', mib(UNAUTHENTICATED_QUERY_BYTES_MAX)],
  ['command in all', `${grouped(COMMAND_BYTES_MAX)} bytes`],
  ['arguments of a command under assembly', grouped(ASSEMBLED_ARGUMENTS_MAX)],
  ['commands queued since MULTI', `${grouped(QUEUE_BYTES_MAX)} bytes`],
  ['reply of a command', `${grouped(reply.REPLY_BYTES_MAX)} bytes`],
  ['argument as text (names, patterns of administrative commands)', mib(TEXT_BYTES_MAX)],
  ['all arguments of an administrative command as text', mib(WORDS_BYTES_MAX)],
  [
    'name that a client gives (CLIENT SETNAME, CLIENT SETINFO, HELLO)',
    `${grouped(CLIENT_NAME_BYTES_MAX)} bytes`,
  ],
  ['first line of a script or a library, with `#!`', mib(shebang.LINE_BYTES_MAX)],
  ['arguments of an administrative command', grouped(WORDS_MAX)],
  ['inline request, length line', kib(LINE_BYTES_MAX)],
  ['arguments before AUTH', grouped(UNAUTHENTICATED_ARGUMENTS_MAX)],
  ['argument before AUTH', `${grouped(UNAUTHENTICATED_BULK_BYTES_MAX)} bytes`],
  ['answer of all threads to a question (CLIENT LIST, SLOWLOG)', ms(GATHER_TIMEOUT_MS)],
  ['evicting before a command', `${evictionTimeMs(initial('maxmemory-eviction-tenacity'))} ms`],
  ['keys that one round of eviction removes under a lock', grouped(VICTIMS_MAX)],
  ['value of a string', mib(STRING_LIMIT_BYTES)],
  ['elements and weights of a SORT, with what STORE keeps', `${SORT_BYTES_MAX / 2 ** 30} GiB`],
  ['results of a SORT, one for each element and GET', grouped(SORT_RESULTS_MAX)],
  [
    "list in its key's entry",
    `${grouped(PACKED_LIST_BYTES_MAX)} bytes and ${PACKED_LIST_COUNT_MAX} elements`,
  ],
  [
    'set in the entry of its key',
    `${sets.PACKED_MEMBERS_MAX} members and ${grouped(sets.PACKED_BYTES_MAX)} bytes`,
  ],
  ['set in the entry of its key', `${grouped(sets.INTEGERS_BYTES_MAX)} bytes`],
  ['payload of DUMP, and what one MIGRATE sends', `${grouped(PAYLOAD_BYTES_MAX)} bytes`],
  ['connections kept for MIGRATE', `${KEPT_MAX}, for 10 s`],
  ['reply of the target of a MIGRATE', `${grouped(migration.LINE_BYTES_MAX)} bytes`],
  ['command in an append-only file of a Redis', `${grouped(COMMAND_BYTES_MAX)} bytes`],
  ['time since 1970 when a field of a hash expires', ms(FIELD_TIME_MAX)],
  [
    'sorted set in the entry of its key',
    `${sortedSets.PACKED_MEMBERS_MAX} members and ${grouped(sortedSets.PACKED_BYTES_MAX)} bytes`,
  ],
  ['members of all sources of ZUNION and ZUNIONSTORE', grouped(MEMBERS_MAX)],
  ['address space of a shard', `2 GiB (1 MiB to ${SHARD_BYTES_MAX / MEBIBYTE / KIBIBYTE} GiB)`],
  ['shards', `${initial('shards')} (1 to ${grouped(SHARDS_MAX)}, a power of two)`],
  [
    'shards of one hash tag',
    `${initial('shard-spread')} (1 to ${grouped(SHARD_SPREAD_MAX)}, a power of two)`,
  ],
  ['databases', `${initial('databases')} (at most ${grouped(DATABASES_MAX)})`],
  ['I/O threads', `(at most ${THREADS_MAX - 1})`],
  [
    'names of channels and patterns with subscribers',
    `${DIRECTORY_BYTES / 2 ** 30} GiB of address space in all, with ${ENTRY_BYTES} bytes for each name and thread`,
  ],
  [
    'keys that clients track (CLIENT TRACKING)',
    `${grouped(initial('tracking-table-max-keys'))} in all`,
  ],
  ['client that tracks a key', `${ITEM_BYTES} bytes in the key's shard`],
  ['prefixes of clients that track (CLIENT TRACKING BCAST)', `${mib(PREFIXES_BYTES_MAX)} in all`],
  ['argument in a line of MONITOR', mib(SHOWN_BYTES_MAX)],
  ['name of a channel or pattern to subscribe to', `${grouped(NAME_BYTES_MAX)} bytes`],
  ['clients of a thread that wait for keys', grouped(CLAIM_SLOTS)],
  ['a client that waits for a key', `${grouped(PAGE_BYTES)} bytes`],
  ['messages that wait for another thread', `${mib(KEPT_BYTES_MAX)} for each pair of threads`],
  ['flows of a replica', `at most ${FLOW_THREADS_MAX}`],
  ['replicas that keep their place in a journal', grouped(READERS_MAX)],
  ['journal of a shard', `${kib(RING_BYTES_MIN)} at least`],
  ['wait of a write for a replica', ms(initial('repl-backpressure-max-delay'))],
  ['growth of all journals for large records', mib(GROWN_BYTES_MAX)],
  ['replies of a turn', kib(TURN_REPLIES_BYTES_MAX)],
  [
    'part of a turn for one client',
    `${grouped(TURN_COMMANDS)} commands, ${kib(TURN_INPUT_BYTES)} of its input, and ${grouped(TURN_MICROS)} µs of commands that may take long, or ${TURN_MS} ms`,
  ],
  [
    'receive buffers of io_uring',
    `${grouped(USUAL_SIZES.receiveBuffers)} by thread, of ${kib(BUFFER_BYTES)} each; ${FIRST_BUFFERS} at first`,
  ],
  ['JavaScript heap of a thread that clients have left behind', mib(GROWTH_BYTES)],
  ['freed pages that wait for their next use', mib(PENDING_PAGES_MAX * PAGE_BYTES)],
  ['silence of the other side', `${initial('repl-timeout')} s`],
  ['connecting all flows', ms(CONNECT_MS_MAX)],
  ['reply on the control connection', mib(REPLY_BYTES_MAX)],
  ["line of a flow's hand-shake", kib(HANDSHAKE_LINE_BYTES_MAX)],
  ['address that a replica gives of itself', `${ADDRESS_BYTES_MAX} bytes`],
  ['journal without replicas', `${grouped(initial('repl-backlog-ttl'))} s`],
  ['sources of scripts', mib(SOURCES_BYTES_MAX)],
  [
    'compiled scripts of a thread',
    `${grouped(COMPILED_SCRIPTS_MAX)}, of ${mib(COMPILED_BYTES_MAX)}`,
  ],
  ['code of all libraries of functions', mib(LIBRARIES_BYTES_MAX)],
  ['loading a library', ms(LOAD_MS_MAX)],
  ['script without BUSY', ms(initial('busy-reply-threshold'))],
  ['argument or string of a script', `${grouped(STRING_MAX_BYTES)} bytes`],
  ['slow log', `${initial('slowlog-max-len')} entries`],
  [
    'arguments of a slow log entry',
    `${slowLog.ARGUMENTS_MAX}, of ${slowLog.ARGUMENT_BYTES_MAX} bytes each`,
  ],
  ['samples of a latency event', grouped(SAMPLES_MAX)],
  ['names of errors in INFO errorstats', `${ERROR_NAMES_MAX}, of ${ERROR_NAME_BYTES} characters`],
  ['configuration file, ACL file', mib(CONFIG_FILE_BYTES_MAX)],
  ['rules of all users together', mib(USERS_BYTES_MAX)],
  ['key, channel or name of an entry in the ACL log', `${grouped(OBJECT_BYTES_MAX)} bytes`],
  ['name of a renamed command', `${COMMAND_NAME_BYTES_MAX} bytes`],
  ['all directives together', mib(DEFAULT_BYTES)],
  ['message in the log', `${grouped(MESSAGE_CHARACTERS_MAX)} characters`],
  ['message in the log', `${SHOWN_CHARACTERS_MAX} of them`],
  ['nested includes of configuration files', grouped(INCLUDES_DEPTH_MAX)],
  ['waiting for lagging replicas at the end', `${initial('shutdown-timeout')} s`],
  ['ending the threads', ms(STOP_TIMEOUT_MS)],
];

test('docs/limits.md has the numbers of the code', () => {
  const limits = readLimits();
  for (const [what, limit] of EXPECTED) {
    const cells = limits.get(what);
    assert.ok(cells !== undefined, `no row for: ${what}`);
    assert.ok(hasWords(cells[0]!, limit), `${what}: the code has ${limit}, not ${cells[0]}`);
  }
});

/** The limit stands in the cell, and not as part of another number. */
function hasWords(cell: string, limit: string): boolean {
  const at = cell.indexOf(limit);
  if (at < 0) return false;
  return !/[\d,]$/.test(cell.slice(0, at)) && !/^[\d,]*\d/.test(cell.slice(at + limit.length));
}

test('every row names a directive that there is, or none, and says what happens', () => {
  for (const [what, [, directives, outcome]] of readLimits()) {
    for (const [, name] of directives!.matchAll(/`([a-z-]+)[^`]*`/g)) {
      assert.ok(DIRECTIVES[name!] !== undefined, `${what}: ${name}`);
    }
    assert.ok(outcome !== undefined && outcome !== '', what);
  }
});
