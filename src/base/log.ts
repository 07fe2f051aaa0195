/**
 * The log, in the form of Redis's, which people's tools already read:
 *
 *   4711:M 22 Nov 2026 23:15:53.587 * Ready to accept connections
 *   pid  role                       level
 *
 * A Log only filters and formats; where the lines go is its sink's business. The main thread's
 * sink is a LogFile, a worker's sends the line to the main thread.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';
/** M primary, S replica, C a child or the start of the process. */
export type LogRole = 'M' | 'S' | 'C';

/** Longer messages are cut, whatever they quote. The stack of an exception is shorter. */
export const MESSAGE_CHARACTERS_MAX = 16 * 1024;

/** What a terminal would obey: C0 but tabs and line ends, DEL and C1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Messages quote what clients and peers send: it can neither steer a terminal nor begin a line of its own. */
function safeText(message: string): string {
  return message.replace(CONTROLS, '?').replace(/\n(?! )/g, '\n  ');
}

const LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];
const LEVEL_SIGNS: Readonly<Record<LogLevel, string>> = {
  debug: '.',
  verbose: '-',
  notice: '*',
  warning: '#',
};
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `22 Nov 2026 23:15:53.587`, local time. */
export function formatLogTime(timeMs: number): string {
  const time = new Date(timeMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${two(time.getDate())} ${MONTHS[time.getMonth()]} ${time.getFullYear()}`;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${day} ${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** Shows on a terminal how far something is, in place of lines. */
export interface ProgressBar {
  /** @param owner whose it is; a null text ends it */
  show(owner: object, text: string | null): void;
}

export class Log {
  level: LogLevel = 'notice';
  role: LogRole = 'M';
  /** Where the log goes to a terminal. */
  bar: ProgressBar | null = null;
  private readonly pid: number;
  private readonly now: () => number;

  /** @param sink takes a line without its line end */
  constructor(
    private readonly sink: (line: string) => void,
    options: { readonly pid?: number; readonly now?: () => number } = {},
  ) {
    this.pid = options.pid ?? process.pid;
    this.now = options.now ?? Date.now;
  }

  write(level: LogLevel, message: string): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.level)) return;
    const time = formatLogTime(this.now());
    const isCut = message.length > MESSAGE_CHARACTERS_MAX;
    const text = safeText(isCut ? `${message.slice(0, MESSAGE_CHARACTERS_MAX)}...` : message);
    this.sink(`${this.pid}:${this.role} ${time} ${LEVEL_SIGNS[level]} ${text}`);
  }

  /** A line that another thread's log has made. */
  line(text: string): void {
    this.sink(text);
  }

  debug(message: string): void {
    this.write('debug', message);
  }

  verbose(message: string): void {
    this.write('verbose', message);
  }

  notice(message: string): void {
    this.write('notice', message);
  }

  warning(message: string): void {
    this.write('warning', message);
  }
}

const STANDARD_OUTPUT = 1;

/** Where log lines end: a file that is appended to, or standard output when its path is ''. */
export class LogFile {
  private file: number;

  /** @throws the system's error when the file cannot be opened */
  constructor(private readonly path: string) {
    this.file = open(path);
  }

  write(line: string): void {
    this.writeText(`${line}\n`);
  }

  /** A log that cannot be written must not stop the server: errors are dropped. */
  writeText(text: string): void {
    try {
      writeSync(this.file, text);
    } catch {
      // A full disk or a closed pipe.
    }
  }

  /** Begins a new file of the same path, after the old one was moved away (logrotate). */
  reopen(): void {
    if (this.path === '') return;
    const next = open(this.path);
    closeSync(this.file);
    this.file = next;
  }

  close(): void {
    if (this.path !== '') closeSync(this.file);
  }
}

function open(path: string): number {
  return path === '' ? STANDARD_OUTPUT : openSync(path, 'a');
}
