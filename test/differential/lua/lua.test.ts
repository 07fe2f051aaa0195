/**
 * Lua here gives the same results and errors as in redis-server: hand-written chunks for each
 * library function and error text, then random programs. More of those by hand:
 * `npm run differential:lua -- --seed S --count N`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seedFromEnvironment } from '../../support/random.js';
import { darterMissing, redisServerMissing } from '../../support/server.js';
import { runLuaCampaign } from './campaign.js';
import * as language from './cases-language.js';
import * as libraries from './cases-libraries.js';
import { newComparedEnvironment, RedisLua, runHere } from './oracle.js';
import { asScript } from './serializer.js';

const PROGRAMS = Number(process.env.DARTER_LUA_PROGRAMS ?? 1000);
/** Two servers run each of these. */
const EVAL_PROGRAMS = Math.ceil(PROGRAMS / 4);
const skip = redisServerMissing();

describe('Lua beside redis-server', { skip }, () => {
  let redis: RedisLua;
  const environment = newComparedEnvironment();

  before(async () => {
    redis = await RedisLua.start();
  });
  after(() => redis.stop());

  async function compare(scripts: readonly string[], names: readonly string[]): Promise<void> {
    const theirs = await redis.run(scripts);
    const failures: string[] = [];
    for (const [i, script] of scripts.entries()) {
      const ours = runHere(environment, script);
      if (ours !== theirs[i]) failures.push(`${names[i]}\n  redis: ${theirs[i]}\n  here:  ${ours}`);
    }
    assert.equal(failures.length, 0, failures.join('\n'));
  }

  for (const [name, cases] of Object.entries({ ...language, ...libraries })) {
    it(`${name}: ${cases.length} chunks`, () => compare(cases.map(asScript), cases));
  }

  it('errors that nothing catches', () => {
    const cases = [...language.languageCases, ...language.multiLineCases];
    return compare(cases.filter(hasComparableReply), cases.filter(hasComparableReply));
  });

  it(`${PROGRAMS} random programs`, async (t) => {
    const seed = seedFromEnvironment();
    t.diagnostic(`DARTER_SEED=${seed}`);
    const differing = await runLuaCampaign({ seed, programs: PROGRAMS, failures: 3 });
    assert.equal(differing.length, 0, differing.join('\n\n'));
  });

  it(`${EVAL_PROGRAMS} random programs by EVAL`, { skip: darterMissing() }, async (t) => {
    const seed = seedFromEnvironment() + 1;
    t.diagnostic(`DARTER_SEED=${seed}`);
    const options = { seed, programs: EVAL_PROGRAMS, failures: 3, byEval: true };
    const differing = await runLuaCampaign(options);
    assert.equal(differing.length, 0, differing.join('\n\n'));
  });
});

/** Here only errors are compared: replies are the server's work. */
function hasComparableReply(code: string): boolean {
  // An error that is a table without `err` ends redis-server 7.0.15 itself.
  return !/\breturn\b|error\(\{/.test(code);
}
