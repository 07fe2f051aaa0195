/** `timeout` closes clients that are silent, but not those that wait for the server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { darterMissing, startDarter } from '../support/server.js';

const skip = darterMissing();
/** The timeout is a second, and kept once a second. */
const PAUSE_MS = '3000';
const SILENT = 50;

test('a client whose write waits for the end of CLIENT PAUSE is not closed for its silence', {
  skip,
}, async (t) => {
  const server = await startDarter();
  t.after(() => server.stop());
  const [admin, writer] = [await server.client(), await server.client()];
  const silent = await Promise.all(Array.from({ length: SILENT }, () => server.client()));
  await admin.text('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE');
  const written = writer.text('SET', 'k', 'v');
  // Only now: many clients may take longer to connect.
  await admin.text('CONFIG', 'SET', 'timeout', '1');
  await Promise.all(silent.map((client) => client.ended()));
  assert.equal(await written, 'OK');
});
