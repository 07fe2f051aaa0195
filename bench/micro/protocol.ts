/** The protocol on the data path: pipelines out of a 16 KiB receive buffer, and replies. */
import { Region } from '../../src/base/region.js';
import { COMMAND, RequestParser } from '../../src/protocol/parser.js';
import { Reply } from '../../src/protocol/reply.js';
import { argumentIs } from '../../src/protocol/text.js';
import { micro } from './harness.js';

const BUFFER_BYTES = 16 * 1024;
const key = 'key:00000012';

function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

const requests = new Region(new SharedArrayBuffer(BUFFER_BYTES), 0);
const parser = new RequestParser();

/** Parses a buffer full of this command, again and again. */
function parsing(name: string, args: readonly string[]): void {
  const one = encode(args);
  const text = one.repeat(Math.floor(BUFFER_BYTES / one.length));
  micro(`protocol: parse ${name}`, (iterations) => {
    requests.bytes.set(Buffer.from(text));
    let done = 0;
    let position = 0;
    while (done < iterations) {
      if (parser.parse(requests, position, text.length) === COMMAND) {
        position = parser.position;
        done++;
      } else {
        position = 0;
      }
    }
  });
}

parsing('GET', ['GET', key]);
parsing('SET of 1 byte', ['SET', key, 'x']);
parsing('SET of 100 bytes', ['SET', key, 'x'.repeat(100)]);
parsing('SET of 1000 bytes', ['SET', key, 'x'.repeat(1000)]);
parsing('SET key value EX 100', ['SET', key, 'x'.repeat(20), 'EX', '100']);
parsing('HSET of 16 arguments', ['HSET', key, ...Array<string>(14).fill('field')]);

const options = ['EX', 'PX', 'NX', 'XX', 'KEEPTTL'];
let found = 0;
micro('protocol: find an option among five', (iterations) => {
  const text = encode(['SET', key, 'x', 'keepttl']);
  requests.bytes.set(Buffer.from(text));
  parser.parse(requests, 0, text.length);
  for (let i = 0; i < iterations; i++) {
    for (let word = 0; word < 5; word++) if (argumentIs(parser.args, 3, options[word]!)) found++;
  }
});
if (found === 0) process.exitCode = 1;

const value = new Region(new SharedArrayBuffer(4096), 0);

function replying(name: string, write: (reply: Reply, i: number) => void): void {
  const reply = new Reply(new Region(new SharedArrayBuffer(64 * 1024), 0));
  micro(`protocol: reply ${name}`, (iterations) => {
    for (let i = 0; i < iterations; i++) {
      if (reply.position > 60_000) reply.position = 0;
      write(reply, i);
    }
  });
}

replying('+OK', (reply) => reply.ok());
replying('small integer', (reply, i) => reply.integer(i & 63));
replying('integer of up to 7 digits', (reply, i) => reply.integer(i % 10_000_000));
replying('bulk integer', (reply, i) => reply.bulkInteger(i % 10_000_000));
replying('null', (reply) => reply.nullBulk());
replying('bulk of 10 bytes', (reply) => reply.bulk(value, 8, 10));
replying('bulk of 100 bytes', (reply) => reply.bulk(value, 8, 100));
