/** Connections that are given away and adopted, between two frontends on transports in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { bulk, command, DESCRIPTOR, newFrontend, SLOT } from './testing.js';

type End = ReturnType<typeof newFrontend>;

/** A client between two threads: what it sends goes to the one that has its connection. */
class Traveller {
  readonly ends: readonly [End, End] = [newFrontend(), newFrontend()];
  here = 0;
  moves = 0;
  returns = 0;
  private got = '';

  get end(): End {
    return this.ends[this.here]!;
  }

  /** A turn of the transport that has the connection; replies go to the client. @returns whether it may wait */
  turn(): boolean {
    const { frontend, transport } = this.end;
    const isOver = frontend.turn() > 0;
    transport.completions();
    while (transport.drain()) frontend.turn();
    this.got += transport.sent;
    transport.sent = '';
    return isOver;
  }

  /** All of it: what came at once may have been for several turns. */
  get received(): string {
    for (let i = 0, isOver = false; i < 4 || !isOver; i++) {
      isOver = this.turn();
      assert.ok(i < 1000, 'it never gets quiet');
    }
    return this.got;
  }

  ask(): boolean {
    const other = this.ends[1 - this.here]!;
    return this.end.frontend.giveAway(this.end.session, (descriptor, input) => {
      assert.equal(descriptor, DESCRIPTOR);
      other.session.suspended = false;
      other.frontend.adopt(descriptor, other.session, input);
      return true;
    });
  }

  /** What the transport does some turns after `ask`. */
  letGo(): void {
    const { frontend, transport } = this.end;
    if (!transport.detaching) return;
    transport.detaching = false;
    this.turn();
    this.turn();
    transport.into = null;
    frontend.detached(SLOT, DESCRIPTOR);
    if (transport.adopted.pop() === undefined) {
      this.here = 1 - this.here;
      this.moves++;
      assert.deepEqual(this.end.transport.adopted, [DESCRIPTOR]);
      this.end.transport.adopted.pop();
    } else {
      this.returns++;
    }
    this.end.frontend.accepted(SLOT);
  }
}

/** The second frontend's connection, made by newFrontend, is not wanted here. */
function newTraveller(): Traveller {
  const traveller = new Traveller();
  traveller.ends[1].frontend.closed(SLOT, 0);
  return traveller;
}

describe('a connection that changes threads', () => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.integer({ min: 30_000, max: 90_000 }).map((n) => 'x'.repeat(n)),
  );
  const ascii = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
  const step = fc.record({
    bytes: fc.nat({ max: 40_000 }),
    ask: fc.boolean(),
    letGo: fc.boolean(),
    busy: fc.nat({ max: 2 }),
  });

  it('has every command answered once and in order, wherever the stream is cut', () => {
    let moves = 0;
    let returns = 0;
    fc.assert(
      fc.property(
        fc.array(fc.array(word, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
        fc.array(step, { maxLength: 30 }),
        (commands, steps) => {
          const traveller = newTraveller();
          const vectors = commands.map((vector) => ['echo', ...vector.map(ascii)]);
          const stream = vectors.map((vector) => command(...vector)).join('');
          let at = 0;
          for (const { bytes, ask, letGo, busy } of steps) {
            traveller.end.runner.busy = busy;
            if (ask) traveller.ask();
            const end = Math.min(stream.length, at + bytes);
            if (end > at) traveller.end.receive(stream.slice(at, end));
            at = end;
            if (letGo) traveller.letGo();
            else traveller.turn();
          }
          if (at < stream.length) traveller.end.receive(stream.slice(at));
          const expected = vectors.map((vector) => bulk(vector.join(','))).join('');
          assert.ok(traveller.received === expected);
          moves += traveller.moves;
          returns += traveller.returns;
        },
      ),
      { numRuns: 150 },
    );
    assert.ok(moves > 15 && returns > 0, `${moves} moves, ${returns} returns`);
  });

  it('comes back when it began to wait, and gets its reply', () => {
    const traveller = newTraveller();
    assert.equal(traveller.ask(), true);
    const { session, frontend, runner } = traveller.end;
    traveller.end.receive(command('wait') + command('two'));
    traveller.letGo();
    assert.deepEqual([traveller.moves, traveller.returns], [0, 1]);
    session.suspended = false;
    frontend.resume(session, () => runner.reply.bulkBinary('waited'));
    assert.equal(traveller.received, bulk('waited') + bulk('two'));
    assert.equal(traveller.ask(), true);
    traveller.letGo();
    traveller.end.receive(command('three'));
    assert.equal(traveller.received, bulk('waited') + bulk('two') + bulk('three'));
    assert.equal(traveller.moves, 1);
  });

  it('comes back when its reply has become ready but is not written yet', () => {
    const traveller = newTraveller();
    const { session, frontend, runner } = traveller.end;
    traveller.ask();
    traveller.end.receive(command('wait'));
    traveller.turn();
    traveller.turn();
    session.suspended = false;
    frontend.resume(session, () => runner.reply.bulkBinary('waited'));
    frontend.detached(SLOT, DESCRIPTOR);
    assert.deepEqual(traveller.end.transport.adopted, [DESCRIPTOR]);
    frontend.accepted(SLOT);
    assert.equal(traveller.received, bulk('waited'));
  });

  it('gets what becomes ready for it while it comes back', () => {
    const traveller = newTraveller();
    const { session, frontend, runner, transport } = traveller.end;
    traveller.ask();
    traveller.end.receive(command('wait') + command('two'));
    for (let turn = 0; turn < 3; turn++) frontend.turn();
    frontend.detached(SLOT, DESCRIPTOR);
    session.suspended = false;
    const region = new Region(new SharedArrayBuffer(8), 0);
    region.bytes.fill(0x70);
    assert.equal(frontend.push(session, region, 0, 4), true);
    frontend.resume(session, () => runner.reply.bulkBinary('waited'));
    frontend.turn();
    assert.equal(transport.sent, '');
    frontend.accepted(SLOT);
    for (let turn = 0; turn < 3; turn++) {
      frontend.turn();
      transport.drain();
    }
    assert.equal(transport.sent, `pppp${bulk('waited')}${bulk('two')}`);
  });

  it('is not given away while it waits, is closing, or has output that is not taken', () => {
    const waiting = newTraveller();
    waiting.end.receive(command('wait'));
    assert.equal(waiting.ask(), false);
    const closing = newTraveller();
    closing.end.receive(command('quit'));
    assert.equal(closing.ask(), false);
    const slow = newTraveller();
    slow.end.transport.takes = 3;
    slow.end.receive(command('echo', 'something long'));
    slow.end.frontend.turn();
    slow.end.transport.completions();
    assert.equal(slow.ask(), false);
  });

  it('ends on arrival when it was killed on the way', () => {
    const traveller = newTraveller();
    traveller.ask();
    const { frontend } = traveller.end;
    frontend.turn();
    frontend.detached(SLOT, DESCRIPTOR);
    const there = traveller.ends[1];
    there.frontend.endSession(there.session);
    assert.equal(there.transport.closed, false);
    there.frontend.accepted(SLOT);
    assert.equal(there.transport.closed, true);
    assert.equal(there.frontend.connections.size, 0);
  });

  it('stays when it closes before the transport lets go', () => {
    const traveller = newTraveller();
    traveller.ask();
    traveller.end.receive(command('quit'));
    for (let turn = 0; turn < 3; turn++) traveller.end.frontend.turn();
    assert.equal(traveller.end.transport.closed, true);
    assert.equal(traveller.end.transport.detaching, false);
    assert.equal(traveller.ends[1].transport.adopted.length, 0);
  });
});
