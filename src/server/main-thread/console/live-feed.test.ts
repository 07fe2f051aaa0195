import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { until } from '../../../../test/support/until.js';
import { LiveFeed, VIEWERS_MAX } from './live-feed.js';
import type { OwnConnection } from './own-connection.js';
import type { Reply } from './reply-reader.js';
import { Sessions } from './sessions.js';

/** A stream that nobody reads: what is written to it stays. */
class UnreadStream {
  readonly errors: Error[] = [];
  readonly response = new ServerResponse(new IncomingMessage(new Socket()));

  constructor() {
    this.response.on('error', (error) => this.errors.push(error));
  }
}

class World {
  readonly feed = new LiveFeed(() => ({}));
  readonly sessions = new Sessions();

  begin(info: () => Reply = () => 'INFO') {
    const connection = () => {
      const fake = { end: () => {}, onEnd: () => {}, command: async () => info() };
      return fake as unknown as OwnConnection;
    };
    return this.sessions.begin('u', { page: connection(), commandLine: connection() })!.session;
  }

  /** @returns when one more sample has come */
  async nextSample(stream: UnreadStream): Promise<void> {
    const before = stream.response.writableLength;
    await until('a sample', () => stream.response.writableLength > before, 30_000);
  }
}

describe('console: the live feed', () => {
  test('a stream that was ended and is not read gets no more events', async () => {
    const world = new World();
    let rights: Reply = 'INFO';
    const leaving = world.begin();
    const denied = world.begin(() => rights);
    const [left, refused, staying] = [new UnreadStream(), new UnreadStream(), new UnreadStream()];
    world.feed.add(denied, refused.response);
    world.feed.add(leaving, left.response);
    world.feed.add(world.begin(), staying.response);
    await world.nextSample(staying);
    world.sessions.end(leaving);
    rights = { error: 'NOPERM' };
    await world.nextSample(staying);
    assert.ok(left.response.writableEnded && refused.response.writableEnded);
    await world.nextSample(staying);
    assert.deepEqual([...left.errors, ...refused.errors], []);
    world.sessions.endAll();
  });

  test('who has left before the stream begins takes no place', () => {
    const world = new World();
    const session = world.begin();
    for (let i = 0; i < VIEWERS_MAX; i++) {
      const gone = new UnreadStream();
      gone.response.destroy();
      world.feed.add(session, gone.response);
    }
    assert.ok(!world.feed.isFull);
    assert.equal(session.viewers, 0);
    world.sessions.end(session);
    const late = new UnreadStream();
    world.feed.add(session, late.response);
    assert.ok(late.response.destroyed);
  });
});
