import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { millisecondsOf } from '../../base/expiry-time.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { exists } from './exists.js';
import { expire, expireat, pexpire, pexpireat } from './expire.js';

const DEFINITIONS = [set, exists, expire, pexpire, expireat, pexpireat];
const FAR_MS = START_MS + 1_000_000;

function tester(): CommandTester {
  const t = new CommandTester(DEFINITIONS);
  t.run('SET', 'k', 'v');
  t.takeEffects();
  t.listen();
  return t;
}

function expiryOf(t: CommandTester): number | undefined {
  return t.dump().get('0 k')?.expiry;
}

test('the four commands set the same kind of time', () => {
  const t = tester();
  const times: [string, number, number][] = [
    ['EXPIRE', 10, START_MS + 10_000],
    ['PEXPIRE', 10, START_MS + 10],
    ['EXPIREAT', FAR_MS / 1000, FAR_MS],
    ['PEXPIREAT', FAR_MS + 1, FAR_MS + 1],
  ];
  for (const [command, time, expiry] of times) {
    assert.equal(t.run(command, 'k', time), 1);
    assert.equal(expiryOf(t), expiry, command);
    assert.deepEqual(t.takeEffects(), [`0 PEXPIREAT k ${expiry}`]);
    assert.deepEqual(t.takeEvents(), ['expire k']);
    assert.equal(t.run(command, 'absent', time), 0);
    assert.equal(t.changes, 0);
  }
});

test('a time that has come removes the key', () => {
  for (const [command, time] of [
    ['EXPIRE', 0],
    ['PEXPIRE', -1],
    ['EXPIREAT', START_MS / 1000],
    ['PEXPIREAT', START_MS],
    ['PEXPIREAT', '-9223372036854775808'],
    ['EXPIRE', '-9223372036854775'],
  ] as const) {
    const t = tester();
    assert.equal(t.run(command, 'k', time), 1);
    assert.equal(t.dump().size, 0);
    assert.deepEqual(t.takeEffects(), ['0 DEL k']);
    assert.deepEqual(t.takeEvents(), ['del k']);
  }
});

test('on a replica a time that has come is only noted', () => {
  const t = tester();
  t.keys.expiresKeys = false;
  assert.equal(t.run('PEXPIREAT', 'k', START_MS - 5), 1);
  assert.equal(expiryOf(t), START_MS - 5);
  assert.equal(t.run('PEXPIREAT', 'k', 0), 0, 'it is hidden');
  t.run('SET', 'k', 'v');
  assert.equal(t.run('PEXPIREAT', 'k', -7), 1);
  assert.equal(expiryOf(t), 1, '0 would mean never');
});

test('conditions compare with the time that is set; none counts as never', () => {
  const times = [0, FAR_MS, FAR_MS + 1, FAR_MS + 2];
  const allowed: Record<string, (before: number, after: number) => boolean> = {
    NX: (before) => before === 0,
    XX: (before) => before > 0,
    GT: (before, after) => before > 0 && after > before,
    LT: (before, after) => before === 0 || after < before,
  };
  for (const [condition, expected] of Object.entries(allowed)) {
    for (const before of times) {
      for (const after of times.slice(1)) {
        const t = tester();
        if (before > 0) t.run('PEXPIREAT', 'k', before);
        const wanted = expected(before, after);
        const label = `${condition} ${before} ${after}`;
        assert.equal(t.run('PEXPIREAT', 'k', after, condition), wanted ? 1 : 0, label);
        assert.equal(expiryOf(t), wanted ? after : before, label);
        assert.equal(t.changes, wanted ? 1 : 0);
      }
    }
  }
});

test('the options are looked at first, then the time, then the key', () => {
  const t = tester();
  const exclusive = '-ERR NX and XX, GT or LT options at the same time are not compatible';
  const cases: [string, string][] = [
    ['EXPIRE k x foo', '-ERR Unsupported option foo'],
    ['EXPIRE k x fo\0o', '-ERR Unsupported option fo'],
    ['EXPIRE k x NX XX', exclusive],
    ['EXPIRE k x nx gt', exclusive],
    ['EXPIRE k x lt nx', exclusive],
    ['EXPIRE k x GT LT', '-ERR GT and LT options at the same time are not compatible'],
    ['EXPIRE absent x', '-ERR value is not an integer or out of range'],
    ['EXPIRE k 9223372036854775808', '-ERR value is not an integer or out of range'],
    ['EXPIRE k 9223372036854775807', "-ERR invalid expire time in 'expire' command"],
    ['EXPIRE k -9223372036854775808', "-ERR invalid expire time in 'expire' command"],
    ['EXPIRE k -9223372036854776', "-ERR invalid expire time in 'expire' command"],
    ['PEXPIRE absent 9223372036854775807', "-ERR invalid expire time in 'pexpire' command"],
    ['EXPIREAT k 9223372036854776', "-ERR invalid expire time in 'expireat' command"],
  ];
  for (const [command, error] of cases) {
    assert.equal(t.run(...command.split(' ')), error, command);
  }
  assert.equal(expiryOf(t), 0);
  assert.deepEqual(t.takeEffects(), []);
});

test('times of up to 63 bits are kept exactly, in the effect too, and compared', () => {
  const t = tester();
  const far = ['9007199254740991', '9007199254740992', '9007199254740993', '9223372036854775807'];
  for (const [i, time] of far.entries()) {
    t.takeEffects();
    assert.equal(t.run('PEXPIREAT', 'k', time, 'GT'), i === 0 ? 0 : 1, time);
    assert.equal(t.run('PEXPIREAT', 'k', time), 1);
    assert.equal(millisecondsOf(expiryOf(t) ?? 0), BigInt(time));
    assert.equal(t.takeEffects().at(-1), `0 PEXPIREAT k ${time}`);
    assert.equal(t.run('PEXPIREAT', 'k', time, 'GT'), 0);
    assert.equal(t.run('PEXPIREAT', 'k', time, 'LT'), 0);
    assert.equal(t.run('EXISTS', 'k'), 1);
    t.check();
  }
  assert.equal(t.run('PEXPIREAT', 'k', far[2]!, 'LT'), 1);
  assert.equal(t.run('PEXPIREAT', 'k', '-9223372036854775808', 'GT'), 0);
  assert.equal(t.run('PEXPIREAT', 'k', '-9223372036854775808', 'LT'), 1);
  assert.equal(t.run('EXISTS', 'k'), 0, 'it has expired');
});

test('property: XX and LT on a key that ends agree with a model', () => {
  const time = fc.integer({ min: 1, max: 50 });
  const option = fc.constantFrom('NX', 'XX', 'GT', 'LT', '');
  fc.assert(
    fc.property(fc.array(fc.tuple(time, option), { maxLength: 12 }), (steps) => {
      const t = tester();
      let model = 0;
      for (const [ms, condition] of steps) {
        const after = START_MS + ms;
        const refused =
          (condition === 'NX' && model !== 0) ||
          (condition === 'XX' && model === 0) ||
          (condition === 'GT' && (model === 0 || after <= model)) ||
          (condition === 'LT' && model !== 0 && after >= model);
        const words = condition === '' ? [] : [condition];
        assert.equal(t.run('PEXPIRE', 'k', ms, ...words), refused ? 0 : 1);
        if (!refused) model = after;
        assert.equal(expiryOf(t), model);
      }
    }),
  );
});
