/** redis-py, unmodified, with RESP2 and (where it knows it) RESP3. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { darterMissing, rootDirectory, type Server, startDarter } from '../support/server.js';

/** Debian's own Python comes first: its packages are not seen by another that is first in PATH. */
const python = ['/usr/bin/python3', 'python3'].find(
  (program) => spawnSync(program, ['-c', 'import redis']).status === 0,
);
const skip = darterMissing() || (python === undefined ? 'redis-py is not installed' : false);

describe('redis-py', { skip }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter();
  });
  after(() => server.stop());

  for (const protocol of [2, 3]) {
    test(`RESP${protocol}`, async (t) => {
      const script = join(rootDirectory, 'test/interop/redis-py.py');
      const args = [script, String(server.port), String(protocol)];
      const { stdout } = await promisify(execFile)(python as string, args, { timeout: 60_000 });
      if (stdout.startsWith('SKIP: ')) t.skip(stdout.slice(6).trim());
      else assert.equal(stdout, 'OK\n');
    });
  }
});
