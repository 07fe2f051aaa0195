/**
 * What replicas of other versions say to their primary, replayed: hand-shakes, in the words and the order of
 * each version, and acknowledgements. Each gets an RDB and the stream, and counts as a replica.
 */
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { startNode, until } from '../replication/support.js';
import { encode } from '../support/client.js';
import { darterMissing } from '../support/server.js';

interface Version {
  /** Behind PING. */
  readonly handshake: readonly string[][];
  /** By offset. */
  readonly acknowledgement: (offset: number) => string[];
  /** Whether it tells that ids may change. */
  readonly takesNewIds: boolean;
}

const PORT = ['REPLCONF', 'listening-port', '7001'];
const CAPABILITIES = ['REPLCONF', 'capa', 'eof', 'capa', 'psync2'];
const plain = (offset: number) => ['REPLCONF', 'ACK', String(offset)];
const withDisk = (offset: number) => [...plain(offset), 'FACK', String(offset)];

const VERSIONS: Readonly<Record<string, Version>> = {
  'Redis 3.2': {
    handshake: [PORT, ['REPLCONF', 'capa', 'eof']],
    acknowledgement: plain,
    takesNewIds: false,
  },
  'Redis 6.0 to 7.0': {
    handshake: [PORT, ['REPLCONF', 'ip-address', '10.1.1.1'], CAPABILITIES],
    acknowledgement: plain,
    takesNewIds: true,
  },
  'Redis 7.2, Valkey 7.2': {
    handshake: [PORT, CAPABILITIES],
    acknowledgement: withDisk,
    takesNewIds: true,
  },
  'Valkey 8': {
    handshake: [PORT, [...CAPABILITIES, 'capa', 'dual-channel'], ['REPLCONF', 'version', '8.1.1']],
    acknowledgement: withDisk,
    takesNewIds: true,
  },
  'Redis 8': {
    handshake: [PORT, [...CAPABILITIES, 'capa', 'rdb-channel-repl']],
    acknowledgement: withDisk,
    takesNewIds: true,
  },
};

/** One that speaks for a replica: what comes is kept. */
class Replayed {
  received = '';

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
    });
    socket.on('error', () => {});
  }

  static async connect(port: number): Promise<Replayed> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    return new Replayed(socket);
  }

  say(words: readonly string[]): void {
    this.socket.write(encode([...words]));
  }

  /** Waits for what fits, and forgets it and what came before. */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    await until(`${pattern}`, () => pattern.test(this.received) || this.received);
    const found = pattern.exec(this.received)!;
    this.received = this.received.slice(found.index + found[0].length);
    return found;
  }

  async handshake(version: Version, place: readonly string[]): Promise<void> {
    this.say(['PING']);
    await this.expect(/^\+PONG\r\n/);
    for (const words of version.handshake) {
      this.say(words);
      await this.expect(/^\+OK\r\n/);
    }
    this.say(['PSYNC', ...place]);
  }

  /** Empty lines while it loads. */
  loads(): void {
    this.socket.write('\n\n');
  }

  close(): void {
    this.socket.destroy();
  }
}

describe('replicas of other versions', { skip: darterMissing() }, () => {
  test('they join, count and continue', async (t) => {
    await using primary = await startNode('--threads', '1');
    await primary.ask('SET', 'k', 'v');
    for (const [name, version] of Object.entries(VERSIONS))
      await t.test(name, async () => {
        const replica = await Replayed.connect(primary.port);
        await replica.handshake(version, ['?', '-1']);
        const [, id, start] = await replica.expect(/^\+FULLRESYNC ([0-9a-f]{40}) (\d+)\r\n/);
        const [, mark] = await replica.expect(/^\$EOF:([0-9a-f]{40})\r\nREDIS0010/);
        await replica.expect(new RegExp(`\\x00\\x01k\\x01v.*${mark}`, 's'));
        const offset = Number(start);
        replica.loads();
        replica.say(version.acknowledgement(offset));
        await until('it is online', async () =>
          /state=online/.test((await primary.info('slave0')) ?? ''),
        );
        await primary.ask('SET', 'later', 'v');
        await replica.expect(/\$5\r\nlater\r\n\$1\r\nv\r\n/);
        // What INFO shows may be a moment older than what was sent: as a replica does, it tells again.
        let end = 0;
        await until('it counts', async () => {
          end = Number(await primary.info('master_repl_offset'));
          replica.say(version.acknowledgement(end));
          return (await primary.ask('WAIT', '1', '100')) === '1';
        });
        replica.close();
        await until('it has left', async () => (await primary.info('connected_slaves')) === '0');
        const again = await Replayed.connect(primary.port);
        await again.handshake(version, [id!, String(end + 1)]);
        await again.expect(
          version.takesNewIds ? /^\+CONTINUE [0-9a-f]{40}\r\n/ : /^\+CONTINUE\r\n/,
        );
        again.close();
        await until('it has left', async () => (await primary.info('connected_slaves')) === '0');
      });
  });
});
