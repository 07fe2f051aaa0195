/**
 * Writes of keys of all types, as fast as a server takes them: what fills a cache beyond its limit. Each
 * write makes a key of its own that expires in some time, so that every policy finds victims. Batches
 * are encoded beforehand, and only the digits of their keys change.
 *
 *   batch   |SET k0000000000 <value> EX 4711|HSET k0000000001 f0 <value> ...|EXPIRE k0000000001 815| ...
 *
 * An error is a reply like any other here: under noeviction most writes are refused.
 */
import { connect, type Socket } from 'node:net';
import { Latencies } from './latencies.js';
import { nextRandom, patchDigits, valueText } from './workload.js';

export interface WritesOptions {
  readonly port: number;
  readonly connections: number;
  /** Writes of a batch. A batch is sent when the one before is answered. */
  readonly pipeline: number;
  /** How much is sent in all. */
  readonly bytes: number;
  readonly seed: number;
}

export interface WritesResult {
  readonly writes: number;
  readonly seconds: number;
  /** Error replies. */
  readonly refused: number;
  /** From a batch's sending to its last reply, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

const KEY = 'k0000000000';
const DIGITS = KEY.length - 1;
const BATCHES = 32;
const VALUE_BYTES_MAX = 2000;
const LARGE_BYTES_MAX = 40_000;
const ELEMENTS_MAX = 60;
/** More than any encoding for small collections holds. */
const MANY_ELEMENTS = 600;
const ELEMENT_BYTES_MAX = 60;
const READ_BUFFER_BYTES = 64 * 1024;
const LINE_FEED = 10;
const DOLLAR = 36;
const MINUS = 45;

class Random {
  constructor(private state: number) {}

  below(count: number): number {
    this.state = nextRandom(this.state);
    return (this.state >>> 0) % count;
  }
}

function someValue(random: Random, bytesMax: number): string {
  return valueText(random.below(1_000_000), 1 + random.below(bytesMax));
}

/** The words that follow one another in a collection. */
function elements(random: Random, words: (index: number) => string[]): string[] {
  const count = random.below(16) === 0 ? MANY_ELEMENTS : 1 + random.below(ELEMENTS_MAX);
  return Array.from({ length: count }, (_, index) => words(index)).flat();
}

/** Commands that make the key. */
function write(random: Random): string[][] {
  const element = () => someValue(random, ELEMENT_BYTES_MAX);
  const seconds = String(1000 + random.below(100_000));
  const expire = ['EXPIRE', KEY, seconds];
  switch (random.below(10)) {
    case 0:
      return [['HSET', KEY, ...elements(random, (i) => [`f${i}`, element()])], expire];
    case 1:
      return [['RPUSH', KEY, ...elements(random, () => [element()])], expire];
    case 2:
      return [['SADD', KEY, ...elements(random, (i) => [`${i}:${element()}`])], expire];
    case 3:
      return [['ZADD', KEY, ...elements(random, (i) => [`${i}`, `${i}:${element()}`])], expire];
    case 4:
      return [['XADD', KEY, '*', 'field', someValue(random, VALUE_BYTES_MAX)], expire];
    case 5:
      return [['SET', KEY, someValue(random, LARGE_BYTES_MAX), 'EX', seconds]];
    default:
      return [['SET', KEY, someValue(random, VALUE_BYTES_MAX), 'EX', seconds]];
  }
}

interface WriteBatch {
  readonly bytes: Buffer;
  readonly replies: number;
  /** Of each write: where the digits of its key are. */
  readonly digitOffsets: readonly (readonly number[])[];
}

function encodeWrites(random: Random, pipeline: number): WriteBatch {
  const pieces: string[] = [];
  const digitOffsets: number[][] = [];
  let length = 0;
  let replies = 0;
  for (let i = 0; i < pipeline; i++) {
    const offsets: number[] = [];
    for (const words of write(random)) {
      replies++;
      let text = `*${words.length}\r\n`;
      for (const word of words) {
        text += `$${word.length}\r\n`;
        if (word === KEY) offsets.push(length + text.length + 1);
        text += `${word}\r\n`;
      }
      pieces.push(text);
      length += text.length;
    }
    digitOffsets.push(offsets);
  }
  return { bytes: Buffer.from(pieces.join(''), 'latin1'), replies, digitOffsets };
}

/** Counts replies that are a line, or a bulk without line feeds. */
class ReplyLines {
  errors = 0;
  private isAtStart = true;
  private isLength = false;
  private isContent = false;

