import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const module = new URL('./profile.js', import.meta.url).href;

/** A thread that blocks from beginning to end, as an I/O thread does. */
const blocking = `
  const { startProfile, stopProfile } = await import('${module}');
  startProfile('io-0');
  // By processor time: on a busy machine a thread that waits for a core gives no samples.
  function spinVisibly(microseconds) {
    const begun = process.cpuUsage();
    for (let used = 0; used < microseconds; ) {
      for (let n = 0; n < 10000; n++) Math.sqrt(n);
      const { user, system } = process.cpuUsage(begun);
      used = user + system;
    }
  }
  spinVisibly(200_000);
  stopProfile();
`;

async function runBlocking(folder: string): Promise<void> {
  const source = new URL(`data:text/javascript,${encodeURIComponent(blocking)}`);
  const worker = new Worker(source, { env: { ...process.env, DARTER_PROFILE: folder } });
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
}

test('a thread that never returns to its event loop writes its own profile', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'darter-profile-'));
  try {
    await runBlocking(folder);
    const profile = JSON.parse(readFileSync(join(folder, 'io-0.cpuprofile'), 'utf8')) as {
      nodes: { callFrame: { functionName: string } }[];
      samples: number[];
    };
    assert.ok(profile.samples.length > 50);
    assert.ok(profile.nodes.some((node) => node.callFrame.functionName === 'spinVisibly'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('without DARTER_PROFILE nothing is written', async () => {
  await runBlocking('');
  assert.ok(!existsSync('io-0.cpuprofile'));
});
