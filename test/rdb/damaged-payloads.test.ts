/**
 * Damaged payloads beside redis-server's RESTORE with sanitize-dump-payload: what it refuses is
 * refused here, and what only is refused here is refused for one of few reasons.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crc64 } from '../../src/persistence/rdb/crc64.js';
import { DUMP_READ } from '../../src/persistence/rdb/dump.js';
import { TYPE_SET, TYPE_SORTED_SET_2 } from '../../src/persistence/rdb/format.js';
import { newRegion } from '../../src/persistence/rdb/input.js';
import {
  canonicalValue,
  type ModelValue,
  readDump,
  readModel,
} from '../../src/persistence/rdb/testing.js';
import { BODIES, fileOf } from '../../src/persistence/rdb/testing-files.js';
import { dumpValue } from '../../src/persistence/rdb/testing-write.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, textOf } from '../support/reply.js';
import { startRedis, testedRedisMissing } from '../support/server.js';
import { redisValue } from './redis-content.js';

const PAYLOADS = 2000;
const skip = testedRedisMissing();
const seed = seedFromEnvironment();

/** Where Redis takes what no server writes, and a store could not keep as it is. */
const STRICTER = [
  // Redis reads on into version and checksum, and takes an encoding for a count.
  /^The payload ends too early/,
  /^An encoded string where a length must be/,
  // Compressed strings of length 0, whatever they hold.
  /^A compressed string of 0 bytes/,
  /^A damaged compressed string/,
  /a score that is not a number/,
  // A length may be spelt with more bytes than it needs.
  /has a wrong backwards length/,
];
/** The first type that redis-server 7.0 does not know. */
const NEWER = '\x14';
/** Of streams Redis checks no count, no backwards length and no order. */
const STREAM = '\x13';

function sealed(body: string): string {
  const region = newRegion(body.length + 10);
  for (let i = 0; i < body.length; i++) region.bytes[i] = body.charCodeAt(i);
  region.view.setUint16(body.length, 10, true);
  const crc = new Crc64();
  crc.update(region, 0, body.length + 2);
  crc.store(region, body.length + 2);
  return Buffer.from(region.bytes.slice(0, body.length + 10)).toString('latin1');
}

function payloads(): string[] {
  const file = fileOf(BODIES.strings! + BODIES.lists! + BODIES.sets! + BODIES['sorted sets']!);
  const streams = fileOf(BODIES.streams!);
  const keys = [...readModel(file).keys, ...readModel(streams).keys];
  const hash = ['f', '1', 'g', 'value'].join(' ').split(' ');
  const fields = [0, 2].map((i) => ({ field: hash[i]!, value: hash[i + 1]!, expiryMs: -1 }));
  const values = [...keys.map(({ value }) => value), { kind: 'hash', fields } as const];
  return values.map((value) => dumpValue(value, { compression: false }).slice(0, -10));
}

function damaged(random: Random, text: string): string {
  let result = text;
  for (let i = random.between(1, 3); i > 0; i--) {
    const at = random.below(result.length);
    const byte = random.chance(0.5) ? random.pick([0, 1, 2, 16, 128, 192, 255]) : random.below(256);
    const bit = result.charCodeAt(at) ^ (1 << random.below(8));
    const put = String.fromCharCode(random.chance(0.5) ? byte : bit);
    result = result.slice(0, at) + put + result.slice(at + 1);
  }
  return result;
}

/** Redis makes room for as many elements as a table claims, and is then busy for long. */
function isHugeTable(body: string): boolean {
  const type = body.charCodeAt(0);
  return type >= TYPE_SET && type <= TYPE_SORTED_SET_2 && (body.charCodeAt(1) & 0xc0) === 0x80;
}

/** Redis believes a stream's length as it is told. */
function comparable(value: ModelValue): string {
  return canonicalValue(value).replace(/; state \d+ /, '; state ');
}

test(`damaged payloads are refused as by RESTORE (seed ${seed})`, { skip }, async () => {
  const random = new Random(seed);
  const args = ['--sanitize-dump-payload', 'yes', '--enable-debug-command', 'yes'];
  await using server = await startRedis({ args });
  const client = await server.client();
  const bodies = payloads();
  let refused = 0;
  let taken = 0;
  for (let i = 0; i < PAYLOADS; i++) {
    const body = damaged(random, random.pick(bodies));
    if (isHugeTable(body)) continue;
    const reply = await client.command('RESTORE', 'key', '0', sealed(body), 'REPLACE');
    const { outcome, value, error } = readDump(sealed(body));
    const shown = `input ${i}: ${textOf(reply)} / ${error} / ${JSON.stringify(body)}`;
    if (isError(reply)) {
      assert.equal(textOf(reply), 'ERR Bad data format');
      assert.ok(outcome !== DUMP_READ || body >= NEWER, shown);
      refused++;
    } else if (outcome === DUMP_READ) {
      const stored = await redisValue(client, 'key');
      assert.equal(comparable(value!), comparable(stored), shown);
      taken++;
    } else {
      const isStricter = STRICTER.some((reason) => reason.test(error));
      assert.ok(isStricter || body.startsWith(STREAM), shown);
    }
  }
  assert.ok(refused > PAYLOADS / 10 && taken > PAYLOADS / 10, `${refused} refused, ${taken} taken`);
  await client.close();
});
