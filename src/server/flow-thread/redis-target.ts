/**
 * What the stream and the RDB of a Redis go through on this thread: a dispatcher with scripts, functions,
 * messages and a journal. In a file of its own, as it brings all commands along and is needed by few.
 */

import { newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes } from '../../base/region.js';
import { CHANNEL, type NameKind } from '../../commands/contract/pubsub-port.js';
import type { ServerPort } from '../../commands/contract/server-port.js';
import { commandModules } from '../../commands/index.generated.js';
import { definitionsOf } from '../../engine/definitions.js';
import { Dispatcher } from '../../engine/dispatch.js';
import { Registry } from '../../engine/registry.js';
import { createScripting, type Scripting } from '../../engine/scripts/create.js';
import { EFFECT_LIBRARIES } from '../../engine/scripts/functions.js';
import { ClientSession } from '../../engine/session.js';
import { uncountedStatistics } from '../../engine/statistics.js';
import { Transactions } from '../../engine/transactions.js';
import { BackPressure } from '../../journal/back-pressure.js';
import { KeylessStream } from '../../journal/keyless-stream.js';
import type { JournalRing } from '../../journal/ring.js';
import { JournalSink } from '../../journal/sink.js';
import type { Shards } from '../../keyspace/shards.js';
import { SharedRecords } from '../../memory/shared-records.js';
import type { SharedSignal } from '../../memory/signal.js';
import { SharedStates } from '../../memory/shared-states.js';
import { SharedText } from '../../memory/shared-text.js';
import { dumpFunctions, readFunctionDump } from '../../persistence/rdb/function-dump.js';
import { createRegion } from '../../platform/ffi/region.js';
import { argumentsOf } from '../../protocol/argument-words.js';
import { Arguments } from '../../protocol/parser.js';
import { Reply } from '../../protocol/reply.js';
import { EFFECT_PUBLISH, EFFECT_SHARD_PUBLISH } from '../channel/mail-kinds.js';
import { Config } from '../config/config.js';
import { type TargetParts, tellClients } from './effect-target.js';
import { RedisApplier } from './redis-applier.js';

const REPLY_BYTES = 4096;
const MESSAGE_BYTES = 4096;
/** A script of a primary that runs for longer never ends, as far as this server is concerned. */
const SCRIPT_MS_MAX = 60_000;

export interface RedisTargetParts extends TargetParts {
  /** Its owner number for locks. */
  readonly thread: number;
  readonly rings: readonly JournalRing[];
  /** Raised while one of them is filling. */
  readonly filling: SharedSignal;
  readonly configBuffer: SharedArrayBuffer;
  /** Of a SharedRecords: sources of scripts by SHA1. */
  readonly recordsBuffer: SharedArrayBuffer;
  readonly librariesBuffer: SharedArrayBuffer;
  /** Sends a message to the subscribers of this server: its name as an effect, channel, payload. */
  readonly publish: (kind: NameKind, message: Arguments) => number;
  readonly warn: (text: string) => void;
}

export interface RedisTarget {
  readonly applier: RedisApplier;
  /** Writes of this thread go to the journals from now on, or not any more. */
  readonly setJournal: (on: boolean) => void;
  /** Whether something went to a journal since this was asked last. */
  readonly takeWrote: () => boolean;
  /** Takes changes of the configuration over. */
  readonly refresh: () => void;
}

