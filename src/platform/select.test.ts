/** The choice of transport where better ones are missing: processes of their own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { libc } from './ffi/libc.js';

const SCRIPT = `
  const { chooseTransport, createTransport } = await import(process.argv[1]);
  const { createRegion } = await import(process.argv[2]);
  const { copyBytes } = await import(process.argv[3]);
  const region = createRegion(1000);
  region.bytes[0] = 5;
  copyBytes(region, 0, region, 0, 1000);
  let refused = '';
  try { createTransport('uring'); } catch (error) { refused = error.code; }
  const transport = createTransport('auto');
  console.log(JSON.stringify({ ...chooseTransport(), made: transport.name, refused }));
  process.exit(0);
`;

function choose(environment: Record<string, string>): Record<string, string> {
  const path = (relative: string) => new URL(relative, import.meta.url).href;
  const files = ['./select.js', './ffi/region.js', '../base/region.js'].map(path);
  const options = ['--input-type=module', '-e', SCRIPT, ...files];
  const env = { ...process.env, ...environment };
  return JSON.parse(execFileSync(process.execPath, options, { env, encoding: 'utf8' }));
}

test('without FFI: portable, and everything portable works', () => {
  const { name, made, reason, refused } = choose({ DARTER_NO_FFI: '1' });
  assert.deepEqual([name, made, refused], ['portable', 'portable', 'ENOSYS']);
  assert.match(reason!, /native calls/);
});

test('without io_uring: epoll, and says why', { skip: libc === undefined }, () => {
  const { name, made, reason, refused } = choose({ DARTER_NO_URING: '1' });
  assert.deepEqual([name, made, refused], ['epoll', 'epoll', 'ENOSYS']);
  assert.match(reason!, /io_uring/);
});
