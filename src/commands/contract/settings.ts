/**
 * The directives that commands look at while they work on values, as numbers. The thread that serves
 * clients keeps them up to date. Where effects are replayed they stay as they begin: Redis's defaults
 * for what only says how a value is called, no limit for what an effect has decided already.
 */
import { STRING_LIMIT_BYTES } from '../../base/limits.js';

export class CommandSettings {
  /** proto-max-bulk-len, which bounds what SETRANGE and APPEND make as well. */
  stringBytesMax = STRING_LIMIT_BYTES;
  /** hll-sparse-max-bytes: a longer sparse HyperLogLog becomes dense. */
  sparseHyperLogLogBytesMax = Number.MAX_SAFE_INTEGER;
  /** hash-max-listpack-entries, hash-max-listpack-value: what OBJECT ENCODING calls listpack. */
  hashListpackEntriesMax = 512;
  hashListpackValueBytesMax = 64;
  /** set-max-intset-entries: what OBJECT ENCODING calls intset. */
  setIntsetEntriesMax = 512;
  /** zset-max-listpack-entries, zset-max-listpack-value */
  sortedSetListpackEntriesMax = 128;
  sortedSetListpackValueBytesMax = 64;
  /** stream-node-max-bytes, stream-node-max-entries: how long a block of entries gets, 0: no limit. */
  streamNodeBytesMax = 4096;
  streamNodeEntriesMax = 100;
  /** Whether effects are replayed: they say what is, also where Redis would check it. */
  replaysEffects = true;
  /**
   * Whether the commands of a Redis are repeated: it decides when those have an effect that are no
   * writes, and a key may still be removed by it alone.
   */
  repeatsCommands = false;

  /** @param value gives a directive as CONFIG GET shows it */
  load(value: (name: string) => string): void {
    this.stringBytesMax = Number(value('proto-max-bulk-len'));
    this.sparseHyperLogLogBytesMax = Number(value('hll-sparse-max-bytes'));
    this.hashListpackEntriesMax = Number(value('hash-max-listpack-entries'));
    this.hashListpackValueBytesMax = Number(value('hash-max-listpack-value'));
    this.setIntsetEntriesMax = Number(value('set-max-intset-entries'));
    this.sortedSetListpackEntriesMax = Number(value('zset-max-listpack-entries'));
    this.sortedSetListpackValueBytesMax = Number(value('zset-max-listpack-value'));
    this.streamNodeBytesMax = Number(value('stream-node-max-bytes'));
    this.streamNodeEntriesMax = Number(value('stream-node-max-entries'));
    this.replaysEffects = false;
  }
}
