/** The units `darter@a` and `darter@b` as docs/operations.md sets them up: a primary, and a replica that stays one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stepsOf } from '../operations/steps.js';
import { claimPort } from '../support/ports.js';
import {
  darterMissing,
  rootDirectory,
  type Server,
  spawnServer,
  testsDarter,
  untilReady,
} from '../support/server.js';
import { until } from '../support/until.js';

const UNITS = join(rootDirectory, 'packaging/systemd');
const skip = darterMissing() || (testsDarter ? false : 'it is ours');

test('the unit for several servers is the one for one server, with other places', () => {
  const settings = (name: string): string =>
    readFileSync(join(UNITS, name), 'utf8').replace(/^[\s\S]*?(?=\[Unit\])/, '');
  const expected = settings('darter.service')
    .replace(/^Description=.*$/m, '$& (%i)')
    .replace('/etc/darter/darter.conf', '/var/lib/darter-%i/darter.conf')
    .replaceAll('/var/lib/darter ', '/var/lib/darter-%i ')
    .replaceAll(/(\/var\/lib\/|Directory=)darter$/gm, '$1darter-%i');
  assert.equal(settings('darter@.service'), expected);
});

/** Does the steps below a folder in place of /, without systemd and without its user. */
function setUp(folder: string): void {
  mkdirSync(join(folder, 'var/lib'), { recursive: true });
  const script = stepsOf('pair')
    .replaceAll(' /var/', ` ${folder}/var/`)
    .replaceAll(' /etc/', ` ${folder}/etc/`)
    .replaceAll('-o darter -g darter ', '');
  const result = spawnSync('bash', ['-ec', `systemctl() { echo "$@"; }\n${script}`], {
    cwd: rootDirectory,
    encoding: 'utf8',
  });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stdout, /^daemon-reload\nenable --now darter@a darter@b\n$/);
}

function startUnit(folder: string, instance: string, port: number, ...more: string[]): Server {
  const unit = readFileSync(join(folder, 'etc/systemd/system/darter@.service'), 'utf8');
  const [, program, ...words] = /^ExecStart=(.*)$/m
    .exec(unit)![1]!
    .replaceAll('%i', instance)
    .replaceAll(' /var/', ` ${folder}/var/`)
    .split(' ');
  assert.equal(program, '/opt/darter/bin/darter');
  const args = [join(rootDirectory, 'bin/darter'), ...words, '--threads', '1', ...more];
  return spawnServer('darter', process.execPath, args, port);
}

async function restart(server: Server, start: () => Server, t: TestContext): Promise<Server> {
  assert.deepEqual((await server.stop()).code, 0);
  const again = start();
  t.after(() => again.stop());
  await untilReady(again);
  return again;
}

test('darter@b follows darter@a, and a change of places outlives a restart', {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'darter-pair-'));
  setUp(folder);
  const ports = { a: await claimPort(), b: await claimPort() };
  const conf = (name: string) => join(folder, `var/lib/darter-${name}/darter.conf`);
  assert.match(readFileSync(conf('a'), 'utf8'), /^port 6379$/m);
  assert.match(readFileSync(conf('b'), 'utf8'), /^port 6380$[\s\S]*^replicaof 127.0.0.1 6379$/m);
  const sed = `s/^port .*/port ${ports.b}/; s/^replicaof .*/replicaof 127.0.0.1 ${ports.a}/`;
  spawnSync('sed', ['-i', sed, conf('b')]);
  spawnSync('sed', ['-i', `s/^port .*/port ${ports.a}/`, conf('a')]);

  const servers = (['a', 'b'] as const).map((name) => startUnit(folder, name, ports[name]));
  t.after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true });
  });
  const [a, b] = servers as [Server, Server];
  await untilReady(a);
  await untilReady(b);
  await until('B follows', async () => (await b.info('master_link_status')) === 'up');
  assert.equal(await b.ask('REPLTAKEOVER', '10'), 'OK');
  for (const server of [a, b]) assert.equal(await server.ask('CONFIG', 'REWRITE'), 'OK');
  const again = await restart(a, () => startUnit(folder, 'a', ports.a), t);
  assert.equal(await again.info('role'), 'slave');
  assert.equal(await b.info('role'), 'master');
});
