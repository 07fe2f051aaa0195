/**
 * When the journals of a server that follows nobody are on. Replicas need them, and stay welcome for a
 * while after the last one has gone (`repl-backlog-ttl`); so do flows that write files. Without either
 * nobody pays for them. What is written while they are off ends the history: nobody continues from there.
 */
import type { Log } from '../../../base/log.js';
import type { Config } from '../../config/config.js';
import type { Journals } from './journals.js';

export interface JournalSwitchParts {
  readonly config: Config;
  readonly log: Log;
  readonly journals: Journals;
  /** Of every kind. */
  readonly replicas: {
    readonly count: () => number;
    /** Milliseconds since the last one left. */
    readonly emptyMs: (nowMs: number) => number;
  };
  /** Whether there is a link to a primary: then the link decides about the journals. */
  readonly isFollowing: () => boolean;
  /** Whether the role is a primary's. */
  readonly isPrimary: () => boolean;
  /** Tells all threads; in force when it resolves. */
  readonly changed: () => Promise<void>;
  /** The journals are off: the history is another one from now on. */
  readonly ended: () => void;
}

export class JournalSwitch {
  /** How many write files of flows, which need the journals. */
  private holds = 0;
  /** The journals are on for files alone. */
  private isForFiles = false;

  constructor(private readonly parts: JournalSwitchParts) {}

  /** For files: writes go to the journals when it resolves, until `release`. */
  async hold(): Promise<void> {
    this.holds++;
    if (this.isSettled) return;
    this.isForFiles = true;
    await this.begin();
  }

  release(): void {
    this.holds--;
    if (this.holds > 0 || !this.isForFiles) return;
    this.isForFiles = false;
    if (this.parts.journals.isOn && this.parts.replicas.count() === 0 && this.mayEnd) this.end();
  }

  /** For replicas: writes go to the journals from now on; in force on all threads when it resolves. */
  async onForReplicas(): Promise<void> {
    this.isForFiles = false;
    if (!this.isSettled) await this.begin();
  }

  /** Called now and then. */
  tick(nowMs: number): void {
    const { config, log, journals, replicas } = this.parts;
    const ttlSeconds = config.number('repl-backlog-ttl');
    if (!journals.isOn || !this.mayEnd || ttlSeconds === 0 || this.holds > 0) return;
    if (replicas.emptyMs(nowMs) < ttlSeconds * 1000) return;
    log.notice(`The journal ends: no replica for ${ttlSeconds} seconds`);
    this.end();
  }

  /** Whether there is nothing to switch on. */
  private get isSettled(): boolean {
    return this.parts.journals.isOn || this.parts.isFollowing();
  }

  private get mayEnd(): boolean {
    return this.parts.isPrimary() && !this.parts.isFollowing();
  }

  private begin(): Promise<void> {
    this.parts.journals.begin();
    return this.parts.changed();
  }

  /** What is written from now on is in no journal: the history ends here. */
  private end(): void {
    this.parts.journals.isOn = false;
    this.parts.ended();
    void this.parts.changed();
  }
}
