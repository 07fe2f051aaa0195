/**
 * RDB files and DUMP payloads, damaged: they are read or refused with a reason and a place, the same
 * in pieces of any size; what is read can be written and is read equal again.
 */
import assert from 'node:assert/strict';
import { Crc64 } from '../../../src/persistence/rdb/crc64.js';
import { DUMP_BAD_DATA, DUMP_FOOTER_BYTES, DUMP_READ } from '../../../src/persistence/rdb/dump.js';
import { RdbError } from '../../../src/persistence/rdb/error.js';
import { newRegion } from '../../../src/persistence/rdb/input.js';
import {
  canonical,
  type ModelKey,
  readDump,
  readModel,
} from '../../../src/persistence/rdb/testing.js';
import { BODIES, fileOf } from '../../../src/persistence/rdb/testing-files.js';
import { dumpValue, writeModel } from '../../../src/persistence/rdb/testing-write.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const HEADERS = ['REDIS0012', 'REDIS0012', 'REDIS0012', 'VALKEY080', 'REDIS0003', 'REDIS0099'];
const AWKWARD = [0, 1, 2, 4, 10, 63, 64, 127, 128, 129, 130, 192, 195, 196, 252, 253, 254, 255];
const KINDS = Object.values(BODIES);

/** A piece of text out of bytes, each as likely as another, or one that means something. */
function byteOf(random: Random): string {
  const value = random.chance(0.5) ? random.pick(AWKWARD) : random.below(256);
  return String.fromCharCode(value);
}

/** Also for payloads that go into the store (restore.ts). */
export function damaged(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const length = random.between(1, random.pick([1, 1, 2, 8, 64]));
  const before = text.slice(0, at);
  switch (random.below(7)) {
    case 0:
      return before + byteOf(random) + text.slice(at + 1);
    case 1:
      return before + text.slice(at + length);
    case 2:
      return before + text.slice(at, at + length) + text.slice(at);
    case 3:
      return before + random.binary(length) + text.slice(at);
    case 4:
      return before + byteOf(random).repeat(length) + text.slice(at + length);
    case 5: {
      const flipped = String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << random.below(8)));
      return before + flipped + text.slice(at + 1);
    }
    default: {
      const other = random.pick(KINDS);
      return before + other.slice(random.below(other.length));
    }
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

interface Outcome {
  readonly keys: readonly ModelKey[];
  readonly message: string;
}

function outcome(file: Uint8Array, piece: number, windowBytes: number): Outcome {
  try {
    const model = readModel(file, piece, { skipModules: true, windowBytes });
    return { keys: model.keys, message: '' };
  } catch (error) {
    assert.ok(error instanceof RdbError, String(error));
    assert.ok(error.offset >= 0 && error.offset <= file.length, `offset ${error.offset}`);
    return { keys: [], message: error.message };
  }
}

function checkWritten(keys: readonly ModelKey[]): void {
  const file = writeModel(keys, { version: 12 });
  assert.deepEqual(canonical(readModel(new Uint8Array(file)).keys), canonical(keys));
}

function checkFile(random: Random, body: string): void {
  const file = bytesOf(`${random.pick(HEADERS)}${body}\xff\0\0\0\0\0\0\0\0`);
  const whole = outcome(file, file.length, 64 * 1024);
  const pieces = outcome(file, random.between(1, 100), 8 * random.between(2, 20));
  assert.equal(pieces.message, whole.message);
  assert.deepEqual(canonical(pieces.keys), canonical(whole.keys));
  if (whole.keys.length > 0 && random.chance(0.2)) checkWritten(whole.keys);
}

/** A payload with a version and a right checksum, whatever its body. */
export function sealed(body: string): string {
  const region = newRegion(body.length + 10);
  for (let i = 0; i < body.length; i++) region.bytes[i] = body.charCodeAt(i);
  region.view.setUint16(body.length, 12, true);
  const crc = new Crc64();
  crc.update(region, 0, body.length + 2);
  crc.store(region, body.length + 2);
  return Buffer.from(region.bytes.slice(0, body.length + 10)).toString('latin1');
}

function checkPayload(body: string): void {
  const { outcome, error } = readDump(sealed(body), { skipModules: true });
  assert.equal(outcome, error === '' ? DUMP_READ : DUMP_BAD_DATA);
}

/** Payloads of every kind, without version and checksum. */
export const PAYLOADS = KINDS.flatMap(
  (body) => readModel(fileOf(body), 1024, { skipModules: true }).keys,
)
  .map(({ value }) => dumpValue(value, { version: value.kind === 'hash' ? 12 : 11 }))
  .map((payload) => payload.slice(0, -DUMP_FOOTER_BYTES));

export const target: FuzzTarget = {
  name: 'rdb',
  summary: 'RDB files and payloads, damaged: read or refused with a place, the same in any pieces.',
  run(random: Random) {
    const isFile = random.chance(0.8);
    let body = random.pick(isFile ? KINDS : PAYLOADS);
    for (let i = random.between(0, 4); i > 0; i--) body = damaged(random, body);
    if (isFile) checkFile(random, body);
    else checkPayload(body);
  },
};
