/** Files that a start cannot read: what it says of them, and that it changes none. */
import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { darterMissing } from '../support/server.js';
import { newFolder, startIn } from './support.js';

const skip = darterMissing();
const ON = ['--threads', '1', '--shards', '4', '--appendonly', 'yes'];
const SEGMENT = 'appendonly.aof.1.1.0.segment';

/** Adds an element to a list, in a life of its own. @returns the names of the journal's files */
async function journal(folder: string) {
  await using server = await startIn(folder, ...ON);
  await server.ask('RPUSH', 'key', 'value');
  await server.ask('SHUTDOWN', 'NOSAVE').catch(() => {});
  await server.exit();
  const files = join(folder, 'appendonlydir');
  return { files, base: readdirSync(files).find((name) => /\.base\..+\.0$/.test(name))! };
}

test('a file of the base that is missing, empty or no file ends the start with what to do', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const { files, base } = await journal(folder);
  const [path, kept] = [join(files, base), join(folder, 'kept')];
  cpSync(path, kept);
  const cases: [RegExp, () => void][] = [
    [/is missing\./, () => rmSync(path)],
    [/is damaged at offset 0: 0 bytes are no header\./, () => truncateSync(path, 0)],
    [/cannot be read \(EISDIR: .*\)\./, () => (rmSync(path), mkdirSync(path))],
  ];
  for (const [reason, spoil] of cases) {
    spoil();
    const before = readdirSync(files).sort();
    await assert.rejects(startIn(folder, ...ON), ({ message }: Error) => {
      assert.ok(message.includes(`${path} `), message);
      assert.match(message, reason);
      assert.match(message, /appendonly\.aof\.1\.base names it\. Put it back as it was/);
      return true;
    });
    assert.deepEqual(readdirSync(files).sort(), before);
    rmSync(path, { recursive: true, force: true });
    cpSync(kept, path);
  }
  await using server = await startIn(folder, ...ON);
  assert.equal(await server.ask('LLEN', 'key'), '1');
});

test('a manifest or a segment that is no file ends the start with its name', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const { files } = await journal(folder);
  for (const name of ['appendonly.aof.1.base', SEGMENT]) {
    const path = join(files, name);
    cpSync(path, join(folder, 'kept'));
    rmSync(path);
    mkdirSync(path);
    await assert.rejects(startIn(folder, ...ON), ({ message }: Error) => {
      assert.match(message, /What the server starts with cannot be read: EISDIR/);
      assert.ok(message.includes(path), message);
      return true;
    });
    rmSync(path, { recursive: true });
    cpSync(join(folder, 'kept'), path);
  }
});

test('a newest segment without its first lines is told, unless it says that it was on the disk', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  await journal(folder);
  const { files } = await journal(folder);
  const path = join(files, 'appendonly.aof.1.2.0.segment');
  const bytes = readFileSync(path);
  // The end is there.
  writeFileSync(path, Buffer.from(bytes).fill(0, 0, 200));
  await assert.rejects(startIn(folder, ...ON), /1\.2\.0\.segment is damaged at offset 0/);
  writeFileSync(path, bytes.subarray(0, 200));
  await assert.rejects(
    startIn(folder, ...ON, '--aof-load-truncated', 'no'),
    /no whole beginning, and 200 bytes .* aof-load-truncated yes starts with what is whole/,
  );
  await using server = await startIn(folder, ...ON);
  await server.logged(/1\.2\.0\.segment has no whole beginning.*it is begun anew/);
  assert.equal(await server.ask('LLEN', 'key'), '1');
});
