/** Sequences and scored sets whose pages a hostile peer has damaged: found out, or harmless. */
import assert from 'node:assert/strict';
import { PAGE_BYTES, ROOTS_OFFSET } from '../../../src/memory/space-layout.js';
import { Cursor } from '../../../src/structures/sequence/cursor.js';
import { ElementView } from '../../../src/structures/sequence/element.js';
import { SCORED_SET_ROOT_BYTES } from '../../../src/structures/sequence/scored-set.js';
import { TextList, TextRanking, textOf } from '../../../src/structures/sequence/testing.js';
import { verifySequence } from '../../../src/structures/sequence/verify.js';
import { verifyLocator } from '../../../src/structures/sequence/verify-locator.js';
import { testSpace } from '../../../src/structures/testing.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const list = new TextList(testSpace(1));
for (let i = 0; i < 60; i++) list.push(i % 20 === 0 ? 'L'.repeat(3000) : `${i} `.repeat(90));
const ranking = new TextRanking(testSpace(1));
for (let i = 0; i < 60; i++) ranking.put(`${i % 4} `.repeat(80) + i, i % 9);
const view = new ElementView();
const cursor = new Cursor();

interface Damage {
  readonly at: number;
  readonly before: number;
}

/** Changes some words of the root or of the pages in use. */
function damage(random: Random, bytes: Uint8Array, firstPage: number): Damage[] {
  const damages: Damage[] = [];
  for (let i = random.between(1, 3); i > 0; i--) {
    const inRoot = random.chance(0.2);
    const header = random.chance(0.5);
    const page = firstPage + random.below(bytes.length / PAGE_BYTES - firstPage);
    const inPage = header ? random.below(64) : random.below(PAGE_BYTES);
    const at = inRoot
      ? ROOTS_OFFSET + random.below(SCORED_SET_ROOT_BYTES)
      : page * PAGE_BYTES + inPage;
    damages.push({ at, before: bytes[at]! });
    bytes[at] = random.chance(0.5) ? random.below(256) : bytes[at]! ^ (1 << random.below(8));
  }
  return damages;
}

function readAll(kind: TextList | TextRanking): void {
  const sequence = kind instanceof TextList ? kind.sequence : kind.set;
  sequence.attach(ROOTS_OFFSET);
  let count = 0;
  for (let more = sequence.seekIndex(cursor, 0); more; more = sequence.next(cursor)) {
    sequence.read(cursor, view);
    textOf(kind.space, view);
    count++;
  }
  assert.equal(count, sequence.count);
}

export const target: FuzzTarget = {
  name: 'damaged-sequence',
  summary: 'Pages and roots with wrong bytes are found wrong, or hold a sequence that can be read.',
  run(random: Random) {
    const kind = random.chance(0.5) ? list : ranking;
    const { bytes } = kind.space.region;
    // Pages of a sequence are taken from the end of the space.
    const pages = kind === list ? list.sequence.allocatedPages : ranking.set.allocatedPages;
    const damages = damage(random, bytes, bytes.length / PAGE_BYTES - pages);
    let fault = verifySequence(kind.space, ROOTS_OFFSET);
    if (fault === '' && kind === ranking) fault = verifyLocator(kind.space, ROOTS_OFFSET);
    if (fault === '') readAll(kind);
    for (const { at, before } of damages.reverse()) bytes[at] = before;
    assert.equal(verifySequence(kind.space, ROOTS_OFFSET), '');
  },
};
