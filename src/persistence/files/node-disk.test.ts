/** The disk of this machine: what its errors say. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSmallFile } from './disk.js';
import { nodeDisk } from './node-disk.js';

test('an error of an open file has its code and names the file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'darter-disk-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const open = await nodeDisk.open(folder);
  const isNamed = (code: string) => (error: NodeJS.ErrnoException) =>
    error.code === code && error.message.endsWith(`'${folder}'`);
  await assert.rejects(open.read(0, new Uint8Array(8)), isNamed('EISDIR'));
  await assert.rejects(open.append(new Uint8Array(8)), isNamed('EBADF'));
  await open.close();
  await assert.rejects(nodeDisk.create(folder), isNamed('EEXIST'));
});

test('what may hold the caller up is done when the call returns, and fails as elsewhere', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'darter-disk-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  const file = await nodeDisk.create(path);
  await file.append(Buffer.from('one '));
  file.mayHoldUp = true;
  const written = file.append(Buffer.from('two '));
  assert.equal(readFileSync(path, 'latin1'), 'one two ');
  await written;
  await file.sync();
  file.mayHoldUp = false;
  await file.append(Buffer.from('three'));
  await file.sync();
  await file.close();
  assert.equal(readFileSync(path, 'latin1'), 'one two three');
  const reading = await nodeDisk.open(path);
  reading.mayHoldUp = true;
  await assert.rejects(
    reading.append(new Uint8Array(8)),
    (error: NodeJS.ErrnoException) => error.code === 'EBADF' && error.message.endsWith(`'${path}'`),
  );
  await reading.close();
});

const mkfifo = spawnSync('mkfifo', ['--version']).status === 0;

test('a pipe in the place of a file is empty, and does not hold the start up', {
  skip: !mkfifo && 'needs mkfifo',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'darter-disk-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'pipe');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  assert.equal((await readSmallFile(nodeDisk, path, 1000)).length, 0);
});
