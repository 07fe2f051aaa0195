/** Mailboxes: what is sent arrives once, whole and in order, also when rings are full. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { KEPT_BYTES_MAX, Mailbox } from './mailbox.js';
import { FRAGMENT_BYTES_MAX, RING_BYTES } from './mailbox-layout.js';

const KIND = 7;
const source = new Region(new SharedArrayBuffer(1 << 20), 0);
for (let i = 0; i < source.length; i++) source.bytes[i] = i % 251;

interface Pair {
  readonly sender: Mailbox;
  readonly receiver: Mailbox;
  readonly woken: number[];
  readonly failures: unknown[];
}

function pair(): Pair {
  const buffer = Mailbox.createBuffer(1, 2);
  const woken: number[] = [];
  const failures: unknown[] = [];
  const parts = {
    ...{ buffer, receivers: 1, senders: 2 },
    wake: (thread: number) => woken.push(thread),
    failed: (error: unknown) => failures.push(error),
  };
  const receiver = new Mailbox({ ...parts, thread: 0 });
  return { sender: new Mailbox({ ...parts, thread: 1 }), receiver, woken, failures };
}

/** Has every message written down as its length and a check of its bytes. */
function record(receiver: Mailbox): string[] {
  const messages: string[] = [];
  receiver.handles(KIND, (region, offset, length) => {
    const first = length === 0 ? 0 : region.bytes[offset]!;
    for (let i = 0; i < length; i++) {
      if (region.bytes[offset + i] !== (first + i) % 251) assert.fail(`byte ${i} of ${length}`);
    }
    messages.push(`${length} from ${first}`);
  });
  return messages;
}

test('messages of all lengths arrive whole and in order, however seldom they are read', () => {
  const length = fc.oneof(
    fc.nat({ max: 40 }),
    fc.integer({ min: FRAGMENT_BYTES_MAX - 9, max: FRAGMENT_BYTES_MAX + 9 }),
    fc.integer({ min: 0, max: 3 * RING_BYTES }),
  );
  const step = fc.record({ length, from: fc.nat({ max: 250 }), reads: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { sender, receiver, failures } = pair();
      const messages = record(receiver);
      for (const { length, from, reads } of steps) {
        assert.ok(sender.send(0, KIND, source, from, length));
        sender.flush();
        if (reads) receiver.receive();
      }
      let turns = 0;
      while (sender.flush()) {
        receiver.receive();
        assert.ok(++turns < 10_000);
      }
      receiver.receive();
      assert.deepEqual(failures, []);
      assert.deepEqual(
        messages,
        steps.map(({ length, from }) => `${length} from ${length === 0 ? 0 : from}`),
      );
    }),
    { numRuns: 60 },
  );
});

test('a message is composed of parts and can be sent several times', () => {
  const { sender, receiver } = pair();
  const seen: unknown[] = [];
  receiver.handles(KIND, ({ view }, offset, length) => {
    seen.push([view.getInt32(offset, true), view.getInt32(offset + 4, true), length]);
  });
  sender.begin(KIND);
  sender.putWord(-5);
  sender.putWord(77);
  sender.put(source, 0, 10_000);
  sender.sendTo(0);
  sender.sendAlwaysTo(0);
  sender.flush();
  receiver.receive();
  assert.deepEqual(seen, [
    [-5, 77, 10_008],
    [-5, 77, 10_008],
  ]);
});

test('a receiver is woken once, and only while it sleeps', () => {
  const { sender, receiver, woken } = pair();
  record(receiver);
  const send = () => {
    sender.send(0, KIND, source, 0, 10);
    sender.flush();
  };
  send();
  assert.deepEqual(woken, []);
  assert.equal(receiver.maySleep(), false, 'there is a message');
  receiver.receive();
  assert.equal(receiver.maySleep(), true);
  send();
  send();
  assert.deepEqual(woken, [0]);
  receiver.awake();
  receiver.receive();
  send();
  assert.deepEqual(woken, [0]);
});

test('a sender whose ring was full is woken when the receiver has read', () => {
  const { sender, receiver, woken } = pair();
  const messages = record(receiver);
  for (let i = 0; i < 200; i++) sender.send(0, KIND, source, 0, 1000);
  assert.equal(sender.flush(), true);
  receiver.receive();
  assert.deepEqual(woken, [1]);
  assert.equal(sender.flush(), false);
  receiver.receive();
  assert.equal(messages.length, 200);
});

test('a sender whose messages are not read refuses more at its bound, but for those that must arrive', () => {
  const { sender, receiver } = pair();
  const messages = record(receiver);
  let sent = 0;
  while (sender.send(0, KIND, source, 0, 1_000_000)) sent++;
  assert.ok(sent * 1_000_000 > KEPT_BYTES_MAX && sent * 1_000_000 < KEPT_BYTES_MAX + 3_000_000);
  sender.sendAlways(0, KIND, source, 0, 3);
  while (sender.flush()) receiver.receive();
  receiver.receive();
  assert.equal(messages.length, sent + 1);
  assert.equal(messages.at(-1), '3 from 0');
});

test('a handler that throws costs its message only', () => {
  const { sender, receiver, failures } = pair();
  let handled = 0;
  receiver.handles(KIND, () => {
    if (++handled === 2) throw new Error('the second');
  });
  for (const length of [1, 100_000, 3]) sender.send(0, KIND, source, 0, length);
  sender.send(0, KIND + 1, source, 0, 1);
  sender.send(0, KIND, source, 0, 4);
  sender.flush();
  receiver.receive();
  assert.equal(handled, 4);
  assert.match(String(failures[0]), /the second/);
  assert.match(String(failures[1]), /no handler for messages of kind 8/);
});
