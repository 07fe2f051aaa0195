/** Command vectors of scripts: words stay where they are, whatever else a call has. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { argumentsOf } from '../../protocol/argument-words.js';
import type { CommandArgument } from '../../scripting/library/redis.js';
import { CommandWord, InputReference, inputOf } from '../../scripting/runtime/input.js';
import { CommandVector, WORD_BYTES_MAX, WORDS_BYTES_MAX } from './command-vector.js';
import { argumentText } from './script-arguments.js';
import type { ScriptRun } from './script-run.js';

const run = {
  args: argumentsOf(['EVAL', '', '1', 'a key', 'an argument']),
} as unknown as ScriptRun;
const source = { input: inputOf(['a key'], ['an argument']) };
const key = new InputReference(source, true, 1);

function assembled(vector: CommandVector, ...args: readonly CommandArgument[]): string[] {
  assert.equal(vector.assemble(args), true);
  const { count } = vector.args;
  return Array.from({ length: count }, (_, i) => argumentText(vector.args, i));
}

describe('a command vector of a script', () => {
  it('has words, texts, numbers and what the script was given', () => {
    const vector = new CommandVector(run);
    const set = new CommandWord('SET');
    const empty = new CommandWord('');
    const expected = ['SET', 'a key', '', 'text', '-5', '0.5', '1.7000000000000125e+17'];
    const args = [set, key, empty, 'text', -5, 0.5, Number('170000000000001234')];
    assert.deepEqual(assembled(vector, ...args), expected);
    // The second time they are there, also for another word of the same text.
    assert.deepEqual(assembled(vector, ...args), expected);
    assert.deepEqual(assembled(vector, new CommandWord('SET'), set, 1), ['SET', 'SET', '1']);
  });

  it('keeps its words when it grows for a long argument, and when it shrinks', () => {
    const vector = new CommandVector(run);
    const first = new CommandWord('first');
    const second = new CommandWord('second');
    const long = 'x'.repeat(3 << 20);
    assert.deepEqual(assembled(vector, first, 'a'), ['first', 'a']);
    const texts = assembled(vector, first, long, second);
    assert.deepEqual([texts[0], texts[2]], ['first', 'second']);
    assert.equal(texts[1]!.length, long.length);
    assert.ok(texts[1] === long);
    vector.trim();
    assert.deepEqual(assembled(vector, second, first, 'b'), ['second', 'first', 'b']);
  });

  it('writes words at each call when there is no more room for them, or they are long', () => {
    const vector = new CommandVector(run);
    const words = Array.from(
      { length: 3000 },
      (_, i) => new CommandWord(`word number ${i} of these`),
    );
    assert.ok(words.reduce((bytes, { text }) => bytes + text.length, 0) > WORDS_BYTES_MAX);
    for (const word of words) assert.deepEqual(assembled(vector, word, 7), [word.text, '7']);
    assert.equal(words[0]!.offset, 0);
    assert.equal(words.at(-1)!.offset, -1);
    const long = new CommandWord('y'.repeat(WORD_BYTES_MAX + 1));
    assert.deepEqual(assembled(vector, long, words[1]!, words.at(-1)!), [
      ...[long.text, words[1]!.text, words.at(-1)!.text],
    ]);
  });
});