  /** @returns how many replies ended in the bytes */
  feed(bytes: Uint8Array, length: number): number {
    let whole = 0;
    for (let i = 0; i < length; i++) {
      const byte = bytes[i]!;
      if (this.isAtStart) this.beginLine(byte);
      this.isAtStart = byte === LINE_FEED;
      if (!this.isAtStart) continue;
      this.isContent = this.isLength;
      if (!this.isLength) whole++;
      this.isLength = false;
    }
    return whole;
  }

  private beginLine(byte: number): void {
    if (this.isContent) return;
    if (byte === MINUS) this.errors++;
    else if (byte === DOLLAR) this.isLength = true;
  }
}

class Writer {
  private readonly lines = new ReplyLines();
  private readonly batches: WriteBatch[];
  private next = 0;
  private awaited = 0;
  private sentMs = 0;
  private ended = (): void => {};

  private constructor(
    private readonly socket: Socket,
    private readonly run: WritesRun,
    random: Random,
  ) {
    const { pipeline } = run.options;
    this.batches = Array.from({ length: BATCHES }, () => encodeWrites(random, pipeline));
  }

  static open(run: WritesRun, random: Random): Promise<Writer> {
    return new Promise((resolve, reject) => {
      const buffer = new Uint8Array(READ_BUFFER_BYTES);
      const socket = connect({
        ...{ host: '127.0.0.1', port: run.options.port, noDelay: true },
        onread: {
          buffer,
          callback: (length: number, bytes: Uint8Array) => writer.take(bytes, length),
        },
      });
      const writer = new Writer(socket, run, random);
      socket.once('connect', () => resolve(writer));
      socket.on('error', reject);
    });
  }

  get errors(): number {
    return this.lines.errors;
  }

  /** Resolves when enough has been sent and all of it is answered. */
  writeAll(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.ended = resolve;
      this.socket.once('close', () => reject(new Error('the server closed a connection')));
      this.send();
    });
  }

  private send(): void {
    const batch = this.batches[this.next]!;
    this.next = (this.next + 1) % BATCHES;
    for (const offsets of batch.digitOffsets) {
      const key = this.run.keys++;
      for (const offset of offsets) patchDigits(batch.bytes, offset, DIGITS, key);
    }
    this.run.sent += batch.bytes.length;
    this.awaited = batch.replies;
    this.sentMs = performance.now();
    this.socket.write(batch.bytes);
  }

  private take(bytes: Uint8Array, length: number): boolean {
    this.awaited -= this.lines.feed(bytes, length);
    if (this.awaited > 0) return true;
    this.run.latencies.record(performance.now() - this.sentMs, 1);
    if (this.run.sent < this.run.options.bytes) {
      this.send();
      return true;
    }
    this.socket.removeAllListeners('close');
    this.socket.destroy();
    this.ended();
    return false;
  }
}

class WritesRun {
  readonly latencies = new Latencies();
  sent = 0;
  keys = 0;

  constructor(readonly options: WritesOptions) {}

  async run(): Promise<WritesResult> {
    const { connections, seed } = this.options;
    const opening = Array.from({ length: connections }, (_, i) =>
      Writer.open(this, new Random((seed + i * 2) | 1)),
    );
    const writers = await Promise.all(opening);
    const begunMs = performance.now();
    await Promise.all(writers.map((writer) => writer.writeAll()));
    const { latencies } = this;
    return {
      writes: this.keys,
      seconds: (performance.now() - begunMs) / 1000,
      refused: writers.reduce((sum, { errors }) => sum + errors, 0),
      p50: latencies.percentile(50),
      p99: latencies.percentile(99),
      p999: latencies.percentile(99.9),
    };
  }
}

export function runWrites(options: WritesOptions): Promise<WritesResult> {
  return new WritesRun(options).run();
}
