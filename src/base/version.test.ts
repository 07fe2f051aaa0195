import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DARTER_VERSION, nodeFault } from './version.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  engines: { node: string };
};

test('the version is that of package.json', () => {
  assert.equal(PACKAGE.version, DARTER_VERSION);
});

test('a Node.js that is too old is told so, by the program and by what embeds it', () => {
  const least = Number(/^>=(\d+)$/.exec(PACKAGE.engines.node)![1]);
  const older = `${least - 1}.99.0`;
  assert.equal(nodeFault(), '');
  assert.equal(nodeFault(`${least}.0.0`), '');
  assert.equal(nodeFault(older), `Darter needs Node.js ${least} or later; this is ${older}`);
  const isOlder = `Object.defineProperty(process, 'versions', {
    value: { ...process.versions, node: '${older}' },
  });`;
  for (const file of ['bin/darter', 'scripts/setup.mjs']) {
    const program = `${isOlder} import(${JSON.stringify(join(ROOT, file))});`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    assert.deepEqual([status, file], [1, file], stderr);
    assert.match(
      stderr,
      new RegExp(`^Darter needs Node\\.js ${least} or later.*${least - 1}\\.99`),
    );
  }
});
