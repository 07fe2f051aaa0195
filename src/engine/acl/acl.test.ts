/** Users and permissions on a small catalog; redis-server's own is in test/differential/. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { argumentVector } from '../../../test/support/argument-vector.js';
import { heapBytesPerRound } from '../../../test/support/heap.js';
import { keyFlagBits } from '../../commands/contract/key-flags.js';
import { type AclEvent, AclLog, ageSeconds, mergeLogs, reasonName } from './acl-log.js';
import { AclCatalog, type AclCommand } from './catalog.js';
import { AllowedChannels, mayLoseChannels } from './channel-changes.js';
import { generatePassword, hashPassword, matchesPassword } from './passwords.js';
import {
  ALLOWED,
  CommandAccess,
  DENIED_AUTH,
  DENIED_CHANNEL,
  DENIED_COMMAND,
  DENIED_KEY,
  Denial,
  keyAccessOf,
} from './permissions.js';
import { KEY_READ, KEY_READ_WRITE, KEY_WRITE } from './selector.js';
import { denialText, dryRunText } from './texts.js';
import { loadUsers, saveUsers } from './user-file.js';
import { AclUsers } from './users.js';
import { hasBlanks, joinSelectors, splitQuoted } from './words.js';

const CATEGORIES = ['read', 'write', 'admin', 'none'];
let index = 0;

function command(name: string, categories: string[], subcommands: AclCommand[] = []): AclCommand {
  return {
    fullName: name,
    index: index++,
    categories,
    subcommands: new Map(subcommands.map((one) => [one.fullName.split('|')[1]!, one])),
    definition: { flags: name === 'auth' ? ['no_auth'] : [] },
  };
}

const GET = command('get', ['read']);
const SET = command('set', ['write']);
const AUTH = command('auth', []);
const SELECT = command('select', []);
const PUBLISH = command('publish', ['write']);
const CONFIG = command(
  'config',
  [],
  [command('config|get', ['admin', 'read']), command('config|set', ['admin'])],
);
// Enough of them that bitmaps have several words.
const MORE = Array.from({ length: 80 }, (_, i) => command(`more${i}`, ['write']));
const CONFIG_GET = CONFIG.subcommands.get('get')!;
const catalog = new AclCatalog([GET, SET, AUTH, SELECT, PUBLISH, CONFIG, ...MORE], CATEGORIES);

function usersWith(...rules: string[]): AclUsers {
  const users = new AclUsers(catalog, { allChannels: false });
  assert.equal(users.setUser('u', rules), null);
  return users;
}

interface Touched {
  readonly keys?: readonly (readonly [index: number, access: number])[];
  readonly channels?: readonly (readonly [index: number, isPattern: boolean])[];
}

/** The result and the argument that is denied. */
function check(users: AclUsers, of: AclCommand, words: string[], touched: Touched = {}): number[] {
  const access = new CommandAccess(argumentVector(words));
  access.begin(access.args, of.index, of.definition.flags.includes('no_auth'));
  for (const [at, needed] of touched.keys ?? []) access.addKey(at, needed);
  for (const [at, isPattern] of touched.channels ?? []) access.addChannel(at, isPattern);
  const denial = new Denial();
  const result = users.permissionsOf(users.get('u')!).check(access, denial);
  return [result, denial.argumentIndex];
}

