/**
 * Whether the server in this container is alive: code 0 or 1, with the reason. It needs no shell and no password.
 *
 * A server that answers PING at all is alive: also one that wants a password, loads its data, or has lost its
 * primary. DARTER_HEALTH_PORT names another port than 6379. DARTER_HEALTH_URL has an address asked by HTTP
 * instead, for instance where only TLS is served: http://127.0.0.1:9121/health (metrics-port).
 */
import { connect } from 'node:net';

const TIMEOUT_MS = 4000;
const ALIVE = /^(\+PONG|-(NOAUTH|NOPERM|LOADING|BUSY|MASTERDOWN|MISCONF))/;

function leave(code, reason) {
  console.log(reason);
  process.exit(code);
}

function ping(port) {
  const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
  let answer = '';
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    answer += text;
    const end = answer.indexOf('\r\n');
    if (end >= 0) leave(ALIVE.test(answer) ? 0 : 1, answer.slice(0, end));
  });
  socket.on('close', () => leave(1, 'the connection was closed without an answer'));
  socket.on('error', (error) => leave(1, error.message));
}

async function askUrl(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  leave(response.ok ? 0 : 1, `${response.status} ${(await response.text()).trim()}`);
}

setTimeout(() => leave(1, `no answer within ${TIMEOUT_MS} ms`), TIMEOUT_MS);
const url = process.env.DARTER_HEALTH_URL;
if (url === undefined) ping(Number(process.env.DARTER_HEALTH_PORT ?? 6379));
else askUrl(url).catch((error) => leave(1, error.message));
