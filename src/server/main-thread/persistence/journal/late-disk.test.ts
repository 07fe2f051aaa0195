/** When a disk is late: by what is durable, not by what is under way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DurableLsns } from '../../../../memory/durable-lsns.js';
import { LATE_MS, LateDisk } from './late-disk.js';

function diskOf(streams: number) {
  const durable = new DurableLsns(DurableLsns.create(streams));
  const heads = new Array<number>(streams).fill(0);
  const disk = new LateDisk(durable, streams, (into) => into.set(heads));
  return { durable, heads, disk };
}

test('a disk that has everything within two seconds is never late', () => {
  const { durable, heads, disk } = diskOf(3);
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
    heads[(nowMs / 100) % 3]! += 8;
    // A sync a second.
    if (nowMs % 1000 === 0) durable.lsns.set(heads);
    assert.equal(disk.look(nowMs), false);
  }
  assert.equal(disk.isLate, false);
});

test('one stream that lags makes it late, until it is where it was at the sample', () => {
  const { durable, heads, disk } = diskOf(2);
  heads.fill(16);
  durable.lsns.set([16, 8]);
  disk.look(1000);
  assert.equal(disk.look(1000 + LATE_MS - 1), false);
  assert.equal(disk.look(1000 + LATE_MS), true);
  assert.equal(disk.isLate, true);
  // What is written meanwhile is of the next sample.
  heads[0] = 24;
  durable.lsns[1] = 16;
  assert.equal(disk.look(5000), true);
  assert.equal(disk.isLate, false);
  assert.equal(disk.lateMs, 4000);
  assert.equal(disk.look(5000 + LATE_MS), true);
});

test('after a reset it begins anew: another chain counts from elsewhere', () => {
  const { durable, heads, disk } = diskOf(1);
  heads[0] = 1000;
  disk.look(0);
  assert.equal(disk.look(LATE_MS), true);
  disk.reset();
  assert.equal(disk.isLate, false);
  heads[0] = 8;
  durable.lsns[0] = 8;
  assert.equal(disk.look(2 * LATE_MS), false);
  assert.equal(disk.isLate, false);
});

test('the slowest sync of all threads is told once', () => {
  const { durable } = diskOf(1);
  durable.syncBegins();
  durable.syncBegins();
  assert.equal(durable.syncs, 2);
  durable.syncEnds(12.7);
  durable.syncEnds(3);
  assert.equal(durable.syncs, 0);
  assert.equal(durable.takeSlowestSyncMs(), 12);
  assert.equal(durable.takeSlowestSyncMs(), 0);
});
