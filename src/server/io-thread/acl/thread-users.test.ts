/** Two threads' users over the same memory, with sessions of both. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import * as get from '../../../commands/string/get.js';
import * as set from '../../../commands/string/set.js';
import { allUsersRecords, deletionRecords, putRecords } from '../../../engine/acl/user-changes.js';
import { loadUsers } from '../../../engine/acl/user-file.js';
import { createUserTable } from '../../../engine/acl/user-table.js';
import { definitionsOf } from '../../../engine/definitions.js';
import { Registry } from '../../../engine/registry.js';
import { ClientSession } from '../../../engine/session.js';
import { SharedChanges } from '../../../memory/shared-changes.js';
import { USERS_FULL_TEXT } from '../../channel/users.js';
import { type Subscription, ThreadUsers } from './thread-users.js';

const registry = new Registry(definitionsOf([get, set]));
const DEFAULTS = { allChannels: false };

class Thread {
  /** It looks at what others have changed later. */
  isBusy = false;
  readonly sessions: ClientSession[] = [];
  readonly closed: number[] = [];
  readonly subscriptions = new Map<number, Subscription[]>();
  readonly users: ThreadUsers;

  constructor(buffer: SharedArrayBuffer, renewAll: () => void) {
    this.users = new ThreadUsers({
      users: createUserTable(registry, DEFAULTS),
      changes: new SharedChanges(buffer),
      sessions: () => this.sessions,
      close: ({ id }) => this.closed.push(id),
      subscriptions: ({ id }) => this.subscriptions.get(id) ?? [],
      renewAll,
    });
  }

  connect(id: number, user?: string): ClientSession {
    this.users.refresh();
    const session = new ClientSession(id, id, '', '', 0, (one) => this.users.beginSession(one));
    if (user !== undefined) {
      this.users.login(session, this.users.users.get(user)!);
      session.isLoggedIn = true;
    }
    this.sessions.push(session);
    return session;
  }

  setUser(name: string, ...rules: string[]): string | null {
    const { users } = this.users;
    return this.users.change(() => {
      assert.equal(users.setUser(name, rules), null);
      return putRecords(users, name);
    });
  }

  deleteUser(name: string): void {
    const { users } = this.users;
    this.users.change(() => deletionRecords(users.deleteUsers([name]) as string[]));
  }
}

let one: Thread;
let other: Thread;

function threads(bytes: number): void {
  const changes = SharedChanges.create(bytes);
  const initial = createUserTable(registry, DEFAULTS);
  const whole = () => allUsersRecords(initial);
  changes.update({ takeOver: () => {}, change: whole, replaced: () => [], whole });
  const renewAll = () => {
    for (const thread of [one, other]) if (!thread.isBusy) thread.users.renew();
  };
  one = new Thread(changes.buffer, renewAll);
  other = new Thread(changes.buffer, renewAll);
}

beforeEach(() => threads(1 << 20));

describe('sessions', () => {
  test('take over what becomes of their user', () => {
    one.setUser('u', 'on', 'nopass', '+get', '~a');
    const session = other.connect(1, 'u');
    const before = session.permissions;
    assert.ok(before !== null);
    one.setUser('u', '+set');
    assert.ok(session.permissions !== before && session.permissions !== null);
    one.setUser('u', '+@all', '~*', '&*');
    assert.equal(session.permissions, null);
    assert.deepEqual(other.closed, []);
    one.setUser('u', 'off', 'reset');
    assert.equal(session.user, 'u');
    assert.equal(session.authenticated, true);
  });

  test('of a user that is removed end, also when there is one of its name at once', () => {
    one.setUser('u', 'on', 'nopass');
    one.connect(1, 'u');
    const session = other.connect(2, 'u');
    const stays = other.connect(3);
    other.isBusy = true;
    one.deleteUser('u');
    one.setUser('u', 'on', 'nopass');
    other.isBusy = false;
    other.users.refresh();
    assert.deepEqual([one.closed, other.closed], [[1], [2]]);
    assert.equal(session.user, 'default');
    assert.equal(session.authenticated, false);
    assert.equal(stays.authenticated, true);
  });

  test('that are on their way to another thread find their user or end', () => {
    one.setUser('u', 'on', 'nopass', '~a');
    const { state } = one.connect(1, 'u');
    const arrive = () => {
      const session = ClientSession.fromState(state, 1, (one) => other.users.beginSession(one));
      return [other.users.arrived(session, state.user, state.userBorn), session] as const;
    };
    const [isThere, session] = arrive();
    assert.equal(isThere, true);
    assert.equal(session.user, 'u');
    assert.ok(session.permissions !== null);
    assert.equal(session.authenticated, true);
    one.deleteUser('u');
    assert.equal(arrive()[0], false);
    one.setUser('u', 'on', 'nopass', '+@all', '~*');
    const [isStillThere, late] = arrive();
    assert.equal(isStillThere, false);
    assert.equal(late.authenticated, false);
  });

  test('need a password only while the default user has one, unless they came before', () => {
    const before = other.connect(1);
    one.setUser('default', '>secret');
    const after = other.connect(2);
    assert.deepEqual([before.authenticated, after.authenticated], [true, false]);
    one.setUser('default', 'nopass');
    assert.equal(after.authenticated, true);
    one.setUser('default', 'off');
    assert.deepEqual([before.authenticated, after.authenticated], [true, false]);
    before.reset();
    assert.equal(before.authenticated, false);
  });
});

