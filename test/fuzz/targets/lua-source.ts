/** Lua source made of random tokens. */
import { runHostile } from '../../support/lua-fuzz.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const WORDS = (
  'and break do else elseif end false for function if in local nil not or repeat return then true ' +
  'until while a b c self arg _ENV 0 1 1e9 0x 3. .5 "x" \'y\' [[z]] [=[ ]=] ... .. . , ; : ( ) { } [ ] ' +
  '= == ~= < > <= >= + - * / % ^ # -- --[[ ]] \\ " \' $ @ ! \0 \x80 \n'
).split(' ');

export const target: FuzzTarget = {
  name: 'lua-source',
  summary:
    'Source text of random tokens compiles or fails with an error of Lua, and harms nothing.',
  run(random: Random) {
    const words = Array.from({ length: random.between(1, 30) }, () => random.pick(WORDS));
    runHostile(words.join(random.chance(0.9) ? ' ' : ''), []);
  },
};
