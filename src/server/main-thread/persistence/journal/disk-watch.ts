/**
 * How slow the disk of the journal is: INFO, LATENCY and the log tell it, and replies to writes wait
 * while it is late with everysec (late-disk.ts).
 */

import { constants } from 'node:os';
import type { Log } from '../../../../base/log.js';
import type { JournalRing } from '../../../../journal/ring.js';
import type { ControlBlock } from '../../../../memory/control.js';
import type { DurableLsns } from '../../../../memory/durable-lsns.js';
import * as figures from '../../../channel/journal-figures.js';
import type { SyncPolicy } from '../../../channel/main-flow.js';
import type { Config } from '../../../config/config.js';
import { diskAdvice } from '../../disk-advice.js';
import { LateDisk } from './late-disk.js';

/** Between lines of the log about the same. */
const WARNING_MS = 30_000;

export interface DiskWatchParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly durable: DurableLsns;
  readonly data: { readonly rings: readonly JournalRing[] };
  /** For LATENCY. */
  readonly latency: (event: string, milliseconds: number) => void;
}

export class DiskWatch {
  private readonly disk: LateDisk;
  private nextWarningMs = 0;
  private warnedCode = '';
  private nextTroubleMs = 0;

  constructor(private readonly parts: DiskWatchParts) {
    const { durable, data } = parts;
    this.disk = new LateDisk(durable, data.rings.length, (heads) => {
      for (let stream = 0; stream < heads.length; stream++) {
        heads[stream] = data.rings[stream]!.peekHead();
      }
    });
  }

  get isLate(): boolean {
    return this.disk.isLate;
  }

  reset(): void {
    this.disk.reset();
  }

  /** Tells of the syncs since it was called last. */
  tell(policy: SyncPolicy): void {
    const { control, durable } = this.parts;
    control.set(figures.AOF_SYNCS_UNDER_WAY, durable.syncs);
    const slowestMs = durable.takeSlowestSyncMs();
    if (policy === 'always') this.tellLatency('aof-fsync-always', slowestMs);
  }

  /** With everysec, several times a second. @returns whether `isLate` has changed */
  look(): boolean {
    const { disk } = this;
    const { control } = this.parts;
    if (!disk.look(performance.now())) return false;
    if (disk.isLate) {
      control.set(figures.AOF_DELAYED_SYNCS, control.get(figures.AOF_DELAYED_SYNCS) + 1);
      this.warn();
    } else this.tellLatency('aof-write-pending-fsync', disk.lateMs);
    return true;
  }

  private tellLatency(event: string, milliseconds: number): void {
    const { config, latency } = this.parts;
    const thresholdMs = config.number('latency-monitor-threshold');
    if (thresholdMs > 0 && milliseconds >= thresholdMs) latency(event, milliseconds);
  }

  /** The disk refuses. Flows try again ten times a second: a log on a full disk must not grow as fast. */
  warnOfTrouble(code: string): void {
    const nowMs = performance.now();
    const isRepeated = this.parts.control.get(figures.AOF_LAST_WRITE_FAILED) === 1;
    if (isRepeated && code === this.warnedCode && nowMs < this.nextTroubleMs) return;
    this.warnedCode = code;
    this.nextTroubleMs = nowMs + WARNING_MS;
    this.parts.log.warning(`Error writing to the AOF file: ${code}${diskAdvice(code)}`);
  }

  private warn(): void {
    const nowMs = performance.now();
    if (nowMs < this.nextWarningMs) return;
    this.nextWarningMs = nowMs + WARNING_MS;
    this.parts.log.warning(
      'Asynchronous AOF fsync is taking too long (disk is busy?). ' +
        'Replies to writes wait until the disk has what is older than two seconds',
    );
  }
}

/** Of EIO for a code that this system does not have. */
export function errorNumber(code: string): number {
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  return numbers[code] ?? constants.errno.EIO;
}
