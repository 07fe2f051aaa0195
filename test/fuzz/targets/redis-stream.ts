/** The stream of a Redis: whole or in pieces, the same bytes are the same commands at the same places. */
import assert from 'node:assert/strict';
import { toBinary } from '../../../src/base/region.js';
import {
  CommandStream,
  INCOMPLETE,
  PROTOCOL_ERROR,
} from '../../../src/replication/redis/command-stream.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';
import { damage, encode, randomCuts, randomWord } from '../requests.js';

const INPUT_BYTES_MAX = 16384;
/** Of the region: many inputs do not fit, so that it grows and what is in it is moved. */
const REGION_BYTES = 512;

interface Outcome {
  readonly commands: (readonly [words: string, place: number])[];
  place: number;
  error: string;
}

function read(text: string, cuts: readonly number[]): Outcome {
  const outcome: Outcome = { commands: [], place: 0, error: '' };
  const stream = new CommandStream(REGION_BYTES);
  let from = 0;
  for (const cut of cuts) {
    while (from < cut) {
      const { target } = stream;
      const piece = text.slice(from, Math.min(cut, from + target.length));
      target.set(Buffer.from(piece, 'latin1'));
      stream.received(piece.length);
      from += piece.length;
      if (!take(stream, from, outcome)) return outcome;
    }
  }
  return outcome;
}

/** Takes the commands that are there. @returns false after an error */
function take(stream: CommandStream, received: number, outcome: Outcome): boolean {
  for (;;) {
    const status = stream.next();
    if (status === PROTOCOL_ERROR) {
      outcome.error = stream.error;
      return false;
    }
    const words = status === INCOMPLETE ? '' : shown(stream);
    outcome.place += stream.consume(status);
    assert.ok(outcome.place <= received, 'no place is ahead of what came');
    if (status === INCOMPLETE) return true;
    outcome.commands.push([words, outcome.place]);
  }
}

function shown({ args }: CommandStream): string {
  return Array.from({ length: args.count }, (_, i) =>
    toBinary(args.region, args.offset[i]!, args.length[i]!),
  ).join('|');
}

export const target: FuzzTarget = {
  name: 'redis-stream',
  summary: 'Streams of commands, damaged or not, are cut anywhere; places must be as when whole.',
  run(random: Random) {
    const vectors = Array.from({ length: random.between(1, 5) }, () =>
      Array.from({ length: random.between(1, 12) }, () => randomWord(random)),
    );
    const whole = vectors.map(encode).join('');
    const text = (random.chance(0.3) ? whole : damage(random, whole)).slice(0, INPUT_BYTES_MAX);
    const expected = read(text, [text.length]);
    const inPieces = read(text, randomCuts(random, text.length));
    // Empty lines before an error may have been counted by then, or not.
    if (expected.error !== '') inPieces.place = expected.place;
    assert.deepEqual(inPieces, expected);
  },
};
