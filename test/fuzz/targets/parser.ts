/** The request parser: whole or in pieces, moved or in place, the same bytes are the same commands. */
import assert from 'node:assert/strict';
import { Region } from '../../../src/base/region.js';
import { COMMAND, INCOMPLETE, RequestParser } from '../../../src/protocol/parser.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';
import { damage, encode, inlineWord, randomCuts, randomWord } from '../requests.js';

const INPUT_BYTES_MAX = 16384;
/** Where the moved copy of a command begins: another place than in the whole. */
const ELSEWHERE = 24;

const whole = new Region(new SharedArrayBuffer(INPUT_BYTES_MAX), 0);
const moved = new Region(new SharedArrayBuffer(INPUT_BYTES_MAX + 64), 0);

interface Outcome {
  readonly commands: string[][];
  error: string;
}

function words(parser: RequestParser, begin: number, end: number): string[] {
  const { args } = parser;
  return Array.from({ length: args.count }, (_, i) => {
    const offset = args.offset[i]!;
    const length = args.length[i]!;
    // An inline command has its words in a region of the parser's own.
    const limit = args.region === whole || args.region === moved ? end : args.region.length;
    assert.ok(length >= 0 && offset >= 0 && offset + length <= limit, 'an argument lies inside');
    if (args.region === whole) assert.ok(offset >= begin, 'an argument lies in its command');
    return Buffer.from(args.region.bytes.slice(offset, offset + length)).toString('latin1');
  });
}

/** As one receive buffer after the other: what is left of a command is moved, and goes on there. */
function parse(text: string, cuts: readonly number[]): Outcome {
  const outcome: Outcome = { commands: [], error: '' };
  const parser = new RequestParser();
  for (let i = 0; i < text.length; i++) whole.bytes[i] = text.charCodeAt(i);
  let region = whole;
  let shift = 0;
  let position = 0;
  for (const cut of cuts) {
    const end = cut + shift;
    for (;;) {
      const status = parser.parse(region, position, end);
      if (status !== COMMAND && status !== INCOMPLETE) {
        outcome.error = parser.error;
        return outcome;
      }
      assert.ok(parser.position >= position && parser.position <= end, 'the position is sane');
      position = parser.position;
      if (status === INCOMPLETE) break;
      outcome.commands.push(words(parser, parser.start, end));
    }
    assert.ok(parser.missing >= 0);
    if (region === whole && position < end) {
      const delta = ELSEWHERE - parser.start;
      moved.bytes.set(whole.bytes.subarray(parser.start, text.length), ELSEWHERE);
      parser.rebase(moved, delta);
      region = moved;
      shift = delta;
      position = parser.position;
    }
  }
  return outcome;
}

export const target: FuzzTarget = {
  name: 'parser',
  summary: 'Requests, damaged or not, are cut anywhere; they must be read as when they came whole.',
  run(random: Random) {
    const vectors = Array.from({ length: random.between(1, 4) }, () =>
      Array.from(
        { length: random.chance(0.9) ? random.between(1, 5) : random.between(9, 30) },
        () => randomWord(random),
      ),
    );
    let text = '';
    const isInline = vectors.map(() => random.chance(0.2));
    for (const [i, vector] of vectors.entries()) {
      text += isInline[i]
        ? `${vector.map((word) => inlineWord(random, word)).join(' ')}\r\n`
        : encode(vector);
    }
    const intact = random.chance(0.3);
    if (!intact) text = damage(random, text);
    text = text.slice(0, INPUT_BYTES_MAX);
    const expected = parse(text, [text.length]);
    if (intact && text.length < INPUT_BYTES_MAX) {
      assert.deepEqual(expected, { commands: vectors, error: '' });
    }
    assert.deepEqual(parse(text, randomCuts(random, text.length)), expected);
  },
};
