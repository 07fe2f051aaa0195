/** Arguments that commands about scripts share. */
import { toBinary } from '../../../base/region.js';
import type { Arguments } from '../../../protocol/parser.js';
import { argumentIs } from '../../../protocol/text.js';

/** Sources are longer than what a text of an argument otherwise has; V8 has strings up to this. */
const SOURCE_BYTES_MAX = 2 ** 29 - 24;

/** An argument whole, one char per byte. Beyond the longest string it is cut, so that no source is. */
export function wholeArgument(args: Arguments, index: number): string {
  const length = Math.min(args.length[index]!, SOURCE_BYTES_MAX);
  return toBinary(args.region, args.offset[index]!, length);
}

/** Whether argument 2 is missing, SYNC or ASYNC: which of them makes no difference here. */
export function flushMode(args: Arguments): boolean {
  return args.count < 3 || argumentIs(args, 2, 'SYNC') || argumentIs(args, 2, 'ASYNC');
}
