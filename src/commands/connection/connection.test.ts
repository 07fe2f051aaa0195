/**
 * Connection commands: ping, echo, quit, reset, select, auth, hello, client and its subcommands
 * (client-identity, client-modes, client-tracking, client-list, client-kill, client-pause).
 * Texts of errors are redis-server 7.0.15's.
 */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { definitionsOf } from '../../engine/definitions.js';
import { WRONG_PASS } from '../../protocol/errors.js';
import type { AclPort } from '../contract/acl-port.js';
import type { PubSubPort } from '../contract/pubsub-port.js';
import type { ClientFilter, ClientsPort, ServerPort } from '../contract/server-port.js';
import { REPLY_OFF, REPLY_ON, REPLY_SKIP_NEXT, type Session } from '../contract/session.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import * as auth from './auth.js';
import * as client from './client.js';
import * as identity from './client-identity.js';
import * as kill from './client-kill.js';
import * as list from './client-list.js';
import * as modes from './client-modes.js';
import * as pause from './client-pause.js';
import * as tracking from './client-tracking.js';
import * as echo from './echo.js';
import * as hello from './hello.js';
import * as ping from './ping.js';
import * as quit from './quit.js';
import * as reset from './reset.js';
import * as select from './select.js';

const modules = [
  ...[auth, client, identity, kill, list, modes, pause, tracking, echo, hello, ping, quit],
  ...[reset, select],
];

/** A client that exists on some thread. */
const OTHER_CLIENT = 77;

/** Ports that note what they were asked. */
class Noted {
  password = '';
  readonly calls: unknown[] = [];
  killed = 1;

  readonly clients: ClientsPort = {
    local: [],
    describe: (session) => `id=${session.id} name=${session.name}`,
    list: (filter) => {
      this.calls.push(['list', filter]);
      return ['id=1', 'id=2'];
    },
    kill: (filter) => {
      this.calls.push(['kill', filter]);
      return this.killed;
    },
    unblock: (id, withError) => {
      this.calls.push(['unblock', id, withError]);
      return id === 7;
    },
    pause: (mode, endMs) => this.calls.push(['pause', mode, endMs - START_MS]),
    unpause: () => this.calls.push(['unpause']),
  };

  get ports(): Partial<ServerPort> {
    const noted = this;
    return {
      clients: this.clients,
      acl: {
        get isOpen() {
          return noted.password === '';
        },
        hasUser: (name: string) => name === 'default',
        authenticate: (session: Session, name: string, password: string) => {
          const isRight = this.password === '' || password === this.password;
          if (name !== 'default' || !isRight) return WRONG_PASS;
          session.authenticated = true;
          return null;
        },
      } as unknown as AclPort,
      pubsub: {
        ...({} as PubSubPort),
        leave: () => this.calls.push(['leave']),
      },
      tracking: {
        findRedirect: (id) => id === OTHER_CLIENT,
        enable: (_session, { prefixes, ...options }) => {
          this.calls.push(['enable', { ...options, prefixes: [...prefixes] }]);
          return prefixes.length < 3;
        },
        disable: () => this.calls.push(['disable']),
      },
      configuration: {
        value: () => '',
        get: () => [],
        set: () => null,
        rewrite: () => null,
        mustSettle: () => false,
        settle: () => {},
      },
      transactions: {
        begin: () => {},
        discard: () => this.calls.push(['discard']),
        execute: () => {},
        watch: () => true,
        unwatchAll: () => this.calls.push(['unwatchAll']),
        unwatchLeft: () => {},
      },
    };
  }

  take(): unknown[] {
    return this.calls.splice(0);
  }
}

let noted: Noted;
let tester: CommandTester;

beforeEach(() => {
  noted = new Noted();
  tester = new CommandTester(definitionsOf(modules), {
    server: noted.ports,
    shards: 1,
    shardBytes: 4 * 1024 * 1024,
  });
});

function run(line: string) {
  return tester.run(...line.split(' ').map((word) => word.replaceAll('_', ' ')));
}

/** Whether a filter is this one, undefined fields aside. */
function lastFilter(): ClientFilter {
  const call = noted.take().at(-1) as [string, ClientFilter];
  return call[1];
}

