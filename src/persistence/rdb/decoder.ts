/**
 * What the decoders of values share. A decoder reads the value of one key, in steps: each takes what
 * has come, adds elements to the batch and delivers it when it is full.
 */
import { prefixBinary, type Region } from '../../base/region.js';
import { ElementBatch } from './batch.js';
import { RdbError } from './error.js';
import { type RdbInput, RdbString } from './input.js';
import {
  KIND_HASH,
  KIND_LIST,
  KIND_SET,
  KIND_SORTED_SET,
  KIND_STREAM,
  RdbKey,
  type RdbVisitor,
} from './visitor.js';

/** What `step` returns: more bytes are needed. */
export const INCOMPLETE = 0;
/** It can be called again at once. */
export const GO_ON = 1;
/** The value is read. */
export const FINISHED = 2;

export interface ValueDecoder {
  /** Begins the value of a key that `value.key` describes. */
  begin(type: number): void;
  /** @returns INCOMPLETE, GO_ON or FINISHED @throws RdbError */
  step(): number;
}

export interface ReadOptions {
  /** proto-max-bulk-len: the longest string, node of a list or packed collection. */
  readonly stringBytesMax: number;
  /** Whether packed collections are searched for elements that are there twice. */
  readonly checkDuplicates: boolean;
  /** Whether values of modules are skipped instead of refused. */
  readonly skipModules: boolean;
  /** Whether the checksum is computed and compared. */
  readonly checksum: boolean;
  /** Where bytes wait for their parser, while no string needs more. */
  readonly windowBytes: number;
}

const KEY_BYTES_SHOWN = 128;

/** A key for messages, a char per byte. */
export function shownKey(region: Region, offset: number, length: number): string {
  return prefixBinary(region, offset, length, KEY_BYTES_SHOWN);
}

/** The value under way: its key, its batch, and whom to tell. */
export class Value {
  readonly key = new RdbKey();
  /** Where the key's bytes are. */
  readonly name = new RdbString();
  readonly string = new RdbString();
  readonly batch = new ElementBatch();
  /** The file's version; 80 and more are Valkey's. */
  version = 0;
  /** Whether a key is being read: errors name it. */
  hasKey = false;
  /** Whether a collection without elements is told as one, not refused. */
  allowsEmpty = true;
  private begun = false;

  constructor(
    readonly input: RdbInput,
    readonly visitor: RdbVisitor,
    readonly options: ReadOptions,
  ) {}

  /** Takes over the key's bytes from `name`. */
  start(kind: number): void {
    const { key, name } = this;
    key.kind = kind;
    key.region = name.region;
    key.offset = name.offset;
    key.length = name.length;
    key.claimedElements = 0;
    this.begun = false;
  }

  /** Tells the elements in the batch and empties it. */
  deliver(): void {
    const { batch, visitor } = this;
    if (batch.count === 0) return;
    this.begin();
    const kind = this.key.kind;
    if (kind === KIND_LIST) visitor.listElements(batch);
    else if (kind === KIND_SET) visitor.setMembers(batch);
    else if (kind === KIND_HASH) visitor.hashFields(batch);
    else if (kind === KIND_SORTED_SET) visitor.sortedSetMembers(batch);
    else visitor.streamEntries(batch);
    batch.clear();
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.visitor.begin(this.key);
  }

  /** The value's last element is in the batch. Only a stream may be empty. */
  finish(): void {
    this.deliver();
    if (this.key.kind === KIND_STREAM) this.begin();
    if (this.begun) this.visitor.end(this.key);
    else if (this.allowsEmpty) this.visitor.emptyKey(this.key);
    else this.fail('A collection without elements');
  }

  /** Tells that the stream begins, before its state is told. */
  beginStream(): void {
    this.deliver();
    this.begin();
  }

  /** The key for messages, a char per byte. */
  get shownKey(): string | null {
    if (!this.hasKey) return null;
    const { region, offset, length } = this.key;
    return shownKey(region, offset, length);
  }

  fail(reason: string): never {
    throw new RdbError(reason);
  }
}
