/** Nobody looks into the process: no inspector, no dumps. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { darterMissing, startDarter, testsDarter } from '../support/server.js';

const skip = darterMissing() || (testsDarter ? false : 'needs Darter');
const onLinux = process.platform === 'linux' ? skip : 'reads /proc';

/** Sockets of the process that listen, by their ports. */
function listeningPorts(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  const inodes = new Set<string>();
  for (const name of readdirSync(folder)) {
    try {
      inodes.add(/socket:\[(\d+)\]/.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? '');
    } catch {
      // It was closed meanwhile.
    }
  }
  const lines = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'latin1').split('\n').slice(1),
  );
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[3] === '0A' && inodes.has(words[9]!))
    .map((words) => Number.parseInt(words[1]!.split(':').at(-1)!, 16));
}

describe('debugging', { skip: onLinux }, () => {
  test('SIGUSR1 opens no inspector', async () => {
    await using server = await startDarter({ threads: 1 });
    for (let i = 0; i < 3; i++) {
      process.kill(server.pid, 'SIGUSR1');
      // Signals are taken in the loop of the main thread: what asks it has come after them.
      assert.equal(await server.ask('PING'), 'PONG');
    }
    await server.stop();
    assert.match(server.log, /Ready to accept/);
    assert.doesNotMatch(server.log, /Debugger listening/);
  });

  test('the process listens on its own port only', async () => {
    await using server = await startDarter({ threads: 1 });
    process.kill(server.pid, 'SIGUSR1');
    assert.equal(await server.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.deepEqual([...new Set(listeningPorts(server.pid))], [server.port]);
  });

  test('there are no core dumps, unless they are asked for', async () => {
    const limit = (pid: number) =>
      /^Max core file size +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))!;
    await using server = await startDarter({ threads: 1 });
    assert.match(limit(server.pid)[1]!, /^[01]$/);
    await using open = await startDarter({ threads: 1, args: ['--core-dumps', 'yes'] });
    assert.equal(limit(open.pid)[1], limit(process.pid)[1]);
  });
});
