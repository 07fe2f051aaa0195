/**
 * The libraries of functions as an effect without a key: the sources of all of them, each time that one
 * changes. So an effect may come twice, and what it says does not depend on what was there. I/O threads
 * load what is new when they next need a function.
 */
import { newRegion } from '../../base/owned-region.js';
import { toBinary } from '../../base/region.js';
import { EFFECT_LIBRARIES } from '../../engine/scripts/functions.js';
import { type SharedText, SharedTextFullError } from '../../memory/shared-text.js';
import type { KeylessKind } from './keyless-effects.js';

export function librariesEffect(shared: SharedText): KeylessKind {
  return {
    name: EFFECT_LIBRARIES,
    apply(args) {
      const codes: string[] = [];
      for (let i = 1; i < args.count; i++) {
        codes.push(toBinary(args.region, args.offset[i]!, args.length[i]!));
      }
      try {
        shared.update(() => JSON.stringify(codes));
      } catch (error) {
        if (error instanceof SharedTextFullError) return 'the libraries of functions do not fit';
        throw error;
      }
      return null;
    },
    clear: () => shared.update(() => '[]'),
    describe(records) {
      const codes = JSON.parse(shared.read().text) as readonly string[];
      if (codes.length === 0) return;
      records.beginKeyless(EFFECT_LIBRARIES);
      for (const code of codes) {
        const region = newRegion(Math.max(8, code.length));
        region.bytes.set(Buffer.from(code, 'latin1'));
        records.bytes(region, 0, code.length);
      }
      records.end();
    },
  };
}