test('PING, ECHO, QUIT', () => {
  assert.equal(run('PING'), '+PONG');
  assert.equal(run('PING hi'), 'hi');
  assert.equal(run('PING a b'), "-ERR wrong number of arguments for 'ping' command");
  assert.equal(run('ECHO x'), 'x');
  assert.equal(tester.session.closeAfterReply, false);
  assert.equal(run('QUIT'), '+OK');
  assert.equal(tester.session.closeAfterReply, true);
});

test('SELECT takes the indexes there are', () => {
  assert.equal(run('SELECT 3'), '+OK');
  assert.equal(tester.session.database, 3);
  assert.equal(run('SELECT 4'), '-ERR DB index is out of range');
  assert.equal(run('SELECT -1'), '-ERR DB index is out of range');
  assert.equal(run('SELECT x'), '-ERR value is not an integer or out of range');
  assert.match(String(run('SELECT 99999999999')), /must between -2147483648 and 2147483647$/);
  assert.equal(tester.session.database, 3);
});

test('RESET discards, unwatches and resets the session', () => {
  let resets = 0;
  tester.session.reset = () => resets++;
  tester.session.inMulti = true;
  assert.equal(run('RESET'), '+RESET');
  assert.deepEqual(noted.take(), [['discard'], ['unwatchAll'], ['leave'], ['disable']]);
  tester.session.inMulti = false;
  run('RESET');
  assert.deepEqual(noted.take(), [['unwatchAll'], ['leave'], ['disable']]);
  assert.equal(resets, 2);
});

describe('AUTH', () => {
  test('without a password', () => {
    assert.match(String(run('AUTH x')), /^-ERR AUTH <password> called without any password/);
    assert.equal(run('AUTH default x'), '+OK');
    assert.match(String(run('AUTH other x')), /^-WRONGPASS/);
    assert.equal(run('AUTH a b c'), '-ERR syntax error');
  });

  test('with one, only that opens', () => {
    noted.password = 'secret';
    tester.session.authenticated = false;
    for (const line of ['AUTH x', 'AUTH secre', 'AUTH default secrets', 'AUTH root secret']) {
      assert.match(String(run(line)), /^-WRONGPASS/, line);
      assert.equal(tester.session.authenticated, false, line);
    }
    assert.equal(run('AUTH secret'), '+OK');
    assert.equal(tester.session.authenticated, true);
  });
});

describe('HELLO', () => {
  test('switches the protocol and tells about the server', () => {
    const two = run('HELLO');
    assert.ok(Array.isArray(two));
    assert.deepEqual(two.slice(4, 8), ['proto', 2, 'id', 1]);
    const three = run('HELLO 3 SETNAME me');
    assert.ok(three instanceof Map);
    assert.equal(three.get('proto'), 3);
    assert.equal(three.get('role'), 'master');
    assert.equal(tester.session.protocol, 3);
    assert.equal(tester.session.name, 'me');
    assert.ok(Array.isArray(run('HELLO 2')));
  });

  test('refuses what it does not know, and then changes nothing', () => {
    assert.equal(run('HELLO 4'), '-NOPROTO unsupported protocol version');
    assert.equal(run('HELLO 1'), '-NOPROTO unsupported protocol version');
    assert.equal(run('HELLO x'), '-ERR Protocol version is not an integer or out of range');
    assert.equal(run('HELLO 3 foo'), "-ERR Syntax error in HELLO option 'foo'");
    assert.equal(run('HELLO 3 AUTH a'), "-ERR Syntax error in HELLO option 'AUTH'");
    assert.match(String(run('HELLO 3 SETNAME a_b')), /^-ERR Client names cannot contain spaces/);
    assert.match(String(run('HELLO 3 AUTH a b')), /^-WRONGPASS/);
    assert.equal(tester.session.protocol, 2);
    assert.equal(tester.session.name, '');
  });

  test('asks for a password where there is one', () => {
    noted.password = 'secret';
    tester.session.authenticated = false;
    assert.match(String(run('HELLO 3')), /^-NOAUTH HELLO must be called/);
    assert.match(String(run('HELLO 3 AUTH default no')), /^-WRONGPASS/);
    assert.equal(tester.session.protocol, 2);
    assert.ok(run('HELLO 3 AUTH default secret') instanceof Map);
    assert.equal(tester.session.authenticated, true);
  });
});

