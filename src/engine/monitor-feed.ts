/**
 * What MONITOR shows: a line for each command that has run, in Redis's format:
 *
 *     +1700000000.123456 [0 127.0.0.1:50000] "set" "key" "value"
 *
 * Lines are written while the command holds its locks and wait here until these are given back. They
 * travel as messages to the clients that watch, on whatever thread they are.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
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
  /** Publishes; set in the wiring. */
  publisher: Publisher | null = null;
  private region = newRegion(INITIAL_BYTES);
  private used = 0;
  private readonly name = new ByteRange(this.region);
  private readonly line = new ByteRange(this.region);

  /** Writes the line of a command that has run. */
  note(command: RegisteredCommand, args: ArgumentVector, client: MonitoredClient): void {
    if ((command.traits & TRAIT_UNWATCHED) !== 0) return;
    if (this.used > WAITING_BYTES_MAX) this.flush();
    const begin = this.used;
    this.used += LENGTH_BYTES;
    this.text(`+${timestamp()} [${client.database} ${client.address}]`);
    for (let i = 0; i < args.count; i++) {
      const isSecret = command.isSecret?.(args, i) ?? false;
      if (isSecret) this.text(' "(redacted)"');
      else this.quoted(args, i);
    }
    this.text('\r\n');
    this.region.view.setInt32(begin, this.used - begin - LENGTH_BYTES, true);
    this.isPending = true;
  }

  private text(text: string): void {
    const { used } = this;
    this.region = withRoom(this.region, used, used + text.length);
    const { bytes } = this.region;
    for (let i = 0; i < text.length; i++) bytes[used + i] = text.charCodeAt(i);
    this.used = used + text.length;
  }

  private quoted(args: ArgumentVector, index: number): void {
    const length = args.length[index]!;
    const shown = Math.min(length, SHOWN_BYTES_MAX);
    const from = args.offset[index]!;
    this.text(' "');
    this.region = withRoom(this.region, this.used, this.used + shown * ESCAPED_BYTES);
    const source = args.region.bytes;
    for (let i = from; i < from + shown; i++) this.escaped(source[i]!);
    this.text(length > shown ? `... (${length - shown} more bytes)"` : '"');
  }

  private escaped(byte: number): void {
    const { bytes } = this.region;
    const letter = LETTERS.get(byte);
    if (byte === QUOTE || byte === BACKSLASH || letter !== undefined) {
      bytes[this.used++] = BACKSLASH;
      bytes[this.used++] = letter ?? byte;
    } else if (byte >= 0x20 && byte < 0x7f) {
      bytes[this.used++] = byte;
    } else {
      bytes[this.used++] = BACKSLASH;
      bytes[this.used++] = LETTER_X;
      bytes[this.used++] = HEXADECIMAL.charCodeAt(byte >>> 4);
      bytes[this.used++] = HEXADECIMAL.charCodeAt(byte & 15);
    }
  }

  /** Sends all lines that wait. */
  flush(): void {
    const { used, region, name, line, publisher } = this;
    this.isPending = false;
    this.used = 0;
    name.set(region, 0, 0);
    for (let at = 0; at < used; at += LENGTH_BYTES + line.length) {
      line.set(region, at + LENGTH_BYTES, region.view.getInt32(at, true));
      publisher?.send(MONITOR, name, line);
    }
    if (region.length <= WAITING_BYTES_MAX * 2) return;
    giveBack(region);
    this.region = newRegion(INITIAL_BYTES);
  }
}

/** Seconds since 1970 with six decimals. */
function timestamp(): string {
  const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  const seconds = Math.floor(microseconds / 1e6);
  return `${seconds}.${String(microseconds - seconds * 1e6).padStart(6, '0')}`;
}
