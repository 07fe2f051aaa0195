/**
 * The latency monitor: events that took longer than latency-monitor-threshold, by kind ('command',
 * 'fast-command', 'expire-cycle' ...). Every thread keeps the last 160 of each kind, one for each
 * second (the greatest); readers gather them and join the seconds.
 * https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency-monitor/
 */
import type {
  LatencyEvent,
  LatencyPort,
  LatencySample,
} from '../../commands/contract/server-port.js';
import type { IoGatherer } from '../channel/io-io.js';
import type { LatencySpike } from '../channel/thread-report.js';

export const SAMPLES_MAX = 160;

interface LocalEvent {
  readonly name: string;
  maximum: number;
  samples: LatencySample[];
}

export class LatencyMonitor implements LatencyPort {
  /** latency-monitor-threshold; 0 = off. */
  thresholdMs = 0;
  private readonly local = new Map<string, LocalEvent>();

  constructor(private readonly gatherer: IoGatherer) {
    gatherer.answers('latency-events', () => [...this.local.values()]);
    gatherer.answers('latency-reset', (names) => {
      const gone = [...this.local.keys()].filter(
        (name) => names.length === 0 || names.includes(name),
      );
      for (const name of gone) this.local.delete(name);
      return gone;
    });
  }

  /** Notes an event that took as long as the threshold or longer. */
  note(name: string, milliseconds: number, nowMs: number): void {
    if (this.thresholdMs === 0 || milliseconds < this.thresholdMs) return;
    const whole = Math.floor(milliseconds);
    const event = this.local.get(name) ?? { name, maximum: 0, samples: [] };
    this.local.set(name, event);
    event.maximum = Math.max(event.maximum, whole);
    const sample = { timeSeconds: Math.floor(nowMs / 1000), milliseconds: whole };
    event.samples = joined(event.samples, [sample]);
  }

  /** The newest sample of each event of this thread. */
  get spikes(): LatencySpike[] {
    return [...this.local.values()].map(({ name, samples }) => {
      const { timeSeconds, milliseconds } = samples.at(-1)!;
      return { event: name, seconds: timeSeconds, milliseconds };
    });
  }

  events(): readonly LatencyEvent[] {
    const events = new Map<string, LocalEvent>();
    for (const event of this.gatherer.gather('latency-events', null).flat()) {
      const known = events.get(event.name) ?? { name: event.name, maximum: 0, samples: [] };
      events.set(event.name, known);
      known.maximum = Math.max(known.maximum, event.maximum);
      known.samples = joined(known.samples, event.samples);
    }
    return [...events.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  reset(names: readonly string[]): number {
    return new Set(this.gatherer.gather('latency-reset', names).flat()).size;
  }
}

/** Both by time, the greatest of each second, the newest SAMPLES_MAX. */
function joined(one: readonly LatencySample[], other: readonly LatencySample[]): LatencySample[] {
  const bySecond = new Map<number, number>();
  for (const { timeSeconds, milliseconds } of [...one, ...other]) {
    bySecond.set(timeSeconds, Math.max(milliseconds, bySecond.get(timeSeconds) ?? 0));
  }
  return [...bySecond]
    .sort(([first], [second]) => first - second)
    .slice(-SAMPLES_MAX)
    .map(([timeSeconds, milliseconds]) => ({ timeSeconds, milliseconds }));
}
