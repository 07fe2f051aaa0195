/** Packed values and sets of integers from a hostile peer: refused, or read to their end exactly. */
import assert from 'node:assert/strict';
import { Region } from '../../../src/base/region.js';
import { PackedElement, PackedView } from '../../../src/structures/packed/element.js';
import { verifyIntegerSet } from '../../../src/structures/packed/integer-set.js';
import { PACKED_HEADER_BYTES, packedCount } from '../../../src/structures/packed/packed.js';
import { verifyPacked } from '../../../src/structures/packed/verify.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const region = new Region(new SharedArrayBuffer(4096), 0);
const source = new Region(new SharedArrayBuffer(4096), 0);
const element = new PackedElement(source);
const view = new PackedView();

/** Writes a packed value that ends with the region. @returns where it begins */
function writeValue(random: Random): number {
  const scratch: number[] = [0, 0];
  const count = random.below(12);
  for (let i = 0; i < count; i++) {
    if (random.chance(0.3)) {
      element.setScore(random.chance(0.5) ? random.between(-5000, 5000) : random.next() / 7);
    } else {
      const text = random.chance(0.5)
        ? `${random.next() >> random.below(32)}`
        : random.binary(random.below(90));
      element.set(source, 0, Buffer.from(source.buffer).write(text, 'latin1'));
    }
    element.write(region, 0);
    scratch.push(...region.bytes.subarray(0, element.size));
  }
  scratch[0] = count;
  const at = region.length - scratch.length;
  region.bytes.set(scratch, at);
  return at;
}

export const target: FuzzTarget = {
  name: 'packed',
  summary: 'Packed values, damaged or not, are refused or read exactly to their end.',
  run(random: Random) {
    const at = writeValue(random);
    const length = region.length - at;
    for (let damages = random.below(4); damages > 0; damages--) {
      region.bytes[at + random.below(length)] = random.below(256);
    }
    const scored = random.chance(0.3);
    const limits = { stride: scored ? 2 : 1, countMax: 1000, distinct: scored, scored };
    if (verifyPacked(region, at, length, limits) === '') {
      let next = at + PACKED_HEADER_BYTES;
      for (let i = 0; i < packedCount(region, at); i++) {
        next += view.read(region, next);
        assert.ok(next <= region.length, 'no element ends beyond the value');
        view.copyTo(region, source, 0);
      }
      assert.equal(next, region.length);
    }
    verifyIntegerSet(region, at, length);
  },
};
