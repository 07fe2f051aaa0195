import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Config } from '../config/config.js';
import type { DirectiveName } from '../config/directives.js';
import { Values } from '../config/values.js';
import { type StartFacts, startLines } from './start-lines.js';

const FACTS: StartFacts = {
  ...{ pid: 7, nodeVersion: '20.1.0', threads: 2, shards: 64 },
  ...{ transport: 'epoll', transportReason: 'io_uring is forbidden' },
  ...{ openFilesMax: 1024, cores: 2, memoryBytes: 4 * 2 ** 30, containerBytes: null },
  users: { count: 1, isOpen: true },
};

function linesOf(
  settings: Partial<Record<DirectiveName, string>>,
  facts: Partial<StartFacts> = {},
): string[] {
  const config = Config.create(new Values());
  config.assign('dir', ['/tmp']);
  for (const [name, value] of Object.entries(settings)) {
    config.assign(name as DirectiveName, value.split(' '));
  }
  const lines = startLines(config, { ...FACTS, ...facts });
  return lines.map(({ level, text }) => `${level === 'warning' ? '#' : '*'} ${text}`);
}

const accessOf = (...given: Parameters<typeof linesOf>): string => linesOf(...given).at(-1)!;

test('a start tells version, limits, what is saved where and who may connect', () => {
  const lines = linesOf(
    { appendonly: 'yes', maxmemory: '1000', save: '60 5' },
    { containerBytes: 2 ** 30 },
  );
  assert.match(
    lines[0]!,
    /^\* Darter \d+\.\d+\.\d+ \(speaks Redis 7\.0\.15\), Node\.js 20\.1\.0, pid 7$/,
  );
  assert.deepEqual(lines.slice(1), [
    '* port 6379, 2 I/O threads, 64 shards, transport epoll (io_uring is forbidden)',
    '* Limits: open files 1024, clients 10000, processors 2, memory of the machine 4.00G, its container 1.00G',
    '* Memory limit 1000 bytes (maxmemory), noeviction',
    '* Saves to /tmp/dump.darter after changes: 5 in 60 s',
    '* The journal is in /tmp/appendonlydir: on the disk within about a second (appendfsync everysec)',
    '* Who may connect: whoever is on this machine, as the default user has no password (protected-mode). ' +
      'For others set requirepass, or users with ACL SETUSER',
  ]);
});

test('who may connect follows from passwords, protected-mode and addresses', () => {
  const locked = { users: { count: 1, isOpen: false } };
  assert.equal(
    accessOf({}, locked),
    '* Who may connect: whoever logs in as the default user, on * ::*',
  );
  assert.equal(
    accessOf({ 'tls-port': '6380', bind: '10.0.0.1' }, { users: { count: 3, isOpen: false } }),
    '* Who may connect: whoever logs in as one of 3 users, on 10.0.0.1; on tls-port with a certificate',
  );
  assert.match(
    accessOf({ bind: '127.0.0.1 -::1' }),
    /^\* .*on this machine \(bind 127\.0\.0\.1 ::1\)$/,
  );
  assert.match(accessOf({ bind: '0.0.0.0' }), /^\* .*\(protected-mode\)/);
  assert.match(
    accessOf({ 'protected-mode': 'no', bind: '0.0.0.0' }),
    /^# Who may connect: everybody who reaches 0\.0\.0\.0: .* Set requirepass/,
  );
});
