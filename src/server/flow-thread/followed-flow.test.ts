/** A flow's hand-shake against primaries that lie. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { SHOWN_CHARACTERS_MAX } from '../../base/peer-text.js';
import { DurableLsns } from '../../memory/durable-lsns.js';
import { SharedSignal } from '../../memory/signal.js';
import { PendingStreams } from '../../replication/replica/pending-streams.js';
import { SyncProgress } from '../../replication/replica/sync-progress.js';
import type { FollowFlow } from '../channel/main-flow.js';
import { FollowedFlow, HANDSHAKE_LINE_BYTES_MAX } from './followed-flow.js';

/** Why the flow ends, or 'connected', when the primary answers with this. */
async function outcomeOf(answer: string, password = ''): Promise<string> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.write(answer, 'latin1');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  const pending = PendingStreams.create(1, 4096, 1 << 20);
  const progress = SyncProgress.create(1, null);
  const command: FollowFlow = {
    ...{ kind: 'follow', flow: 1, host: '127.0.0.1', port, user: '', password, syncId: '1-a' },
    ...{ index: 0, mine: [0], primaryShards: 1, tls: null, progress, pending },
  };
  return new Promise((resolve) => {
    const finish = (outcome: string) => {
      server.close();
      resolve(outcome);
    };
    const flow = new FollowedFlow(
      command,
      {
        progress: new SyncProgress(progress, 1, 1),
        durable: new DurableLsns(DurableLsns.create(1)),
        times: { timeoutMs: 5000 },
        appliedSignal: new SharedSignal(new Int32Array(new SharedArrayBuffer(8)), 0),
      },
      () => assert.fail('nothing is applied'),
      {
        connected: () => {
          finish('connected');
          flow.end('');
        },
        coming: () => {},
        applied: () => {},
        ended: finish,
      },
    );
  });
}

test('a flow begins after one OK, after two with a password', async () => {
  assert.equal(await outcomeOf('+OK\r\n'), 'connected');
  assert.equal(await outcomeOf('+OK\r\n+OK\r\nrest', 'secret'), 'connected');
});

test('a line of the hand-shake that is too long, or does not end, ends the flow', async () => {
  const long = 'x'.repeat(HANDSHAKE_LINE_BYTES_MAX + 1);
  for (const answer of [long, `${long}\r\n`, `+OK\r\n${long}`, '+'.repeat(10_000_000)]) {
    const outcome = await outcomeOf(answer, 'secret');
    assert.equal(outcome, "the primary's reply does not end", answer.slice(0, 10));
  }
});

test('an error of the primary is quoted up to a bound, without line ends and control codes', async () => {
  const outcome = await outcomeOf(`-ERR a\nb\x1b[31m${'y'.repeat(3000)}\r\n`);
  assert.match(outcome, /^the primary answers: ERR a\?b\?\[31my+\.\.\.$/);
  assert.ok(outcome.length < SHOWN_CHARACTERS_MAX + 40);
});
