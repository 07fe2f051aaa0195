/**
 * The machine that a simulated server runs on: its disk and its time. Operations of the disk take a
 * random time, end in any order, and fail when that was asked for.
 */
import { setImmediate as settle } from 'node:timers/promises';
import {
  type DiskOperation,
  SimulatedDisk,
} from '../../src/persistence/files/testing-simulated-disk.js';
import type { FlowTime } from '../../src/server/flow-thread/flow-time.js';
import type { Random } from '../support/random.js';

/** What the disk refuses, and how often. */
export interface DiskFault {
  readonly operations: readonly DiskOperation[];
  readonly code: string;
  left: number;
}

export class DiskMachine {
  readonly disk: SimulatedDisk;
  nowMs = 0;
  fault: DiskFault | null = null;
  failedSyncs = 0;
  /** Operations are done at once, and none fails. */
  isStarting = false;
  /** How many reads succeed until one fails while the server starts. */
  readsUntilFailure = Number.POSITIVE_INFINITY;
  private hasSyncFailed = false;
  private waiting: { readonly done: () => void; readonly dueMs: number }[] = [];

  constructor(private readonly random: Random) {
    this.disk = new SimulatedDisk(random);
    this.disk.before = (operation) => this.operation(operation);
  }

  readonly time: FlowTime = {
    nowMs: () => this.nowMs,
    sleep: (ms) => this.later(ms),
    untilWritten: (isIdle, ms) => this.later(isIdle() ? Math.min(ms, 3) : 0),
    untilFilling: (ms) => this.later(this.random.below(ms)),
    turn: () => this.later(0),
  };

  private async operation(operation: DiskOperation): Promise<string | null> {
    if (operation === 'read') return --this.readsUntilFailure === 0 ? 'EIO' : null;
    if (this.isStarting) return null;
    await this.later(operation === 'sync' ? this.random.below(20) : this.random.below(4));
    const { fault } = this;
    if (fault === null || !fault.operations.includes(operation)) return null;
    if (--fault.left <= 0) this.fault = null;
    if (operation === 'sync') {
      this.failedSyncs++;
      this.hasSyncFailed = true;
    }
    return fault.code;
  }

  later(ms: number): Promise<void> {
    return new Promise((done) => {
      this.waiting.push({ done, dueMs: this.nowMs + ms });
    });
  }

  /** Lets some of what is due happen. */
  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    for (let i = 0; i < 8; i++) {
      const due = this.waiting.filter(({ dueMs }) => dueMs <= this.nowMs);
      if (due.length === 0) break;
      const one = this.random.pick(due);
      this.waiting.splice(this.waiting.indexOf(one), 1);
      one.done();
      await settle();
    }
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.pass(1);
  }

  /** The process ends: the disk does nothing for it any more. */
  stop(): void {
    this.disk.isDown = true;
  }

  /** Until nothing of the process is left. Then the machine is up again, and has lost what it may lose. */
  async restart(): Promise<void> {
    while (this.waiting.length > 0) await this.pass(1000);
    await settle();
    this.disk.isDown = false;
    this.fault = null;
    // Else the process alone has ended: the machine has what was written, and may lose it later. Not
    // after a failed sync: then what it shows is not what it has.
    if (this.hasSyncFailed || this.random.chance(0.6)) this.disk.crash();
    this.hasSyncFailed = false;
  }

  /** Changes a bit somewhere in a file, or takes away the end of one that may not be torn. */
  damage(mayBeTorn: (path: string) => boolean): string | null {
    const { disk, random } = this;
    const paths = disk.paths.filter((path) => disk.lengthOf(path) > 0);
    if (paths.length === 0) return null;
    const path = random.pick(paths);
    const offset = random.below(disk.lengthOf(path));
    if (random.chance(0.7) || mayBeTorn(path)) disk.flip(path, offset, random.below(8));
    else disk.cut(path, offset);
    return path;
  }
}
