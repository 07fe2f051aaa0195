/**
 * Requests and replies of hundreds of MiB: no argument becomes a string that V8 does not have, no
 * total passes what offsets can tell, and no byte of a value is taken for a command.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { freemem } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { bytesOf } from '../support/bytes.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const MEBIBYTE = 1 << 20;
const ARGUMENT_BYTES = 512 * MEBIBYTE;
const NEEDED_BYTES = 8 * 1024 * MEBIBYTE;
const PIECE = Buffer.alloc(16 * MEBIBYTE, 'x');

function reasonToSkip(): string | false {
  if (freemem() < NEEDED_BYTES) return 'needs 8 GiB of free memory';
  return darterMissing();
}

/** A connection whose writes wait until the server has taken them. */
class Giant {
  private readonly socket: Socket;
  private readonly ended: Promise<void>;
  private text = '';
  received = 0;
  isClosed = false;
  private arrived: () => void = () => {};

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (bytes) => {
      this.received += bytes.length;
      if (this.text.length < 4096) this.text += bytes.subarray(0, 4096).toString('latin1');
      this.arrived();
    });
    this.ended = new Promise((resolve) => {
      this.socket.on('error', () => {});
      this.socket.on('close', () => {
        this.isClosed = true;
        this.arrived();
        resolve();
      });
    });
  }

  async write(bytes: string | Buffer): Promise<void> {
    if (this.isClosed) return;
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (this.socket.write(bytesOf(buffer))) return;
    const drained = new Promise<void>((resolve) => {
      this.socket.once('drain', resolve);
    });
    await Promise.race([drained, this.ended]);
  }

  /** A bulk of so many bytes, the first of them these. */
  async bulk(length: number, begin = ''): Promise<void> {
    await this.write(`$${length}\r\n${begin}`);
    for (let left = length - begin.length; left > 0 && !this.isClosed; ) {
      const part = Math.min(left, PIECE.length);
      await this.write(PIECE.subarray(0, part));
      left -= part;
    }
    await this.write('\r\n');
  }

  /** A command whose last argument is a giant. */
  async command(words: readonly string[], length: number): Promise<void> {
    const bulks = words.map((word) => `$${word.length}\r\n${word}\r\n`).join('');
    await this.write(`*${words.length + 1}\r\n${bulks}`);
    await this.bulk(length);
  }

  /** The next reply's first line, at most 4096 bytes of it. */
  async line(): Promise<string> {
    while (!this.text.includes('\r\n') && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.arrived = resolve;
      });
    }
    const line = this.text.slice(0, this.text.indexOf('\r\n'));
    this.text = '';
    return line;
  }

  async untilReceived(count: number): Promise<void> {
    while (this.received < count && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.arrived = resolve;
      });
    }
  }

  close(): Promise<void> {
    this.socket.destroy();
    return this.ended;
  }

  /** Until the server has closed the connection. */
  end(): Promise<void> {
    return this.ended;
  }
}

describe('giant requests and replies', { skip: reasonToSkip() }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter({ threads: 2 });
  });
  after(() => server.stop());

  /** Each thread answers, and knows of all clients. */
  async function unharmed(): Promise<void> {
    const answers = async () => /cmd=client\|list/.test(await server.ask('CLIENT', 'LIST'));
    // A thread that fills gigabytes on a busy machine answers the others late.
    for (let i = 0; i < 8; i++) await until('every thread answers', answers);
    assert.ok(server.alive);
  }

  test('an argument of 512 MiB in a command that quotes, compares or keeps its arguments', async () => {
    const quoted = 'x'.repeat(128);
    const cases: [words: string[], answer: RegExp][] = [
      [['NOSUCH'], new RegExp(`^-ERR unknown command 'NOSUCH', with args .*: '${quoted}' $`)],
      [['CONFIG', 'SET', 'maxmemory'], /^-ERR argument is too long/],
      [['COMMAND', 'GETKEYS', 'GET'], /^\*1$/],
    ];
    const giant = new Giant(server.port);
    for (const [words, answer] of cases) {
      await giant.command(words, ARGUMENT_BYTES);
      assert.match(await giant.line(), answer, words.join(' '));
      // What is left of a bulk reply.
      if (words[1] === 'GETKEYS') await giant.untilReceived(ARGUMENT_BYTES);
    }
    await giant.close();
    await unharmed();
  });

  test('a command name of 512 MiB', async () => {
    const giant = new Giant(server.port);
    await giant.command([], ARGUMENT_BYTES);
    assert.match(await giant.line(), /^-ERR unknown command 'x{128}', with args beginning with: $/);
    await giant.close();
    await unharmed();
  });

  test('a command of more than 2 GiB is refused, and nothing inside its values runs', async () => {
    const giant = new Giant(server.port);
    await giant.write('*11\r\n$4\r\nMSET\r\n');
    const smuggled = '*3\r\n$3\r\nSET\r\n$8\r\nsmuggled\r\n$3\r\nyes\r\n'.repeat(1000);
    for (let i = 0; i < 5; i++) {
      await giant.write(`$2\r\nk${i}\r\n`);
      await giant.bulk(500 * MEBIBYTE, smuggled);
    }
    assert.match(await giant.line(), /^-ERR Protocol error: a command may have \d+ bytes in all$/);
    await giant.end();
    assert.equal(await server.ask('EXISTS', 'smuggled', 'k0', 'k4'), '0');
    await unharmed();
  });

  test('forty replies of 64 MiB to one pipeline arrive whole', async () => {
    const bytes = 64 * MEBIBYTE;
    const giant = new Giant(server.port);
    await giant.command(['SET', 'large'], bytes);
    assert.equal(await giant.line(), '+OK');
    await giant.write('*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n'.repeat(40));
    await giant.write('*1\r\n$4\r\nPING\r\n');
    const expected =
      '+OK\r\n'.length + 40 * (`$${bytes}\r\n\r\n`.length + bytes) + '+PONG\r\n'.length;
    await giant.untilReceived(expected);
    assert.equal(giant.received, expected);
    await giant.close();
    assert.equal(await server.ask('DEL', 'large'), '1');
    await unharmed();
  });

  test('a reply of more than 2 GiB is an error of its own', async () => {
    const giant = new Giant(server.port);
    await giant.command(['SET', 'large'], 256 * MEBIBYTE);
    assert.equal(await giant.line(), '+OK');
    await giant.write(`*10\r\n$4\r\nMGET\r\n${'$5\r\nlarge\r\n'.repeat(9)}`);
    assert.equal(await giant.line(), '-ERR a reply may have 2 GiB');
    await giant.close();
    assert.equal(await server.ask('DEL', 'large'), '1');
    await unharmed();
  });

  test('a client that pipelines behind WAIT is closed at client-query-buffer-limit', async () => {
    await server.ask('CONFIG', 'SET', 'client-query-buffer-limit', '64mb');
    const before = server.residentBytes();
    const giant = new Giant(server.port);
    await giant.write('*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n');
    for (let i = 0; i < 1000 && !giant.isClosed; i++) {
      await giant.command(['SET', 'k'], MEBIBYTE);
    }
    assert.ok(giant.isClosed);
    assert.ok(server.residentBytes() - before < 200 * MEBIBYTE);
    await server.logged(/Closing client that reached max query buffer length: id=\d+ addr=/);
    await server.ask('CONFIG', 'SET', 'client-query-buffer-limit', '1gb');
    await unharmed();
  });
});
