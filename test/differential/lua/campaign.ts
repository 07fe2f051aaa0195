/** Runs random programs in redis-server and here, and reports those that differ. */
import { Random } from '../../support/random.js';
import { startDarter } from '../../support/server.js';
import { ProgramGenerator } from './generator.js';
import { newComparedEnvironment, RedisLua, runHere } from './oracle.js';
import { asScript } from './serializer.js';

export interface LuaCampaign {
  readonly seed: number;
  readonly programs: number;
  /** Stops after so many that differ. */
  readonly failures: number;
  readonly report?: (text: string) => void;
  /** Runs them here by EVAL in our server, not in an environment of the test's own. */
  readonly byEval?: boolean;
}

const BATCH = 128;

/**
 * What differs by nature: addresses; the sign of NaN, which JavaScript does not show; the sign of
 * zero, as all zeros of a function are one constant in Lua 5.1, with the sign of the first one.
 */
function normalize(text: string): string {
  return text
    .replace(/-nan/g, 'nan')
    .replace(/(?<![\w.])-0(?![\w.])/g, '0')
    .replace(/(table|function|thread): 0x[0-9a-f]+/g, '$1');
}

function programOf(seed: number, index: number): string {
  // Each program can be made again without those before it.
  return new ProgramGenerator(new Random(seed + Math.imul(index, 0x9e3779b1))).program();
}

export async function runLuaCampaign(options: LuaCampaign): Promise<string[]> {
  const { seed, programs, failures, report } = options;
  const redis = await RedisLua.start();
  const ours = options.byEval === true ? await RedisLua.start(startDarter) : null;
  const environment = newComparedEnvironment();
  const differing: string[] = [];
  try {
    for (let from = 0; from < programs && differing.length < failures; from += BATCH) {
      const count = Math.min(BATCH, programs - from);
      const batch = Array.from({ length: count }, (_, i) => programOf(seed, from + i));
      const scripts = batch.map(asScript);
      const theirs = await redis.run(scripts);
      const here: readonly (string | null)[] = await (ours?.run(scripts) ??
        scripts.map((one) => runHere(environment, one)));
      for (const [i, found] of here.map((one) => normalize(one!)).entries()) {
        const reply = theirs[i]!;
        if (reply === null) {
          report?.(`seed ${seed}, program ${from + i}: redis-server died of it, or had no memory`);
          continue;
        }
        const wanted = normalize(reply);
        if (found === wanted) continue;
        const text = `seed ${seed}, program ${from + i}:\n${batch[i]}\nredis: ${wanted}\nhere:  ${found}`;
        differing.push(text);
        report?.(text);
      }
    }
  } finally {
    await redis.stop();
    await ours?.stop();
  }
  return differing.slice(0, failures);
}
