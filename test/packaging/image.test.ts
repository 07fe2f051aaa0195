/** The container image, built and run without Docker: as its user, from its folder, until SIGTERM. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isError } from '../support/reply.js';
import { darterMissing, programMissing, rootDirectory, testsDarter } from '../support/server.js';
import type { Image } from './dockerfile.js';
import {
  asUser,
  giveToUser,
  imageOfClone,
  imageOfThisBuild,
  inImage,
  startContainer,
} from './image.js';

const skip =
  darterMissing() ||
  programMissing('npm') ||
  programMissing('setpriv') ||
  (testsDarter ? false : 'it is our image');

test('what a build, a test or a server leaves in a clone is not sent to Docker', () => {
  const ignored = (file: string): string[] =>
    readFileSync(join(rootDirectory, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/^\*\*\//, '').replace(/\/$/, ''));
  const byDocker = ignored('.dockerignore');
  for (const line of ignored('.gitignore')) assert.ok(byDocker.includes(line), line);
});

describe('the container image', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'darter-image-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('runs as its user, is healthy, saves on SIGTERM, and comes back with data and role', async (t) => {
    // The whole of it takes a minute: `npm run packaging`.
    const isWhole = process.env.DARTER_PACKAGING === 'whole';
    const image = isWhole ? imageOfClone(folder) : imageOfThisBuild(folder);
    giveToUser(image, folder);
    assert.equal(image.user, '65532:65532');

    const env = {
      DARTER_CONFIG_FILE: join(image.root, 'data/darter.conf'),
      DARTER_CONFIG_INITIAL: 'replicaof 127.0.0.1 1',
    };
    const first = await startContainer(image, ['--requirepass', 'secret'], env, 'secret');
    t.after(() => first.stop());
    if (process.getuid?.() === 0) assert.match(ownerOf(first.pid), /^65532\s/);
    const health = () => healthOf(image, first.port);
    assert.equal(health().status, 0, health().stdout);
    const client = await first.client();
    await client.command('AUTH', 'secret');
    assert.ok(isError(await client.command('SET', 'k', 'v')), 'it is a replica');
    assert.equal(await client.text('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await client.text('CONFIG', 'REWRITE'), 'OK');
    assert.equal(await client.text('SET', 'k', 'v'), 'OK');
    await client.close();
    first.child.kill('SIGTERM');
    assert.deepEqual(await first.exit(), { code: 0, signal: null });
    assert.equal(health().status, 1, 'nobody answers any more');
    assert.ok(existsSync(join(image.root, 'data/dump.darter')));

    // What a failover wrote is in force, and the first configuration is not.
    const second = await startContainer(image, [], env, 'secret');
    t.after(() => second.stop());
    const again = await second.client();
    await again.command('AUTH', 'secret');
    assert.match(await again.text('INFO', 'replication'), /^role:master\r?$/m);
    assert.equal(await again.text('GET', 'k'), 'v');
    await again.close();
  });
});

function healthOf(image: Image, port: number): { status: number | null; stdout: string } {
  const [program, ...args] = asUser(image, inImage(image, image.healthcheck));
  const env = { ...process.env, DARTER_HEALTH_PORT: String(port) };
  return spawnSync(program!, args, { env, encoding: 'utf8' });
}

/** The user that the process runs as. */
function ownerOf(pid: number): string {
  return /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
}
