/** RdbSave on a disk that fails and loses: the old file stays until the new one is whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRegion } from '../../../base/owned-region.js';
import type { Shards } from '../../../keyspace/shards.js';
import type { ControlBlock } from '../../../memory/control.js';
import { FileTail } from '../../../memory/file-tail.js';
import { SharedText } from '../../../memory/shared-text.js';
import type { DiskFile } from '../../../persistence/files/disk.js';
import { SimulatedDisk } from '../../../persistence/files/testing-simulated-disk.js';
import { Chunk } from '../../../persistence/rdb/store/chunks.js';
import { readModel } from '../../../persistence/rdb/testing.js';
import { RdbKey } from '../../../persistence/rdb/visitor.js';
import { RdbWriter } from '../../../persistence/rdb/writer.js';
import type { RdbTarget, WrittenFile } from '../../channel/main-flow.js';
import type { Config } from '../../config/config.js';
import type { FileSync, FileSyncPlan } from './file-sync.js';
import { isTemporary, RdbSave } from './rdb-save.js';

const FOLDER = '/data';
const PATH = `${FOLDER}/data.rdb`;
const FLOWS = 3;
const KEYS = 5;
const NAME = '1764114695123-3fa2b1';

function parts(disk: SimulatedDisk, checksum = 'yes') {
  const values: Record<string, string> = { dir: FOLDER, dbfilename: 'data.rdb' };
  return {
    disk,
    isReplica: false,
    config: {
      path: (name: string) => values[name],
      flag: (name: string) => name === 'rdbcompression' || checksum === 'yes',
    } as unknown as Config,
    control: { word: () => ({ load: () => 7 }) } as unknown as ControlBlock,
    shards: { databases: 1, count: 1, table: () => ({ expiring: 2 }) } as unknown as Shards,
    librariesBuffer: SharedText.create(JSON.stringify(['#!lua name=lib\n'])).buffer,
  };
}

/** A chunk with keys of one flow. */
function encode(chunk: Chunk, value: string, flow: number): RdbWriter {
  const writer = new RdbWriter((region, offset, length) => chunk.append(region, offset, length));
  writer.selectDatabase(0);
  const key = new RdbKey();
  key.region = newRegion(64);
  const text = newRegion(64);
  text.bytes.set(Buffer.from(value));
  for (let i = 0; i < KEYS; i++) {
    const name = `key-${flow}-${i}`;
    key.region.bytes.set(Buffer.from(name));
    key.length = name.length;
    writer.string(key, text, 0, value.length);
  }
  writer.flush();
  return writer;
}

async function writeFlow(disk: SimulatedDisk, target: RdbTarget, value: string, flow: number) {
  const chunk = new Chunk();
  const { checksum } = encode(chunk, value, flow);
  const file: DiskFile = await disk.openPlaces(target.path);
  const place = new FileTail(target.tail).claim(chunk.bytes);
  let at = place;
  for (const part of chunk.parts()) {
    await file.write(at, part);
    at += part.length;
  }
  const chunks = Float64Array.of(place, chunk.bytes, checksum.low, checksum.high);
  return { keys: KEYS, hasFieldExpiry: false, chunks };
}

/** Flows that write a few keys. */
function flows(disk: SimulatedDisk, value: string): FileSync {
  const run = async (plan: FileSyncPlan) => {
    await plan.beforeCut();
    plan.atCut!();
    const cut = { lsns: [], keys: [[0, FLOWS * KEYS]] as [number, number][], atMs: 1e12 };
    await plan.afterCut!(cut);
    const written = Array.from({ length: FLOWS }, async (_, flow): Promise<WrittenFile> => {
      const path = plan.pathOf(flow);
      const file = await disk.create(path);
      await file.append(new Uint8Array(100));
      const rdb = await writeFlow(disk, plan.rdb!, value, flow);
      return { path, bytes: 100, checksum: 0, rdb };
    });
    // All of them end before anybody goes on.
    await Promise.allSettled(written);
    return { cut, files: await Promise.all(written) };
  };
  return { run } as unknown as FileSync;
}

async function save(disk: SimulatedDisk, value: string, name = NAME, checksum = 'yes') {
  const plan = { header: {}, beforeCut: async () => {} } as unknown as FileSyncPlan;
  return new RdbSave(parts(disk, checksum), name).run(flows(disk, value), plan, () => {});
}

async function valuesOf(disk: SimulatedDisk): Promise<string[]> {
  const bytes = new Uint8Array(disk.lengthOf(PATH));
  await (await disk.open(PATH)).read(0, bytes);
  const { keys } = readModel(bytes);
  assert.equal(keys.length, FLOWS * KEYS);
  return [...new Set(keys.map(({ value }) => JSON.stringify(value)))];
}

function seeded(seed: number) {
  let state = seed;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  return { below, chance: (probability: number) => below(1000) < probability * 1000 };
}

test('flows write one file at the same time, and its checksum is right', async () => {
  for (const checksum of ['yes', 'no']) {
    const disk = new SimulatedDisk(seeded(1));
    const { bytes } = await save(disk, 'some value', NAME, checksum);
    assert.equal(disk.lengthOf(PATH), bytes);
    assert.equal((await valuesOf(disk)).length, 1);
    assert.deepEqual(disk.paths, [PATH]);
    disk.crash();
    assert.equal((await valuesOf(disk)).length, 1);
  }
});

test('whatever the disk refuses, the old file stays and nothing else is left', async () => {
  const disk = new SimulatedDisk(seeded(2));
  await save(disk, 'old');
  const [old] = await valuesOf(disk);
  let operations = 0;
  disk.before = async () => {
    operations++;
    return null;
  };
  await save(disk, 'old');
  const all = operations;
  assert.ok(all > 10);
  for (let failing = 1; failing <= all; failing++) {
    operations = 0;
    // What is removed can be removed also when there is no room.
    disk.before = async (operation) => {
      operations++;
      return operations === failing && operation !== 'name' ? 'ENOSPC' : null;
    };
    const outcome = await save(disk, 'new').then(
      () => 'saved',
      () => 'failed',
    );
    const [value] = await valuesOf(disk);
    // A folder that is not synced may have the new name all the same.
    if (outcome === 'failed' && value !== old) assert.equal(failing, all);
    assert.deepEqual(disk.paths, [PATH], `operation ${failing}`);
    disk.before = async () => null;
    await save(disk, 'old');
  }
});

test('a crash at any moment leaves the old file or the new one, whole', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const disk = new SimulatedDisk(random);
    await save(disk, 'old');
    let left = random.below(40);
    disk.before = async () => {
      if (left-- <= 0) disk.isDown = true;
      return null;
    };
    await save(disk, 'new', '1764114695124-3fa2b2').catch(() => {});
    disk.isDown = false;
    disk.before = async () => null;
    disk.crash();
    assert.equal((await valuesOf(disk)).length, 1, `seed ${seed}`);
    await save(disk, 'last', '1764114695125-3fa2b3');
    assert.deepEqual(disk.paths, [PATH], `seed ${seed}`);
  }
});

test('only files of attempts under the same name are temporary', () => {
  assert.ok(isTemporary('data.rdb', `data.rdb.${NAME}.new`));
  assert.ok(isTemporary('data.rdb', `data.rdb.${NAME}.11.new`));
  assert.ok(!isTemporary('data.rdb', `other.rdb.${NAME}.new`));
  assert.ok(!isTemporary('data.rdb', 'data.rdb'));
  assert.ok(!isTemporary('data.rdb', 'data.rdb.old.new'));
});
