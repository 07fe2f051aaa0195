/** What this thread has denied to clients: counted, and kept for ACL LOG. */
import type { AclLogLine } from '../../../commands/contract/acl-port.js';
import { OBJECT_BYTES_MAX } from '../../../engine/acl/access-control.js';
import {
  AclLog,
  type AclLogContext,
  type AclLogEntry,
  ageSeconds,
  mergeLogs,
  reasonName,
} from '../../../engine/acl/acl-log.js';
import {
  DENIED_AUTH,
  DENIED_CHANNEL,
  DENIED_COMMAND,
  DENIED_KEY,
} from '../../../engine/acl/permissions.js';
import {
  ACL_LOG_EVENTS,
  DENIED_CHANNELS,
  DENIED_COMMANDS,
  DENIED_KEYS,
  DENIED_LOGINS,
} from '../../../engine/counters.js';
import type { ClientSession } from '../../../engine/session.js';
import type { ControlBlock } from '../../../memory/control.js';
import type { IoGatherer } from '../../channel/io-io.js';

export interface DenialsParts {
  readonly control: ControlBlock;
  readonly thread: number;
  readonly gatherer: IoGatherer;
  /** acllog-max-len */
  readonly lengthMax: () => number;
  readonly describe: (session: ClientSession) => string;
}

const COUNTERS = {
  [DENIED_COMMAND]: DENIED_COMMANDS,
  [DENIED_KEY]: DENIED_KEYS,
  [DENIED_CHANNEL]: DENIED_CHANNELS,
  [DENIED_AUTH]: DENIED_LOGINS,
};

export class Denials {
  private readonly log = new AclLog();

  constructor(private readonly parts: DenialsParts) {
    const { gatherer } = parts;
    gatherer.answers('acl-log-entries', () => this.log.list(this.log.length));
    gatherer.answers('acl-log-reset', () => {
      this.log.clear();
      return null;
    });
  }

  /** @param username as whom the client acts, or wants to act */
  note(
    session: ClientSession,
    reason: number,
    context: AclLogContext,
    object: string,
    username: string,
  ): void {
    const { control, thread, lengthMax, describe } = this.parts;
    const counter = COUNTERS[reason as keyof typeof COUNTERS];
    control.threads[thread]!.add(counter, 1);
    const clientInfo = describe(session);
    const event = { reason, context, object, username: ownPrefix(username), clientInfo };
    this.log.add(event, Date.now(), lengthMax(), control.next(ACL_LOG_EVENTS));
  }

  /** Of all threads, the latest first. */
  lines(count: number): readonly AclLogLine[] {
    const logs = this.parts.gatherer.gather('acl-log-entries', null);
    const nowMs = Date.now();
    const merged = mergeLogs(logs, this.parts.lengthMax());
    return merged.slice(0, count).map((entry) => lineOf(entry, nowMs));
  }

  reset(): void {
    this.parts.gatherer.gather('acl-log-reset', null);
  }
}

/** A part of a text that is kept for long must not keep all of the text. */
function ownPrefix(text: string): string {
  if (text.length <= OBJECT_BYTES_MAX) return text;
  return Buffer.from(text.slice(0, OBJECT_BYTES_MAX), 'latin1').toString('latin1');
}

function lineOf(entry: AclLogEntry, nowMs: number): AclLogLine {
  const { count, reason, context, object, username, clientInfo } = entry;
  return {
    ...{ count, context, object, username, clientInfo },
    reason: reasonName(reason),
    ageSeconds: Math.max(ageSeconds(entry, nowMs), 0),
  };
}
