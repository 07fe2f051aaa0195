/** Rights at the place where a command is admitted: what is checked, when, and what it costs. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { heapBytesPerRound } from '../../../test/support/heap.js';
import { DONE } from '../../base/outcome.js';
import { get } from '../../commands/string/get.js';
import { mget } from '../../commands/string/mget.js';
import { set } from '../../commands/string/set.js';
import { exec } from '../../commands/transactions/exec.js';
import { multi } from '../../commands/transactions/multi.js';
import { createShards, TestEngine, vector } from '../testing.js';
import { type DeniedAccess, OBJECT_BYTES_MAX } from './access-control.js';
import { DENIED_COMMAND, DENIED_KEY } from './permissions.js';
import { createUserTable } from './user-table.js';

let engine: TestEngine;
let denied: DeniedAccess[];

beforeEach(() => {
  engine = new TestEngine(createShards(2), 0, [exec, get, mget, multi, set]);
  denied = [];
  engine.dispatcher.access.onDenied = (one) => denied.push(one);
});

/** Gives client 0 a user with these rules. */
function become(...rules: string[]): void {
  const users = createUserTable(engine.dispatcher.registry, { allChannels: false });
  assert.equal(users.setUser('u', ['on', ...rules]), null);
  engine.sessions[0]!.permissions = users.permissionsOf(users.get('u')!);
}

function answer(command: string): string {
  assert.equal(engine.dispatch(0, command), DONE);
  return engine.answer;
}

test('what is denied changes nothing and is told with its place', () => {
  become('+@all', '-mget', '%R~a*', '%W~w');
  assert.match(answer('SET a1 x'), /^-NOPERM .* one of the keys/);
  assert.match(answer('MGET a1'), /^-NOPERM .* run the 'mget' command/);
  assert.match(answer(`GET b${'x'.repeat(2000)}`), /^-NOPERM .* one of the keys/);
  assert.equal(answer('GET a1'), '$-1\r\n');
  assert.equal(answer('SET w x'), '+OK\r\n');
  assert.match(answer('SET w x GET'), /^-NOPERM/);
  assert.deepEqual(
    denied.map(({ reason, context, object }) => [reason, context, object.length]),
    [
      [DENIED_KEY, 'toplevel', 2],
      [DENIED_COMMAND, 'toplevel', 4],
      [DENIED_KEY, 'toplevel', OBJECT_BYTES_MAX],
      [DENIED_KEY, 'toplevel', 1],
    ],
  );
});

test('the number of arguments is looked at first, and nobody may do less than log in', () => {
  become('-@all');
  assert.equal(answer('GET'), "-ERR wrong number of arguments for 'get' command\r\n");
  engine.sessions[0]!.authenticated = false;
  assert.equal(answer('GET a'), '-NOAUTH Authentication required.\r\n');
  assert.equal(denied.length, 0);
});

test('a transaction is checked as it is queued and again as it runs', () => {
  become('+@all', '~a');
  assert.equal(answer('MULTI'), '+OK\r\n');
  assert.match(answer('SET b 1'), /^-NOPERM/);
  assert.match(answer('EXEC'), /^-EXECABORT/);
  for (const command of ['MULTI', 'SET a 1', 'GET a']) answer(command);
  become('+@all', '%R~a');
  assert.match(answer('EXEC'), /^\*2\r\n-NOPERM ACLs rules changed .* keys\r\n\$-1\r\n$/);
  assert.deepEqual(
    denied.map(({ context, object }) => [context, object]),
    [
      ['multi', 'b'],
      ['multi', 'a'],
    ],
  );
});

test('a script has the rights of its user', () => {
  become('+get', '~a');
  const { access, registry } = engine.dispatcher;
  const refusal = (...words: string[]) =>
    access.refusalInScript(engine.sessions[0]!, registry.lookup(words[0]!)!, vector(words))?.text;
  assert.equal(refusal('get', 'a'), undefined);
  assert.match(refusal('get', 'b')!, /^ERR The user executing the script can't access .* keys/);
  assert.match(refusal('set', 'a', 'x')!, /can't run this command or subcommand$/);
  assert.deepEqual(
    denied.map(({ context }) => context),
    ['lua', 'lua'],
  );
});

test('a command of a restricted user allocates nothing more', () => {
  const session = engine.sessions[0]!;
  const args = vector(['MGET', 'a1', 'b2']);
  const measure = () =>
    heapBytesPerRound(() => {
      engine.reply.rewind(0);
      if (engine.dispatcher.dispatch(session, args) !== DONE) throw new Error('it waits');
    });
  // Its time is taken, which makes numbers.
  const unrestricted = measure();
  become('+@read', '~a*', '%R~b?', '(+set ~c)');
  const restricted = measure();
  assert.equal(engine.answer, '*2\r\n$-1\r\n$-1\r\n');
  assert.ok(restricted < unrestricted + 1, `${restricted} bytes instead of ${unrestricted}`);
});