/** @param shards this thread's view of them */
export function createRedisTarget(shards: Shards, parts: RedisTargetParts): RedisTarget {
  const { rings, thread } = parts;
  const registry = new Registry(definitionsOf(commandModules));
  const session = new ClientSession(0, -1, '', '', 0, () => true);
  let applier: RedisApplier | null = null;
  const dispatcher = new Dispatcher(
    registry,
    shards,
    new Reply(createRegion(REPLY_BYTES)),
    uncountedStatistics(registry.all.length),
    {
      failed: (_command, error) => applier?.noteException(error),
      waiting: () => {},
      resumed: () => {},
      attacked: () => {},
    },
    session,
  );
  const journal = new JournalSink(rings);
  journal.onLoss = (lost, why) =>
    parts.warn(`The journal of shards ${lost.join(', ')} begins anew: ${why}`);
  const keyless = new KeylessStream(rings.at(-1)!, rings.length - 1, thread + 1);
  const pressure = new BackPressure(rings, parts.filling);
  tellClients(dispatcher, parts);
  const tooLong = () => applier?.noteException(new Error('a script does not end'));
  const scripting = createReplayScripting({ dispatcher, registry, keyless, tooLong, ...parts });
  dispatcher.scripts = scripting.scripts;
  // What is not here is asked for by commands that no primary sends (redis-applier.ts).
  dispatcher.server = {
    transactions: new Transactions(dispatcher),
    scripts: scripting.scripts,
    functions: scripting.functions,
    pubsub: { publish: messagePublisher(dispatcher, parts, keyless) },
  } as unknown as ServerPort;
  dispatcher.settings.repeatsCommands = true;
  applier = new RedisApplier(dispatcher, session);
  const config = Config.attach(parts.configBuffer);
  const load = (): void => {
    dispatcher.settings.load((name) => config.value(name));
    pressure.enabled = config.value('repl-backpressure-policy') === 'delay';
    pressure.delayMsMax = config.number('repl-backpressure-max-delay');
  };
  config.changed = load;
  load();
  return {
    applier,
    refresh: () => config.refresh(),
    setJournal: (on) => {
      dispatcher.keys.effects.sink = on ? journal : null;
      keyless.isOn = on;
      dispatcher.pressure = on ? pressure : null;
    },
    takeWrote: () => {
      const wrote = journal.wrote || keyless.wrote;
      journal.wrote = false;
      keyless.wrote = false;
      return wrote;
    },
  };
}

/** Scripts that old versions send instead of what they did, and functions. */
function createReplayScripting(
  parts: RedisTargetParts & {
    readonly dispatcher: Dispatcher;
    readonly registry: Registry;
    readonly keyless: KeylessStream;
    readonly tooLong: () => void;
  },
): Scripting {
  const { dispatcher, registry, keyless, tooLong, warn } = parts;
  let endMs = Number.POSITIVE_INFINITY;
  return createScripting({
    // Nobody ends it by command: its primary has let it run to its end.
    ...{ thread: 0, states: SharedStates.create(1) },
    ...{ dispatcher, registry },
    records: new SharedRecords(parts.recordsBuffer),
    libraries: new SharedText(parts.librariesBuffer),
    bounds: {
      slowAfterMs: () => {
        endMs = performance.now() + SCRIPT_MS_MAX;
        return 1;
      },
      attend: () => {},
      serve: () => {
        const isTooLong = performance.now() > endMs;
        if (isTooLong) tooLong();
        return isTooLong;
      },
      warn: () => {},
    },
    payloads: { write: dumpFunctions, read: readFunctionDump },
    publish: (codes, change) =>
      keyless.append(argumentsOf([EFFECT_LIBRARIES, ...codes]), 0, change),
    findRunning: () => null,
    log: (_level, message) => warn(message),
  });
}

/** PUBLISH and SPUBLISH: to the subscribers here and, as an effect, to those of our replicas. */
function messagePublisher(
  dispatcher: Dispatcher,
  parts: RedisTargetParts,
  keyless: KeylessStream,
): (kind: NameKind) => number {
  const message = new Arguments();
  message.region = newRegion(MESSAGE_BYTES);
  const append = (at: number, from: Arguments, index: number): number => {
    copyBytes(message.region, at, from.region, from.offset[index]!, from.length[index]!);
    message.push(at, from.length[index]!);
    return at + from.length[index]!;
  };
  return (kind) => {
    const { args } = dispatcher;
    const name = kind === CHANNEL ? EFFECT_PUBLISH : EFFECT_SHARD_PUBLISH;
    message.region = withRoom(message.region, 0, name.length + args.length[1]! + args.length[2]!);
    message.region.bytes.set(Buffer.from(name, 'latin1'));
    message.count = 0;
    message.push(0, name.length);
    append(append(name.length, args, 1), args, 2);
    keyless.append(message);
    return parts.publish(kind, message);
  };
}
