/**
 * What the protocol costs on the data path: nanoseconds and heap bytes per command, for parsing
 * pipelines out of a 16 KiB receive buffer and for writing replies. Run with
 * `node dist/bench/micro/protocol.js`; it takes a few seconds.
 */
import { Region } from '../../src/base/region.js';
import { COMMAND, RequestParser } from '../../src/protocol/parser.js';
import { Reply } from '../../src/protocol/reply.js';
import { bytesAre } from '../../src/protocol/text.js';

const BUFFER_BYTES = 16 * 1024;
const ROUNDS = 7;
const COMMANDS_PER_ROUND = 1_000_000;

function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

/** A buffer full of whole commands: returns their bytes. */
function fill(region: Region, args: readonly string[]): number {
  const one = encode(args);
  const count = Math.floor(BUFFER_BYTES / one.length);
  region.bytes.set(Buffer.from(one.repeat(count)));
  return count * one.length;
}

/** Runs `work(commands)` a few times; prints the best round, as it is the least disturbed. */
function measure(name: string, work: (commands: number) => number): void {
  work(COMMANDS_PER_ROUND);
  let best = Infinity;
  let heap = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.memoryUsage().heapUsed;
    const start = process.hrtime.bigint();
    const done = work(COMMANDS_PER_ROUND);
    const nanoseconds = Number(process.hrtime.bigint() - start) / done;
    best = Math.min(best, nanoseconds);
    heap = Math.min(heap, Math.abs(process.memoryUsage().heapUsed - before) / done);
  }
  console.log(
    `${name.padEnd(44)} ${best.toFixed(1).padStart(7)} ns  ${heap.toFixed(2)} heap bytes`,
  );
}

const region = new Region(new SharedArrayBuffer(BUFFER_BYTES + 64), 0);
const parser = new RequestParser();

function parsing(name: string, args: readonly string[]): void {
  const end = fill(region, args);
  measure(`parse ${name}`, (commands) => {
    let done = 0;
    let position = 0;
    while (done < commands) {
      if (parser.parse(region, position, end) === COMMAND) {
        position = parser.position;
        done++;
      } else {
        position = 0;
      }
    }
    return done;
  });
}

function replying(name: string, write: (reply: Reply, i: number) => void): void {
  const reply = new Reply(new Region(new SharedArrayBuffer(64 * 1024), 0));
  measure(`reply ${name}`, (commands) => {
    for (let i = 0; i < commands; i++) {
      if (reply.position > 60_000) reply.position = 0;
      write(reply, i);
    }
    return commands;
  });
}

const key = 'key:00000012';
parsing('GET key', ['GET', key]);
parsing('SET key, 1 byte', ['SET', key, 'x']);
parsing('SET key, 100 bytes', ['SET', key, 'x'.repeat(100)]);
parsing('SET key, 1000 bytes', ['SET', key, 'x'.repeat(1000)]);
parsing('SET key value EX 100', ['SET', key, 'x'.repeat(20), 'EX', '100']);
parsing('HSET of 16 arguments', ['HSET', key, ...Array(14).fill('field')]);
measure('compare an option with five words', (commands) => {
  let hits = 0;
  const words = ['EX', 'PX', 'NX', 'XX', 'KEEPTTL'];
  region.bytes.set(Buffer.from('keepttl'), 100);
  for (let i = 0; i < commands; i++) {
    for (let word = 0; word < 5; word++) if (bytesAre(region, 100, 7, words[word]!)) hits++;
  }
  if (hits !== commands) throw new Error('the comparison is wrong');
  return commands;
});

const value = new Region(new SharedArrayBuffer(4096), 0);
replying('+OK', (reply) => reply.ok());
replying('small integer', (reply, i) => reply.integer(i & 63));
replying('integer of up to 7 digits', (reply, i) => reply.integer(i));
replying('bulk integer', (reply, i) => reply.bulkInteger(i));
replying('null', (reply) => reply.nullBulk());
replying('bulk of 10 bytes', (reply) => reply.bulk(value, 8, 10));
replying('bulk of 100 bytes', (reply) => reply.bulk(value, 8, 100));
