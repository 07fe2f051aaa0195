/**
 * Clients that read slowly: the system takes a part of a reply while the next commands have arrived
 * already. A value of some size is received straight into its place, and what follows it comes with
 * the same system call that sends its reply.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RawClient } from '../support/client.js';
import { textOf } from '../support/reply.js';
import { darterMissing, startDarter } from '../support/server.js';

const skip = darterMissing();
const CLIENTS = 3;
const ROUNDS = 4;
/** More than the system's buffers of a connection hold. */
const LARGE_BYTES = 8 << 20;
const SMALL_COMMANDS = 100;

/** Commands with a large reply followed by small ones, and a reader that reads now and then. */
async function readSlowly(port: number, letter: string): Promise<void> {
  const client = await RawClient.connect({ port });
  client.socket.on('data', () => {
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 1);
  });
  const texts: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    texts.push(letter.repeat(LARGE_BYTES + round));
    for (let i = 0; i < SMALL_COMMANDS; i++) texts.push(`${letter} ${round} ${i}`);
  }
  const replies = (await client.pipeline(texts.map((text) => ['ECHO', text]))).map(textOf);
  const wrong = replies.findIndex((reply, i) => reply !== texts[i]);
  assert.equal(wrong, -1, `reply ${wrong} is '${replies[wrong]?.slice(0, 40)}'`);
  await client.close();
}

async function served(t: TestContext, transport: string): Promise<void> {
  const server = await startDarter({ args: ['--threads', '1', '--transport', transport] });
  t.after(() => server.stop());
  const letters = Array.from({ length: CLIENTS }, (_, i) => String.fromCharCode(97 + i));
  await Promise.all(letters.map((letter) => readSlowly(server.port, letter)));
}

for (const transport of ['auto', 'epoll', 'portable']) {
  test(`a slow reader gets its replies whole and in order, transport ${transport}`, { skip }, (t) =>
    served(t, transport),
  );
}
