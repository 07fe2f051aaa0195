/**
 * Users and renamed commands of a configuration: the same files for redis-server, and the same
 * questions to both.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { claimPort } from '../support/ports.js';
import { showReply } from '../support/reply.js';
import {
  darterCommand,
  darterMissing,
  eitherMissing,
  type Server,
  type ServerOptions,
  spawnServer,
  startDarter,
  startRedis,
  untilReady,
} from '../support/server.js';
import { until } from '../support/until.js';

const HASH = '148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940';

/** So many, of so many bytes resident each: reading them takes three times as much for a while. */
const USERS = 60_000;
const USER_BYTES_MAX = 900;

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'darter-users-'));
});
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, 'latin1');
  return path;
}

type Start = (options: ServerOptions) => Promise<Server>;
const KINDS = [startDarter, startRedis] as const;

/** Lines with what a server answers; each line is words, the first of them a login, or `-`. */
async function transcript(server: Server, lines: readonly string[]): Promise<string[]> {
  const shown: string[] = [];
  for (const line of lines) {
    const [login = '', ...words] = line.split(' ');
    const client = await server.client();
    if (login !== '-') await client.command('AUTH', ...login.split(':'));
    shown.push(`${line}\n    ${showReply(await client.command(...words))}`);
    await client.close();
  }
  return shown;
}

async function both(
  options: (start: Start) => ServerOptions,
  lines: readonly string[],
): Promise<void> {
  const [ours, theirs] = await Promise.all(
    KINDS.map(async (start) => {
      const server = await start({ threads: 1, ...options(start) });
      try {
        return await transcript(server, lines);
      } finally {
        await server.stop();
      }
    }),
  );
  assert.deepEqual(ours, theirs);
}

describe('a configuration', { skip: eitherMissing() }, () => {
  test('declares users, and the default user', async () => {
    const path = file(
      'users.conf',
      `user alice on >p ~a* +get\nuser "it's" (+set ~y) on nopass\nuser off >q +@all\n` +
        'requirepass secret\nacl-pubsub-default allchannels\nuser bob on >b resetchannels +@all ~*\n',
    );
    await both(
      () => ({ args: ['--include', path], password: 'secret' }),
      [
        'secret ACL LIST',
        '- PING',
        'alice:p GET a',
        'alice:p GET b',
        'alice:p ACL WHOAMI',
        'alice:wrong PING',
        "it's:x PING",
        "it's:x SET y 1",
        'off:q PING',
        'bob:b ACL WHOAMI',
        'bob:b CONFIG GET acl-pubsub-default',
        'secret ACL SETUSER new',
        'secret ACL LIST',
      ],
    );
  });

  test('that declares the default user says all of it', async () => {
    const path = file('default.conf', `requirepass secret\nuser default on #${HASH} ~* +@all\n`);
    await both(
      () => ({ args: ['--include', path], password: 'p' }),
      ['- PING', 'secret PING', 'p PING', 'p ACL LIST', 'p CONFIG GET requirepass'],
    );
  });

  test('renames commands', async () => {
    const lines = ['config cfg', 'GET holen', 'flushall ""', 'set config', 'acl Rights'];
    const path = file('renamed.conf', lines.map((line) => `rename-command ${line}\n`).join(''));
    await both(
      () => ({ args: ['--include', path] }),
      [
        '- CONFIG k v',
        '- Holen k',
        '- HOLEN',
        '- GET k',
        '- FLUSHALL',
        '- CFG GET hz',
        '- CFG NOSUCH',
        '- COMMAND INFO holen get flushall',
        '- COMMAND GETKEYS holen k',
        '- COMMAND GETKEYS get k',
        '- RIGHTS SETUSER u on nopass ~* -@all +@string +config|get',
        '- RIGHTS LIST',
        'u:x holen k',
        'u:x cfg get hz',
        'u:x cfg set hz 10',
        'u:x config k v',
        '- RIGHTS DRYRUN u holen k',
        '- RIGHTS DRYRUN u get k',
        '- rights nosuch',
      ],
    );
  });

  test('with an ACL file: LOAD, SAVE, and what is wrong', async () => {
    const begin = 'user default on nopass ~* &* +@all\nuser alice on >p ~a* -@all +get\n';
    const outcomes = await Promise.all(
      KINDS.map(async (start) => {
        const path = file(`${start.name}.acl`, begin);
        const server = await start({ args: ['--aclfile', path] });
        const shown = await transcript(server, [
          '- ACL LIST',
          'alice:p GET a',
          '- ACL SETUSER bob on nopass -@all +ping',
          '- CONFIG GET aclfile',
          '- ACL SAVE',
        ]);
        shown.push(readFileSync(path, 'latin1'));
        const client = await server.client();
        const bob = await server.client();
        await bob.command('AUTH', 'bob', 'x');
        for (const text of [`${begin}user carol on\n`, 'user a on\nuser a off\nx\n', null]) {
          if (text === null) rmSync(path);
          else file(`${start.name}.acl`, text);
          shown.push(showReply(await client.command('ACL', 'LOAD')));
          shown.push(showReply(await client.command('ACL', 'USERS')));
        }
        shown.push(await bob.command('PING').then(showReply, () => 'connection ended'));
        shown.push(showReply(await client.command('ACL', 'WHOAMI')));
        await Promise.all([client.close(), bob.close()]);
        await server.stop();
        return shown.map((text) => text.replaceAll(path, 'PATH'));
      }),
    );
    assert.deepEqual(outcomes[0], outcomes[1]);
  });

  test('with users that are wrong, or in two places, starts no server', async () => {
    const missing = join(folder, 'missing.acl');
    const wrong = file('wrong.acl', 'user default on nonsense\n');
    const empty = file('empty.acl', '');
    const cases: [name: string, text: string, reason: RegExp][] = [
      ['unknown', 'user u +nosuch\n', /Unknown command or category name/],
      ['syntax', 'user u nonsense\n', /FATAL CONFIG FILE ERROR.*Syntax error/s],
      ['both', `user u on\naclfile ${empty}\n`, /but not both|, not both/],
      [
        'missing',
        `aclfile ${missing}\n`,
        /opening file '.*missing.acl': No such file or directory/,
      ],
      ['wrong', `aclfile ${wrong}\n`, /wrong.acl:1: Syntax error/],
      ['name', 'rename-command nosuch x\n', /No such command in rename-command/],
    ];
    for (const [name, text, reason] of cases) {
      const path = file(`${name}.conf`, text);
      for (const start of KINDS) {
        const server = await spawnWith(start, path);
        assert.equal((await server.exit()).code, 1, name);
        await server.logged(reason);
        await server.stop();
      }
    }
  });

  test('CONFIG REWRITE keeps the users, where they were', async () => {
    const outcomes = await Promise.all(
      KINDS.map(async (start) => {
        const path = file(`${start.name}.conf`, 'user alice on >p ~a* +get\nhz 20\nuser bob on\n');
        const second = await startWith(start, path);
        const shown = await transcript(second, [
          '- ACL DELUSER bob',
          '- ACL SETUSER carol on nopass ~c -@all +ping',
          '- ACL SETUSER alice ~b',
          '- CONFIG REWRITE',
          '- ACL LIST',
        ]);
        await second.stop();
        const users = readFileSync(path, 'latin1').split('\n').filter(isUser);
        const third = await startWith(start, path);
        shown.push(...users, ...(await transcript(third, ['- ACL LIST', 'alice:p GET b'])));
        await third.stop();
        return shown;
      }),
    );
    assert.deepEqual(outcomes[0], outcomes[1]);
  });
});

