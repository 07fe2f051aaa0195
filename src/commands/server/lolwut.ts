/**
 * LOLWUT: a darter, the dragonfly, over water, different each time, and the version. A picture in
 * text, as Redis's is; drawn here from a few strokes: reeds, ripples, and the insect somewhere.
 */
import { DARTER_VERSION } from '../../base/version.js';
import { NOT_INTEGER } from '../../protocol/errors.js';
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition } from '../contract/definition.js';

const parsed = new ParsedInteger();

const WIDTH = 60;
const HEIGHT = 14;
const WATER_ROWS = 3;

/** Blanks are transparent, dots are drawn as blanks. */
const DARTER = [
  '  \\\\\\\\ ||  ////',
  '   \\\\\\\\||////',
  '=======()@>',
  '   ////||\\\\\\\\',
  '  //// ||  \\\\\\\\',
];

type Canvas = string[][];

function pick(limit: number): number {
  return Math.floor(Math.random() * limit);
}

function drawReeds(canvas: Canvas): void {
  const count = 4 + pick(5);
  for (let reed = 0; reed < count; reed++) {
    const column = pick(WIDTH);
    const top = HEIGHT - WATER_ROWS - 2 - pick(6);
    for (let row = top; row < HEIGHT - WATER_ROWS; row++) {
      canvas[row]![column] = row - top < 2 ? '#' : '|';
    }
  }
}

function drawWater(canvas: Canvas): void {
  for (let row = HEIGHT - WATER_ROWS; row < HEIGHT; row++) {
    for (let column = 0; column < WIDTH; column++) {
      const wave = Math.sin((column + pick(3)) / (row - HEIGHT + WATER_ROWS + 2));
      canvas[row]![column] = wave > 0.3 ? '~' : wave > -0.4 ? '-' : ' ';
    }
  }
}

function drawDarter(canvas: Canvas): void {
  const left = pick(WIDTH - 18);
  const top = pick(HEIGHT - WATER_ROWS - DARTER.length);
  DARTER.forEach((line, row) => {
    [...line].forEach((char, column) => {
      if (char !== ' ') canvas[top + row]![left + column] = char;
    });
  });
}

function draw(): string {
  const canvas: Canvas = Array.from({ length: HEIGHT }, () => new Array<string>(WIDTH).fill(' '));
  drawWater(canvas);
  drawReeds(canvas);
  drawDarter(canvas);
  return canvas.map((row) => `${row.join('').trimEnd()}\n`).join('');
}

export const lolwut: CommandDefinition = {
  name: 'lolwut',
  summary: 'Draws a darter over water and tells the version',
  since: '5.0.0',
  group: 'server',
  complexity: '',
  arity: -1,
  flags: ['readonly', 'fast'],
  arguments: [{ name: 'version', type: 'integer', token: 'VERSION', flags: ['optional'] }],
  run({ args, reply }) {
    if (args.count >= 3 && argumentIs(args, 1, 'VERSION')) {
      // Whatever version of the picture is asked for, there is this one.
      if (parseInteger(args.region, args.offset[2]!, args.length[2]!, parsed) === NOT_AN_INTEGER) {
        reply.error(NOT_INTEGER);
        return;
      }
    }
    reply.verbatim('txt', `${draw()}\nDarter ver. ${DARTER_VERSION}\n`);
  },
};
