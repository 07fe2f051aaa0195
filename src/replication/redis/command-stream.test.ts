/** The stream of a Redis: commands with exact places, whatever the pieces in which it comes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toBinary } from '../../base/region.js';
import {
  COMMAND,
  CommandStream,
  INCOMPLETE,
  INPUT_BYTES,
  PROTOCOL_ERROR,
} from './command-stream.js';

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** Feeds text in pieces. @returns the commands, each with the place behind it */
function feed(stream: CommandStream, text: string, cuts: readonly number[]) {
  const commands: { words: string[]; offset: number }[] = [];
  let offset = 0;
  let status = INCOMPLETE;
  for (let at = 0, i = 0; at < text.length && status !== PROTOCOL_ERROR; i++) {
    const { target } = stream;
    const piece = text.slice(at, at + Math.min(cuts[i % cuts.length]!, target.length));
    target.set(Buffer.from(piece, 'latin1'));
    stream.received(piece.length);
    at += piece.length;
    for (;;) {
      status = stream.next();
      if (status === PROTOCOL_ERROR) break;
      const { args } = stream;
      const words: string[] = [];
      for (let k = 0; status === COMMAND && k < args.count; k++) {
        words.push(toBinary(args.region, args.offset[k]!, args.length[k]!));
      }
      offset += stream.consume(status);
      if (status === INCOMPLETE) break;
      commands.push({ words, offset });
    }
  }
  return { commands, offset, status };
}

const word = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
});
const vector = fc.array(word, { minLength: 1, maxLength: 12 });

test('commands and their places are the same in pieces of any length', () => {
  const cutting = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(vector, { maxLength: 8 }), cutting, (vectors, cuts) => {
      let offset = 0;
      const expected = vectors.map((words) => {
        offset += encode(words).length;
        return { words, offset };
      });
      const { commands, offset: last } = feed(
        new CommandStream(),
        vectors.map(encode).join(''),
        cuts,
      );
      assert.deepEqual(commands, expected);
      assert.equal(last, offset);
    }),
    { numRuns: 200 },
  );
});

test('empty lines and empty commands count as bytes of the stream', () => {
  const text = `\n\r\n*0\r\n${encode(['PING'])}\n${encode(['SELECT', '0'])}\n`;
  for (const cut of [1, 3, 1000]) {
    const { commands, offset } = feed(new CommandStream(), text, [cut]);
    assert.deepEqual(
      commands.map(({ words }) => words[0]),
      ['PING', 'SELECT'],
    );
    assert.equal(offset, text.length);
  }
});

test('the region grows for a long command and is small again after it', () => {
  const stream = new CommandStream();
  const long = 'v'.repeat(3 * INPUT_BYTES);
  const text = `${encode(['SET', 'k', long])}${encode(['PING'])}`;
  const { commands, offset } = feed(stream, text, [100_000]);
  assert.deepEqual(
    commands.map(({ words }) => words.length),
    [3, 1],
  );
  assert.equal(commands[0]!.words[2], long);
  assert.equal(offset, text.length);
  assert.ok(stream.target.length <= INPUT_BYTES);
});

test('a claimed length takes no memory', () => {
  const stream = new CommandStream();
  const { status } = feed(stream, '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000000\r\nabc', [7]);
  assert.equal(status, INCOMPLETE);
  assert.equal(stream.region.length, INPUT_BYTES);
});

test('what is no command is an error', () => {
  for (const text of [
    '*x\r\n',
    '*1\r\n+PING\r\n',
    '*2\r\n$3\r\nSET\r\n$-7\r\n',
    '*1\r\n$99999999999\r\n',
  ]) {
    assert.equal(feed(new CommandStream(), text, [2]).status, PROTOCOL_ERROR, text);
  }
});
