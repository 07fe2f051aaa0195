/** Signals at any moment, also through npm: the server ends in order, and none is left behind. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { claimPort, isAlive, releasePort } from '../support/ports.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import {
  darterCommand,
  darterMissing,
  programMissing,
  rootDirectory,
  spawnServer,
  testsDarter,
  untilReady,
} from '../support/server.js';
import { until } from '../support/until.js';

const MOMENTS = 12;
const WINDOW_MS = 600;

describe('signals', { skip: darterMissing() }, () => {
  test('SIGTERM at any moment of the start ends it with code 0', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`seed ${random.seed}`);
    const { command, args } = darterCommand();
    for (let i = 0; i < MOMENTS; i++) {
      const port = await claimPort();
      const server = spawnServer('darter', command, [...args, '--port', String(port)], port);
      const atMs = random.below(WINDOW_MS);
      await sleep(atMs);
      server.child.kill('SIGTERM');
      const exit = await server.exit();
      // Before any code of ours runs, the system ends the process.
      const isEarly = exit.signal === 'SIGTERM' && server.log === '';
      assert.ok(
        isEarly || exit.code === 0,
        `${JSON.stringify(exit)} at ${atMs} ms:\n${server.log}`,
      );
      await server.stop();
    }
  });

  const npm = programMissing('npm') || (testsDarter ? false : 'npm starts Darter');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} to npm start ends the server`, { skip: npm }, async (t) => {
      await endsWith(t, signal, 'npm', ['--prefix', rootDirectory, 'start', '--']);
    });

    // A shell that waits for a command ignores SIGINT; from a terminal the server gets its own.
    if (signal === 'SIGINT') continue;
    test(`${signal} to npx darter ends the server`, { skip: npm }, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'darter-npx-'));
      t.after(() => rmSync(folder, { recursive: true }));
      mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
      symlinkSync(join(rootDirectory, 'bin/darter'), join(folder, 'node_modules/.bin/darter'));
      await endsWith(t, signal, 'npx', ['--prefix', folder, '--no', 'darter', '--']);
    });
  }
});

async function endsWith(
  t: TestContext,
  signal: NodeJS.Signals,
  command: string,
  args: readonly string[],
): Promise<void> {
  const port = await claimPort();
  // npm goes to the project's folder: nothing is to be left there.
  const own = ['--port', String(port), '--save', ''];
  const server = spawnServer('darter', command, [...args, ...own], port);
  t.after(async () => {
    await server.stop();
    releasePort(port);
  });
  await untilReady(server);
  const pid = Number(await server.info('process_id'));
  t.after(() => endLeftBehind(pid));
  assert.notEqual(pid, server.pid);
  server.child.kill(signal);
  await until(`process ${pid} ends`, () => !isAlive(pid));
  await server.logged(/Darter is now ready to exit, bye bye/);
}

function endLeftBehind(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}
