/** Runs the same Lua in redis-server and here. */
import {
  Environment,
  inputOf,
  LuaError,
  LuaSyntaxError,
  ScriptAbort,
} from '../../../src/scripting/environment.js';
import { plainText } from '../../../src/scripting/library/base.js';
import type { ScriptHost } from '../../../src/scripting/library/redis.js';
import { LuaTable } from '../../../src/scripting/runtime/table.js';
import type { LuaValue } from '../../../src/scripting/runtime/values.js';
import type { RawClient } from '../../support/client.js';
import { textOf } from '../../support/reply.js';
import { type Server, startRedis } from '../../support/server.js';

/** Scripts that are sent before the replies are awaited. */
const BATCH = 64;
/**
 * redis-server has no limit of its own for a script that takes memory without end: it would take all
 * that the machine has. Here it fails at this.
 */
const REDIS_ADDRESS_SPACE_BYTES = 1024 ** 3;
/** A program that is not over by then never ends. */
const PROGRAM_MS = 60_000;
/** Of a script in an environment of this program. */
const MEMORY_BYTES = 512 * 1024 * 1024;
const OUT_OF_MEMORY = 'not enough memory';

/** A host without commands. */
export const emptyHost: ScriptHost = {
  demand: () => undefined,
  call: () => undefined,
  perform: () => undefined,
  pcall: () => undefined,
  log: () => undefined,
  setResp: () => undefined,
  setReplication: () => undefined,
  mayRun: () => true,
};

/** What Redis adds to an error: the script's name and where it failed. */
const ORIGIN = / script: [0-9a-f]{40}, on @user_script:\d+\.$/;

export class RedisLua {
  private constructor(
    private readonly launch: () => Promise<Server>,
    /** Whether this server may die of a script: redis-server 7.0.15 does of some. */
    private readonly mayDie: boolean,
    private server: Server,
    private client: RawClient,
  ) {}

  /** @param start the server that runs it: redis-server, or ours, as EVAL does there */
  static async start(start: typeof startRedis = startRedis): Promise<RedisLua> {
    const addressSpaceBytes = start === startRedis ? REDIS_ADDRESS_SPACE_BYTES : undefined;
    const args = ['--busy-reply-threshold', String(PROGRAM_MS)];
    const launch = () => start(addressSpaceBytes ? { args, addressSpaceBytes } : { args });
    const server = await launch();
    return new RedisLua(launch, start === startRedis, server, await server.client());
  }

  /** @returns the reply of each script as text; null: redis-server died of it, or had no memory for it */
  async run(scripts: readonly string[]): Promise<(string | null)[]> {
    const results: (string | null)[] = [];
    for (let from = 0; from < scripts.length; from += BATCH) {
      results.push(...(await this.runBatch(scripts.slice(from, from + BATCH))));
    }
    return results;
  }

  private async runBatch(batch: readonly string[]): Promise<(string | null)[]> {
    // The cache of scripts would grow without end.
    const commands = batch.map((script) => ['EVAL', script, '0']);
    try {
      const replies = await this.client.pipeline([...commands, ['SCRIPT', 'FLUSH']]);
      return replies.slice(0, batch.length).map((reply) => this.resultOf(textOf(reply)));
    } catch (error) {
      if (!this.mayDie || !this.client.closed) throw error;
      await this.startAgain();
    }
    if (batch.length === 1) return [null];
    const results: (string | null)[] = [];
    for (const script of batch) results.push(...(await this.runBatch([script])));
    return results;
  }

  private resultOf(reply: string): string | null {
    if (this.mayDie && reply.includes(OUT_OF_MEMORY)) return null;
    return reply.replace(ORIGIN, '');
  }

  private async startAgain(): Promise<void> {
    await this.stop();
    this.server = await this.launch();
    this.client = await this.server.client();
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.server.stop();
  }
}

function replyText(value: LuaValue): string {
  if (value instanceof LuaTable) {
    const failure = value.getString('err');
    if (typeof failure === 'string') return failure;
    return plainText(value);
  }
  return value === undefined ? '$-1' : plainText(value);
}

let deadlineMs = 0;

/** An environment of this program. A script in it that never ends fails. */
export function newComparedEnvironment(): Environment {
  return new Environment({
    host: emptyHost,
    memoryBytes: MEMORY_BYTES,
    onTick: () => {
      if (performance.now() > deadlineMs) throw new ScriptAbort(`not over after ${PROGRAM_MS} ms`);
    },
  });
}

/** One script in an environment of this program, its reply as text. */
export function runHere(environment: Environment, script: string): string {
  deadlineMs = performance.now() + PROGRAM_MS;
  try {
    return replyText(environment.run(environment.compile(script), inputOf([], []))[0]);
  } catch (thrown) {
    if (thrown instanceof LuaSyntaxError) {
      return `ERR Error compiling script (new function): ${thrown.message}`;
    }
    if (thrown instanceof ScriptAbort) return `ERR ${thrown.reason}`;
    if (!(thrown instanceof LuaError)) throw thrown;
    const { value } = thrown;
    const isTable = value instanceof LuaTable;
    const text = isTable ? replyText(environment.handled(thrown)) : `ERR ${plainText(value)}`;
    // An error reply is one line.
    return text.replace(/[\r\n]/g, ' ');
  } finally {
    environment.finish();
  }
}
