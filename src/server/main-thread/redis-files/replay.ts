/**
 * Replays commands of an append-only file through a dispatcher of the main thread's own, as if a client
 * had sent them. Transactions are queued and run whole.
 *
 * No key expires meanwhile: the keyspace's clock stands at 1970. Keys that have expired are found when
 * the server serves. A command that fails stops the load: the data would not be what was written.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DONE } from '../../../base/outcome.js';
import { toBinary } from '../../../base/region.js';
import type { ServerPort } from '../../../commands/contract/server-port.js';
import { commandModules } from '../../../commands/index.generated.js';
import { definitionsOf } from '../../../engine/definitions.js';
import { Dispatcher } from '../../../engine/dispatch.js';
import { answeredError, foreignName } from '../../../engine/foreign-commands.js';
import { type RegisteredCommand, Registry, TRAIT_WRITE } from '../../../engine/registry.js';
import { ClientSession } from '../../../engine/session.js';
import { uncountedStatistics } from '../../../engine/statistics.js';
import { Transactions } from '../../../engine/transactions.js';
import type { Shards } from '../../../keyspace/shards.js';
import { readFunctionDump } from '../../../persistence/rdb/function-dump.js';
import { createRegion } from '../../../platform/ffi/region.js';
import type { Arguments } from '../../../protocol/parser.js';
import { Reply } from '../../../protocol/reply.js';

const REPLY_BYTES = 4096;
const RETRY_MS = 1;
/** What stands in such a file besides writes. PFCOUNT keeps what it has counted. */
const COUNT = 'pfcount';
const MORE = ['select', 'multi', 'exec', 'xgroup', COUNT];
/** Writes to another server. */
const NEVER = ['migrate'];

export class Replay {
  /** Sources of function libraries by name. */
  readonly libraries = new Map<string, string>();
  commands = 0;
  private readonly dispatcher: Dispatcher;
  private readonly session = new ClientSession(0, -1, '', '', 0, () => true);
  private exception = '';

  /** @param setting gives a directive as CONFIG GET shows it */
  constructor(shards: Shards, setting: (name: string) => string) {
    const registry = new Registry(definitionsOf(commandModules));
    const hooks = {
      failed: (_command: string, error: unknown) => {
        this.exception = error instanceof Error ? error.message : String(error);
      },
      ...{ waiting: () => {}, resumed: () => {}, attacked: () => {} },
    };
    const { session } = this;
    this.dispatcher = new Dispatcher(
      registry,
      shards,
      new Reply(createRegion(REPLY_BYTES)),
      uncountedStatistics(registry.all.length),
      hooks,
      session,
    );
    const { dispatcher } = this;
    // Commands that ask for anything else of the server are refused.
    dispatcher.server = { transactions: new Transactions(dispatcher) } as unknown as ServerPort;
    dispatcher.settings.load(setting);
    dispatcher.keys.expiresKeys = false;
    session.isReplica = true;
    session.authenticated = true;
  }

  get keys(): Dispatcher['keys'] {
    return this.dispatcher.keys;
  }

  get settings(): Dispatcher['settings'] {
    return this.dispatcher.settings;
  }

  /** Whether a transaction has begun and not ended. */
  get inTransaction(): boolean {
    return this.session.inMulti;
  }

  /** A new file: whatever is left of a transaction is forgotten, as in Redis. */
  begin(): void {
    const { dispatcher, session } = this;
    if (session.inMulti) dispatcher.server.transactions.discard(session);
    session.database = 0;
    dispatcher.beginTurn(Date.now(), 0);
    dispatcher.keys.now = 0;
  }

  /** @returns what is wrong, or null. A promise when a shard is taken */
  apply(args: Arguments): string | null | Promise<string | null> {
    this.commands++;
    const { registry } = this.dispatcher;
    const command = registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command === null) return `The command ${foreignName(args)} is unknown`;
    if (command.fullName === 'function') return this.changeLibraries(args);
    if (!isReplayed(command)) return `${foreignName(args)} is no write`;
    return this.run(args, command.fullName === COUNT);
  }

  private run(args: Arguments, isCount: boolean): string | null | Promise<string | null> {
    const { dispatcher, session } = this;
    const { reply } = dispatcher;
    this.exception = '';
    // A replica would not keep what it has counted. No key expires by this: the clock stands.
    dispatcher.keys.expiresKeys = isCount;
    reply.rewind(0);
    const errors = reply.errors;
    const outcome = dispatcher.dispatch(session, args);
    if (outcome !== DONE) return this.later(args, isCount);
    if (reply.errors === errors && this.exception === '') return null;
    return `${foreignName(args)} failed: ${this.exception || answeredError(reply)}`;
  }

  private async later(args: Arguments, isCount: boolean): Promise<string | null> {
    await sleep(RETRY_MS);
    this.session.putOffSinceMs = 0;
    return this.run(args, isCount);
  }

  /** FUNCTION LOAD, DELETE, FLUSH and RESTORE, as a Redis writes them to its file. */
  private changeLibraries(args: Arguments): string | null {
    const word = (i: number): string => toBinary(args.region, args.offset[i]!, args.length[i]!);
    const last = args.count - 1;
    const subcommand = args.count > 1 ? word(1).toLowerCase() : '';
    if (subcommand === 'flush') this.libraries.clear();
    else if (subcommand === 'delete' && last >= 2) this.libraries.delete(word(2));
    else if (subcommand === 'load' && last >= 2) return this.addLibrary(word(last));
    else if (subcommand === 'restore' && last >= 2) {
      const { codes, error } = readFunctionDump(args.region, args.offset[2]!, args.length[2]!);
      if (error !== null) return error;
      if (last > 2 && word(3).toLowerCase() === 'flush') this.libraries.clear();
      for (const code of codes) this.addLibrary(code);
    } else return `${foreignName(args)} is no write`;
    return null;
  }

  /** @returns what is wrong, or null. Whether it compiles is seen when it is first used */
  addLibrary(code: string): string | null {
    const name = /^#!lua[^\n]*?\sname=(\S+)/i.exec(code)?.[1];
    if (name === undefined) return 'A library of functions has no name';
    this.libraries.set(name, code);
    return null;
  }
}

function isReplayed({ traits, fullName }: RegisteredCommand): boolean {
  if (NEVER.includes(fullName)) return false;
  return (traits & TRAIT_WRITE) !== 0 || MORE.includes(fullName);
}
