/** The steps of docs/operations.md do what it says: an upgrade loses no acknowledged write, a backup comes back. */
import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { isError, textOf } from '../support/reply.js';
import { darterMissing, programMissing, testsDarter } from '../support/server.js';
import { until } from '../support/until.js';
import { runSteps, Service } from './steps.js';

const skip =
  darterMissing() ||
  programMissing('redis-cli') ||
  programMissing('bash') ||
  (testsDarter ? false : 'REPLTAKEOVER is ours');

/** Writes on and on, to whichever of the servers takes it, as behind a proxy that knows the primary. */
class FollowingWriter {
  readonly acknowledged: number[] = [];
  private at = 0;
  private isStopping = false;
  private readonly finished: Promise<void>;

  constructor(private readonly services: readonly Service[]) {
    this.finished = this.run();
    this.finished.catch(() => {});
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.finished;
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.isStopping; ) {
      let client: RawClient | undefined;
      try {
        client = await this.services[this.at]!.server.client();
        for (; !this.isStopping; i++) {
          if (isError(await client.command('SET', `written:${i}`, String(i)))) break;
          this.acknowledged.push(i);
        }
      } catch {
        // It has ended, or is not there yet: the other one, then.
      }
      await client?.close().catch(() => {});
      this.at = 1 - this.at;
      await sleep(10);
    }
  }
}

async function holds(service: Service, written: readonly number[]): Promise<void> {
  const client = await service.server.client();
  const replies = await client.pipeline(written.map((i) => ['GET', `written:${i}`]));
  const lost = written.filter((i, at) => textOf(replies[at]!) !== String(i));
  await client.close();
  assert.deepEqual(lost, [], `${service.name} lost acknowledged writes`);
}

/** To the user of the image, as root only: the service is none of root's, who does these steps. */
function giveAway(folder: string): void {
  if (process.getuid?.() !== 0) return;
  for (const name of readdirSync(folder)) chownSync(join(folder, name), 65532, 65532);
}

function snapshotOwners(folder: string): Record<string, number> {
  const names = readdirSync(folder).filter((name) => name.startsWith('dump.darter'));
  return Object.fromEntries(names.map((name) => [name, statSync(join(folder, name)).uid]));
}

describe('docs/operations.md', { skip }, () => {
  test('the upgrade loses no acknowledged write, and needs no full sync', async (t) => {
    const a = await Service.start(t, 'darter@a', '');
    const b = await Service.start(t, 'darter@b', `replicaof 127.0.0.1 ${a.port}`);
    await until('B follows', async () => (await b.server.info('master_link_status')) === 'up');
    const writer = new FollowingWriter([a, b]);
    t.after(() => writer.stop());
    await runSteps(t, 'upgrade', { a, b });
    await writer.stop();
    assert.ok(writer.acknowledged.length > 10);
    assert.equal(await b.server.info('role'), 'master');
    assert.equal(await a.server.info('role'), 'slave');
    await holds(b, writer.acknowledged);
    assert.equal(await b.server.info('sync_full'), '0');
  });

  test('a backup is whole, and restoring it brings back what it has', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'darter-backup-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const backup = join(folder, 'backup');
    const a = await Service.start(t, 'darter', 'appendonly yes');
    await a.server.ask('MSET', 'k1', 'before', 'k2', 'before');
    assert.match(await runSteps(t, 'backup', { a, backup }), /2 keys \(db0: 2\)/);
    giveAway(join(backup, 'today'));
    await a.server.ask('MSET', 'k1', 'after', 'k3', 'after');
    await runSteps(t, 'restore', { a, backup });
    const read = async (key: string) => a.server.ask('GET', key);
    assert.deepEqual([await read('k1'), await read('k2')], ['before', 'before']);
    assert.equal(await a.server.ask('EXISTS', 'k3'), '0');
    assert.ok(existsSync(join(a.folder, 'before/appendonlydir')), 'what was there is kept');
    assert.deepEqual(snapshotOwners(a.folder), snapshotOwners(join(backup, 'today')));
  });
});
