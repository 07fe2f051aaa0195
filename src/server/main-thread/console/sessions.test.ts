import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OwnConnection } from './own-connection.js';
import { whyRefused } from './refused-commands.js';
import { SESSION_IDLE_MS, SESSION_MS, SESSIONS_MAX, Sessions } from './sessions.js';

class FakeConnection {
  onEnd: (reason: string) => void = () => {};
  hasEnded = false;

  end(reason: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.onEnd(reason);
  }
}

class World {
  nowMs = 1_000_000;
  readonly sessions = new Sessions(() => this.nowMs);

  begin() {
    const page = new FakeConnection();
    const commandLine = new FakeConnection();
    const connections = {
      page: page as unknown as OwnConnection,
      commandLine: commandLine as unknown as OwnConnection,
    };
    const begun = this.sessions.begin('default', connections);
    return begun === null ? null : { ...begun, page, commandLine };
  }
}

describe('console: sessions', () => {
  test('a token finds its session, and no other text does', () => {
    const world = new World();
    const one = world.begin()!;
    assert.equal(world.sessions.find(one.token), one.session);
    assert.equal(world.sessions.find(one.session.key), undefined);
    assert.equal(world.sessions.find(''), undefined);
    assert.ok(one.session.knowsRequestToken(one.session.requestToken));
    assert.ok(!one.session.knowsRequestToken(one.token));
    assert.ok(!one.session.knowsRequestToken(undefined));
    world.sessions.endAll();
  });

  test('a session that is not used ends, unless somebody looks; every session ends at last', () => {
    const world = new World();
    const [idle, watched] = [world.begin()!, world.begin()!];
    watched.session.viewers = 1;
    world.nowMs += SESSION_IDLE_MS + 1;
    world.sessions.expire();
    assert.equal(world.sessions.find(idle.token), undefined);
    assert.ok(idle.page.hasEnded && idle.commandLine.hasEnded);
    assert.equal(world.sessions.find(watched.token), watched.session);
    world.nowMs += SESSION_MS;
    assert.equal(world.sessions.find(watched.token), undefined);
    assert.equal(world.sessions.count, 0);
  });

  test('a session ends with either of its connections', () => {
    const world = new World();
    for (const which of ['page', 'commandLine'] as const) {
      const one = world.begin()!;
      let told = 0;
      one.session.onEnd.add(() => told++);
      one[which].end('killed');
      assert.equal(told, 1);
      assert.ok(one.page.hasEnded && one.commandLine.hasEnded);
      assert.equal(world.sessions.find(one.token), undefined);
    }
  });

  test('who has not looked for longest makes room; who looks stays', () => {
    const world = new World();
    const all = Array.from({ length: SESSIONS_MAX }, () => {
      world.nowMs++;
      return world.begin()!;
    });
    all[0]!.session.viewers = 1;
    assert.notEqual(world.begin(), null);
    assert.equal(world.sessions.count, SESSIONS_MAX);
    assert.equal(world.sessions.find(all[1]!.token), undefined);
    assert.equal(world.sessions.find(all[0]!.token), all[0]!.session);
    for (const { session } of all) session.viewers = 1;
    world.begin()!.session.viewers = 1;
    assert.equal(world.sessions.count, SESSIONS_MAX);
    world.sessions.endAll();
  });
});

describe('console: commands that it does not run', () => {
  test('those that take their connection over, and those that wait', () => {
    const why = (line: string) => {
      const words = line.split(' ');
      return whyRefused(words, words[0]!.toLowerCase());
    };
    const refused = [
      'UNSUBSCRIBE a b',
      'MONITOR',
      'subscribe a',
      'AUTH x',
      'HELLO 3',
      'CLIENT REPLY OFF',
      'RESET',
    ];
    const waiting = [
      'BLPOP a 0',
      'WAIT 1 0',
      'XREAD BLOCK 0 STREAMS s $',
      'XREAD block 0 STREAMS s 0',
    ];
    for (const line of [...refused, ...waiting]) {
      assert.match(why(line) ?? '', /^ERR the console does not/, line);
    }
    // As rename-command calls it here.
    assert.match(whyRefused(['Watch-All'], 'monitor') ?? '', /does not run WATCH-ALL: it has no/);
    for (const line of ['XREAD STREAMS s 0', 'CLIENT LIST', 'GET block', 'PUBLISH a b', 'MULTI']) {
      assert.equal(why(line), null, line);
    }
  });
});
