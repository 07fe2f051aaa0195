import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { NO_CONTAINER, readContainerLimits, threadsFor } from './container.js';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** What is read of files made for the test: by path from the root of control groups. */
function limits(self: string, files: Readonly<Record<string, string>>): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'darter-cgroup-'));
  folders.push(folder);
  writeFileSync(join(folder, 'self'), self);
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, 'root', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
  }
  return readContainerLimits(join(folder, 'root'), join(folder, 'self'));
}

const MEBIBYTE = 1 << 20;

describe('limits of a container', () => {
  it('version 2: memory and cores of the group, at the root of a container', () => {
    assert.deepEqual(limits('0::/\n', { 'memory.max': '536870912', 'cpu.max': '150000 100000' }), {
      memoryBytes: 512 * MEBIBYTE,
      cores: 1.5,
    });
  });

  it('version 2: the lowest limit of the groups above counts', () => {
    const files = {
      'a/memory.max': '268435456',
      'a/b/memory.max': 'max',
      'a/b/c/memory.max': '1073741824',
      'a/b/cpu.max': '400000 100000',
      'a/b/c/cpu.max': 'max 100000',
    };
    assert.deepEqual(limits('0::/a/b/c\n', files), { memoryBytes: 256 * MEBIBYTE, cores: 4 });
  });

  it('version 1: by controller, also where the path is the host’s', () => {
    const files = {
      'memory/memory.limit_in_bytes': '134217728',
      'cpu/cpu.cfs_quota_us': '50000',
      'cpu/cpu.cfs_period_us': '100000',
    };
    const self = '5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/system.slice\n';
    assert.deepEqual(limits(self, files), { memoryBytes: 128 * MEBIBYTE, cores: 0.5 });
    const inside = { ...files, 'memory/docker/abc/memory.limit_in_bytes': '67108864' };
    assert.deepEqual(limits(self, inside), { memoryBytes: 64 * MEBIBYTE, cores: 0.5 });
  });

  it('no limit where the files say so, are missing, or hold something else', () => {
    const unlimited = {
      'memory/memory.limit_in_bytes': '9223372036854771712',
      'cpu/cpu.cfs_quota_us': '-1',
      'cpu/cpu.cfs_period_us': '100000',
    };
    const strange = { 'memory.max': '12 apples', 'cpu.max': '0 0' };
    for (const files of [
      {},
      unlimited,
      strange,
      { 'memory.max': 'max', 'cpu.max': 'max 100000' },
    ]) {
      assert.deepEqual(limits('0::/\n', files), NO_CONTAINER);
    }
    assert.deepEqual(readContainerLimits('/nowhere', '/nowhere'), NO_CONTAINER);
  });

  it('a path cannot lead out of the root', () => {
    assert.deepEqual(limits('0::/../../a\n', { 'a/memory.max': '1048576' }), {
      memoryBytes: MEBIBYTE,
      cores: null,
    });
  });

  it('the threads are those that the cores granted keep busy', () => {
    const counts = [0.2, 1, 1.5, 3, 64].map((cores) => threadsFor(8, { memoryBytes: null, cores }));
    assert.deepEqual(counts, [1, 1, 2, 3, 8]);
    assert.equal(threadsFor(8, NO_CONTAINER), 8);
  });
});
