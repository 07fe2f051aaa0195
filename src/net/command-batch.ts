/**
 * The commands at the beginning of a pipeline, parsed before the first of them runs: so the dispatcher
 * can look ahead at their keys. Nothing is copied; the batch is good until the region's bytes go.
 */
import { AHEAD_MAX } from '../base/limits.js';
import type { Region } from '../base/region.js';
import { Arguments, COMMAND, type RequestParser } from '../protocol/parser.js';

const STAR = 0x2a;

export class CommandBatch {
  readonly commands: readonly Arguments[] = Array.from(
    { length: AHEAD_MAX },
    () => new Arguments(),
  );
  /** Where each command begins and ends in the region. */
  readonly starts = new Int32Array(AHEAD_MAX);
  readonly ends = new Int32Array(AHEAD_MAX);
  count = 0;
  /** What the parser said last: anything but COMMAND is about the bytes behind the batch. */
  status = COMMAND;

  /**
   * Reads commands from `[position, end)`. One only where a second might be read wrongly: what may
   * follow AUTH depends on its outcome, and the parser keeps one inline command at a time.
   */
  read(parser: RequestParser, region: Region, position: number, end: number): void {
    const most = parser.authenticated && region.bytes[position] === STAR ? AHEAD_MAX : 1;
    let at = position;
    let count = 0;
    do {
      const args = this.commands[count]!;
      args.ahead = -1;
      parser.args = args;
      this.status = parser.parse(region, at, end);
      if (this.status !== COMMAND) break;
      at = parser.position;
      this.starts[count] = parser.start;
      this.ends[count] = at;
      count++;
    } while (count < most && at < end && region.bytes[at] === STAR);
    this.count = count;
  }
}
