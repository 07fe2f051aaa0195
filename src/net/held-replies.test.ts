import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ReplyGate } from './held-replies.js';
import { bulk, command, newFrontend } from './testing.js';

/** A gate whose marks become durable when the test says so. */
class TestGate implements ReplyGate {
  isOn = true;
  writes = 0;
  marks = 0;
  durable = 0;

  mark(): number {
    return ++this.marks;
  }

  reached(): number {
    return this.isOn ? this.durable : Number.POSITIVE_INFINITY;
  }
}

/** Every command that begins with 'w' writes. */
function newGated() {
  const gate = new TestGate();
  const parts = newFrontend(gate);
  const { runner } = parts;
  const dispatch = runner.dispatch.bind(runner);
  runner.dispatch = (session, args) => {
    const outcome = dispatch(session, args);
    if (runner.ran.at(-1)?.[0]?.startsWith('w')) gate.writes++;
    return outcome;
  };
  return { ...parts, gate };
}

describe('replies that wait until writes are durable', () => {
  it('holds the reply of a write, and what follows it, until the mark of its turn', () => {
    const { frontend, transport, receive, gate, session } = newGated();
    receive(command('write'));
    frontend.turn();
    receive(command('read'));
    frontend.turn();
    assert.equal(transport.sent, '');
    assert.equal(frontend.isHeldBack(session), true, 'it is the disk that is silent');
    gate.durable = 1;
    frontend.turn();
    assert.equal(transport.sent, bulk('write'));
    gate.durable = gate.marks;
    frontend.turn();
    assert.equal(transport.sent, bulk('write') + bulk('read'));
    assert.equal(frontend.isHeldBack(session), false);
    receive(command('read'));
    frontend.turn();
    assert.equal(transport.sent, bulk('write') + bulk('read') + bulk('read'));
  });

  it('sends a reply at once when its client has written nothing', () => {
    const { frontend, transport, receive, gate } = newGated();
    receive(command('read'));
    frontend.turn();
    assert.equal(transport.sent, bulk('read'));
    assert.equal(gate.marks, 0);
  });

  it('holds the answer of a command that waited, as another thread may have written', () => {
    const { frontend, transport, receive, gate, session, runner } = newGated();
    receive(command('wait'));
    frontend.turn();
    frontend.resume(session, () => {
      session.suspended = false;
      runner.reply.bulkBinary('served');
    });
    frontend.turn();
    assert.equal(transport.sent, '');
    assert.equal(frontend.isQuiet(session), false, 'it may not change threads');
    gate.durable = gate.marks;
    frontend.turn();
    assert.equal(transport.sent, bulk('served'));
  });

  it('keeps what is pushed to a client behind its held replies', () => {
    const { frontend, transport, receive, gate, session, runner } = newGated();
    receive(command('write'));
    frontend.turn();
    const text = Buffer.from('pushed', 'latin1');
    const region = runner.reply.region;
    region.bytes.set(text, 0);
    frontend.push(session, region, 0, text.length);
    frontend.turn();
    assert.equal(transport.sent, '');
    gate.durable = gate.marks;
    frontend.turn();
    while (transport.drain());
    assert.equal(transport.sent, `${bulk('write')}pushed`);
  });

  it('closes a client that quits after a write only when its replies are out', () => {
    const { frontend, transport, receive, gate } = newGated();
    receive(command('write') + command('quit'));
    for (let turn = 0; turn < 4; turn++) frontend.turn();
    assert.equal(transport.closed, false);
    gate.durable = gate.marks;
    for (let turn = 0; turn < 4; turn++) frontend.turn();
    assert.equal(transport.sent, bulk('write') + bulk('quit'));
    assert.equal(transport.closed, true);
  });

  it('releases everything when the gate is switched off', () => {
    const { frontend, transport, receive, gate } = newGated();
    receive(command('write'));
    frontend.turn();
    gate.isOn = false;
    receive(command('write', 'more'));
    frontend.turn();
    frontend.turn();
    assert.equal(transport.sent, bulk('write') + bulk('write,more'));
  });

  it('answers in order, and never a write before its mark, whatever becomes durable when', () => {
    const step = fc.record({
      words: fc.array(fc.constantFrom('w', 'read', 'wide'), { maxLength: 4 }),
      size: fc.integer({ min: 0, max: 3000 }),
      durable: fc.nat({ max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const { frontend, transport, receive, gate } = newGated();
        let expected = '';
        /** By mark: bytes that may be out once it is durable. */
        const mayBeOut: number[] = [0];
        for (const { words, size, durable } of steps) {
          for (const word of words) {
            const vector = [word, 'x'.repeat(size)];
            receive(command(...vector));
            expected += bulk(vector.join(','));
          }
          const marks = gate.marks;
          frontend.turn();
          if (gate.marks > marks) mayBeOut[gate.marks] = expected.length;
          const open = mayBeOut[gate.durable + 1] ?? expected.length;
          assert.ok(transport.sent.length <= open, 'nothing goes out before it is durable');
          gate.durable = Math.min(gate.marks, gate.durable + durable);
        }
        gate.durable = gate.marks;
        do frontend.turn();
        while (transport.drain());
        assert.equal(transport.sent, expected);
      }),
      { numRuns: 100 },
    );
  });
});
