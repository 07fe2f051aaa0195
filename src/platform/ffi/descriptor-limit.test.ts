import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const MODULE = new URL('./descriptor-limit.js', import.meta.url).href;

/** Runs code in a process with this limit. */
function withLimit(limits: string, code: string, env: Record<string, string> = {}): string {
  const script = `import { descriptorLimit, raiseDescriptorLimit } from '${MODULE}'; ${code}`;
  const result = spawnSync(
    'bash',
    ['-c', `${limits}; exec "$0" --input-type=module -e "$1"`, process.execPath, script],
    { env: { ...process.env, ...env } },
  );
  return String(result.stdout).trim() || String(result.stderr);
}

test('the limit of descriptors is told, with native calls and without', (t) => {
  if (process.platform !== 'linux') return t.skip('not Linux');
  const code = 'console.log(descriptorLimit())';
  assert.equal(withLimit('ulimit -n 321', code), '321');
  assert.equal(withLimit('ulimit -n 321', code, { DARTER_NO_FFI: '1' }), '321');
});

test('the limit is raised as far as the system allows', (t) => {
  if (process.platform !== 'linux') return t.skip('not Linux');
  const code = 'console.log(raiseDescriptorLimit(100) + " " + descriptorLimit())';
  assert.equal(withLimit('ulimit -n 321', code), '0 321');
  const above = 'const e = raiseDescriptorLimit(400); console.log(e + " " + descriptorLimit())';
  // Who may raise the hard limit gets it.
  assert.match(withLimit('ulimit -n 321', above), /^(1 321|0 400)$/);
});