test('who is subscribed to what the user may not have any more is cut off', () => {
  one.setUser('u', 'on', 'nopass', '&news.*', '&other');
  const subscribed: [id: number, ...Subscription[]][] = [
    [1, { name: 'news.1', isPattern: false }],
    [2, { name: 'news.*', isPattern: true }],
    [3, { name: 'other', isPattern: false }],
    [4],
  ];
  for (const [id, ...subscriptions] of subscribed) {
    other.connect(id, 'u');
    other.subscriptions.set(id, subscriptions);
  }
  one.setUser('u', '&more');
  assert.deepEqual(other.closed, []);
  one.setUser('u', 'resetchannels', '&news.1', '&other');
  assert.deepEqual(other.closed, [2]);
  one.setUser('u', 'resetchannels', '&news.*');
  assert.deepEqual(other.closed, [2, 3]);
});

test('users that have no room change nothing anywhere', () => {
  threads(4096);
  one.setUser('u', 'on', '~a');
  const long = Array.from({ length: 400 }, (_, i) => `~pattern-${i}`);
  assert.equal(one.setUser('v', ...long), USERS_FULL_TEXT);
  assert.equal(one.setUser('u', ...long), USERS_FULL_TEXT);
  for (const { users } of [one, other]) {
    users.refresh();
    assert.deepEqual(users.users.names(), ['default', 'u']);
    assert.equal(users.users.get('u')!.root.keyPatterns.length, 1);
  }
  for (let i = 0; i < 100; i++) assert.equal(other.setUser('u', `>p${i % 5}`), null);
  one.users.refresh();
  assert.equal(one.users.users.get('u')!.passwords.length, 5);
});

test('an edit that fails half-way leaves nothing', () => {
  const { users } = one.users;
  assert.throws(
    () =>
      one.users.change(() => {
        users.setUser('half', ['on']);
        throw new Error('on purpose');
      }),
    /on purpose/,
  );
  assert.equal(users.get('half'), undefined);
  assert.equal(one.setUser('u', 'on'), null);
  other.users.refresh();
  assert.ok(other.users.users.get('u'));
});

test('users of whom nobody asks are not read, on no thread', () => {
  const { users } = other.users;
  const places: number[] = [];
  const { shared } = users;
  users.shared = {
    ...shared!,
    at: (place) => {
      places.push(place);
      return shared!.at(place);
    },
  };
  const file = Array.from({ length: 2000 }, (_, i) => `user u${i} on nopass ~${i}:* +get\n`).join(
    '',
  );
  const { users: loaded } = one.users;
  one.users.change(() => {
    assert.equal(loadUsers(loaded, file, 'f'), null);
    return allUsersRecords(loaded);
  });
  assert.equal(users.count, 2001);
  assert.equal(places.length, 0);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(users.get('u7')!.root.keyPatterns, [{ pattern: '7:*', access: 3 }]);
  }
  assert.equal(places.length, 1);
  // More than are kept as objects: the first ones are read once more.
  for (let i = 0; i < 2000; i++) users.get(`u${i}`);
  const before = places.length;
  users.get('u0');
  assert.equal(places.length, before + 1);
});

test('a user is found when all texts have moved since its thread has looked', () => {
  threads(4096);
  one.setUser('u', 'on', 'nopass', '~a');
  const session = other.connect(1, 'u');
  one.setUser('v', 'on', 'nopass', '~b');
  other.users.refresh();
  other.isBusy = true;
  for (let i = 0; i < 100; i++) one.setUser('u', 'resetkeys', `~${i}`);
  assert.equal(other.users.users.get('v')!.root.keyPatterns[0]!.pattern, 'b');
  other.isBusy = false;
  const { permissions } = session;
  other.users.renew();
  assert.notEqual(session.permissions, permissions);
  assert.equal(other.users.users.get('u')!.root.keyPatterns[0]!.pattern, '99');
});