describe('CLIENT', () => {
  test('ID, INFO, GETNAME, SETNAME, SETINFO', () => {
    assert.equal(run('CLIENT ID'), 1);
    assert.equal(run('CLIENT GETNAME'), null);
    assert.equal(run('CLIENT SETNAME me'), '+OK');
    assert.equal(run('CLIENT GETNAME'), 'me');
    assert.match(String(run('CLIENT SETNAME a_b')), /^-ERR Client names cannot/);
    assert.equal(run('CLIENT INFO'), 'id=1 name=me\n');
    assert.equal(run('CLIENT SETINFO lib-name redis-py'), '+OK');
    assert.equal(run('CLIENT SETINFO LIB-VER 5.1'), '+OK');
    assert.deepEqual(
      [tester.session.libraryName, tester.session.libraryVersion],
      ['redis-py', '5.1'],
    );
    assert.equal(run('CLIENT SETINFO x y'), "-ERR Unrecognized option 'x'");
    assert.match(String(run('CLIENT SETINFO lib-ver a_b')), /^-ERR lib-ver cannot contain/);
  });

  test('REPLY is answered only when it is on', () => {
    assert.equal(tester.runRaw('CLIENT', 'REPLY', 'OFF'), '');
    assert.equal(tester.session.replyMode, REPLY_OFF);
    assert.equal(tester.runRaw('CLIENT', 'REPLY', 'SKIP'), '');
    assert.equal(tester.session.replyMode, REPLY_OFF);
    assert.equal(run('CLIENT REPLY ON'), '+OK');
    assert.equal(tester.session.replyMode, REPLY_ON);
    assert.equal(tester.runRaw('CLIENT', 'REPLY', 'SKIP'), '');
    assert.equal(tester.session.replyMode, REPLY_SKIP_NEXT);
    assert.equal(run('CLIENT REPLY maybe'), '-ERR syntax error');
  });

  test('NO-EVICT and NO-TOUCH', () => {
    assert.equal(run('CLIENT NO-EVICT on'), '+OK');
    assert.equal(run('CLIENT NO-TOUCH on'), '+OK');
    assert.deepEqual([tester.session.noEvict, tester.session.noTouch], [true, true]);
    run('CLIENT NO-EVICT off');
    run('CLIENT NO-TOUCH off');
    assert.deepEqual([tester.session.noEvict, tester.session.noTouch], [false, false]);
    assert.equal(run('CLIENT NO-EVICT x'), '-ERR syntax error');
    assert.equal(run('CLIENT NO-TOUCH x'), '-ERR syntax error');
  });

  test('client-side caching is off at first', () => {
    assert.equal(run('CLIENT GETREDIR'), -1);
    const off = ['flags', ['off'], 'redirect', -1, 'prefixes', []];
    assert.deepEqual(run('CLIENT TRACKINGINFO'), off);
    assert.equal(run('CLIENT TRACKING x'), '-ERR syntax error');
    assert.match(String(run('CLIENT CACHING yes')), /^-ERR CLIENT CACHING can be called only/);
    noted.take();
    assert.equal(run('CLIENT TRACKING off'), '+OK');
    assert.deepEqual(noted.take(), [['disable']]);
  });

  test('TRACKING hands on what it was asked for', () => {
    noted.take();
    assert.equal(
      run(`CLIENT TRACKING on BCAST PREFIX a noloop prefix b REDIRECT ${OTHER_CLIENT}`),
      '+OK',
    );
    const modes = { broadcasts: true, optIn: false, optOut: false, noLoop: true };
    const asked = { redirect: OTHER_CLIENT, ...modes, prefixes: ['a', 'b'] };
    assert.deepEqual(noted.take(), [['enable', asked]]);
    assert.match(String(run('CLIENT TRACKING on REDIRECT 12345')), /redirect to does not exist/);
    assert.match(
      String(run('CLIENT TRACKING on BCAST PREFIX ab PREFIX a')),
      /'ab' overlaps with another/,
    );
    assert.deepEqual(noted.take(), []);
    assert.match(
      String(run('CLIENT TRACKING on BCAST PREFIX c PREFIX b PREFIX ab PREFIX b PREFIX a')),
      /Prefix 'b' overlaps with another provided prefix 'b'/,
    );
    const full = run('CLIENT TRACKING on BCAST PREFIX a PREFIX b PREFIX c');
    assert.equal(full, '-OOM no room for more prefixes of clients that track');
  });

  test('LIST filters by type or ids', () => {
    assert.equal(run('CLIENT LIST'), 'id=1\nid=2\n');
    assert.deepEqual(lastFilter(), {});
    run('CLIENT LIST TYPE slave');
    assert.deepEqual(lastFilter(), { type: 'replica' });
    run('CLIENT LIST ID 4 9');
    assert.deepEqual(lastFilter(), { ids: [4, 9] });
    assert.equal(run('CLIENT LIST TYPE x'), "-ERR Unknown client type 'x'");
    assert.equal(run('CLIENT LIST ID'), '-ERR syntax error');
    assert.equal(run('CLIENT LIST ID 1 x'), '-ERR Invalid client ID');
    assert.equal(run('CLIENT LIST foo bar'), '-ERR syntax error');
    assert.deepEqual(noted.take(), []);
  });

  test('KILL by address answers OK, by filters a count', () => {
    assert.equal(run('CLIENT KILL 1.2.3.4:5'), '+OK');
    assert.deepEqual(lastFilter(), { address: '1.2.3.4:5' });
    noted.killed = 0;
    assert.equal(run('CLIENT KILL 1.2.3.4:5'), '-ERR No such client');
    noted.killed = 3;
    assert.equal(run('CLIENT KILL ID 5'), 3);
    assert.deepEqual(lastFilter(), { ids: [5], except: 1 });
    run('CLIENT KILL TYPE normal SKIPME no LADDR 1:2 USER default MAXAGE 10');
    assert.deepEqual(lastFilter(), {
      type: 'normal',
      localAddress: '1:2',
      user: 'default',
      olderThanSeconds: 10,
    });
  });

  test('KILL refuses filters it does not understand', () => {
    const refused: [string, string][] = [
      ['ID 0', '-ERR client-id should be greater than 0'],
      ['ID x', '-ERR client-id should be greater than 0'],
      ['TYPE x', "-ERR Unknown client type 'x'"],
      ['USER nobody', "-ERR No such user 'nobody'"],
      ['SKIPME maybe', '-ERR syntax error'],
      ['ID 5 foo', '-ERR syntax error'],
      ['foo bar', '-ERR syntax error'],
      ['MAXAGE 0', '-ERR maxage should be greater than 0'],
      ['MAXAGE x', '-ERR maxage is not an integer or out of range'],
    ];
    for (const [filter, error] of refused) assert.equal(run(`CLIENT KILL ${filter}`), error);
    assert.deepEqual(noted.take(), []);
  });

  test('PAUSE, UNPAUSE, UNBLOCK', () => {
    assert.equal(run('CLIENT PAUSE 100'), '+OK');
    assert.equal(run('CLIENT PAUSE 5 WRITE'), '+OK');
    assert.equal(run('CLIENT UNPAUSE'), '+OK');
    assert.deepEqual(noted.take(), [['pause', 'all', 100], ['pause', 'write', 5], ['unpause']]);
    assert.equal(run('CLIENT PAUSE x'), '-ERR timeout is not an integer or out of range');
    assert.equal(run('CLIENT PAUSE -1'), '-ERR timeout is negative');
    assert.equal(run('CLIENT PAUSE x foo'), '-ERR CLIENT PAUSE mode must be WRITE or ALL');
    assert.equal(run('CLIENT UNBLOCK 7'), 1);
    assert.equal(run('CLIENT UNBLOCK 8 ERROR'), 0);
    assert.deepEqual(noted.take(), [
      ['unblock', 7, false],
      ['unblock', 8, true],
    ]);
    assert.match(String(run('CLIENT UNBLOCK 8 x')), /^-ERR CLIENT UNBLOCK reason should be/);
    assert.match(String(run('CLIENT UNBLOCK 8 ERROR x')), /^-ERR unknown subcommand or wrong/);
    assert.match(String(run('CLIENT UNBLOCK x')), /^-ERR value is not an integer/);
  });

  test('HELP names every subcommand with its arguments', () => {
    const lines = run('CLIENT HELP') as string[];
    assert.match(lines[0]!, /^\+CLIENT <subcommand>/);
    for (const name of tester.registry.lookup('client')!.subcommands.keys()) {
      assert.ok(
        lines.some(
          (line) => line === `+${name.toUpperCase()}` || line.startsWith(`+${name.toUpperCase()} `),
        ),
        name,
      );
    }
    assert.ok(lines.includes('+PAUSE timeout [WRITE | ALL]'), lines.join('\n'));
  });
});
