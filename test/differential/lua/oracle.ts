/** Runs the same Lua in redis-server and here. */
import { type Environment, LuaError, LuaSyntaxError } from '../../../src/scripting/environment.js';
import { plainText } from '../../../src/scripting/library/base.js';
import type { ScriptHost } from '../../../src/scripting/library/redis.js';
import { LuaTable } from '../../../src/scripting/runtime/table.js';
import type { LuaValue } from '../../../src/scripting/runtime/values.js';
import type { RawClient } from '../../support/client.js';
import { textOf } from '../../support/reply.js';
import { type Server, startRedis } from '../../support/server.js';

/** Scripts that are sent before the replies are awaited. */
const BATCH = 64;

/** A host without commands. */
export const emptyHost: ScriptHost = {
  call: () => undefined,
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
    private readonly server: Server,
    private readonly client: RawClient,
  ) {}

  /** @param start the server that runs it: redis-server, or ours, as EVAL does there */
  static async start(start: typeof startRedis = startRedis): Promise<RedisLua> {
    const server = await start({ args: ['--busy-reply-threshold', '60000'] });
    return new RedisLua(server, await server.client());
  }

  async run(scripts: readonly string[]): Promise<string[]> {
    const results: string[] = [];
    for (let from = 0; from < scripts.length; from += BATCH) {
      const batch = scripts.slice(from, from + BATCH);
      // The cache of scripts would grow without end.
      const commands = batch.map((script) => ['EVAL', script, '0']);
      const replies = await this.client.pipeline([...commands, ['SCRIPT', 'FLUSH']]);
      for (const reply of replies.slice(0, batch.length)) {
        results.push(textOf(reply).replace(ORIGIN, ''));
      }
    }
    return results;
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

/** One script in an environment of this program, its reply as text. */
export function runHere(environment: Environment, script: string): string {
  try {
    return replyText(environment.run(environment.compile(script), [], [])[0]);
  } catch (thrown) {
    if (thrown instanceof LuaSyntaxError) {
      return `ERR Error compiling script (new function): ${thrown.message}`;
    }
    if (!(thrown instanceof LuaError)) throw thrown;
    const { value } = thrown;
    const text = value instanceof LuaTable ? replyText(value) : `ERR ${plainText(value)}`;
    // An error reply is one line.
    return text.replace(/[\r\n]/g, ' ');
  }
}
