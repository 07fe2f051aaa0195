/**
 * The slow log: commands that took longer than slowlog-log-slower-than. Every thread keeps those it
 * ran, at most slowlog-max-len; readers gather them, and ids drawn from the control block put them
 * in order.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { toBinary } from '../../base/region.js';
import type { CommandDefinition } from '../../commands/contract/definition.js';
import type { SlowLogEntry, SlowLogPort } from '../../commands/contract/server-port.js';
import type { Session } from '../../commands/contract/session.js';
import type { ControlBlock } from '../../memory/control.js';
import type { IoGatherer } from '../channel/io-io.js';
import { SLOW_LOG_IDS } from '../channel/process-figures.js';
import type { SlowLogFigures } from '../channel/thread-report.js';

/** An entry keeps this many arguments, the last of them telling how many more there were. */
export const ARGUMENTS_MAX = 32;
export const ARGUMENT_BYTES_MAX = 128;
const REDACTED = '(redacted)';
/** Its arguments tell how a user logs in. Names alone are shown, as in Redis. */
const WITH_PASSWORDS = 'acl|setuser';
const SECRET_DIRECTIVES = [
  'requirepass',
  'masterauth',
  'masteruser',
  'tls-key-file-pass',
  'tls-client-key-file-pass',
];

/** What the log needs to know of a command. */
export interface NotedCommand {
  readonly fullName: string;
  readonly isSecret?: CommandDefinition['isSecret'] | undefined;
}

export class SlowLog implements SlowLogPort {
  /** slowlog-log-slower-than: commands that took this long are noted; below 0 none is. */
  thresholdMicroseconds = 10_000;
  /** Newest last. */
  private local: SlowLogEntry[] = [];
  private capacity = 128;

  constructor(
    private readonly gatherer: IoGatherer,
    private readonly control: ControlBlock,
  ) {
    gatherer.answers('slow-log-entries', () => this.local);
    gatherer.answers('slow-log-reset', () => {
      this.local = [];
      return null;
    });
  }

  /** slowlog-max-len */
  set maximumLength(length: number) {
    this.capacity = length;
    this.trim();
  }

  /**
   * Notes a command that took as long as the threshold or longer.
   *
   * @param command as it was defined, whatever name the client used
   */
  note(
    command: NotedCommand,
    args: ArgumentVector,
    microseconds: number,
    session: Session,
    nowMs: number,
  ): void {
    if (this.thresholdMicroseconds < 0 || microseconds < this.thresholdMicroseconds) return;
    if (this.capacity === 0) return;
    this.local.push({
      id: this.control.next(SLOW_LOG_IDS),
      timeSeconds: Math.floor(nowMs / 1000),
      microseconds: Math.round(microseconds),
      args: shortened(command, args),
      address: session.address,
      clientName: session.name,
    });
    this.trim();
  }

  /** Of this thread. */
  get figures(): SlowLogFigures {
    const newest = this.local.at(-1);
    const { length } = this.local;
    return { length, lastId: newest?.id ?? -1, lastMicroseconds: newest?.microseconds ?? 0 };
  }

  entries(): readonly SlowLogEntry[] {
    const entries = this.gatherer.gather('slow-log-entries', null).flat();
    return entries.sort((one, other) => other.id - one.id).slice(0, this.capacity);
  }

  reset(): void {
    this.gatherer.gather('slow-log-reset', null);
  }

  private trim(): void {
    const surplus = this.local.length - this.capacity;
    if (surplus > 0) this.local.splice(0, surplus);
  }
}

function shortened(command: NotedCommand, args: ArgumentVector): string[] {
  const words: string[] = [];
  const whole = args.count <= ARGUMENTS_MAX ? args.count : ARGUMENTS_MAX - 1;
  for (let i = 0; i < whole; i++) {
    const length = args.length[i]!;
    const shown = Math.min(length, ARGUMENT_BYTES_MAX);
    const word = toBinary(args.region, args.offset[i]!, shown);
    words.push(length > shown ? `${word}... (${length - shown} more bytes)` : word);
  }
  redact(command, args, words);
  if (whole < args.count) words.push(`... (${args.count - whole} more arguments)`);
  return words;
}

/** Takes passwords out. */
function redact({ fullName, isSecret }: NotedCommand, args: ArgumentVector, words: string[]): void {
  if (fullName === WITH_PASSWORDS) words.fill(REDACTED, 2);
  for (let i = 1; i < words.length; i++) if (isSecret?.(args, i)) words[i] = REDACTED;
  if (fullName === 'config|set') {
    for (let i = 2; i + 1 < words.length; i += 2) {
      if (SECRET_DIRECTIVES.includes(words[i]!.toLowerCase())) words[i + 1] = REDACTED;
    }
  }
}
