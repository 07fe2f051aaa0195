/** Joins scripts and functions to the log, the stream without keys and the other threads. */
import type { Log, LogLevel } from '../../base/log.js';
import type { RunningScript } from '../../commands/contract/server-port.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import type { Registry } from '../../engine/registry.js';
import { createScripting, type Scripting } from '../../engine/scripts/create.js';
import { EFFECT_LIBRARIES } from '../../engine/scripts/functions.js';
import { slowKind } from '../../engine/scripts/script-run.js';
import type { ClientSession } from '../../engine/session.js';
import type { KeylessStream } from '../../journal/keyless-stream.js';
import { SharedRecords } from '../../memory/shared-records.js';
import type { SharedStates } from '../../memory/shared-states.js';
import { SharedText } from '../../memory/shared-text.js';
import type { Frontend } from '../../net/frontend.js';
import { dumpFunctions, readFunctionDump } from '../../persistence/rdb/function-dump.js';
import { argumentsOf } from '../../protocol/argument-words.js';
import type { IoGatherer } from '../channel/io-io.js';
import type { IoThreadData } from '../channel/main-io.js';
import type { Config } from '../config/config.js';

/** By the number that redis.log is given. */
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];

export interface ThreadScriptingParts {
  readonly thread: number;
  readonly buffers: IoThreadData['scripting'];
  /** Who runs a script: of all threads. */
  readonly states: SharedStates;
  readonly registry: Registry;
  readonly dispatcher: Dispatcher;
  readonly frontend: Frontend<ClientSession>;
  readonly gatherer: IoGatherer;
  readonly config: Config;
  readonly keyless: KeylessStream;
  readonly log: Log;
  /** Called now and then while a script runs. @returns whether the script must end */
  readonly serve: () => boolean;
  /** Libraries were written to the stream without keys. */
  readonly hasPublished: () => void;
}

export function createThreadScripting(parts: ThreadScriptingParts): Scripting {
  const { thread, buffers, registry, dispatcher, frontend, keyless, log, config } = parts;
  const scripting = createScripting({
    ...{ thread, dispatcher, registry },
    records: new SharedRecords(buffers.records),
    libraries: new SharedText(buffers.libraries),
    states: parts.states,
    bounds: {
      slowAfterMs: () => config.number('busy-reply-threshold'),
      serve: parts.serve,
      attend: (isFirst) =>
        frontend.attend(
          (session, args, reply) => dispatcher.nested.attend(session, args, reply),
          isFirst,
        ),
      warn: (text) => log.warning(text),
    },
    payloads: { write: dumpFunctions, read: readFunctionDump },
    publish: (codes, change) => {
      keyless.append(argumentsOf([EFFECT_LIBRARIES, ...codes]), 0, change);
      parts.hasPublished();
    },
    findRunning: () => findRunning(scripting, parts),
    log: (level, message) => log.write(LOG_LEVELS[level]!, message),
  });
  dispatcher.scripts = scripting.scripts;
  parts.gatherer.answers('running-script', () => scripting.running());
  return scripting;
}

/** A thread that runs a long script answers questions meanwhile. */
function findRunning(scripting: Scripting, parts: ThreadScriptingParts): RunningScript | null {
  const { states, dispatcher, gatherer } = parts;
  const own = scripting.running();
  if (own !== null) return own;
  const threads = Array.from({ length: states.threads }, (_, thread) => thread);
  // Within EXEC, shards are locked that another thread may wait for instead of answering.
  const isAny = threads.some((thread) => slowKind(states, thread) !== null);
  if (!isAny || dispatcher.inTransaction) return null;
  return gatherer.gather('running-script', null).find((one) => one !== null) ?? null;
}