describe('rules', () => {
  test('a refused rule leaves the user as it was', () => {
    const users = usersWith('on', '+get', '~a');
    const before = users.lines('client');
    const user = users.get('u');
    const error = users.setUser('u', ['off', '+set', 'nonsense']);
    assert.equal(error, "ERR Error in ACL SETUSER modifier 'nonsense': Syntax error");
    assert.deepEqual(users.lines('client'), before);
    assert.equal(users.get('u'), user);
    assert.equal(users.setUser('w', ['nonsense']) === null, false);
    assert.equal(users.get('w'), undefined);
  });

  test('a change makes a new user, and leaves the one that sessions have', () => {
    const users = usersWith('on', '+get');
    const present = users.get('u')!;
    users.setUser('u', ['-get']);
    assert.notEqual(users.get('u'), present);
    assert.equal(check(users, GET, ['get', 'k'])[0], DENIED_COMMAND);
    assert.equal(users.permissionsOf(present), users.permissionsOf(present));
  });

  test('commands are described from the nearest categories on', () => {
    const shown = (...rules: string[]): string => usersWith(...rules).lines('client')[1]!;
    assert.equal(shown('+get', '+config'), 'user u off resetchannels -@all +@read +config');
    assert.equal(shown('+@all', '-@write'), 'user u off resetchannels +@all -@write');
    assert.equal(shown('+@write', '-more7'), 'user u off resetchannels -@all +@write -more7');
    assert.equal(shown('+select|1', '+select|2', '+select|1').slice(-19), '+select|1 +select|2');
    assert.equal(shown('+select|1', '+select').slice(-7), '+select');
    // A category without commands changes nothing, also not the flag of having them all.
    assert.ok(usersWith('+@all', '-@none').get('u')!.root.allCommands);
  });

  test('a file gives the users that made it, whatever their patterns', () => {
    const pattern = fc.stringMatching(/^[a-z*"'()\\%~&]{0,6}$/);
    fc.assert(
      fc.property(pattern, pattern, fc.constantFrom('~', '%R~', '%W~', '%RW~'), (a, b, mark) => {
        const users = new AclUsers(catalog, { allChannels: false });
        const selector = `("${`${mark}${a}`.replace(/["\\]/g, '\\$&')}" +get)`;
        if (users.setUser('u', ['on', '%R~*', '%W~*', `&${b}`, selector]) !== null) return;
        const text = saveUsers(users);
        const again = new AclUsers(catalog, { allChannels: false });
        assert.equal(loadUsers(again, text, 'f'), null, text);
        assert.deepEqual(again.get('u'), users.get('u'));
        assert.equal(saveUsers(again), text);
      }),
    );
  });

  test('a file with an error changes nothing', () => {
    const users = usersWith('on', '+get');
    const before = users.lines('client');
    const text = 'user a on\nuser b +nosuch foo bar\nnonsense\n';
    assert.equal(
      loadUsers(users, text, 'f'),
      "f:2: Error in applying operation '+nosuch': Unknown command or category name in ACL. " +
        'f:2: Syntax error. f:3 should start with user keyword followed by the username. ' +
        'WARNING: ACL errors detected, no change to the previously active ACL rules was performed',
    );
    assert.deepEqual(users.lines('client'), before);
    const open = loadUsers(users, 'user a on (+get\nuser b on\n', 'f') ?? '';
    assert.match(open, /^f:1: Unmatched parenthesis in selector definition\./);
    assert.deepEqual(users.lines('client'), before);
    assert.equal(loadUsers(users, 'user a on\n', 'f'), null);
    assert.deepEqual(users.names(), ['a', 'default']);
  });

  test('words of selectors', () => {
    assert.deepEqual(joinSelectors(['on', '(a', 'b)', 'c']).words, ['on', '(a b)', 'c']);
    assert.equal(joinSelectors(['(a', '(b']).unmatched, '(b');
    assert.deepEqual(joinSelectors(['()', '(a)', ')']).words, ['()', '(a)', ')']);
    assert.deepEqual(splitQuoted(' a  "b \\x41" \'c\' '), ['a', 'b A', 'c']);
    assert.deepEqual(splitQuoted('a "b'), []);
    assert.ok(hasBlanks('a\x0b') && hasBlanks('a\0') && !hasBlanks('a\xa0'));
  });

  test('no sequence of rules throws', () => {
    const rule = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.stringMatching(/^[-+~%&(@|)a-z"]{0,12}$/),
    );
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 8 }), (rules) => {
        const users = new AclUsers(catalog, { allChannels: true });
        const latin = rules.map((text) => Buffer.from(text, 'utf8').toString('latin1'));
        users.setUser('u', latin);
        loadUsers(users, saveUsers(users) + latin.join('\n'), 'f');
        assert.ok(users.lines('client').length >= 1);
      }),
      { numRuns: 500 },
    );
  });
});

