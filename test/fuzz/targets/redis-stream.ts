/** The stream of a Redis: whole or in pieces, the same bytes are the same commands at the same places. */
import assert from 'node:assert/strict';
import { toBinary } from '../../../src/base/region.js';
import {
  COMMAND,
  CommandStream,
  INCOMPLETE,
  PROTOCOL_ERROR,
} from '../../../src/replication/redis/command-stream.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';
import { damage, encode, randomCuts, randomWord } from '../requests.js';

const INPUT_BYTES_MAX = 16384;

interface Outcome {
  readonly commands: (readonly [words: string, place: number])[];
  place: number;
  error: string;
}

function read(text: string, cuts: readonly number[]): Outcome {
  const outcome: Outcome = { commands: [], place: 0, error: '' };
  const stream = new CommandStream();
  let from = 0;
  for (const cut of cuts) {
    stream.target.set(Buffer.from(text.slice(from, cut), 'latin1'));
    stream.received(cut - from);
    from = cut;
    for (let status = COMMAND; status === COMMAND; ) {
      status = stream.next();
      if (status === PROTOCOL_ERROR) return { ...outcome, error: stream.error };
      const words = status === INCOMPLETE ? '' : shown(stream);
      outcome.place += stream.consume(status);
      assert.ok(outcome.place <= cut, 'no place is ahead of what came');
      if (status === COMMAND) outcome.commands.push([words, outcome.place]);
    }
  }
  return outcome;
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
    // Of a stream that ends in an error, what comes before it counts.
    assert.deepEqual(inPieces, expected);
  },
};
