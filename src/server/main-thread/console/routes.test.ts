import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { claimPort, releasePort } from '../../../../test/support/ports.js';
import { until } from '../../../../test/support/until.js';
import { Log } from '../../../base/log.js';
import { HttpServer } from '../http/http-server.js';
import { Console, LOG_INS_MAX } from './routes.js';

/** A console whose server takes connections and never answers. */
async function startConsole(t: TestContext): Promise<{ url: string; taken: Set<Socket> }> {
  const [ownPort, port] = [await claimPort(), await claimPort()];
  const taken = new Set<Socket>();
  const silent = createServer((socket) => {
    taken.add(socket);
    socket.on('error', () => {}).on('close', () => taken.delete(socket));
  });
  await new Promise<void>((resolve) => silent.listen(ownPort, '127.0.0.1', resolve));
  const console = new Console({
    folder: new URL('file:///nowhere/'),
    figures: () => ({}),
    port: () => port,
    ownName: (command) => command,
    needsNoPassword: () => false,
    server: {
      offer: () => {},
      takesPairs: () => false,
      address: () => ({ host: '127.0.0.1', port: ownPort }),
    },
  });
  const { routes } = console;
  const log = new Log(() => {});
  const isStarting = () => false;
  const http = new HttpServer({ port, bind: ['127.0.0.1'], routes, isStarting, log });
  await http.listen();
  t.after(async () => {
    await http.close();
    for (const socket of taken) socket.destroy();
    silent.close();
    for (const used of [ownPort, port]) releasePort(used);
  });
  return { url: `http://127.0.0.1:${port}/console/api/login`, taken };
}

test('console: log-ins under way have a bound', async (t) => {
  const { url, taken } = await startConsole(t);
  const answers: string[] = [];
  const logIn = async (): Promise<void> => {
    const headers = { 'Content-Type': 'application/json', Connection: 'close' };
    const answer = await fetch(url, { method: 'POST', headers, body: '{"password":"x"}' });
    answers.push(`${answer.status} ${await answer.text()}`);
  };
  const all = Array.from({ length: LOG_INS_MAX + 3 }, logIn);
  await until('three are refused', () => answers.length === 3 || `${answers.length} answers`);
  for (const answer of answers) assert.match(answer, /^503 .*Too many log in at once/);
  await until('the others wait', () => taken.size === LOG_INS_MAX || `${taken.size} wait`);
  for (const socket of taken) socket.destroy();
  await Promise.all(all);
  const next = logIn();
  await until('there is room again', () => taken.size === 1 || `${taken.size} wait`);
  for (const socket of taken) socket.destroy();
  await next;
  // Which of the two it sees depends on whether it had read what was sent.
  assert.match(answers.at(-1)!, /^503 .*(closed the connection|ECONNRESET)/);
});