describe('passwords', () => {
  test('one of several matches, others do not', () => {
    const hashes = ['a', 'b'].map(hashPassword);
    assert.ok(matchesPassword(hashes, 'b'));
    assert.ok(!matchesPassword(hashes, 'c'));
    assert.ok(!matchesPassword([], ''));
    assert.equal(hashPassword('foobar').slice(0, 16), 'c3ab8ff13720e8ad');
  });

  test('disabled users and users without a password', () => {
    const users = usersWith('on');
    assert.equal(users.authenticate('u', ''), null);
    users.setUser('u', ['nopass']);
    assert.equal(users.authenticate('u', 'x'), users.get('u'));
    users.setUser('u', ['off']);
    assert.equal(users.authenticate('u', 'x'), null);
  });

  test('requirepass is the only password of the default user, or none', () => {
    const users = usersWith();
    users.setUser('default', ['>old']);
    users.setDefaultPassword('new');
    assert.equal(users.authenticate('default', 'old'), null);
    assert.equal(users.authenticate('default', 'new'), users.defaultUser);
    users.setDefaultPassword(null);
    assert.equal(users.authenticate('default', 'any'), users.defaultUser);
  });

  test('generated passwords have the bits asked for', () => {
    assert.match(generatePassword(256)!, /^[0-9a-f]{64}$/);
    assert.match(generatePassword(5)!, /^[0-9a-f]{2}$/);
    assert.match(generatePassword(9)!, /^[0-9a-f]{3}$/);
    assert.equal(generatePassword(4096)!.length, 1024);
    for (const bits of [0, -1, 4097, Number.NaN]) assert.equal(generatePassword(bits), null);
    assert.notEqual(generatePassword(256), generatePassword(256));
  });
});

