/**
 * The stream without keys, as a thread that runs commands writes to it: effects that concern no key,
 * like messages to subscribers and libraries of functions. It stands beside the shards' streams as
 * one more: its number is that of the shards, it has an LSN of its own in every vector of LSNs, and
 * a replica applies its records in their order. Between two streams there is no order.
 *
 * A record is an effect's: a vector of words, the first of which names the kind of effect. The bytes
 * mean nothing here. Nothing is written while there is no journal.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import { BODY_BYTES_MAX, type JournalEffect, VECTOR_HEADER_BYTES } from './record.js';
import type { JournalRing } from './ring.js';
import { lockRing, unlockRing } from './ring-lock.js';

const INITIAL_BYTES = 4096;
/** A region that has grown beyond this is not kept. */
const KEPT_BYTES = 1 << 20;
const LENGTH_BYTES = 4;

export class KeylessStream {
  /** Whether there is a journal, and this server is a primary. */
  isOn = false;
  /** Whether something was appended since a reader of this flag reset it. */
  wrote = false;
  private region = newRegion(INITIAL_BYTES);
  private readonly effect: {
    -readonly [field in keyof JournalEffect]: JournalEffect[field];
  };

  /**
   * @param stream its number: that of the shards
   * @param owner this thread's number + 1
   */
  constructor(
    private readonly ring: JournalRing,
    stream: number,
    private readonly owner: number,
  ) {
    this.effect = {
      ...{ shard: stream, database: 0, h1: 0, keyless: false },
      ...{ region: this.region, offset: 0, length: 0 },
    };
  }

  /**
   * Appends the words of a command from `first` on. `change` runs under the stream's lock before: what
   * it does to this server's state has the same order as the records. No other lock of a stream is
   * taken inside.
   * @throws RangeError, before anything has changed, when the system refuses memory for it
   */
  append(args: ArgumentVector, first = 0, change: () => void = nothing): void {
    const isOn = this.isOn && this.assemble(args, first);
    const { ring, effect } = this;
    lockRing(ring, this.owner);
    try {
      change();
      if (isOn) ring.append(effect);
      else if (this.isOn) ring.loseHistory();
    } finally {
      unlockRing(ring);
    }
    this.wrote ||= this.isOn;
    if (this.region.length > KEPT_BYTES) this.shrink();
  }

  /** @returns false when it is longer than a record can be */
  private assemble(args: ArgumentVector, first: number): boolean {
    let bytes = VECTOR_HEADER_BYTES;
    for (let i = first; i < args.count; i++) bytes += LENGTH_BYTES + args.length[i]!;
    if (bytes > BODY_BYTES_MAX) return false;
    this.region = withRoom(this.region, 0, bytes);
    const { region, effect } = this;
    region.view.setUint32(0, args.count - first, true);
    let at = VECTOR_HEADER_BYTES;
    for (let i = first; i < args.count; i++) {
      const length = args.length[i]!;
      region.view.setUint32(at, length, true);
      copyBytes(region, at + LENGTH_BYTES, args.region, args.offset[i]!, length);
      at += LENGTH_BYTES + length;
    }
    effect.region = region;
    effect.length = bytes;
    return true;
  }

  private shrink(): void {
    giveBack(this.region);
    this.region = newRegion(INITIAL_BYTES);
    this.effect.region = this.region;
  }
}

function nothing(): void {}

/** Reads the words of an effect's vector into `args`. */
export function loadVector(
  region: Region,
  offset: number,
  args: { region: Region; count: number; push(offset: number, length: number): void },
): void {
  const count = region.view.getUint32(offset, true);
  args.region = region;
  args.count = 0;
  let at = offset + VECTOR_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const length = region.view.getUint32(at, true);
    args.push(at + LENGTH_BYTES, length);
    at += LENGTH_BYTES + length;
  }
}
