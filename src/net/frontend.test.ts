import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bulk, command, newFrontend } from './testing.js';

describe('the network layer', () => {
  it('answers commands cut at any points in order, whatever their size', () => {
    const word = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.integer({ min: 30_000, max: 80_000 }).map((n) => 'x'.repeat(n)),
    );
    const words = fc.array(word, { minLength: 1, maxLength: 5 });
    const ascii = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat({ max: 100_000 }), { maxLength: 12 }),
        (commands, cuts) => {
          const { frontend, transport, receive } = newFrontend();
          const vectors = commands.map((vector) => ['echo', ...vector.map(ascii)]);
          const stream = vectors.map((vector) => command(...vector)).join('');
          let at = 0;
          for (const cut of [...cuts, stream.length]) {
            const end = Math.min(stream.length, at + cut);
            if (end > at) receive(stream.slice(at, end));
            at = end;
            frontend.turn();
          }
          // What did not fit the turn's first send follows, and commands whose replies one turn does not take.
          while (frontend.turn() === 0 || transport.drain());
          assert.equal(transport.sent, vectors.map((vector) => bulk(vector.join(','))).join(''));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('receives the rest of a large argument straight into its place', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    const value = 'v'.repeat(200_000);
    const stream = command('set', 'key', value) + command('after');
    receive(stream.slice(0, 16_384));
    assert.notEqual(transport.into, null);
    assert.equal(transport.into!.length, stream.indexOf('*1') - 16_384);
    receive(stream.slice(16_384));
    frontend.turn();
    assert.deepEqual(runner.ran, [['set', 'key', value], ['after']]);
  });

  it('tries a command again whose shard was taken, and keeps those behind it waiting', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    runner.busy = 2;
    receive(command('one') + command('two'));
    receive(command('three'));
    assert.deepEqual(runner.ran, []);
    for (let turn = 0; turn < 4; turn++) frontend.turn();
    assert.equal(transport.sent, bulk('one') + bulk('two') + bulk('three'));
  });

  it('knows which clients send pipelines to one shard only', () => {
    const { frontend, receive, runner } = newFrontend();
    const [client] = [...frontend.connections.values()];
    const pipeline = command('one').repeat(16);
    const bound = (shard: number, input: string, times: number) => {
      runner.lastShard = shard;
      for (let i = 0; i < times; i++) {
        receive(input);
        frontend.turn();
      }
      return client!.boundShard;
    };
    assert.equal(bound(5, command('one'), 20), -1, 'one at a time');
    assert.equal(bound(5, pipeline, 1), -1);
    assert.equal(bound(5, pipeline, 20), 5);
    assert.equal(bound(6, pipeline, 1), -1, 'another shard');
    assert.equal(bound(-1, pipeline, 20), -1, 'several shards');
    assert.equal(bound(5, pipeline, 20), 5);
    runner.busy = 1;
    assert.equal(bound(5, pipeline, 1), 5, 'it was taken once');
    assert.equal(bound(5, command('one'), 20), -1);
  });

  it('serves a client that found a shard taken in a run for that shard, for a while', () => {
    const { frontend, receive, runner, session } = newFrontend();
    receive(command('one'));
    session.takenShard = 7;
    runner.busy = 1;
    receive(command('two') + command('three'));
    frontend.turn();
    session.takenShard = -1;
    for (let arrival = 0; arrival < 34; arrival++) {
      receive(command('more').slice(0, 5));
      receive(command('more').slice(5));
      frontend.turn();
    }
    assert.equal(runner.ran.length, 3 + 34);
    assert.deepEqual(runner.runs, [null, 7, 7, ...Array(32).fill(7), null, null]);
  });

  it('runs every command of a pipeline once and in order, whichever of them are held up', () => {
    const kinds = fc.array(fc.constantFrom('array', 'inline', 'inline-quoted'), { maxLength: 70 });
    fc.assert(
      fc.property(
        kinds,
        fc.array(fc.integer({ min: 1, max: 90 })),
        fc.nat(),
        (forms, busy, cut) => {
          const { frontend, transport, receive, runner } = newFrontend();
          runner.busyCalls = new Set(busy);
          const vectors = forms.map((form, i) =>
            form === 'array' ? ['a', `${i}`] : ['b', `x ${i}`],
          );
          const stream = vectors
            .map(([name, word], i) => {
              if (forms[i] === 'array') return command(name!, word!);
              return forms[i] === 'inline' ? `${name} "${word}"\r\n` : `"${name}" '${word}'\n`;
            })
            .join('');
          const at = stream.length === 0 ? 0 : cut % stream.length;
          if (at > 0) receive(stream.slice(0, at));
          if (at < stream.length) receive(stream.slice(at));
          for (let turn = 0; turn <= busy.length + 1; turn++) frontend.turn();
          assert.deepEqual(runner.ran, vectors);
          assert.equal(transport.sent, vectors.map((vector) => bulk(vector.join(','))).join(''));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('runs everything once and in order, however often shards are taken in between', () => {
    const step = fc.record({ bytes: fc.nat({ max: 60_000 }), busy: fc.nat({ max: 3 }) });
    const size = fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: 5000, max: 70_000 }));
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 30 }),
        fc.array(step, { minLength: 1, maxLength: 30 }),
        (sizes, steps) => {
          const { frontend, transport, receive, runner } = newFrontend();
          const vectors = sizes.map((bytes, i) => ['echo', `${i}`, 'x'.repeat(bytes)]);
          const stream = vectors.map((vector) => command(...vector)).join('');
          let at = 0;
          for (const { bytes, busy } of steps) {
            runner.busy = busy;
            if (bytes > 0 && at < stream.length) receive(stream.slice(at, at + bytes));
            at += bytes;
            frontend.turn();
            transport.drain();
          }
          if (at < stream.length) receive(stream.slice(at));
          while (transport.drain() || runner.ran.length < sizes.length) frontend.turn();
          for (let turn = 0; turn < 5; turn++) {
            frontend.turn();
            transport.drain();
          }
          assert.deepEqual(runner.ran, vectors);
          assert.equal(transport.sent, vectors.map((vector) => bulk(vector.join(','))).join(''));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('waits again and again with the same memory', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    for (let round = 0; round < 3; round++) {
      runner.busy = 3;
      receive(command('one', `${round}`) + command('two'));
      for (let turn = 0; turn < 4; turn++) frontend.turn();
      runner.busy = 1;
      receive(command('three'));
      receive(command('four'));
      for (let turn = 0; turn < 2; turn++) frontend.turn();
    }
    const rounds = [0, 1, 2].map(
      (round) => bulk(`one,${round}`) + bulk('two') + bulk('three') + bulk('four'),
    );
    assert.equal(transport.sent, rounds.join(''));
  });

  it('keeps a whole command that was assembled from pieces until its shard is free', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    const text = command('one', 'x'.repeat(50));
    receive(text.slice(0, 20));
    runner.busy = 1;
    receive(text.slice(20) + command('two'));
    receive(command('three'));
    assert.deepEqual(runner.ran, []);
    for (let turn = 0; turn < 3; turn++) frontend.turn();
    assert.equal(transport.sent, bulk(`one,${'x'.repeat(50)}`) + bulk('two') + bulk('three'));
  });

  it('holds a suspended client back until its reply is there', () => {
    const { frontend, transport, receive, session, runner } = newFrontend();
    receive(command('wait') + command('two'));
    receive(command('three'));
    frontend.turn();
    assert.equal(transport.sent, '');
    session.suspended = false;
    frontend.resume(session, () => runner.reply.bulkBinary('waited'));
    frontend.turn();
    assert.equal(transport.sent, bulk('waited') + bulk('two') + bulk('three'));
  });

  it('gives a slow reader everything in order, however little it takes', () => {
    const { frontend, transport, receive } = newFrontend();
    let expected = '';
    for (let i = 0; i < 60; i++) {
      transport.takes = (i * 7) % 40;
      const word = `${i}`.repeat(30);
      receive(command('echo', word));
      expected += bulk(`echo,${word}`);
      frontend.turn();
      transport.completions();
      if (i % 3 === 0) transport.drain();
    }
    transport.takes = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 200; i++) {
      transport.completions();
      transport.drain();
      frontend.turn();
    }
    assert.equal(transport.sent, expected);
  });

  it('keeps the order when commands arrive before what was left of the last send is known', () => {
    const step = fc.record({
      commands: fc.array(fc.nat({ max: 300 }), { maxLength: 3 }),
      takes: fc.nat({ max: 400 }),
      late: fc.boolean(),
      drains: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const { frontend, transport, receive } = newFrontend();
        const words = steps.flatMap(({ commands }, i) =>
          commands.map((bytes, j) => `${i} ${j} ${'x'.repeat(bytes)}`),
        );
        let next = 0;
        for (const { commands, takes, late, drains } of steps) {
          if (!late) transport.completions();
          for (const _ of commands) receive(command(words[next++]!));
          transport.completions();
          if (drains) transport.drain();
          transport.takes = takes;
          frontend.turn();
        }
        transport.completions();
        do frontend.turn();
        while (transport.drain());
        assert.equal(transport.sent, words.map(bulk).join(''));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the order when a reply with a region of its own waits behind the last send', () => {
    const { frontend, transport, receive } = newFrontend();
    const large = 'y'.repeat(3 << 20);
    transport.takes = 5;
    receive(command('first') + command(large));
    frontend.turn();
    receive(command(large) + command('last'));
    transport.completions();
    receive(command('after'));
    do frontend.turn();
    while (transport.drain());
    const replies = ['first', large, large, 'last', 'after'];
    assert.ok(transport.sent === replies.map(bulk).join(''), `${transport.sent.length} bytes`);
  });

  it('closes after the last reply has gone out, and runs nothing behind QUIT', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    transport.takes = 4;
    receive(command('quit') + command('never'));
    frontend.turn();
    assert.equal(transport.closed, false);
    transport.completions();
    frontend.turn();
    frontend.turn();
    assert.equal(transport.closed, false);
    transport.drain();
    assert.equal(transport.closed, true);
    assert.equal(transport.sent, bulk('quit'));
    assert.deepEqual(runner.ran, [['quit']]);
  });

  it('loses nothing behind a length that does not end with LF, wherever the stream is cut', () => {
    const stream = `*2\r\n$1\r\na\r\n$4\rxDATAxxnext 1\n*1\rx$3\rxendxx${command('last')}`;
    for (let cut = 1; cut < stream.length; cut++) {
      const { frontend, transport, receive, runner } = newFrontend();
      receive(stream.slice(0, cut));
      receive(stream.slice(cut));
      frontend.turn();
      assert.deepEqual(runner.ran, [['a', 'DATA'], ['next', '1'], ['end'], ['last']], `at ${cut}`);
      assert.equal(transport.closed, false);
    }
  });

  it('answers a protocol error and closes', () => {
    const { frontend, transport, receive } = newFrontend();
    receive(`${command('one')}*1\r\n:x\r\n`);
    for (let turn = 0; turn < 3; turn++) frontend.turn();
    assert.equal(transport.sent, `${bulk('one')}-ERR Protocol error: expected '$', got ':'\r\n`);
    assert.equal(transport.closed, true);
  });

  it('makes room for replies that are larger than the arena', () => {
    const { frontend, transport, receive } = newFrontend();
    const word = 'y'.repeat(900_000);
    for (let i = 0; i < 3; i++) receive(command('echo', word));
    for (let i = 0; i < 6; i++) {
      frontend.turn();
      transport.drain();
    }
    assert.equal(transport.sent.length, 3 * bulk(`echo,${word}`).length);
  });
});
