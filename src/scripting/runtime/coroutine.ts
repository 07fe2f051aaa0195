/**
 * Coroutines are generators. A function that runs inside one is its generator form, and each call
 * in it delegates to the generator form of what it calls, so that a yield ends at the resume.
 */
import type { LuaFunction, LuaGenerator } from './values.js';

export type CoroutineStatus = 'suspended' | 'running' | 'normal' | 'dead';

export class Coroutine {
  status: CoroutineStatus = 'suspended';
  /** Its generator, from the first resume on. */
  generator: LuaGenerator | undefined;
  /** Calls in progress inside it. */
  depth = 0;

  constructor(readonly body: LuaFunction) {}
}
