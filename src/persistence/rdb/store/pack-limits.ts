/** The limits between packed and other forms in files, as the directives of a thread say now. */
import type { LoadLimits } from '../../../values/value-type.js';
import { PACK_LIMITS, type PackLimits } from '../collection-writer.js';

export class CurrentPackLimits implements PackLimits {
  /** Sets in listpacks are not of redis-server 7.0: no directive of ours says up to where. */
  readonly setMaxListpackEntries = PACK_LIMITS.setMaxListpackEntries;
  readonly setMaxListpackValue = PACK_LIMITS.setMaxListpackValue;

  constructor(public directives: LoadLimits) {}

  get hashMaxListpackEntries(): number {
    return this.directives.hashListpackEntriesMax;
  }

  get hashMaxListpackValue(): number {
    return this.directives.hashListpackValueBytesMax;
  }

  get setMaxIntsetEntries(): number {
    return this.directives.setIntsetEntriesMax;
  }

  get zsetMaxListpackEntries(): number {
    return this.directives.sortedSetListpackEntriesMax;
  }

  get zsetMaxListpackValue(): number {
    return this.directives.sortedSetListpackValueBytesMax;
  }
}
