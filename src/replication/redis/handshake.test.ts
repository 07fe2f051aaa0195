/** The hand-shake with a Redis: what recorded primaries of several versions answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HandshakeOptions, type HandshakeStep, RedisHandshake } from './handshake.js';

const ID = 'a'.repeat(40);
const OTHER_ID = 'b'.repeat(40);
const OPTIONS: HandshakeOptions = {
  user: '',
  password: '',
  listeningPort: 7000,
  address: '',
  darterQuestion: ['DARTER', 'CHAIN', '1', 'run'],
  history: null,
};
const REDIS_7 = "-ERR unknown command 'DARTER', with args beginning with: 'CHAIN' '1' 'run' ";
const REDIS_6 = '-ERR unknown command `DARTER`, with args beginning with: `CHAIN`, `1`, `run`, ';

/** What is sent, and the last step, when the primary answers with these lines. */
function play(lines: readonly string[], options: Partial<HandshakeOptions> = {}) {
  const handshake = new RedisHandshake({ ...OPTIONS, ...options });
  const sent: string[] = [];
  let step: HandshakeStep = handshake.begin();
  for (const line of lines) {
    if (step.kind === 'send') sent.push(step.words.join(' '));
    else assert.equal(step.kind, 'wait');
    step = handshake.line(line);
  }
  return { sent, step };
}

test('a first hand-shake with Redis 7 ends in a full sync', () => {
  const { sent, step } = play([...['+PONG', REDIS_7, '+OK', '+OK', `+FULLRESYNC ${ID} 1234`]]);
  assert.deepEqual(sent, [
    'PING',
    'DARTER CHAIN 1 run',
    'REPLCONF listening-port 7000',
    'REPLCONF capa eof capa psync2',
    'PSYNC ? -1',
  ]);
  assert.deepEqual(step, { kind: 'full', history: { id: ID, offset: 1234, database: 0 } });
});

test('masteruser, masterauth and an announced address are told', () => {
  const login = { user: 'replica', password: 'secret', address: '10.0.0.9' };
  const { sent } = play(
    ['-NOAUTH Authentication required.', '+OK', REDIS_6, '+OK', '+OK', '+OK', ''],
    login,
  );
  assert.deepEqual(sent.slice(0, 5), [
    'PING',
    'AUTH replica secret',
    'DARTER CHAIN 1 run',
    'REPLCONF listening-port 7000',
    'REPLCONF ip-address 10.0.0.9',
  ]);
  assert.deepEqual(play(['+PONG'], { password: 'secret' }).step, {
    kind: 'send',
    words: ['AUTH', 'secret'],
  });
});

test('a replica with data asks for what follows, and may be told another id', () => {
  const history = { id: ID, offset: 99, database: 0 };
  const before = ['+PONG', REDIS_7, '+OK', '+OK'];
  assert.deepEqual(play([...before, `+CONTINUE ${OTHER_ID}`], { history }), {
    sent: [
      'PING',
      'DARTER CHAIN 1 run',
      'REPLCONF listening-port 7000',
      'REPLCONF capa eof capa psync2',
      `PSYNC ${ID} 100`,
    ],
    step: { kind: 'continue', id: OTHER_ID },
  });
  // Without PSYNC2 the id stays.
  assert.deepEqual(play([...before, '+CONTINUE'], { history }).step, { kind: 'continue', id: ID });
});

test('empty lines before the answer to PSYNC only show that the primary lives', () => {
  const { step } = play(['+PONG', REDIS_7, '+OK', '+OK', '', '', `+FULLRESYNC ${ID} 0`]);
  assert.equal(step.kind, 'full');
});

test('options of REPLCONF that the primary does not know do not matter', () => {
  const refusal = '-ERR Unrecognized REPLCONF option: capa';
  assert.equal(play(['+PONG', REDIS_7, refusal, refusal]).step.kind, 'send');
});

test('a Darter is known by its answer', () => {
  assert.deepEqual(play(['+PONG', '*1']).step, { kind: 'darter' });
});

test('what cannot be followed is told by name', () => {
  const before = ['+PONG', REDIS_7, '+OK', '+OK'];
  const cases: [string[], RegExp][] = [
    [['-LOADING Redis is loading the dataset in memory'], /PING with -LOADING/],
    [['+PONG', '-NOAUTH Authentication required.'], /-NOAUTH/],
    [
      [...before, "-NOMASTERLINK Can't SYNC while not connected with my master"],
      /cannot serve replicas now: NOMASTERLINK/,
    ],
    [[...before, '-LOADING Redis is loading the dataset in memory'], /cannot serve replicas now/],
    [[...before, "-ERR unknown command 'PSYNC'"], /PSYNC with -ERR unknown command/],
    [[...before, '+CONTINUE'], /PSYNC with \+CONTINUE/],
    [[...before, `+FULLRESYNC ${ID} 99999999999999999999`], /PSYNC with \+FULLRESYNC/],
    [[...before, '+FULLRESYNC short 1'], /PSYNC with/],
    [[...before, '\x07\x00garbage'], /PSYNC with \?\?garbage/],
  ];
  for (const [lines, why] of cases) {
    const { step } = play(lines);
    assert.equal(step.kind, 'failed', lines.at(-1));
    assert.match((step as { why: string }).why, why);
  }
  const wrong = play(['+PONG', '-WRONGPASS invalid username-password pair'], { password: 'x' });
  assert.match((wrong.step as { why: string }).why, /AUTH with -WRONGPASS/);
});
