/**
 * This thread's copy of all patterns that have subscribers, with their directory entries. PUBLISH
 * matches its channel against the copy without a lock, and makes a new one when the directory's
 * version has changed:
 *
 *     for each pattern:  i32 bytes of the pattern | i32 bytes of its entries | entries | pattern
 */
import { ByteQueue } from '../../base/byte-queue.js';
import { PATTERN } from '../../commands/contract/pubsub-port.js';
import { NAMES_END } from '../../keyspace/name-tables.js';
import { matchGlob } from '../../protocol/glob.js';
import { ENTRY_BYTES, type SubscriptionDirectory } from './directory.js';
import type { ByteRange, OutgoingMessage } from './message.js';

const INITIAL_BYTES = 4096;
const HEADER_BYTES = 8;

export class PatternCopy {
  /** Given back when there are no patterns. */
  private readonly copies = new ByteQueue(INITIAL_BYTES, INITIAL_BYTES);
  private version = -1;

  constructor(private readonly directory: SubscriptionDirectory) {}

  get isCurrent(): boolean {
    return this.version === this.directory.patternsVersion;
  }

  /** Copies the patterns anew. Under the directory's lock. */
  renew(): void {
    const { directory } = this;
    this.version = directory.patternsVersion;
    if (directory.count(PATTERN) === 0) {
      this.copies.clear();
      return;
    }
    this.copies.used = 0;
    for (let position = 0; position < NAMES_END; ) {
      position = directory.names.scan(PATTERN, position, () => this.append());
    }
  }

  private append(): void {
    const { copies, directory } = this;
    const { names } = directory;
    const { nameLength, valueLength } = names;
    copies.appendWord(nameLength);
    copies.appendWord(valueLength);
    copies.append(names.region, names.valueOffset, valueLength);
    copies.append(names.region, names.nameOffset, nameLength);
  }

  /** Adds the subscribers of all patterns that match the channel. */
  match(channel: ByteRange, into: OutgoingMessage): void {
    const { region, used } = this.copies;
    const { view } = region;
    for (let at = 0; at < used; ) {
      const nameLength = view.getInt32(at, true);
      const entries = at + HEADER_BYTES;
      const name = entries + view.getInt32(at + 4, true);
      const { region: subject, offset, length } = channel;
      if (matchGlob(region, name, nameLength, subject, offset, length, false)) {
        for (let entry = entries; entry < name; entry += ENTRY_BYTES) into.addList(region, entry);
      }
      at = name + nameLength;
    }
  }
}
