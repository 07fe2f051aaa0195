/** The example of docs/embedding.md for node:test; those for other runners: `npm run test:package`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeExamples } from '../package/examples.js';
import { rootDirectory } from '../support/server.js';

test('the example for node:test runs as it stands', (t) => {
  // Within the package, which so finds itself by its name.
  const folder = mkdtempSync(join(rootDirectory, 'dist', 'example-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = writeExamples('node-test', folder);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const result = spawnSync(process.execPath, ['--test', ...files], { env, encoding: 'utf8' });
  assert.equal(result.status, 0, result.stdout + result.stderr);
  assert.match(result.stdout, /pass 1/);
});
