/**
 * Takes the RDB of a full sync from a Redis into the shards, which are empty: keys, libraries of
 * functions, and the database that the stream goes on with. No journal has what it stores: when it is
 * done, all journals go on behind a gap, so that replicas of ours begin anew.
 */
import type { JournalRing } from '../../journal/ring.js';
import type { Keyspace } from '../../keyspace/keyspace.js';
import type { SharedText } from '../../memory/shared-text.js';
import { RdbLoader } from '../../persistence/rdb/store/loader.js';
import type { RdbSink } from '../../replication/redis/transfer.js';
import type { StreamLocks } from '../../replication/stream-locks.js';
import type { LoadLimits } from '../../values/value-type.js';

/** A replica of a replica gets the database that the stream is in from the RDB. */
const STREAM_DATABASE = 'repl-stream-db';

export interface RedisLoadParts {
  /** Without a sink of effects. */
  readonly keys: Keyspace;
  readonly limits: LoadLimits;
  readonly libraries: SharedText;
  readonly rings: readonly JournalRing[];
  readonly locks: StreamLocks;
  /** Lines for the log. */
  readonly notice: (text: string) => void;
}

export class RedisLoad implements RdbSink {
  /** The one that the stream writes to at first. */
  database = 0;
  private readonly loader: RdbLoader;
  private readonly codes: string[] = [];

  constructor(private readonly parts: RedisLoadParts) {
    const { keys, limits, notice } = parts;
    this.loader = new RdbLoader(
      keys,
      {
        setting: (name, value) => {
          const database = Number(value);
          if (name === STREAM_DATABASE && database >= 0 && database < keys.shards.databases) {
            this.database = database;
          }
        },
        functionLibrary: (code) => this.codes.push(code),
        skippedModule: (name) => notice(`What the module ${name} keeps in the RDB is left out`),
      },
      { limits, nowMs: Date.now(), keepsExpired: true, duplicates: 'refuse' },
    );
    // Libraries of what this server had before.
    this.setLibraries([]);
  }

  get keys(): number {
    return this.loader.loaded;
  }

  get done(): boolean {
    return this.loader.reader.done;
  }

  feed(bytes: Uint8Array, offset: number, length: number): number {
    return this.loader.feed(bytes, offset, length);
  }

  /** The RDB is whole. @throws SharedTextFullError when there is no room for the libraries */
  finish(): void {
    this.loader.finish();
    this.loader.close();
    this.setLibraries(this.codes);
    const { rings, locks } = this.parts;
    rings.forEach((ring, stream) => {
      locks.lock(stream);
      ring.loseHistory();
      locks.unlock(stream);
    });
  }

  /** Nothing more comes. */
  abandon(): void {
    this.loader.close();
  }

  private setLibraries(codes: readonly string[]): void {
    this.parts.libraries.update(() => JSON.stringify(codes));
  }
}
