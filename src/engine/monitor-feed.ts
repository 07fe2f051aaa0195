/**
 * What MONITOR shows: a line for each command that has run, in Redis's format:
 *
 *     +1700000000.123456 [0 127.0.0.1:50000] "set" "key" "value"
 *     +1700000000.123456 [0 lua] "set" "key" "value"                 by a script
 *
 * Lines are written while the command holds its locks and wait here until these are given back. They
 * travel as messages to the clients that watch, on whatever thread they are.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { ByteQueue } from '../base/byte-queue.js';
import { MONITOR } from '../commands/contract/pubsub-port.js';
import { ByteRange } from './pubsub/message.js';
import type { Publisher } from './pubsub/publisher.js';
import { type RegisteredCommand, TRAIT_UNWATCHED } from './registry.js';

const INITIAL_BYTES = 4096;
/** More than this does not wait, but for one line. */
const WAITING_BYTES_MAX = 1 << 20;
/** What is shown of one argument. */
export const SHOWN_BYTES_MAX = 1 << 20;
const LENGTH_BYTES = 4;
/** A byte takes four when it is written in hexadecimal. */
const ESCAPED_BYTES = 4;
const QUOTE = 34;
const BACKSLASH = 92;
const LETTER_X = 120;
const HEXADECIMAL = '0123456789abcdef';
/** Bytes with a letter of their own after a backslash. */
const LETTERS = new Map([...'\u0007a\bb\tt\nn\rr'].reduce<[number, number][]>(pairUp, []));

function pairUp(pairs: [number, number][], char: string, i: number, all: string[]): typeof pairs {
  if (i % 2 === 0) pairs.push([char.charCodeAt(0), all[i + 1]!.charCodeAt(0)]);
  return pairs;
}

/** Who sent a command. */
export interface MonitoredClient {
  readonly address: string;
  readonly database: number;
}

export class MonitorFeed {
  isPending = false;
  /** The commands that run are a script's. */
  isInScript = false;
  /** Publishes; set in the wiring. */
  publisher: Publisher | null = null;
  private readonly lines = new ByteQueue(INITIAL_BYTES, WAITING_BYTES_MAX * 2);
  private readonly name = new ByteRange(this.lines.region);
  private readonly line = new ByteRange(this.lines.region);

  /** Writes the line of a command that has run. */
  note(command: RegisteredCommand, args: ArgumentVector, client: MonitoredClient): void {
    if ((command.traits & TRAIT_UNWATCHED) === 0) this.write(command, args, client);
  }

  /** The same for one that runs a script: its line comes before those of the script's commands. */
  noteScript(command: RegisteredCommand, args: ArgumentVector, client: MonitoredClient): void {
    this.write(command, args, client);
  }

  /** Where the next line will be, for `rewind`. */
  get mark(): number {
    return this.lines.used;
  }

  /** Drops the lines since a mark, as far as they wait: what they tell of starts over. */
  rewind(mark: number): void {
    this.lines.used = Math.min(this.lines.used, mark);
    this.isPending = this.lines.used > 0;
  }

  private write(command: RegisteredCommand, args: ArgumentVector, client: MonitoredClient): void {
    const { lines } = this;
    if (lines.used > WAITING_BYTES_MAX) this.flush();
    const begin = lines.used;
    lines.appendWord(0);
    lines.appendText(
      `+${timestamp()} [${client.database} ${this.isInScript ? 'lua' : client.address}]`,
    );
    for (let i = 0; i < args.count; i++) {
      const isSecret = command.isSecret?.(args, i) ?? false;
      if (isSecret) lines.appendText(' "(redacted)"');
      else this.quoted(args, i);
    }
    lines.appendText('\r\n');
    lines.region.view.setInt32(begin, lines.used - begin - LENGTH_BYTES, true);
    this.isPending = true;
  }

  private quoted(args: ArgumentVector, index: number): void {
    const length = args.length[index]!;
    const shown = Math.min(length, SHOWN_BYTES_MAX);
    const from = args.offset[index]!;
    const { lines } = this;
    lines.appendText(' "');
    lines.reserve(shown * ESCAPED_BYTES);
    const source = args.region.bytes;
    for (let i = from; i < from + shown; i++) this.escaped(source[i]!);
    lines.appendText(length > shown ? `... (${length - shown} more bytes)"` : '"');
  }

  private escaped(byte: number): void {
    const { lines } = this;
    const { bytes } = lines.region;
    const letter = LETTERS.get(byte);
    if (byte === QUOTE || byte === BACKSLASH || letter !== undefined) {
      bytes[lines.used++] = BACKSLASH;
      bytes[lines.used++] = letter ?? byte;
    } else if (byte >= 0x20 && byte < 0x7f) {
      bytes[lines.used++] = byte;
    } else {
      bytes[lines.used++] = BACKSLASH;
      bytes[lines.used++] = LETTER_X;
      bytes[lines.used++] = HEXADECIMAL.charCodeAt(byte >>> 4);
      bytes[lines.used++] = HEXADECIMAL.charCodeAt(byte & 15);
    }
  }

  /** Sends all lines that wait. */
  flush(): void {
    const { lines, name, line, publisher } = this;
    const { region, used } = lines;
    this.isPending = false;
    name.set(region, 0, 0);
    try {
      for (let at = 0; at < used; at += LENGTH_BYTES + line.length) {
        line.set(region, at + LENGTH_BYTES, region.view.getInt32(at, true));
        publisher?.send(MONITOR, name, line);
      }
    } finally {
      lines.clear();
    }
  }
}

/** Seconds since 1970 with six decimals. */
function timestamp(): string {
  const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  const seconds = Math.floor(microseconds / 1e6);
  return `${seconds}.${String(microseconds - seconds * 1e6).padStart(6, '0')}`;
}
