/**
 * The first script of a process. Nothing else may run here: what libraries share is made with the first
 * environment that needs it.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { evaluate, newEnvironment } from './testing.js';

it('has the methods of strings, though it names no global', () => {
  assert.deepEqual(evaluate(newEnvironment(), 'return ("x"):rep(3)'), ['xxx']);
});
