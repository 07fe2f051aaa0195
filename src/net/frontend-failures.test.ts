/**
 * Exceptions anywhere in a turn: the client that was served is told and closed, the others go on,
 * and the thread as well. Every call that the frontend makes is made to throw once, at every place
 * where it is made.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUSY, DEFERRED, DONE, PAUSED, SUSPENDED } from '../base/outcome.js';
import { Region, toBinary } from '../base/region.js';
import type { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { Frontend } from './frontend.js';
import type { FrontendPolicy } from './policy.js';
import type { CommandRunner } from './runner.js';
import { bulk, command, FakeSession, quietPolicy } from './testing.js';
import { ClientsTransport } from './testing-clients.js';

const INTERNAL = "-ERR internal error, see the server's log\r\n";
const OUTCOMES: Readonly<Record<string, number>> = {
  busy: BUSY,
  paused: PAUSED,
  deferred: DEFERRED,
  wait: SUSPENDED,
};

/** Counts calls by name, and throws in the one that was chosen. */
class Injector {
  readonly calls = new Map<string, number>();
  fired = false;
  /** What happens at the start counts for nothing. */
  isArmed = false;

  constructor(
    readonly name: string,
    readonly at: number,
  ) {}

  note(name: string): void {
    if (!this.isArmed) return;
    const count = (this.calls.get(name) ?? 0) + 1;
    this.calls.set(name, count);
    if (name !== this.name || count !== this.at) return;
    this.fired = true;
    throw new Error(`injected into ${name}`);
  }

  /** The object with every method noted before it runs. */
  wrap<T extends object>(prefix: string, target: T): T {
    return new Proxy(target, {
      get: (inner, key, receiver) => {
        const value = Reflect.get(inner, key, inner === target ? target : receiver) as unknown;
        if (typeof value !== 'function' || key === 'failed') return value;
        return (...args: unknown[]) => {
          this.note(`${prefix}.${String(key)}`);
          return Reflect.apply(value as () => unknown, target, args);
        };
      },
    });
  }
}

class World {
  readonly transport = new ClientsTransport();
  readonly failures: string[] = [];
  readonly sessions: FakeSession[] = [];
  readonly frontend: Frontend<FakeSession>;
  nowMs = 1;
  private readonly held = new Set<string>();

  constructor(readonly injector: Injector) {
    const region = (bytes: number) => {
      injector.note('createRegion');
      return new Region(new SharedArrayBuffer(bytes), 0);
    };
    const reply = new Reply(new Region(new SharedArrayBuffer(64), 0));
    this.frontend = new Frontend<FakeSession>(
      injector.wrap('transport', this.transport).asTransport,
      this.runner(reply),
      reply,
      injector.wrap('policy', this.policy()),
      region,
    );
    this.transport.handler = this.frontend;
    injector.isArmed = true;
  }

  private policy(): FrontendPolicy<FakeSession> {
    return {
      ...quietPolicy((slot) => {
        const session = new FakeSession(slot);
        this.sessions.push(session);
        return session;
      }),
      beginTurn: () => {
        this.nowMs += 10;
      },
      background: () => {
        this.frontend.resumePaused();
        for (const session of this.sessions) this.answer(session);
        return 100;
      },
      bulkBytesMax: 1 << 24,
      queryBytesMax: 1 << 24,
      failed: (doing, error) => this.failures.push(`${doing}: ${(error as Error).message}`),
    };
  }

  private answer(session: FakeSession): void {
    if (!session.suspended) return;
    session.suspended = false;
    this.frontend.resume(session, () => {
      this.injector.note('write');
      this.reply?.bulkBinary('waited');
    });
  }

  private reply: Reply | null = null;

