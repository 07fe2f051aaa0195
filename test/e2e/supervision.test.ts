/** `supervised systemd`: a real datagram socket hears what systemd would. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { darterMissing, programMissing, startDarter, testsDarter } from '../support/server.js';
import { until } from '../support/until.js';

/** Prints each datagram as a line of JSON. */
const LISTENER = `
import json, socket, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + path[1:] if path[0] == '@' else path)
print(json.dumps('bound'), flush=True)
while True:
    print(json.dumps(s.recv(4096).decode()), flush=True)
`;

class NotifySocket {
  readonly messages: string[] = [];
  private text = '';

  private constructor(child: ChildProcess) {
    child.stdout!.on('data', (bytes: Buffer) => {
      const lines = (this.text + bytes.toString()).split('\n');
      this.text = lines.pop()!;
      for (const line of lines) this.messages.push(JSON.parse(line) as string);
    });
  }

  static async open(t: TestContext, path: string): Promise<NotifySocket> {
    const child = spawn('python3', ['-c', LISTENER, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill());
    const socket = new NotifySocket(child);
    await socket.hears('bound');
    return socket;
  }

  async hears(...expected: string[]): Promise<void> {
    await until(`${expected.length} messages`, () => {
      return this.messages.length >= expected.length || this.messages.join('');
    });
    assert.deepEqual(this.messages.splice(0), expected);
  }
}

const skip =
  darterMissing() || programMissing('python3') || (testsDarter ? false : 'the texts are ours');

describe('supervised systemd', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'darter-notify-'));

  for (const [directive, path] of [
    ['systemd', join(directory, 'notify.sock')],
    ['auto', `@darter-notify-${process.pid}`],
  ] as const) {
    test(`supervised ${directive}, socket ${path[0]}...`, async (t) => {
      const socket = await NotifySocket.open(t, path);
      const env = { NOTIFY_SOCKET: path };
      const server = await startDarter({ threads: 1, args: ['--supervised', directive], env });
      t.after(() => server.stop());
      await socket.hears(
        'STATUS=Darter is loading...\n',
        'STATUS=Ready to accept connections\n',
        'READY=1\n',
      );
      assert.equal(await server.info('process_supervised'), 'systemd');
      const primary = await startDarter({ threads: 1 });
      t.after(() => primary.stop());
      await server.ask('REPLICAOF', '127.0.0.1', String(primary.port));
      await socket.hears(
        'STATUS=MASTER <-> REPLICA sync: Finished with success. Ready to accept connections in ' +
          'read-write mode.\n',
      );
      await server.stop();
      await socket.hears('STOPPING=1\n');
    });
  }

  test('without a socket the server starts all the same, and says so', async (t) => {
    const server = await startDarter({ threads: 1, args: ['--supervised', 'systemd'] });
    t.after(() => server.stop());
    await server.logged(/systemd supervision error: NOTIFY_SOCKET not found!/);
    assert.equal(await server.info('process_supervised'), 'no');
    rmSync(directory, { recursive: true });
  });
});
