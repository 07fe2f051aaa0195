/** A thread that dies ends the process, with code 1 and a last line that says why. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { darterMissing, rootDirectory, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const FAULT = pathToFileURL(join(rootDirectory, 'dist/test/support/fault.js')).href;

interface Faulty {
  readonly server: Server;
  readonly pidFile: string;
  /** Makes the fault happen. */
  strike(): void;
}

async function startFaulty(t: TestContext, thread: string, kind: string): Promise<Faulty> {
  const directory = mkdtempSync(join(tmpdir(), 'darter-fault-'));
  const file = join(directory, 'now');
  const pidFile = join(directory, 'pid');
  const memory = kind === 'memory' ? ' --max-old-space-size=64' : '';
  const server = await startDarter({
    args: ['--pidfile', pidFile],
    env: {
      NODE_OPTIONS: `--import ${FAULT}${memory}`,
      DARTER_FAULT_THREAD: thread,
      DARTER_FAULT_KIND: kind,
      DARTER_FAULT_FILE: file,
    },
  });
  t.after(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });
  return { server, pidFile, strike: () => writeFileSync(file, '') };
}

describe('a thread that dies ends the process', { skip: darterMissing() }, () => {
  let replica: Server;
  before(async () => {
    replica = await startDarter({ threads: 1 });
  });
  after(() => replica.stop());

  for (const [thread, kind, name, why] of [
    ['io-thread', 'exception', 'I/O thread \\d', 'Error: injected fault'],
    [
      'io-thread',
      'memory',
      'I/O thread \\d',
      'Error: Worker terminated due to reaching memory limit',
    ],
    ['flow-thread', 'exception', 'A flow thread', 'Error: injected fault'],
    ['flow-thread', 'memory', 'A flow thread', 'Error: Worker terminated due to reaching memory'],
    ['main-thread', 'exception', 'The main thread', 'Error: injected fault'],
  ] as const) {
    test(`${thread}, ${kind}`, async (t) => {
      const { server, pidFile, strike } = await startFaulty(t, thread, kind);
      await server.ask('SET', 'k', 'v');
      // Flow threads have something to do while there is a replica.
      await replica.ask('REPLICAOF', '127.0.0.1', String(server.port));
      await until('the link is up', async () => {
        return (await replica.info('master_link_status')) === 'up';
      });
      assert.ok(existsSync(pidFile));
      strike();
      assert.deepEqual(await server.exit(), { code: 1, signal: null });
      const last = server.log.trimEnd().split('\n').at(-1)!;
      assert.match(last, new RegExp(`# Fatal: ${name} died \\(.*${why}`));
      assert.match(last, /the process ends with code 1, its data is lost$/);
      assert.ok(!existsSync(pidFile), 'the pid file is removed');
    });
  }
});
