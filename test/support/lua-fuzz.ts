/** What fuzzing of Lua shares: an environment that ends long scripts, and which errors may come. */
import assert from 'node:assert/strict';
import {
  Environment,
  inputOf,
  LuaError,
  LuaSyntaxError,
  ScriptAbort,
} from '../../src/scripting/environment.js';
import { FakeHost } from '../../src/scripting/testing.js';

const TICK_INTERVAL = 1000;
const TICKS_MAX = 20;
const MEMORY_BYTES = 64 * 1024 * 1024;

let ticks = 0;
const environment = new Environment({
  host: new FakeHost(),
  memoryBytes: MEMORY_BYTES,
  tickInterval: TICK_INTERVAL,
  onTick: () => {
    if (++ticks > TICKS_MAX) throw new ScriptAbort('long enough');
  },
});
const sound = environment.compile('return ("x"):rep(3), #{1, 2}');

/** Runs it: nothing but errors of Lua may come out, and the next script is unharmed. */
export function runHostile(source: string, argv: readonly string[]): void {
  ticks = 0;
  try {
    environment.run(environment.compile(source), inputOf([], argv));
  } catch (thrown) {
    const isLua = thrown instanceof LuaError || thrown instanceof LuaSyntaxError;
    if (!isLua && !(thrown instanceof ScriptAbort)) {
      const what = `${JSON.stringify(source)} with ${JSON.stringify(argv)}`;
      throw new Error(what, { cause: thrown });
    }
  } finally {
    environment.finish();
  }
  ticks = 0;
  assert.deepEqual(environment.run(sound, inputOf([], [])), ['xxx', 2]);
}