describe('very many users', { skip: darterMissing() }, () => {
  test('reading them leaves nothing behind but the users', async () => {
    const [name, line] = ['default', 'on nopass ~* &* +@all'];
    const users = Array.from(
      { length: USERS },
      (_, i) => `user user:${i} on #${HASH} ~app:${i}:* &channel:${i} -@all +@read +@write`,
    );
    const few = file('few.acl', `user ${name} ${line}\n`);
    const many = file('many.acl', [`user ${name} ${line}`, ...users, ''].join('\n'));
    const resident: number[] = [];
    for (const aclfile of [few, many]) {
      const server = await startDarter({ args: ['--aclfile', aclfile, '--threads', '1'] });
      const empty = resident[0] ?? 0;
      await until('memory is given back', () => {
        resident.push(server.residentBytes());
        const more = resident.at(-1)! - empty;
        return empty === 0 || more < USERS * USER_BYTES_MAX || `${more >> 20} MiB more`;
      });
      await server.stop();
    }
  });
});

/** A server with this configuration file, which may not be up yet. */
async function spawnWith(start: Start, path: string): Promise<Server> {
  const port = await claimPort();
  const own = ['--port', String(port), '--save', '', '--dir', folder];
  const { command, args } = darterCommand();
  return start === startRedis
    ? spawnServer('redis', 'redis-server', [path, ...own], port)
    : spawnServer('darter', command, [...args, path, ...own, '--threads', '1'], port);
}

async function startWith(start: Start, path: string): Promise<Server> {
  const server = await spawnWith(start, path);
  await untilReady(server).catch((error: Error) => {
    throw new Error(`${error.message}: ${server.log}`);
  });
  return server;
}

function isUser(line: string): boolean {
  return line.startsWith('user ');
}