  /** Echoes; 'busy', 'paused', 'deferred' and 'wait' end with that outcome the first time. */
  private runner(reply: Reply): CommandRunner<FakeSession> {
    const world = this;
    this.reply = reply;
    return {
      get now() {
        return world.nowMs;
      },
      processed: 0,
      workedMicros: 0,
      lastShard: -1,
      beginRun: () => world.injector.note('beginRun'),
      endRun: () => {},
      dispatch(session: FakeSession, args: Arguments): number {
        world.injector.note('dispatch');
        const words = Array.from({ length: args.count }, (_, i) =>
          toBinary(args.region, args.offset[i]!, args.length[i]!),
        );
        const key = `${session.connection} ${words.join(' ')}`;
        const outcome = OUTCOMES[words[0]!];
        if (outcome !== undefined && !world.held.has(key)) {
          world.held.add(key);
          session.suspended = outcome === SUSPENDED;
          return outcome;
        }
        reply.bulkBinary(words.join(','));
        if (words[0] === 'quit') session.closeAfterReply = true;
        return DONE;
      },
    };
  }

  /** One client does everything there is; another one asks before, in between and afterwards. */
  play(): { tried: string; other: string; otherClosed: boolean } {
    const { transport } = this;
    const slots = [transport.connect(), transport.connect()];
    const [tried, other] = slots as [number, number];
    const send = (slot: number, text: string) => {
      if (!transport.peers[slot]!.closed) transport.receive(slot, text);
    };
    send(other, command('before'));
    transport.turn();
    for (const name of Object.keys(OUTCOMES)) send(tried, command(name) + command('after', name));
    for (let i = 0; i < 3; i++) transport.turn();
    send(other, command('between').slice(0, 9));
    const large = command('large', 'x'.repeat(100_000));
    send(tried, large.slice(0, 40_000));
    transport.peers[tried]!.takes = 1000;
    send(tried, large.slice(40_000));
    transport.turn();
    send(tried, command('huge', 'y'.repeat(1_200_000)) + command('more'));
    send(other, command('between').slice(9));
    this.frontend.woken();
    transport.settle();
    send(tried, '*1\r\n:x\r\n');
    transport.settle();
    send(other, command('afterwards'));
    transport.settle();
    const peers = transport.peers;
    return {
      tried: peers[tried]!.sent,
      other: peers[other]!.sent,
      otherClosed: peers[other]!.closed,
    };
  }
}

test('an exception at any place harms no client but the one that is served', () => {
  const quiet = new World(new Injector('', 0));
  const expected = quiet.play();
  assert.deepEqual(quiet.failures, []);
  const words = ['before', 'between', 'afterwards'];
  assert.equal(expected.other, words.map((word) => bulk(word)).join(''));
  assert.match(expected.tried, /waited/);
  let injected = 0;
  for (const [name, count] of quiet.injector.calls) {
    for (let at = 1; at <= count; at++) {
      const injector = new Injector(name, at);
      const world = new World(injector);
      const { tried, other, otherClosed } = world.play();
      const where = `${name}, call ${at}`;
      if (!injector.fired) continue;
      injected++;
      assert.ok(world.failures.length >= 1, `${where} was told`);
      assert.match(world.failures[0]!, /injected/, where);
      // Either client may have been the one; the other one has all its replies, whole and in order.
      const otherIsWell = other === expected.other && !otherClosed;
      const triedIsWell = tried === expected.tried;
      assert.ok(otherIsWell || triedIsWell, `${where} harmed both: ${other}`);
      for (const text of [tried, other]) {
        const at = text.indexOf(INTERNAL);
        assert.ok(at < 0 || at + INTERNAL.length === text.length, `${where}: the error comes last`);
      }
      assert.ok(world.transport.turn() > 0, `${where}: the thread does not spin`);
    }
  }
  assert.ok(injected > 40, `${injected} places`);
});

test('a client whose command threw outside the engine gets its replies, an error, and is closed', () => {
  const world = new World(new Injector('dispatch', 3));
  const slot = world.transport.connect();
  world.transport.receive(slot, command('a') + command('b') + command('c') + command('d'));
  world.transport.settle();
  const peer = world.transport.peers[slot]!;
  assert.equal(peer.sent, bulk('a') + bulk('b') + INTERNAL);
  assert.equal(peer.closed, true);
});