describe('permissions', () => {
  const key = { keys: [[1, KEY_READ]] } as const;

  test('a user with all rights is one flag, in whichever selector', () => {
    const unrestricted = (...rules: string[]): boolean => {
      const users = usersWith(...rules);
      return users.permissionsOf(users.get('u')!).isUnrestricted;
    };
    assert.ok(unrestricted('+@all', '~*', '&*'));
    assert.ok(unrestricted('+get', '(+@all ~* &*)'));
    assert.ok(!unrestricted('+@all', '~*'));
    assert.ok(!unrestricted('+@all', '-get', '~*', '&*'));
    assert.ok(!unrestricted('+@all', '%RW~*', '&*'));
  });

  test('commands, first arguments and open commands', () => {
    const users = usersWith('+config|get', '+select|1', '~*');
    assert.deepEqual(check(users, CONFIG_GET, ['config', 'get', 'x']), [ALLOWED, 0]);
    assert.deepEqual(check(users, CONFIG, ['config']), [DENIED_COMMAND, 0]);
    assert.equal(check(users, SELECT, ['select', '1'])[0], ALLOWED);
    assert.equal(check(users, SELECT, ['select', '11'])[0], DENIED_COMMAND);
    assert.equal(check(users, SELECT, ['select'])[0], DENIED_COMMAND);
    assert.equal(check(users, AUTH, ['auth', 'x'])[0], ALLOWED);
    assert.equal(check(usersWith('+select|Ab'), SELECT, ['select', 'aB'])[0], ALLOWED);
  });

  test('keys need the access that the command makes of them', () => {
    const users = usersWith('+@all', '%R~r*', '%W~w*', '~b*');
    const result = (name: string, access: number): number =>
      check(users, GET, ['get', name], { keys: [[1, access]] })[0]!;
    assert.equal(result('r1', KEY_READ), ALLOWED);
    assert.equal(result('r1', KEY_WRITE), DENIED_KEY);
    assert.equal(result('w1', KEY_WRITE), ALLOWED);
    assert.equal(result('w1', KEY_READ_WRITE), DENIED_KEY);
    assert.equal(result('b1', KEY_READ_WRITE), ALLOWED);
    assert.equal(result('w1', 0), ALLOWED);
    assert.equal(result('x', 0), DENIED_KEY);
    assert.equal(keyAccessOf(keyFlagBits(['RW', 'access', 'update'])), KEY_READ_WRITE);
    assert.equal(keyAccessOf(keyFlagBits(['RM', 'delete'])), KEY_WRITE);
    assert.equal(keyAccessOf(keyFlagBits(['RO'])), 0);
  });

  test('a pattern of channels is compared as it is', () => {
    const users = usersWith('+@all', '&n*', '&exact');
    const result = (name: string, isPattern: boolean): number =>
      check(users, PUBLISH, ['x', name], { channels: [[1, isPattern]] })[0]!;
    assert.equal(result('news', false), ALLOWED);
    assert.equal(result('news', true), DENIED_CHANNEL);
    assert.equal(result('n*', true), ALLOWED);
    assert.equal(result('other', false), DENIED_CHANNEL);
  });

  test('a selector allows all of a command or nothing; the nearest one tells what is denied', () => {
    const users = usersWith('+get', '~a', '(+set ~b)', '(+get ~c)');
    assert.equal(check(users, GET, ['get', 'c'], key)[0], ALLOWED);
    assert.deepEqual(check(users, GET, ['get', 'b'], key), [DENIED_KEY, 1]);
    assert.equal(check(users, PUBLISH, ['publish', 'a'], key)[0], DENIED_COMMAND);
    const two = {
      keys: [
        [1, KEY_READ],
        [2, KEY_READ],
      ],
    } as const;
    // The last argument that a selector stumbles over.
    assert.deepEqual(check(users, GET, ['get', 'a', 'x'], two), [DENIED_KEY, 2]);
    assert.deepEqual(check(users, GET, ['get', 'x', 'a'], two), [DENIED_KEY, 1]);
    const channel = { keys: [[1, KEY_READ]], channels: [[2, false]] } as const;
    assert.deepEqual(check(users, GET, ['get', 'a', 'ch'], channel), [DENIED_CHANNEL, 2]);
  });

  test('many keys', () => {
    const words = ['get', ...Array.from({ length: 100 }, (_, i) => `a${i}`), 'z'];
    const keys = words.slice(1).map((_, i) => [i + 1, KEY_READ] as const);
    assert.deepEqual(check(usersWith('+get', '~a*'), GET, words, { keys }), [DENIED_KEY, 101]);
    assert.equal(check(usersWith('+get', '~a*', '~z'), GET, words, { keys })[0], ALLOWED);
  });

  test('access to every key, for what SORT reads besides', () => {
    const every = (rules: string[], needed: number): boolean => {
      const users = usersWith(...rules);
      const access = new CommandAccess(argumentVector(['get', 'a']));
      access.begin(access.args, GET.index, false);
      access.addKey(1, KEY_READ);
      return users.permissionsOf(users.get('u')!).checkEveryKey(access, new Denial(), needed);
    };
    assert.ok(every(['+get', '~*'], KEY_READ));
    assert.ok(every(['+get', '%R~*'], KEY_READ));
    assert.ok(!every(['+get', '%R~*'], KEY_WRITE));
    assert.ok(!every(['+get', '~a'], KEY_READ));
    assert.ok(!every(['%R~*', '(+get ~a)'], KEY_READ));
  });

  test('a check allocates nothing', () => {
    const users = usersWith('+@all', '-set', '~x*', '&c', '(+get %R~a* ~b*)');
    const permissions = users.permissionsOf(users.get('u')!);
    const args = argumentVector(['get', 'a1', 'b2']);
    const access = new CommandAccess(args);
    const denial = new Denial();
    const bytes = heapBytesPerRound((i) => {
      access.begin(args, GET.index, false);
      access.addKey(1, KEY_READ);
      access.addKey(2, KEY_READ_WRITE);
      assert.equal(permissions.check(access, denial), i < 0 ? DENIED_KEY : ALLOWED);
    });
    assert.ok(bytes < 1, `${bytes} bytes`);
  });

  test('texts', () => {
    assert.match(
      denialText(DENIED_COMMAND, 'config|get'),
      /^NOPERM .* run the 'config\|get' command$/,
    );
    assert.match(denialText(DENIED_KEY, 'get'), /one of the keys/);
    assert.match(denialText(DENIED_CHANNEL, 'get'), /one of the channels/);
    assert.match(dryRunText(DENIED_CHANNEL, 'publish', 'c\0d'), /access the 'c' channel$/);
  });
});

