/**
 * ACL LOG: what was denied lately. Similar events within a minute are one entry with a count. Each
 * thread keeps a log of what it has denied; who reads them merges them.
 */
import { DENIED_AUTH, DENIED_CHANNEL, DENIED_COMMAND, DENIED_KEY } from './permissions.js';

const SAME_EVENT_MS = 60_000;
/** Only so many of the latest entries are looked at for a similar one. */
const ENTRIES_COMPARED = 10;

/** Where a denied command came from. */
export const FROM_CLIENT = 'toplevel';
export const FROM_TRANSACTION = 'multi';
export const FROM_SCRIPT = 'lua';

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
    const { entries } = this;
    const at = this.similarTo(event, timeMs);
    const count = at < 0 ? 1 : entries[at]!.count + 1;
    // Without spread: somebody who tries passwords makes these as fast as the server answers.
    const { reason, context, object, username, clientInfo } = event;
    const entry = { reason, context, object, username, clientInfo, timeMs, sequence, count };
    if (at === 0) {
      entries[0] = entry;
      return;
    }
    if (at > 0) entries.splice(at, 1);
    entries.unshift(entry);
    if (entries.length > lengthMax) entries.length = lengthMax;
  }

  /** The place of an entry that the event belongs to, or -1. */
  private similarTo(event: AclEvent, timeMs: number): number {
    const end = Math.min(this.entries.length, ENTRIES_COMPARED);
    for (let i = 0; i < end; i++) if (isSameEvent(this.entries[i]!, event, timeMs)) return i;
    return -1;
  }

  clear(): void {
    this.entries = [];
  }

  list(count: number): readonly AclLogEntry[] {
    return this.entries.slice(0, Math.max(count, 0));
  }
}

/**
 * The logs of several threads as one, the latest first. What is an entry in two of them becomes one;
 * what is two entries in one of them stays so.
 */
export function mergeLogs(
  logs: readonly (readonly AclLogEntry[])[],
  lengthMax: number,
): readonly AclLogEntry[] {
  const entries = logs.flatMap((log, from) => log.map((entry) => ({ entry, from: [from] })));
  entries.sort((one, other) => one.entry.sequence - other.entry.sequence);
  const merged: typeof entries = [];
  for (const { entry, from } of entries) {
    const at = merged
      .slice(0, ENTRIES_COMPARED)
      .findIndex(
        (one) => isSameEvent(one.entry, entry, entry.timeMs) && !one.from.includes(from[0]!),
      );
    const [similar] = at < 0 ? [] : merged.splice(at, 1);
    const count = entry.count + (similar?.entry.count ?? 0);
    merged.unshift({ entry: { ...entry, count }, from: [...from, ...(similar?.from ?? [])] });
    if (merged.length > lengthMax) merged.length = lengthMax;
  }
  return merged.map(({ entry }) => entry);
}

function isSameEvent(entry: AclLogEntry, other: AclEvent, timeMs: number): boolean {
  return (
    entry.reason === other.reason &&
    entry.context === other.context &&
    Math.abs(entry.timeMs - timeMs) <= SAME_EVENT_MS &&
    entry.object === other.object &&
    entry.username === other.username
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
