/**
 * Random source text and random input of the Lua libraries: nothing but errors of Lua comes out,
 * nothing hangs, and the next script runs. Millions by hand: DARTER_FUZZ_INPUTS=1000000.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Environment,
  LuaError,
  LuaSyntaxError,
  ScriptAbort,
} from '../../src/scripting/environment.js';
import { emptyHost } from '../differential/lua/oracle.js';
import { Random, seedFromEnvironment } from '../support/random.js';

const INPUTS = Number(process.env.DARTER_FUZZ_INPUTS ?? 3000);
const TICKS_MAX = 100;
const WORDS = (
  'and break do else elseif end false for function if in local nil not or repeat return then true ' +
  'until while a b c self arg _ENV 0 1 1e9 0x 3. .5 "x" \'y\' [[z]] [=[ ]=] ... .. . , ; : ( ) { } [ ] ' +
  '= == ~= < > <= >= + - * / % ^ # -- --[[ ]] \\ " \' $ @ ! \0 \x80 \n'
).split(' ');
const LIBRARY_CALLS = [
  'return cjson.decode(ARGV[1])',
  'return cmsgpack.unpack(ARGV[1])',
  'return struct.unpack(ARGV[1], ARGV[2])',
  'return struct.pack(ARGV[1], 1, 2.5, "x", -1)',
  'return struct.size(ARGV[1])',
  'return string.find(ARGV[1], ARGV[2])',
  'return string.gsub(ARGV[1], ARGV[2], ARGV[1])',
  'return string.format(ARGV[1], 1, "x", 2.5)',
  'return tonumber(ARGV[1]), tonumber(ARGV[2], 16), ARGV[1] + 1',
  'return loadstring(ARGV[1])',
  'return cjson.encode({ARGV[1], [ARGV[2]] = 1})',
];

function newFuzzEnvironment(): Environment {
  let ticks = 0;
  const environment: Environment = new Environment({
    host: emptyHost,
    memoryBytes: 64 * 1024 * 1024,
    tickInterval: 1000,
    onTick: () => {
      if (++ticks % TICKS_MAX === 0) throw new ScriptAbort('long enough');
    },
  });
  return environment;
}

function isExpected(thrown: unknown): boolean {
  return (
    thrown instanceof LuaError || thrown instanceof LuaSyntaxError || thrown instanceof ScriptAbort
  );
}

describe('random input', () => {
  const environment = newFuzzEnvironment();

  function attempt(source: string, argv: readonly string[]): void {
    try {
      environment.run(environment.compile(source), [], argv);
    } catch (thrown) {
      if (!isExpected(thrown)) {
        throw new Error(`${JSON.stringify(source)} with ${JSON.stringify(argv)}`, {
          cause: thrown,
        });
      }
    }
  }

  it(`${INPUTS} sequences of tokens`, (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    for (let i = 0; i < INPUTS; i++) {
      const count = random.between(1, 30);
      const words = Array.from({ length: count }, () => random.pick(WORDS));
      attempt(words.join(random.chance(0.9) ? ' ' : ''), []);
    }
    assert.deepEqual(environment.run(environment.compile('return 1'), [], []), [1]);
  });

  it(`${INPUTS} arguments of library functions`, (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const alphabet = '%[]()^$*+-.{}":,0123456789abcdfgisxz\\u<>!\x81\x91\xa5\xcc\xdc\xdf\xff\0 ';
    const text = (): string => {
      if (random.chance(0.2)) return random.binary(random.below(20));
      return Array.from({ length: random.below(20) }, () => random.pick([...alphabet])).join('');
    };
    for (let i = 0; i < INPUTS; i++) attempt(random.pick(LIBRARY_CALLS), [text(), text()]);
    assert.deepEqual(environment.run(environment.compile('return 1'), [], []), [1]);
  });
});