describe('changes of channels', () => {
  const userWith = (...rules: string[]) => usersWith(...rules).get('u')!;

  test('whether subscriptions can be lost', () => {
    assert.ok(!mayLoseChannels(userWith('&a'), userWith('&a', '&b')));
    assert.ok(!mayLoseChannels(userWith('&a'), userWith('(&*)')));
    assert.ok(mayLoseChannels(userWith('&a', '&b'), userWith('&a')));
    assert.ok(mayLoseChannels(userWith('&*'), userWith('&a')));
    assert.ok(!mayLoseChannels(userWith('(&a)'), userWith('&a')));
  });

  test('which ones', () => {
    const allowed = new AllowedChannels(userWith('&a*', '(&b)'));
    assert.ok(allowed.allowsChannel('abc') && allowed.allowsChannel('b'));
    assert.ok(!allowed.allowsChannel('c') && !allowed.allowsChannel(''));
    assert.ok(allowed.allowsPattern('a*') && !allowed.allowsPattern('ab'));
  });
});

describe('ACL LOG', () => {
  const event: AclEvent = {
    reason: DENIED_KEY,
    context: 'toplevel',
    object: 'k',
    username: 'u',
    clientInfo: 'id=1',
  };

  test('similar events within a minute are one entry, which comes first', () => {
    const log = new AclLog();
    log.add(event, 1000, 128);
    log.add({ ...event, object: 'other' }, 2000, 128);
    log.add({ ...event, clientInfo: 'id=2' }, 61_000, 128);
    assert.deepEqual(
      log.list(10).map(({ object, count, clientInfo }) => [object, count, clientInfo]),
      [
        ['k', 2, 'id=2'],
        ['other', 1, 'id=1'],
      ],
    );
    assert.equal(ageSeconds(log.list(1)[0]!, 61_250), 0.25);
    log.add(event, 121_001, 128);
    assert.deepEqual(
      log.list(3).map((entry) => entry.count),
      [1, 2, 1],
    );
  });

  test('each field tells events apart', () => {
    const log = new AclLog();
    const others: Partial<AclEvent>[] = [
      {},
      { reason: DENIED_AUTH },
      { context: 'multi' },
      { object: 'l' },
      { username: 'v' },
    ];
    for (const other of others) log.add({ ...event, ...other }, 0, 128);
    assert.equal(log.length, others.length);
  });

  test('its length is bounded, and only the latest entries are compared', () => {
    const log = new AclLog();
    for (let i = 0; i < 20; i++) log.add({ ...event, object: `k${i}` }, 0, 15);
    assert.equal(log.length, 15);
    log.add({ ...event, object: 'k5' }, 0, 15);
    assert.equal(log.list(1)[0]!.count, 1);
    log.add({ ...event, object: 'k12' }, 0, 15);
    assert.equal(log.list(1)[0]!.count, 2);
    log.add({ ...event, object: 'z' }, 0, 0);
    assert.equal(log.length, 0);
    log.add(event, 0, 10);
    log.clear();
    assert.deepEqual(log.list(-1), []);
  });

  test('the logs of several threads are one', () => {
    const [one, other] = [new AclLog(), new AclLog()];
    one.add(event, 1000, 128, 1);
    other.add(event, 2000, 128, 2);
    one.add({ ...event, object: 'l' }, 3000, 128, 3);
    other.add({ ...event, clientInfo: 'id=2' }, 4000, 128, 4);
    one.add({ ...event, username: 'v' }, 5000, 128, 5);
    const shown = (lengthMax: number) =>
      mergeLogs([one.list(10), other.list(10)], lengthMax).map((entry) => [
        ...[entry.username, entry.object, entry.count, entry.clientInfo],
      ]);
    const all = [
      ['v', 'k', 1, 'id=1'],
      ['u', 'k', 3, 'id=2'],
      ['u', 'l', 1, 'id=1'],
    ];
    assert.deepEqual(shown(10), all);
    assert.deepEqual(shown(2), all.slice(0, 2));
    one.add(event, 64_001, 128, 6);
    assert.deepEqual(shown(10)[0], ['u', 'k', 1, 'id=1']);
  });

  test('reasons', () => {
    const reasons = [DENIED_COMMAND, DENIED_KEY, DENIED_AUTH, DENIED_CHANNEL, 9];
    const names = ['command', 'key', 'auth', 'channel', 'unknown'];
    assert.deepEqual(reasons.map(reasonName), names);
  });
});
