/**
 * ACL LOG: what was denied lately. Similar events within a minute are one entry with a count. Each
 * thread keeps a log of what it has denied; who reads them merges them.
 */
import { DENIED_AUTH, DENIED_CHANNEL, DENIED_COMMAND, DENIED_KEY } from './permissions.js';

const SAME_EVENT_MS = 60_000;
/** Only so many of the latest entries are looked at for a similar one. */
const ENTRIES_COMPARED = 10;

/** Where a denied command came from, besides scripts. */
export const FROM_CLIENT = 'toplevel';
export const FROM_TRANSACTION = 'multi';

export type AclLogContext = 'toplevel' | 'multi' | 'lua' | 'module';

export interface AclEvent {
  /** DENIED_COMMAND and so on. */
  readonly reason: number;
  readonly context: AclLogContext;
  /** The command's full name, the key, the channel, or AUTH as the client wrote it. */
  readonly object: string;
  readonly username: string;
  /** The client as CLIENT LIST shows it. */
  readonly clientInfo: string;
}

export interface AclLogEntry extends AclEvent {
  readonly count: number;
  /** Of the last such event. */
  readonly timeMs: number;
  /** Grows with every event of any thread: the last one's. */
  readonly sequence: number;
}

export class AclLog {
  /** The latest first. */
  private entries: AclLogEntry[] = [];

  get length(): number {
    return this.entries.length;
  }

  /** @param lengthMax acllog-max-len; what is beyond it goes when an entry is added */
  add(event: AclEvent, timeMs: number, lengthMax: number, sequence = 0): void {
    const at = this.entries
      .slice(0, ENTRIES_COMPARED)
      .findIndex((entry) => isSameEvent(entry, event, timeMs));
    if (at < 0) {
      this.entries.unshift({ ...event, timeMs, sequence, count: 1 });
      if (this.entries.length > lengthMax) this.entries.length = lengthMax;
      return;
    }
    const [entry] = this.entries.splice(at, 1);
    this.entries.unshift({ ...event, timeMs, sequence, count: entry!.count + 1 });
  }

  clear(): void {
    this.entries = [];
  }

  list(count: number): readonly AclLogEntry[] {
    return this.entries.slice(0, Math.max(count, 0));
  }
}

/**
 * The logs of several threads as one, the latest first. What is one entry for each of two threads
 * becomes one.
 */
export function mergeLogs(logs: readonly (readonly AclLogEntry[])[]): readonly AclLogEntry[] {
  let merged: AclLogEntry[] = [];
  for (const log of logs) {
    const others = merged;
    merged = [...merged];
    const places = new Map<string, number[]>();
    others.forEach((entry, at) => {
      places.set(eventKey(entry), [...(places.get(eventKey(entry)) ?? []), at]);
    });
    for (const entry of log) {
      const same = places.get(eventKey(entry)) ?? [];
      const at = same.find((place) => isSameEvent(others[place]!, entry, entry.timeMs));
      if (at === undefined) merged.push(entry);
      else merged[at] = joined(merged[at]!, entry);
    }
  }
  return merged.sort((one, other) => other.sequence - one.sequence);
}

function joined(one: AclLogEntry, other: AclLogEntry): AclLogEntry {
  const latest = one.sequence > other.sequence ? one : other;
  return { ...latest, count: one.count + other.count };
}

function eventKey({ reason, context, object, username }: AclEvent): string {
  return JSON.stringify([reason, context, object, username]);
}

function isSameEvent(entry: AclLogEntry, event: AclEvent, timeMs: number): boolean {
  return (
    entry.reason === event.reason &&
    entry.context === event.context &&
    Math.abs(entry.timeMs - timeMs) <= SAME_EVENT_MS &&
    entry.object === event.object &&
    entry.username === event.username
  );
}

/** ACL LOG's word for a reason. */
export function reasonName(reason: number): string {
  switch (reason) {
    case DENIED_COMMAND:
      return 'command';
    case DENIED_KEY:
      return 'key';
    case DENIED_CHANNEL:
      return 'channel';
    case DENIED_AUTH:
      return 'auth';
    default:
      return 'unknown';
  }
}

/** age-seconds of an entry. */
export function ageSeconds(entry: AclLogEntry, nowMs: number): number {
  return (nowMs - entry.timeMs) / 1000;
}
