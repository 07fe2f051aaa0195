/**
 * HyperLogLogs against redis-server: the bytes that GET shows are equal after each command, so that a
 * value of one loads in the other, and so are counts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { describeRuns, listRegisters } from '../../src/values/hyperloglog/describe.js';
import {
  CORRUPTED,
  CORRUPTED_TEXT,
  NOT_HYPERLOGLOG_TEXT,
  VALID,
} from '../../src/values/hyperloglog/layout.js';
import {
  addAll,
  countOf,
  countUnion,
  makeDense,
  mergeAll,
  regionOf,
} from '../../src/values/hyperloglog/testing.js';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isList, textOf } from '../support/reply.js';
import { redisServerMissing, type Server, startRedis } from '../support/server.js';

const MARGIN = 64;
const seed = seedFromEnvironment();

function elementsOf(random: Random, most: number): string[] {
  const small = random.chance(0.3);
  return Array.from({ length: random.below(most + 1) }, () =>
    small ? `e${random.below(500)}` : random.binary(random.below(24)),
  );
}

describe('HyperLogLog against redis-server', { skip: redisServerMissing() }, () => {
  let server: Server;
  let client: RawClient;

  before(async () => {
    server = await startRedis();
    client = await server.client();
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  async function bytesOf(key: string): Promise<string> {
    return textOf(await client.command('GET', key));
  }

  test('PFADD: bytes, answers and counts are equal after each command', async (t) => {
    t.diagnostic(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    for (let round = 0; round < 40; round++) {
      const bytesMax = random.pick([0, 30, 100, 600, 3000, 3000, 20_000]);
      await client.command('CONFIG', 'SET', 'hll-sparse-max-bytes', String(bytesMax));
      await client.command('DEL', 'h');
      let value: string | undefined;
      const most = random.pick([1, 3, 40, 400]);
      for (let step = 0; step < 30; step++) {
        const elements = elementsOf(random, most);
        const answer = textOf(await client.command('PFADD', 'h', ...elements));
        const added = addAll(value, elements, bytesMax);
        assert.equal(added.state, VALID);
        assert.equal(added.changes > 0 ? '1' : '0', answer);
        assert.equal(added.value, await bytesOf('h'), `round ${round} step ${step}`);
        value = added.value;
        if (random.chance(0.3)) {
          assert.equal(String(countOf(value)), textOf(await client.command('PFCOUNT', 'h')));
          value = await bytesOf('h');
        }
      }
      const region = regionOf(value!);
      if (value!.charCodeAt(4) === 1) {
        const decoded = textOf(await client.command('PFDEBUG', 'DECODE', 'h'));
        assert.equal(describeRuns(region, MARGIN, value!.length), decoded);
        value = makeDense(value!).value;
        assert.equal(textOf(await client.command('PFDEBUG', 'TODENSE', 'h')), '1');
        assert.equal(value, await bytesOf('h'));
      }
      const registers = await client.command('PFDEBUG', 'GETREG', 'h');
      assert.ok(isList(registers));
      const mine = listRegisters(regionOf(value!), MARGIN).map(String);
      assert.deepEqual(registers.items.map(textOf), mine);
    }
  });

  test('PFMERGE and PFCOUNT of several keys', async () => {
    const random = new Random(seed + 1);
    const keys = ['a', 'b', 'c', 'd'];
    for (let round = 0; round < 120; round++) {
      const bytesMax = random.pick([100, 3000, 3000, 20_000]);
      await client.command('CONFIG', 'SET', 'hll-sparse-max-bytes', String(bytesMax));
      await client.command('FLUSHALL');
      const values = new Map<string, string>();
      for (const key of keys) {
        if (random.chance(0.25)) continue;
        const elements = elementsOf(random, random.pick([5, 300, 4000]));
        await client.command('PFADD', key, ...elements);
        if (random.chance(0.2)) await client.command('PFCOUNT', key);
        if (random.chance(0.2)) await client.command('PFDEBUG', 'TODENSE', key);
        values.set(key, await bytesOf(key));
      }
      const sources = random.shuffle([...keys]).slice(0, random.below(4));
      const present = sources.flatMap((key) => values.get(key) ?? []);
      if (sources.length > 1) {
        const count = textOf(await client.command('PFCOUNT', ...sources));
        assert.equal(String(countUnion(present)), count);
      }
      const target = random.pick(keys);
      assert.equal(textOf(await client.command('PFMERGE', target, ...sources)), 'OK');
      const merged = mergeAll(values.get(target), present, bytesMax);
      assert.equal(merged.state, VALID);
      assert.equal(merged.value, await bytesOf(target), `round ${round}`);
    }
  });

  test('values that are none, or whose registers are not 16384, get the same errors', async () => {
    const random = new Random(seed + 2);
    const { value } = addAll(undefined, ['a', 'b', 'c']);
    const header = value.slice(0, 16);
    const broken = [`${header}\x7f\xfe`, `${header}\x7f\xff\x7f\xff`, `${header}\x3f\x3f`, header];
    for (const bytes of broken) {
      await client.command('SET', 'h', Buffer.from(bytes, 'latin1'));
      assert.equal(countOf(bytes), CORRUPTED);
      for (const command of [
        ['PFCOUNT', 'h'],
        ['PFMERGE', 'x', 'h'],
        ['PFDEBUG', 'TODENSE', 'h'],
      ]) {
        assert.equal(textOf(await client.command(...command)), CORRUPTED_TEXT);
      }
    }
    for (const bytes of ['', 'HYLL', `hyll${value.slice(4)}`, `HYLL\x02${value.slice(5)}`]) {
      await client.command('SET', 'h', Buffer.from(bytes, 'latin1'));
      assert.equal(textOf(await client.command('PFCOUNT', 'h')), NOT_HYPERLOGLOG_TEXT);
    }
    // Unusual but valid: runs that no server would write, each of which PFADD has to split.
    for (let round = 0; round < 200; round++) {
      let registers = 0;
      let bytes = header;
      while (registers < 16384) {
        const rest = 16384 - registers;
        const kind = random.below(3);
        const most = [64, 16384, 4][kind]!;
        const run = random.between(1, Math.min(most, rest, random.pick([1, 5, 5000])));
        if (kind === 0) bytes += String.fromCharCode(run - 1);
        else if (kind === 1) bytes += String.fromCharCode(0x40 | ((run - 1) >> 8), (run - 1) & 255);
        else bytes += String.fromCharCode(0x80 | (random.below(3) << 2) | (run - 1));
        registers += run;
      }
      await client.command('CONFIG', 'SET', 'hll-sparse-max-bytes', '3000');
      await client.command('SET', 'h', Buffer.from(bytes, 'latin1'));
      const elements = elementsOf(random, 20);
      await client.command('PFADD', 'h', ...elements);
      assert.equal(addAll(bytes, elements).value, await bytesOf('h'), `round ${round}`);
      const counted = textOf(await client.command('PFCOUNT', 'h'));
      assert.equal(String(countOf(await bytesOf('h'))), counted);
    }
  });
});
