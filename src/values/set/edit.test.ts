/** Looking members up, adding and removing them, walking: nothing of it allocates, in any form. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heapBytesPerRound } from '../../../test/support/heap.js';
import { Region } from '../../base/region.js';
import { numbers, SetTester, words } from '../../commands/set/lib/test-support.js';
import { ADDED, insertMember, lengthWithMember, putMember, removeMember } from './edit.js';
import { isTableKind } from './kinds.js';
import { SetMember } from './member.js';
import { SetPlace } from './place.js';
import { readMember, SetWalk } from './walk.js';

const INTEGERS_MAX = 512;
/** Of the measurement itself. */
/** The compiler boxes one number of a round, or not, from one run to the next. */
const BOXED_NUMBER_BYTES = 16;
const NOISE_BYTES = 2;

for (const [form, members, sought] of [
  ['integers', numbers(100), '42'],
  ['packed', words(100, 'm'), 'm42'],
  ['a table', words(3000), 'member:42'],
] as const) {
  test(`a set that is ${form}: nothing is allocated for a member`, () => {
    const t = new SetTester({ shards: 1 });
    t.run('SADD', 's', ...members);
    t.run('SCARD', 's');
    const place = new SetPlace();
    place.take(t.keys);
    const text = new Region(new SharedArrayBuffer(16), 0);
    for (let i = 0; i < sought.length; i++) text.bytes[i] = sought.charCodeAt(i);
    const member = new SetMember();
    const walk = new SetWalk();
    let walked = 0;
    const bytes = heapBytesPerRound(() => {
      member.set(text, 0, sought.length);
      assert.ok(place.has(member) && removeMember(place, member) && !place.has(member));
      if (isTableKind(place.kind)) assert.equal(putMember(place, member, INTEGERS_MAX), ADDED);
      else insertMember(place, member, lengthWithMember(place, member, INTEGERS_MAX));
      walk.begin(place);
      for (let i = 0; i < 5 && walk.step(member); i++) walked++;
      readMember(place, walk.handle, member);
    });
    assert.ok(walked > 0);
    assert.ok(bytes < BOXED_NUMBER_BYTES + NOISE_BYTES, `${bytes} bytes a round`);
  });
}
