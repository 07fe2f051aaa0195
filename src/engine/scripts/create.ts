/** Makes what a thread needs to run scripts and functions. */

import type { RunningScript } from '../../commands/contract/server-port.js';
import type { SharedRecords } from '../../memory/shared-records.js';
import type { SharedStates } from '../../memory/shared-states.js';
import type { SharedText } from '../../memory/shared-text.js';
import { Environment } from '../../scripting/environment.js';
import type { Dispatcher } from '../dispatch.js';
import type { Registry } from '../registry.js';
import { CommandHost } from './command-host.js';
import { FunctionCalls, type FunctionPayloads } from './function-calls.js';
import { Functions, type Publish } from './functions.js';
import { LibraryLoader } from './library.js';
import { ScriptRunner } from './runner.js';
import { ScriptCache } from './script-cache.js';
import { type RunBounds, ScriptRun } from './script-run.js';
import { Scripts } from './scripts.js';

export interface ScriptingParts {
  readonly thread: number;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly records: SharedRecords;
  readonly libraries: SharedText;
  readonly states: SharedStates;
  readonly bounds: RunBounds;
  readonly payloads: FunctionPayloads;
  /** Asks all threads for a script that has run for too long. */
  readonly findRunning: () => RunningScript | null;
  /** Tells the replicas of libraries. */
  readonly publish: Publish;
  /** redis.log */
  readonly log: (level: number, message: string) => void;
}

export interface Scripting {
  /** The script of this thread, if it has run for too long. */
  readonly running: () => RunningScript | null;
  readonly scripts: Scripts;
  readonly functions: FunctionCalls;
}

export function createScripting(parts: ScriptingParts): Scripting {
  const { dispatcher, registry, records, states, bounds, log } = parts;
  const run = new ScriptRun(states, parts.thread, bounds);
  const host = new CommandHost(dispatcher, run, { log });
  const runner = new ScriptRunner(dispatcher, host, run);
  const loader = new LibraryLoader();
  const environment = new Environment({ host, onTick: () => run.tick() });
  const functions = new Functions(
    parts.libraries,
    new Environment({
      host,
      onTick: () => (loader.isLoading ? loader.tick() : run.tick()),
      redisFunctions: { register_function: loader.register },
    }),
    loader,
    host,
    bounds.warn,
    parts.publish,
  );
  const cache = new ScriptCache(records, environment, registry);
  return {
    running: () => run.describe(),
    scripts: new Scripts({ dispatcher, environment, cache, run, runner, states, functions }),
    functions: new FunctionCalls(dispatcher, functions, runner, parts.payloads, parts.findRunning),
  };
}
