/**
 * How long a link may be silent, as the configuration has it now: links last, and CONFIG SET concerns those
 * that there are. One on each flow thread; looking costs an atomic load.
 */
import type { Config } from '../config/config.js';

export class LinkTimes {
  private silentMs = 0;
  private beatMs = 0;
  private keptMs = 0;

  constructor(private readonly config: Config) {
    config.changed = () => this.load();
    this.load();
  }

  /** repl-timeout */
  get timeoutMs(): number {
    this.config.refresh();
    return this.silentMs;
  }

  /** repl-ping-replica-period, or what repl-timeout needs. */
  get heartbeatMs(): number {
    this.config.refresh();
    return this.beatMs;
  }

  /** repl-backlog-ttl; 0: none. */
  get backlogTtlMs(): number {
    this.config.refresh();
    return this.keptMs;
  }

  private load(): void {
    const { config } = this;
    this.silentMs = config.number('repl-timeout') * 1000;
    this.beatMs = Math.min(config.number('repl-ping-replica-period') * 1000, this.silentMs / 3);
    this.keptMs = config.number('repl-backlog-ttl') * 1000;
  }
}
